"""Where a case came from and stands: its stage, gate, dates, chances and holds, and who does not want to hear."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.clock import anchor_of, standing
from models.rules.decision import Advance, Forecast
from models.rules.escalations import FOREVER
from models.rules.explaining.view import Outcome, Sentence, View
from models.rules.forecast.spelling import percent
from models.rules.gates import GateState, gate_state, needed
from models.rules.governments import changes_ahead
from models.rules.policy import Share
from models.rules.risk import forecast
from models.rules.spanish import spell
from models.rules.words import Change, Clock, EscalationState, Risk


def advanced(view: View, step: Advance) -> Sentence:
    """Say which stage was left for which, or how the case ended, and by which facts."""
    rows = {fact.id: fact for fact in view.case.facts}
    facts = [rows[number] for number in step.evidence.facts]
    because = ", ".join(view.recorded(fact) for fact in facts) or view.say("its posts were filled")
    if step.to_stage == step.from_stage:
        status = spell(view.language, step.status)
        text = view.say("It ended on {on}, {status}: {because}.", on=step.on, status=status, because=because)
        return Sentence("stage", Outcome.ADVANCES, step.on, text)
    left, entered = view.stage(step.from_stage), view.stage(step.to_stage)
    forth, back = (
        "It left {left} for {entered} on {on}: {because}.", "It went back from {left} to {entered} on {on}: {because}.",
    )
    text = view.say(back if step.again else forth, left=left, entered=entered, on=step.on, because=because)
    return Sentence("stage", Outcome.ADVANCES, step.on, text)


def ended(view: View) -> Sentence:
    """Say how a case ended that ended before."""
    case = view.case
    on, stage, status = case.stage_entered_on, view.stage(case.stage), spell(view.language, case.status)
    text = view.say("It is {status} since {on}, in {stage}; no rule reads it.", status=status, on=on, stage=stage)
    return Sentence("stage", Outcome.ENDED, on, text)


def stands(view: View) -> Iterator[Sentence]:
    """Yield where an open case stands, whatever its rules say."""
    yield _stage(view)
    for part in (_gate, _clocks, _forecast, _government, _hold, _snoozed):
        yield from part(view)


def _stage(view: View) -> Sentence:
    case, since = view.case, view.case.stage_entered_on
    opened = view.say(" In cycle {cycle}, counted from the award of {on}.", cycle=case.cycle, on=case.agreement_on)
    text = view.say(
        "It stands in {stage} since {since}, {days} days of {budget} expected, and is {risk}{raised}.",
        stage=view.stage(case.stage), since=since, days=(view.scene.today - since).days,
        budget=view.scene.plan.stages[case.stage].budget, risk=spell(view.language, view.decision.risk),
        raised=_raised(view),
    )
    return Sentence("stage", Outcome.STANDS, since, text + (opened if case.cycle > 1 else ""))


def _raised(view: View) -> str:
    """Name the escalations that put a case at risk whatever its pace."""
    rules = view.scene.program.escalations
    standing = {s.rule for s in view.case.standings if s.state is not EscalationState.CLOSED}
    raising = sorted(name for name in standing if name in rules and rules[name].raises_risk)
    if not raising or view.decision.risk is not Risk.AT_RISK:
        return ""
    return view.say(" while {rules} stands", rules=", ".join(raising))


def _government(view: View) -> Iterator[Sentence]:
    scene, policy = view.scene, view.scene.program.policy
    until = min(scene.dates.window_until, scene.dates.limit)
    for on in changes_ahead(policy, view.case.site, scene.today, until=until):
        text = view.say(
            "The government changes on {on}, before {until}: until then the case is at risk {days} days earlier.",
            on=on, until=until, days=policy.government_margin_days,
        )
        yield Sentence("government", Outcome.STANDS, on, text)


def _gate(view: View) -> Iterator[Sentence]:
    state = gate_state(view.case, view.scene.program, view.scene.known)
    back = view.case.reentered_on
    if back is not None:
        text = view.say("It came back on {on}: what is not of a later day opens no gate since.", on=back)
        yield Sentence("gate", Outcome.STANDS, back, text)
    there = ", ".join(_there(view))
    if there:
        yield Sentence("gate", Outcome.STANDS, None, view.say("On record to leave it: {there}.", there=there))
    if state.opens_on is not None:
        text = view.say("All is on record to leave the stage; it will be left on {on}.", on=state.opens_on)
        yield Sentence("gate", Outcome.OPENS, state.opens_on, text)
    else:
        text = view.say("To leave it, it waits for {missing}.", missing=", ".join(_waited_for(view, state)))
        yield Sentence("gate", Outcome.WAITS, None, text)


def _there(view: View) -> Iterator[str]:
    gate, first = view.scene.program.policy.stage[view.case.stage].gate, view.scene.known.first
    for name in (*gate.milestones, *gate.any_of):
        if name in first:
            yield view.recorded(first[name])
    for share in gate.shares:
        least = needed(view.case, view.scene.program, share)
        yield view.say(
            "{best} of {least} {what}", best=_best(view, share), least=least, what=view.milestone(share.count)
        )


def _best(view: View, share: Share) -> int:
    return max((fact.value or 0 for fact in view.scene.known.counts.get(share.count, ())), default=0)


def _waited_for(view: View, state: GateState) -> Iterator[str]:
    for missing in state.missing:
        kind, _, name = missing.rpartition(":")
        match kind:
            case "post":
                yield view.say("a {post}", post=view.post(name))
            case "conference":
                yield view.say("a conference on or after {on}, none being listed", on=name)
            case _:
                yield view.milestone(name)


def _clocks(view: View) -> Iterator[Sentence]:
    dates = view.scene.dates
    window = view.say("The window runs from {since} to {until}", since=dates.window_from, until=dates.window_until)
    told = {
        Clock.WINDOW_UNTIL: window,
        Clock.LIMIT: view.say("The limit is {on}", on=dates.limit) + _moved(view),
        Clock.STAGE_TARGET: view.say("The stage is expected to be left by {on}", on=dates.stage_target),
    }
    for clock, text in told.items():
        on = dates.read(clock)
        yield Sentence(clock.value, Outcome.CLOCK, on, f"{text}, {view.from_today(on)}.")


def _moved(view: View) -> str:
    anchor = anchor_of(view.case)
    corrected = any(change.kind is Change.CORRECTION for change in standing(view.case.changes))
    said = view.say(" with {months} months of extension", months=anchor.months) if anchor.months else ""
    return said + (view.say(" from the corrected agreement of {on}", on=anchor.on) if corrected else "")


def _forecast(view: View) -> Iterator[Sentence]:
    """Tell the chances, the days of the award, and the band that they are read by; nothing where there is no fit."""
    program, dates, today = view.scene.program, view.scene.dates, view.scene.today
    if program.outlook is None or program.policy.forecast is None:
        return
    said = forecast(view.case, program, ends=(dates.window_until, dates.limit), today=today, gained=view.scene.gained)
    if said is None:
        text = view.say(
            "It cannot be forecast: its cycle, its stage or the conferences it would need are not known to the fit."
        )
        yield Sentence("forecast", Outcome.FORECAST, None, text)
        return
    band = program.policy.forecast.band
    bounds = {
        "chances": ", ".join(_chances(view, said)), "below": band.at_risk_below, "recovered": band.recovered_from,
        "fit": program.outlook.as_of,
    }
    if said.p10 is None:
        text = view.say(
            "The chance of an award is {chances}; at risk below {below} %, on track again from {recovered} %. If it"
            " stays, it comes after the last listed conference (fit of {fit}).", **bounds,
        )
    else:
        days = [str(on) if on is not None else view.say("after the last listed conference") for on in said[3:]]
        text = view.say(
            "The chance of an award is {chances}; at risk below {below} %, on track again from {recovered} %. If it"
            " stays, most likely on {p50}, between {p10} and {p90} (fit of {fit}).",
            p10=days[0], p50=days[1], p90=days[2], **bounds,
        )
    yield Sentence("forecast", Outcome.FORECAST, said.p50, text)
    gained = view.scene.gained
    if gained:
        ahead, behind = (
            "By what was counted at visits it is {days} days ahead of what its days here say.",
            "By what was counted at visits it is {days} days behind what its days here say.",
        )
        text = view.say(ahead if gained > 0 else behind, days=abs(gained))
        yield Sentence("forecast", Outcome.FORECAST, None, text)


def _chances(view: View, said: Forecast) -> Iterator[str]:
    if said.in_window is not None:
        yield view.say("by the window {chance}", chance=percent(said.in_window / 100, view.language))
    if said.in_limit is not None:
        yield view.say("by the limit {chance}", chance=percent(said.in_limit / 100, view.language))


def _hold(view: View) -> Iterator[Sentence]:
    scene = view.scene
    days = sum((min(hold.until, scene.today) - hold.since).days for hold in scene.holds if hold.since < scene.today)
    now = next((hold for hold in scene.holds if hold.since <= scene.today < hold.until), None)
    if now is not None:
        endless = now.until == FOREVER
        ends = view.say("nobody has recorded an end") if endless else view.say("until {on}", on=now.until)
        text = view.say(
            "It is on hold since {since}, {ends}: the stage's target, stalls and overstays rest; the window and the"
            " limit do not.", since=now.since, ends=ends,
        )
        yield Sentence("hold", Outcome.ON_HOLD, now.since, text)
    elif days:
        yield Sentence("hold", Outcome.STANDS, None, view.say("It was on hold for {days} days.", days=days))


def _snoozed(view: View) -> Iterator[Sentence]:
    posts = {seat.id: seat.post for seat in view.case.seats}
    for rule, post in sorted(view.scene.quiet):
        until = max(
            snooze.until for snooze in view.case.snoozes
            if snooze.rule == rule and posts.get(snooze.seat) is post and snooze.since <= view.scene.today
        )
        last = view.say(", save on its last rung") if rule in view.scene.program.escalations else ""
        text = view.say('"{rule}" is not told to the {post} until {until}, who put it off{last}.',
                        rule=rule, post=view.post(post), until=until, last=last)
        yield Sentence(rule, Outcome.SNOOZED, until, text)
