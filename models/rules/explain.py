"""explain(case, program, today): why a case stands as it does, what was said and held back, and what comes next.

It asks `decide` itself and the very functions that decide asks, so it cannot disagree with what a sweep does. What it
tells is how things are at the end of the day: a decision that no sweep has taken yet is told as taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple, assert_never

from models.rules import reminders
from models.rules.apply import apply
from models.rules.case import Case, Program, Said, Standing
from models.rules.clock import anchor_of, standing
from models.rules.decide import decide
from models.rules.decision import Advance, Closed, Decision
from models.rules.duties import Owed
from models.rules.escalations import FOREVER, Condition, Scene, conditions, next_step_on, scene_of
from models.rules.forecast.spelling import percent
from models.rules.gates import GateState, dossier, gate_state, needed
from models.rules.governments import changes_ahead, lost_ahead
from models.rules.policy import Duty, EscalationRule, ReminderRule, Share
from models.rules.risk import forecast
from models.rules.risk import view as forecast_view
from models.rules.words import Cause, Change, Clock, EscalationState, NoticeState, Risk, Status


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
    """A case at the end of the day, with all that its rules read."""

    case: Case
    decision: Decision
    scene: Scene


def explain(case: Case, program: Program, today: date) -> list[Sentence]:
    """Tell in a few sentences where a case stands on a day and, for every rule, what it did, withheld or waits for.

    Args:
        case: the enrollment as stored.
        program: the policy in force.
        today: the day in the program's zone.
    """
    decision = decide(case, program, today)
    then = apply(case, decision)
    view = _View(then, decision, scene_of(then, program, dossier(then, program, today), today=today))
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
    text = f'"{rule}" is not for cycle {view.case.cycle} of this track.'
    return Sentence(rule, Outcome.NOT_HERE, None, text)


def _stage(view: _View, code: str) -> str:
    return view.scene.program.policy.stage[code].name.en


def _milestone(view: _View, name: str) -> str:
    return view.scene.program.policy.milestones[name].name.en


def _advanced(view: _View, step: Advance) -> Sentence:
    rows = {fact.id: fact for fact in view.case.facts}
    facts = [rows[number] for number in step.evidence.facts]
    because = ", ".join(f"{_milestone(view, fact.milestone)} on {fact.on}" for fact in facts) or "its posts were filled"
    if step.to_stage == step.from_stage:
        return Sentence("stage", Outcome.ADVANCES, step.on, f"It ended on {step.on}, {step.status}: {because}.")
    left, entered = _stage(view, step.from_stage), _stage(view, step.to_stage)
    way = f"went back from {left} to" if step.again else f"left {left} for"
    return Sentence("stage", Outcome.ADVANCES, step.on, f"It {way} {entered} on {step.on}: {because}.")


def _ended(view: _View) -> Sentence:
    case = view.case
    on, stage = case.stage_entered_on, _stage(view, case.stage)
    return Sentence("stage", Outcome.ENDED, on, f"It is {case.status} since {on}, in {stage}; no rule reads it.")


def _stands(view: _View) -> Sentence:
    case = view.case
    days = (view.scene.today - case.stage_entered_on).days
    opened = f" In cycle {case.cycle}, counted from the award of {case.agreement_on}." if case.cycle > 1 else ""
    text = (
        f"It stands in {_stage(view, case.stage)} since {case.stage_entered_on}, {days} days of"
        f" {view.scene.plan.stages[case.stage].budget} expected, and is"
        f" {view.decision.risk.replace('_', ' ')}{_raised(view)}."
        f"{opened}"
    )
    return Sentence("stage", Outcome.STANDS, case.stage_entered_on, text)


def _raised(view: _View) -> str:
    """Name the escalations that put a case at risk whatever its pace."""
    rules = view.scene.program.escalations
    standing = {s.rule for s in view.case.standings if s.state is not EscalationState.CLOSED}
    raising = sorted(name for name in standing if name in rules and rules[name].raises_risk)
    return f" while {', '.join(raising)} stands" if raising and view.decision.risk is Risk.AT_RISK else ""


def _government(view: _View) -> Iterator[Sentence]:
    scene, policy = view.scene, view.scene.program.policy
    until = min(scene.dates.window_until, scene.dates.limit)
    for on in changes_ahead(policy, view.case.site, scene.today, until=until):
        text = (
            f"The government changes on {on}, before {until}: until then the case is at risk"
            f" {policy.government_margin_days} days earlier."
        )
        yield Sentence("government", Outcome.STANDS, on, text)


def _gate(view: _View) -> Iterator[Sentence]:
    state = gate_state(view.case, view.scene.program, view.scene.known)
    back = view.case.reentered_on
    if back is not None:
        text = f"It came back on {back}: what is not of a later day opens no gate since."
        yield Sentence("gate", Outcome.STANDS, back, text)
    there = ", ".join(_there(view))
    if there:
        yield Sentence("gate", Outcome.STANDS, None, f"On record to leave it: {there}.")
    if state.opens_on is not None:
        text = f"All is on record to leave the stage; it will be left on {state.opens_on}."
        yield Sentence("gate", Outcome.OPENS, state.opens_on, text)
    else:
        yield Sentence("gate", Outcome.WAITS, None, f"To leave it, it waits for {', '.join(_waited_for(view, state))}.")


def _there(view: _View) -> Iterator[str]:
    gate, first = view.scene.program.policy.stage[view.case.stage].gate, view.scene.known.first
    for name in (*gate.milestones, *gate.any_of):
        if name in first:
            yield f"{_milestone(view, name)} on {first[name].on}"
    for share in gate.shares:
        yield f"{_best(view, share)} of {needed(view.case, view.scene.program, share)} {_milestone(view, share.count)}"


def _best(view: _View, share: Share) -> int:
    return max((fact.value or 0 for fact in view.scene.known.counts.get(share.count, ())), default=0)


def _waited_for(view: _View, state: GateState) -> Iterator[str]:
    for missing in state.missing:
        kind, _, name = missing.rpartition(":")
        match kind:
            case "post":
                yield f"a {_post(view, name)}"
            case "conference":
                yield f"a conference on or after {name}, none being listed"
            case _:
                yield _milestone(view, name)


def _clocks(view: _View) -> Iterator[Sentence]:
    dates = view.scene.dates
    told = {
        Clock.WINDOW_UNTIL: f"The window runs from {dates.window_from} to {dates.window_until}",
        Clock.LIMIT: f"The limit is {dates.limit}{_moved(view)}",
        Clock.STAGE_TARGET: f"The stage is expected to be left by {dates.stage_target}",
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
        text = "It cannot be forecast: its cycle, its stage or the conferences it would need are not known to the fit."
        yield Sentence("forecast", Outcome.FORECAST, None, text)
        return
    ends = (("window", said.in_window), ("limit", said.in_limit))
    chances = ", ".join(f"by the {name} {percent(chance / 100)}" for name, chance in ends if chance is not None)
    days = [str(on) if on is not None else "after the last listed conference" for on in said[3:]]
    band = program.policy.forecast.band
    text = (
        f"The chance of an award is {chances}; at risk below {band.at_risk_below} %, on track again from"
        f" {band.recovered_from} %. If it stays, most likely on {days[1]}, between {days[0]} and {days[2]}"
        f" (fit of {program.outlook.as_of})."
    )
    yield Sentence("forecast", Outcome.FORECAST, said.p50, text)
    if view.scene.gained:
        gained = view.scene.gained
        told = f"{abs(gained)} days {'ahead of' if gained > 0 else 'behind'} what its days here say"
        text = f"By what was counted at visits it is {told}."
        yield Sentence("forecast", Outcome.FORECAST, None, text)


def _snoozed(view: _View) -> Iterator[Sentence]:
    posts = {seat.id: seat.post for seat in view.case.seats}
    for rule, post in sorted(view.scene.quiet):
        until = max(
            snooze.until for snooze in view.case.snoozes
            if snooze.rule == rule and posts.get(snooze.seat) is post and snooze.since <= view.scene.today
        )
        last = ", save on its last rung" if rule in view.scene.program.escalations else ""
        text = f'"{rule}" is not told to the {_post(view, post.value)} until {until}, who put it off{last}.'
        yield Sentence(rule, Outcome.SNOOZED, until, text)


def _from_today(view: _View, on: date) -> str:
    days = (on - view.scene.today).days
    return f"{days} days from now" if days >= 0 else f"{-days} days ago"


def _moved(view: _View) -> str:
    anchor = anchor_of(view.case)
    corrected = any(change.kind is Change.CORRECTION for change in standing(view.case.changes))
    said = f" with {anchor.months} months of extension" if anchor.months else ""
    return said + (f" from the corrected agreement of {anchor.on}" if corrected else "")


def _hold(view: _View) -> Iterator[Sentence]:
    scene = view.scene
    days = sum((min(hold.until, scene.today) - hold.since).days for hold in scene.holds if hold.since < scene.today)
    now = next((hold for hold in scene.holds if hold.since <= scene.today < hold.until), None)
    if now is not None:
        ends = "nobody has recorded an end" if now.until == FOREVER else f"until {now.until}"
        text = (
            f"It is on hold since {now.since}, {ends}: the stage's target, stalls and overstays rest;"
            " the window and the limit do not."
        )
        yield Sentence("hold", Outcome.ON_HOLD, now.since, text)
    elif days:
        yield Sentence("hold", Outcome.STANDS, None, f"It was on hold for {days} days.")


def _reminder(view: _View, rule: ReminderRule) -> Iterator[Sentence]:
    if rule not in view.scene.plan.stages[view.case.stage].reminders:
        text = f'"{rule.rule}" has nothing to say in {_stage(view, view.case.stage)}.'
        yield Sentence(rule.rule, Outcome.NOT_HERE, None, text)
        return
    anchor_on = view.scene.dates.read(rule.clock)
    yield from _told(view, rule.rule, {anchor_on})
    if view.scene.resting(rule):
        yield _rests(rule.rule)
        return
    upcoming = reminders.Countdown(rule, anchor_on, view.scene.calendar).next_after(view.scene.today)
    if upcoming is None:
        text = f'"{rule.rule}" has nothing more to say of {_CLOCKS[rule.clock]}, {anchor_on}.'
        yield Sentence(rule.rule, Outcome.SILENT, None, text)
        return
    if view.scene.resting(rule, upcoming):
        yield _will_rest(rule.rule)
        return
    days = (anchor_on - upcoming).days
    text = f'"{rule.rule}" speaks next on {upcoming}, {days} days before {_CLOCKS[rule.clock]}, {anchor_on}.'
    yield Sentence(rule.rule, Outcome.NEXT, upcoming, text)


def _rests(rule: str) -> Sentence:
    return Sentence(rule, Outcome.HELD_BACK, None, f'"{rule}" says nothing while the case is on hold.')


def _will_rest(rule: str) -> Sentence:
    return Sentence(rule, Outcome.SILENT, None, f'"{rule}" will have nothing to say before the hold that is planned.')


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
        text = f'"{rule}" spoke before, of earlier dates: {len(earlier)} notice{"s" * (len(earlier) > 1)}, {out} sent.'
        yield Sentence(rule, Outcome.SAID, None, text)
    for notice in sorted(view.case.said, key=lambda notice: notice.id):
        if notice.key.rule == rule and notice.key.anchor_on in current:
            why = notice.reason.replace("_", " ") if notice.reason is not None else ""
            groups[notice.key.anchor_on, notice.key.occurrence, notice.state, why].append(notice)
    for (anchor_on, occurrence, state, why), notices in groups.items():
        posts = ", ".join(notice.key.post.replace("_", " ") for notice in notices)
        because = f" ({why})" if why else ""
        text = f'"{rule}" {which(occurrence)} {anchor_on}, to {posts}: {state}{because}.'
        yield Sentence(rule, _OUTCOMES.get(state, Outcome.SAID), anchor_on, text)


def which(occurrence: str) -> str:
    """Say in words which of a rule's occurrences one is; a date follows."""
    story, _, step = occurrence.rpartition("/")
    if not story:
        return f"{occurrence.rpartition(':')[2]} days before"
    rung, _, repeat = step.partition(".")
    again = f", told again ({repeat})," if repeat != "0" else ""
    return f"on rung {rung}{again} counted from"


def _duty(view: _View, duty: Duty) -> Iterator[Sentence]:
    mine = [each for each in view.scene.owed if each.duty is duty]
    yield from _told(view, duty.rule, {each.due_on for each in mine})
    if not mine:
        posts = " or ".join(_post(view, post.value) for post in duty.posts)
        yield Sentence(duty.rule, Outcome.SILENT, None, f'"{duty.rule}" owes nothing: nobody new is {posts}.')
    for each in mine:
        yield _owed(view, each)
        upcoming = None if each.done else _next_of(view, each)
        if upcoming is not None:
            days = (each.due_on - upcoming).days
            text = f'"{duty.rule}" speaks next on {upcoming}, {days} days before {each.due_on}.'
            yield Sentence(duty.rule, Outcome.NEXT, upcoming, text)


def _next_of(view: _View, each: Owed) -> date | None:
    return reminders.Countdown(each.duty, each.due_on, view.scene.calendar).next_after(view.scene.today)


def _owed(view: _View, each: Owed) -> Sentence:
    duty = each.duty
    what = f'"{duty.rule}", {duty.name.en}, {_because_of(view, each)}, due {each.due_on}:'
    if each.done is not None:
        text = f"{what} done, {_milestone(view, duty.milestone)} on {each.done.on}."
        return Sentence(duty.rule, Outcome.DONE, each.done.on, text)
    text = f"{what} not on record yet, {_from_today(view, each.due_on)}; it counts from {each.since} on."
    return Sentence(duty.rule, Outcome.WAITS, each.due_on, text)


def _because_of(view: _View, each: Owed) -> str:
    if each.changed_on is not None:
        return f"for the new {_post(view, each.name)} since {each.changed_on}"
    return f"{each.name} of {len(each.duty.due)}"


def _escalation(view: _View, rule: EscalationRule) -> Iterator[Sentence]:
    standings = {(s.occurrence, s.anchor_on): s for s in view.case.standings if s.rule == rule.rule}
    found = list(conditions(rule, view.case, view.scene))
    yield from _told(view, rule.rule, {c.anchor_on for c in found if c.opens_on <= view.scene.today})
    if not found:
        yield Sentence(rule.rule, Outcome.SILENT, None, f'"{rule.rule}" has no cause: {_no_cause(rule)}.')
    resting = view.scene.resting(rule)
    if resting:
        yield _rests(rule.rule)
    for condition in found:
        if condition.opens_on > view.scene.today:
            if not resting:
                planned = view.scene.resting(rule, condition.opens_on)
                yield _will_rest(rule.rule) if planned else _would_open(view, rule, condition)
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
            return f"nothing on record since {anchor_on}"
        case Cause.OVERSTAY:
            return f"in {_stage(view, occurrence)} since {anchor_on}"
        case Cause.PACE:
            return _too_slow(view, anchor_on, on)
        case Cause.OVERDUE:
            return f"{anchor_on} has passed"
        case Cause.DUTY:
            duty, _, name = occurrence.partition(":")
            return f"{view.scene.program.duties[duty].name.en} ({name.replace('_', ' ')}) was due on {anchor_on}"
        case Cause.VACANCY:
            return f"nobody is {_post(view, occurrence)} since {anchor_on}"
        case Cause.UNDELIVERABLE:
            return f"no mail reaches the {_post(view, occurrence)} since {anchor_on}"
        case _:
            assert_never(rule.cause)


def _too_slow(view: _View, end: date, on: date) -> str:
    seen = forecast_view(view.case, view.scene.program, end, gained=view.scene.gained)
    changes, lost = lost_ahead(view.scene.program.policy, view.case.site, on, until=end)
    known = f", {lost.days} days of which a change of government costs ({', '.join(map(str, changes))})"
    less = known if lost else ""
    if seen is None:
        return f"the stages left, at their expected days, do not end in time for {end}{less}"
    return f"an award by {end} has a chance of {percent(seen.chance(on) / 100)}{less}"


def _post(view: _View, name: str) -> str:
    return next((label.en for post, label in view.scene.program.policy.posts.items() if post.value == name), name)


def _would_open(view: _View, rule: EscalationRule, condition: Condition) -> Sentence:
    because = _because(view, rule, condition.occurrence, anchor_on=condition.anchor_on, on=condition.opens_on)
    text = f'"{rule.rule}" would open on {condition.opens_on} if nothing happens: {because}.'
    return Sentence(rule.rule, Outcome.WOULD_OPEN, condition.opens_on, text)


def _escalated(view: _View, rule: EscalationRule, standing: Standing) -> Sentence:
    step_on = next_step_on(rule, standing, view.scene)
    upcoming = "all was said" if step_on is None else f"the next step is on {step_on}"
    if view.scene.resting(rule) or (step_on is not None and view.scene.resting(rule, step_on)):
        step_on, upcoming = None, "the next step waits for the hold to end"
    if standing.state is EscalationState.ACKNOWLEDGED:
        upcoming = f"acknowledged until {standing.acknowledged_until}, {upcoming}"
    because = _because(view, rule, standing.occurrence, anchor_on=standing.anchor_on, on=view.scene.today)
    text = (
        f'"{rule.rule}" stands since {standing.opened_on}: {because}; rung {standing.rung} of {len(rule.ladder)}'
        f" since {standing.rung_on}, {upcoming}."
    )
    return Sentence(rule.rule, Outcome.ESCALATED, step_on, text)


def _closed(view: _View) -> Iterator[Sentence]:
    rules = {standing.id: standing for standing in view.case.standings}
    for closed in view.decision.closed:
        yield _over(view, closed, rules[closed.escalation_id])


def _over(view: _View, closed: Closed, standing: Standing) -> Sentence:
    why = closed.reason.replace("_", " ")
    text = f'"{standing.rule}", open since {standing.opened_on}, closes on {view.scene.today}: {why}.'
    return Sentence(standing.rule, Outcome.CLOSED, view.scene.today, text)


def _review(view: _View) -> Sentence:
    on = view.decision.next_review_on
    when = f"on {on}, or when something is recorded" if on else "when something is recorded"
    return Sentence("review", Outcome.REVIEW, on, f"It is looked at again {when}.")
