"""explain(case, program, today): why a case stands as it does, what was said and held back, and what comes next.

It asks `decide` itself and the very functions that decide asks, so it cannot disagree with what a sweep does. What it
tells is how things are at the end of the day: a decision that no sweep has taken yet is told as taken. The sentences
stand here in English, and in `models.rules.spanish` in Spanish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, assert_never

from models.rules import reminders
from models.rules.apply import apply
from models.rules.case import Case, Fact, Program, Said, Standing
from models.rules.clock import anchor_of, standing
from models.rules.decide import decide
from models.rules.decision import Advance, Closed, Decision, Forecast
from models.rules.duties import Owed
from models.rules.escalations import FOREVER, Condition, Scene, conditions, next_step_on, scene_of
from models.rules.forecast.spelling import percent
from models.rules.gates import GateState, dossier, gate_state, needed
from models.rules.governments import changes_ahead, lost_ahead
from models.rules.naming import post_name
from models.rules.policy import Duty, EscalationRule, ReminderRule, Share
from models.rules.risk import forecast
from models.rules.risk import view as forecast_view
from models.rules.spanish import say, spell
from models.rules.words import Cause, Change, Clock, EscalationState, Language, NoticeState, Post, Risk, Status


class Outcome(StrEnum):
    """What a finding says, for whoever reads it by program."""

    STANDS = "stands"
    ADVANCES = "advances"
    ENDED = "ended"
    WAITS = "waits"
    OPENS = "opens"
    CLOCK = "clock"
    ON_HOLD = "on_hold"
    SAID = "said"
    HELD_BACK = "held_back"
    CANCELLED = "cancelled"
    NEXT = "next"
    SILENT = "silent"
    NOT_HERE = "not_here"
    ESCALATED = "escalated"
    CLOSED = "closed"
    WOULD_OPEN = "would_open"
    SNOOZED = "snoozed"
    DONE = "done"
    FORECAST = "forecast"
    REVIEW = "review"


class Sentence(NamedTuple):
    """One finding. `on` is the day it speaks of: of what is to come where the outcome looks ahead."""

    rule: str
    outcome: Outcome
    on: date | None
    text: str


class _View(NamedTuple):
    """A case at the end of the day, with all that its rules read, and the language to tell it in."""

    case: Case
    decision: Decision
    scene: Scene
    language: Language

    def say(self, text: str, **values: Any) -> str:
        """Return a sentence in the language."""
        return say(self.language, text, **values)


def explain(case: Case, program: Program, today: date, *, language: Language = Language.EN) -> list[Sentence]:
    """Tell in a few sentences where a case stands on a day and, for every rule, what it did, withheld or waits for.

    Args:
        case: the enrollment as stored.
        program: the policy in force.
        today: the day in the program's zone.
        language: of the sentences.
    """
    decision = decide(case, program, today)
    then = apply(case, decision)
    view = _View(then, decision, scene_of(then, program, dossier(then, program, today), today=today), language)
    found = [_advanced(view, step) for step in decision.advances]
    if then.status is not Status.OPEN:
        return [*found, _ended(view), *_closed(view)]
    found += [_stands(view), *_gate(view), *_clocks(view), *_forecast(view), *_government(view)]
    found += [*_hold(view), *_snoozed(view)]
    for rule in program.policy.reminders:
        found += _reminder(view, rule) if rule.cycle.covers(then.cycle) else [_not_here(rule.rule, view)]
    for duty in program.policy.duties:
        found += _duty(view, duty) if duty in view.scene.plan.duties else [_not_here(duty.rule, view)]
    for escalation in program.policy.escalations:
        covered = escalation.cycle.covers(then.cycle)
        found += _escalation(view, escalation) if covered else [_not_here(escalation.rule, view)]
    return [*found, *_closed(view), _review(view)]


def _not_here(rule: str, view: _View) -> Sentence:
    text = view.say('"{rule}" is not for cycle {cycle} of this track.', rule=rule, cycle=view.case.cycle)
    return Sentence(rule, Outcome.NOT_HERE, None, text)


def _stage(view: _View, code: str) -> str:
    return view.scene.program.policy.stage[code].name.text(view.language)


def _milestone(view: _View, name: str) -> str:
    return view.scene.program.policy.milestones[name].name.text(view.language)


def _advanced(view: _View, step: Advance) -> Sentence:
    rows = {fact.id: fact for fact in view.case.facts}
    facts = [rows[number] for number in step.evidence.facts]
    because = ", ".join(_on(view, fact) for fact in facts) or view.say("its posts were filled")
    if step.to_stage == step.from_stage:
        status = spell(view.language, step.status)
        text = view.say("It ended on {on}, {status}: {because}.", on=step.on, status=status, because=because)
        return Sentence("stage", Outcome.ADVANCES, step.on, text)
    left, entered = _stage(view, step.from_stage), _stage(view, step.to_stage)
    forth, back = (
        "It left {left} for {entered} on {on}: {because}.", "It went back from {left} to {entered} on {on}: {because}.",
    )
    text = view.say(back if step.again else forth, left=left, entered=entered, on=step.on, because=because)
    return Sentence("stage", Outcome.ADVANCES, step.on, text)


def _on(view: _View, fact: Fact) -> str:
    return view.say("{milestone} on {on}", milestone=_milestone(view, fact.milestone), on=fact.on)


def _ended(view: _View) -> Sentence:
    case = view.case
    on, stage, status = case.stage_entered_on, _stage(view, case.stage), spell(view.language, case.status)
    text = view.say("It is {status} since {on}, in {stage}; no rule reads it.", status=status, on=on, stage=stage)
    return Sentence("stage", Outcome.ENDED, on, text)


def _stands(view: _View) -> Sentence:
    case, since = view.case, view.case.stage_entered_on
    opened = view.say(" In cycle {cycle}, counted from the award of {on}.", cycle=case.cycle, on=case.agreement_on)
    text = view.say(
        "It stands in {stage} since {since}, {days} days of {budget} expected, and is {risk}{raised}.",
        stage=_stage(view, case.stage), since=since, days=(view.scene.today - since).days,
        budget=view.scene.plan.stages[case.stage].budget, risk=spell(view.language, view.decision.risk),
        raised=_raised(view),
    )
    return Sentence("stage", Outcome.STANDS, since, text + (opened if case.cycle > 1 else ""))


def _raised(view: _View) -> str:
    """Name the escalations that put a case at risk whatever its pace."""
    rules = view.scene.program.escalations
    standing = {s.rule for s in view.case.standings if s.state is not EscalationState.CLOSED}
    raising = sorted(name for name in standing if name in rules and rules[name].raises_risk)
    if not raising or view.decision.risk is not Risk.AT_RISK:
        return ""
    return view.say(" while {rules} stands", rules=", ".join(raising))


def _government(view: _View) -> Iterator[Sentence]:
    scene, policy = view.scene, view.scene.program.policy
    until = min(scene.dates.window_until, scene.dates.limit)
    for on in changes_ahead(policy, view.case.site, scene.today, until=until):
        text = view.say(
            "The government changes on {on}, before {until}: until then the case is at risk {days} days earlier.",
            on=on, until=until, days=policy.government_margin_days,
        )
        yield Sentence("government", Outcome.STANDS, on, text)


def _gate(view: _View) -> Iterator[Sentence]:
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


def _there(view: _View) -> Iterator[str]:
    gate, first = view.scene.program.policy.stage[view.case.stage].gate, view.scene.known.first
    for name in (*gate.milestones, *gate.any_of):
        if name in first:
            yield _on(view, first[name])
    for share in gate.shares:
        least = needed(view.case, view.scene.program, share)
        yield view.say(
            "{best} of {least} {what}", best=_best(view, share), least=least, what=_milestone(view, share.count)
        )


def _best(view: _View, share: Share) -> int:
    return max((fact.value or 0 for fact in view.scene.known.counts.get(share.count, ())), default=0)


def _waited_for(view: _View, state: GateState) -> Iterator[str]:
    for missing in state.missing:
        kind, _, name = missing.rpartition(":")
        match kind:
            case "post":
                yield view.say("a {post}", post=_post(view, name))
            case "conference":
                yield view.say("a conference on or after {on}, none being listed", on=name)
            case _:
                yield _milestone(view, name)


def _clocks(view: _View) -> Iterator[Sentence]:
    dates = view.scene.dates
    window = view.say("The window runs from {since} to {until}", since=dates.window_from, until=dates.window_until)
    told = {
        Clock.WINDOW_UNTIL: window,
        Clock.LIMIT: view.say("The limit is {on}", on=dates.limit) + _moved(view),
        Clock.STAGE_TARGET: view.say("The stage is expected to be left by {on}", on=dates.stage_target),
    }
    for clock, text in told.items():
        on = dates.read(clock)
        yield Sentence(clock.value, Outcome.CLOCK, on, f"{text}, {_from_today(view, on)}.")


def _forecast(view: _View) -> Iterator[Sentence]:
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
    chances = ", ".join(_chances(view, said))
    days = [str(on) if on is not None else view.say("after the last listed conference") for on in said[3:]]
    band = program.policy.forecast.band
    text = view.say(
        "The chance of an award is {chances}; at risk below {below} %, on track again from {recovered} %. If it stays,"
        " most likely on {p50}, between {p10} and {p90} (fit of {fit}).",
        chances=chances, below=band.at_risk_below, recovered=band.recovered_from, p10=days[0], p50=days[1],
        p90=days[2], fit=program.outlook.as_of,
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


def _chances(view: _View, said: Forecast) -> Iterator[str]:
    if said.in_window is not None:
        yield view.say("by the window {chance}", chance=percent(said.in_window / 100, view.language))
    if said.in_limit is not None:
        yield view.say("by the limit {chance}", chance=percent(said.in_limit / 100, view.language))


def _snoozed(view: _View) -> Iterator[Sentence]:
    posts = {seat.id: seat.post for seat in view.case.seats}
    for rule, post in sorted(view.scene.quiet):
        until = max(
            snooze.until for snooze in view.case.snoozes
            if snooze.rule == rule and posts.get(snooze.seat) is post and snooze.since <= view.scene.today
        )
        last = view.say(", save on its last rung") if rule in view.scene.program.escalations else ""
        text = view.say('"{rule}" is not told to the {post} until {until}, who put it off{last}.',
                        rule=rule, post=_post(view, post), until=until, last=last)
        yield Sentence(rule, Outcome.SNOOZED, until, text)


def _from_today(view: _View, on: date) -> str:
    days = (on - view.scene.today).days
    return view.say("{days} days from now", days=days) if days >= 0 else view.say("{days} days ago", days=-days)


def _moved(view: _View) -> str:
    anchor = anchor_of(view.case)
    corrected = any(change.kind is Change.CORRECTION for change in standing(view.case.changes))
    said = view.say(" with {months} months of extension", months=anchor.months) if anchor.months else ""
    return said + (view.say(" from the corrected agreement of {on}", on=anchor.on) if corrected else "")


def _hold(view: _View) -> Iterator[Sentence]:
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


def _reminder(view: _View, rule: ReminderRule) -> Iterator[Sentence]:
    if rule not in view.scene.plan.stages[view.case.stage].reminders:
        stage = _stage(view, view.case.stage)
        text = view.say('"{rule}" has nothing to say in {stage}.', rule=rule.rule, stage=stage)
        yield Sentence(rule.rule, Outcome.NOT_HERE, None, text)
        return
    anchor_on = view.scene.dates.read(rule.clock)
    yield from _told(view, rule.rule, {anchor_on})
    if view.scene.resting(rule):
        yield _rests(view, rule.rule)
        return
    upcoming = reminders.Countdown(rule, anchor_on, view.scene.calendar).next_after(view.scene.today)
    clock = view.say(_CLOCKS[rule.clock])
    if upcoming is None:
        text = view.say('"{rule}" has nothing more to say of {clock}, {on}.', rule=rule.rule, clock=clock, on=anchor_on)
        yield Sentence(rule.rule, Outcome.SILENT, None, text)
        return
    if view.scene.resting(rule, upcoming):
        yield _will_rest(view, rule.rule)
        return
    text = view.say(
        '"{rule}" speaks next on {on}, {days} days before {clock}, {end}.', rule=rule.rule, on=upcoming,
        days=(anchor_on - upcoming).days, clock=clock, end=anchor_on,
    )
    yield Sentence(rule.rule, Outcome.NEXT, upcoming, text)


def _rests(view: _View, rule: str) -> Sentence:
    text = view.say('"{rule}" says nothing while the case is on hold.', rule=rule)
    return Sentence(rule, Outcome.HELD_BACK, None, text)


def _will_rest(view: _View, rule: str) -> Sentence:
    text = view.say('"{rule}" will have nothing to say before the hold that is planned.', rule=rule)
    return Sentence(rule, Outcome.SILENT, None, text)


_CLOCKS = {
    Clock.WINDOW_FROM: "the window's first day",
    Clock.WINDOW_UNTIL: "the window's last day",
    Clock.LIMIT: "the limit",
    Clock.STAGE_TARGET: "the stage's target",
    Clock.CYCLE_START: "the cycle's first day",
}
_OUTCOMES = {NoticeState.SUPPRESSED: Outcome.HELD_BACK, NoticeState.CANCELLED: Outcome.CANCELLED}


def _told(view: _View, rule: str, current: Collection[date]) -> Iterator[Sentence]:
    """Yield one sentence for each occurrence and state of what a rule has said of today's dates, the posts together.

    What it said of earlier dates (a stage that was left, a stall that is over) is counted in one more.
    """
    groups: dict[tuple[date, str, NoticeState, str], list[Said]] = defaultdict(list)
    earlier = [n for n in view.case.said if n.key.rule == rule and n.key.anchor_on not in current]
    if earlier:
        out = sum(notice.state is NoticeState.SENT for notice in earlier)
        text = view.say('"{rule}" spoke before, of earlier dates: {number}, {out} sent.',
                        rule=rule, number=_notices(view, len(earlier)), out=out)
        yield Sentence(rule, Outcome.SAID, None, text)
    for notice in sorted(view.case.said, key=lambda notice: notice.id):
        if notice.key.rule == rule and notice.key.anchor_on in current:
            why = spell(view.language, notice.reason) if notice.reason is not None else ""
            groups[notice.key.anchor_on, notice.key.occurrence, notice.state, why].append(notice)
    for (anchor_on, occurrence, state, why), notices in groups.items():
        text = view.say(
            '"{rule}" {which} {on}, to {posts}: {state}{because}.', rule=rule,
            which=which(occurrence, view.language), on=anchor_on,
            posts=", ".join(_post(view, notice.key.post) for notice in notices),
            state=spell(view.language, state), because=f" ({why})" if why else "",
        )
        yield Sentence(rule, _OUTCOMES.get(state, Outcome.SAID), anchor_on, text)


def _notices(view: _View, number: int) -> str:
    return view.say("1 notice") if number == 1 else view.say("{number} notices", number=number)


def which(occurrence: str, language: Language) -> str:
    """Say in words which of a rule's occurrences one is; a date follows."""
    story, _, step = occurrence.rpartition("/")
    if not story:
        return say(language, "{days} days before", days=occurrence.rpartition(":")[2])
    rung, _, repeat = step.partition(".")
    if repeat == "0":
        return say(language, "on rung {rung} counted from", rung=rung)
    return say(language, "on rung {rung}, told again ({repeat}), counted from", rung=rung, repeat=repeat)


def _duty(view: _View, duty: Duty) -> Iterator[Sentence]:
    mine = [each for each in view.scene.owed if each.duty is duty]
    yield from _told(view, duty.rule, {each.due_on for each in mine})
    if not mine:
        posts = view.say(" or ").join(_post(view, post) for post in duty.posts)
        text = view.say('"{rule}" owes nothing: nobody new is {posts}.', rule=duty.rule, posts=posts)
        yield Sentence(duty.rule, Outcome.SILENT, None, text)
    for each in mine:
        yield _owed(view, each)
        upcoming = None if each.done else _next_of(view, each)
        if upcoming is not None:
            days = (each.due_on - upcoming).days
            text = view.say('"{rule}" speaks next on {on}, {days} days before {end}.',
                            rule=duty.rule, on=upcoming, days=days, end=each.due_on)
            yield Sentence(duty.rule, Outcome.NEXT, upcoming, text)


def _next_of(view: _View, each: Owed) -> date | None:
    return reminders.Countdown(each.duty, each.due_on, view.scene.calendar).next_after(view.scene.today)


def _owed(view: _View, each: Owed) -> Sentence:
    duty = each.duty
    what = view.say('"{rule}", {name}, {because}, due {on}: ', rule=duty.rule, name=duty.name.text(view.language),
                    because=_because_of(view, each), on=each.due_on)
    if each.done is not None:
        text = view.say("done, {what}.", what=_on(view, each.done))
        return Sentence(duty.rule, Outcome.DONE, each.done.on, what + text)
    text = view.say("not on record yet, {when}; it counts from {since} on.",
                    when=_from_today(view, each.due_on), since=each.since)
    return Sentence(duty.rule, Outcome.WAITS, each.due_on, what + text)


def _because_of(view: _View, each: Owed) -> str:
    if each.changed_on is not None:
        return view.say("for the new {post} since {on}", post=_post(view, each.name), on=each.changed_on)
    return view.say("{number} of {all}", number=each.name, all=len(each.duty.due))


def _escalation(view: _View, rule: EscalationRule) -> Iterator[Sentence]:
    standings = {(s.occurrence, s.anchor_on): s for s in view.case.standings if s.rule == rule.rule}
    found = list(conditions(rule, view.case, view.scene))
    yield from _told(view, rule.rule, {c.anchor_on for c in found if c.opens_on <= view.scene.today})
    if not found:
        text = view.say('"{rule}" has no cause: {why}.', rule=rule.rule, why=view.say(_no_cause(rule)))
        yield Sentence(rule.rule, Outcome.SILENT, None, text)
    resting = view.scene.resting(rule)
    if resting:
        yield _rests(view, rule.rule)
    for condition in found:
        if condition.opens_on > view.scene.today:
            if not resting:
                planned = view.scene.resting(rule, condition.opens_on)
                yield _will_rest(view, rule.rule) if planned else _would_open(view, rule, condition)
        elif not resting or (condition.occurrence, condition.anchor_on) in standings:
            yield _escalated(view, rule, standings[condition.occurrence, condition.anchor_on])


def _no_cause(rule: EscalationRule) -> str:
    if rule.duties:
        return "nothing is owed"
    if rule.cause is Cause.UNDELIVERABLE:
        return "mail reaches whoever holds its posts"
    return "its posts are held and nobody is to leave" if rule.posts else "the stage sets no days for it"


def _because(  # noqa: PLR0911 - one for each cause
    view: _View, rule: EscalationRule, occurrence: str, *, anchor_on: date, on: date
) -> str:
    match rule.cause:
        case Cause.INACTIVITY:
            return view.say("nothing on record since {on}", on=anchor_on)
        case Cause.OVERSTAY:
            return view.say("in {stage} since {on}", stage=_stage(view, occurrence), on=anchor_on)
        case Cause.PACE:
            return _too_slow(view, anchor_on, on)
        case Cause.OVERDUE:
            return view.say("{on} has passed", on=anchor_on)
        case Cause.DUTY:
            duty, _, name = occurrence.partition(":")
            owed = view.scene.program.duties[duty].name.text(view.language)
            whose = name if name.isdigit() else _post(view, name)
            return view.say("{name} ({whose}) was due on {on}", name=owed, whose=whose, on=anchor_on)
        case Cause.VACANCY:
            return view.say("nobody is {post} since {on}", post=_post(view, occurrence), on=anchor_on)
        case Cause.UNDELIVERABLE:
            return view.say("no mail reaches the {post} since {on}", post=_post(view, occurrence), on=anchor_on)
        case _:
            assert_never(rule.cause)


def _too_slow(view: _View, end: date, on: date) -> str:
    seen = forecast_view(view.case, view.scene.program, end, gained=view.scene.gained)
    changes, lost = lost_ahead(view.scene.program.policy, view.case.site, on, until=end)
    less = view.say(", {days} days of which a change of government costs ({changes})",
                    days=lost.days, changes=", ".join(map(str, changes))) if lost else ""
    if seen is None:
        return view.say("the stages left, at their expected days, do not end in time for {on}", on=end) + less
    chance = percent(seen.chance(on) / 100, view.language)
    return view.say("an award by {on} has a chance of {chance}", on=end, chance=chance) + less


def _post(view: _View, post: str) -> str:
    return post_name(view.scene.program.policy, Post(post), view.language)


def _would_open(view: _View, rule: EscalationRule, condition: Condition) -> Sentence:
    because = _because(view, rule, condition.occurrence, anchor_on=condition.anchor_on, on=condition.opens_on)
    text = view.say('"{rule}" would open on {on} if nothing happens: {because}.',
                    rule=rule.rule, on=condition.opens_on, because=because)
    return Sentence(rule.rule, Outcome.WOULD_OPEN, condition.opens_on, text)


def _escalated(view: _View, rule: EscalationRule, standing: Standing) -> Sentence:
    step_on = next_step_on(rule, standing, view.scene)
    upcoming = view.say("all was said") if step_on is None else view.say("the next step is on {on}", on=step_on)
    if view.scene.resting(rule) or (step_on is not None and view.scene.resting(rule, step_on)):
        step_on, upcoming = None, view.say("the next step waits for the hold to end")
    if standing.state is EscalationState.ACKNOWLEDGED:
        upcoming = view.say("acknowledged until {on}, ", on=standing.acknowledged_until) + upcoming
    because = _because(view, rule, standing.occurrence, anchor_on=standing.anchor_on, on=view.scene.today)
    text = view.say(
        '"{rule}" stands since {since}: {because}; rung {rung} of {rungs} since {rung_on}, {upcoming}.',
        rule=rule.rule, since=standing.opened_on, because=because, rung=standing.rung, rungs=len(rule.ladder),
        rung_on=standing.rung_on, upcoming=upcoming,
    )
    return Sentence(rule.rule, Outcome.ESCALATED, step_on, text)


def _closed(view: _View) -> Iterator[Sentence]:
    rules = {standing.id: standing for standing in view.case.standings}
    for closed in view.decision.closed:
        yield _over(view, closed, rules[closed.escalation_id])


def _over(view: _View, closed: Closed, standing: Standing) -> Sentence:
    text = view.say('"{rule}", open since {since}, closes on {on}: {why}.', rule=standing.rule,
                    since=standing.opened_on, on=view.scene.today, why=spell(view.language, closed.reason))
    return Sentence(standing.rule, Outcome.CLOSED, view.scene.today, text)


def _review(view: _View) -> Sentence:
    on = view.decision.next_review_on
    if on is None:
        return Sentence("review", Outcome.REVIEW, on, view.say("It is looked at again when something is recorded."))
    text = view.say("It is looked at again on {on}, or when something is recorded.", on=on)
    return Sentence("review", Outcome.REVIEW, on, text)
