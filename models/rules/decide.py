"""decide(case, program, today): what happens to one enrollment on one day, and when to look again.

A pure function of values. It takes every stage whose gate is open, says what has come due and was not said before,
opens, climbs and closes escalations, cancels what lost its meaning, says which cycle an award opens, and returns the
next day on which anything about the case can change by itself. Doing what it says and asking again on the same day
gives nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from models.rules import reminders
from models.rules.advance import advance
from models.rules.case import Case, Key, Program, Said, Standing
from models.rules.decision import Advance, Cancelling, Closed, Decision, NextCycle
from models.rules.duties import Owed
from models.rules.escalations import (
    FOREVER,
    Condition,
    Live,
    Scene,
    climb,
    closing,
    conditions,
    endangered,
    next_step_on,
    scene_of,
    spoken,
)
from models.rules.meaning import Thread, lost_meaning, may_return, snoozed, thread
from models.rules.policy import EscalationRule, ReminderRule, Reminding
from models.rules.risk import forecast, paced
from models.rules.words import Clock, Closing, EscalationState, NoticeState, Reason, Risk, Status

ONE_DAY = timedelta(days=1)
# Which deadlines make a case at risk or overdue, whatever else the policy's rules read.
DEADLINES = (Clock.WINDOW_UNTIL, Clock.LIMIT)
# Each looked up once: finding a member of an enumeration costs more than comparing it, and these are compared for each
# notice of each case.
_PENDING, _OPEN, _CLOSED = NoticeState.PENDING, Status.OPEN, EscalationState.CLOSED
_AT_RISK, _OVERDUE, _ON_TRACK, _ENDED = Risk.AT_RISK, Risk.OVERDUE, Risk.ON_TRACK, Risk.ENDED

Looks = list[date]
"""Days on which something may change; those after today are candidates for `next_review_on`."""


def decide(case: Case, program: Program, today: date) -> Decision:
    """Decide one case on one day.

    Args:
        case: the enrollment as stored, with every fact, seat, notice and escalation.
        program: the policy in force, with `live_from`.
        today: the day in the program's zone.
    """
    before = case
    case, known, advances, opens_on = advance(case, program, today)
    looks: Looks = [day for day in (known.next_fact_on, opens_on) if day is not None]
    decision = Decision(
        case.id, case.stage, case.stage_entered_on, case.stage_seq, case.status, _ENDED, case.reentered_on,
        None, advances, pace=before.pace,
    )
    if case.status is not _OPEN:
        _fall_silent(case, decision, today)
        decision.next_cycle = _next_cycle(case, program, advances)
        return decision
    if advances:
        case.pace = decision.pace = paced(before, advances, program, entered=before.stage_entered_on)
    scene = scene_of(case, program, known, today=today)
    if scene.holds:
        looks += (day for hold in scene.holds for day in hold if day < FOREVER)
    _remind(case, scene, (decision, looks))
    live = _escalate(case, scene, (decision, looks))
    _cancel(case, scene, (decision, live))
    _revive(case, scene, (decision, live))
    looks += _expiries(case, scene, decision)
    decision.risk = _risk(case, scene, (live, looks))
    outlook = program.outlook
    if outlook is not None and (decision.risk is not case.risk or case.fit != outlook.fit):
        ends = scene.dates.window_until, scene.dates.limit
        decision.forecast = forecast(case, program, ends=ends, today=today, gained=scene.gained)
    looks += scene.staff.looks
    for snooze in case.snoozes:
        looks += (snooze.since, snooze.until + ONE_DAY)
    decision.next_review_on = min([day for day in looks if day > today], default=None)
    return decision


def _next_cycle(case: Case, program: Program, advances: list[Advance]) -> NextCycle | None:
    """Return what an award that was decided just now opens; one that was decided before has opened it."""
    later = program.policy.reaccreditation
    if later is None or not advances or case.status is not Status.AWARDED:
        return None
    return NextCycle(case.cycle + 1, later.start, advances[-1].on, later.keeps)


def _remind(case: Case, scene: Scene, out: tuple[Decision, Looks]) -> None:
    decision, looks = out
    said = None
    for reached, upcoming in _words(case, scene):
        if upcoming is not None:
            looks.append(upcoming)
        if not reached:
            continue
        if said is None:
            said = {notice.key for notice in case.said}
        for telling, expires_on in reminders.due(reached, said, scene.quiet):
            decision.tellings.append(telling)
            if telling.state is _PENDING:
                looks.append(expires_on)


def _words(case: Case, scene: Scene) -> Iterator[reminders.Words]:
    """Yield what each rule that reminds of something says today."""
    moment, (rules, undone) = _moment(case, scene), _speaking(case, scene)
    for rule in rules:
        yield reminders.words_at(rule, scene.dates, moment)
    for each in undone:
        yield reminders.words_of(each.duty, each.target, moment)


def _moment(case: Case, scene: Scene) -> reminders.Moment:
    calendar, spoken_today = scene.calendar, scene.program.spoken(scene.today)
    here = case.stage, id(calendar)  # the program keeps its calendars
    known = spoken_today.get(here)
    if known is None:
        known = spoken_today[here] = {}
    return reminders.Moment(scene.program, calendar, case.stage, scene.today, known)


def reminded(case: Case, scene: Scene) -> Iterator[tuple[Reminding, reminders.Target]]:
    """Yield what people are reminded of today: the dates of clocks, and what is owed and not done."""
    rules, undone = _speaking(case, scene)
    for rule in rules:
        yield rule, reminders.target(rule, case.stage, scene.dates)
    for each in undone:
        yield each.duty, each.target


def _speaking(case: Case, scene: Scene) -> tuple[Sequence[ReminderRule], Sequence[Owed]]:
    rules: Sequence[ReminderRule] = scene.plan.stages[case.stage].reminders
    if scene.holds:
        rules = [rule for rule in rules if not scene.resting(rule)]
    return rules, [each for each in scene.owed if each.done is None]


def _escalate(case: Case, scene: Scene, out: tuple[Decision, Looks]) -> Live:
    """Open, climb and close; return the escalations that stand."""
    decision, looks = out
    before = {(s.rule, s.occurrence, s.anchor_on): s for s in case.standings}
    found: dict[str, Sequence[Condition]] = {}
    live: Live = {}
    today = scene.today
    for rule in scene.plan.escalations if before else scene.rules:
        found[rule.rule] = here = conditions(rule, case, scene)
        if scene.holds and scene.resting(rule):
            live |= _rested(rule, here, before=before, today=today)
            continue
        for condition in here:
            looks.append(condition.opens_on)
            if condition.again_on is not None:
                looks.append(condition.again_on)
            if condition.opens_on > today:
                continue
            key = (rule.rule, condition.occurrence, condition.anchor_on)
            standing = live[key] = _stand(rule, case, (condition, before.get(key), scene, decision))
            upcoming = next_step_on(rule, standing, scene)
            if upcoming is not None:
                looks.append(upcoming)
    for key, standing in before.items():
        if key not in live and standing.state is not _CLOSED:
            rule_here = scene.program.escalations.get(standing.rule) if standing.rule in found else None
            why = closing(rule_here, standing, found.get(standing.rule, ()), duties=scene.owed)
            decision.closed.append(Closed(standing.id, why, scene.today))
    return live


def _rested(rule: EscalationRule, found: Sequence[Condition], *, before: Live, today: date) -> Live:
    """Return what stands of a rule while it rests: it neither opens nor climbs, and nothing is said of it."""
    keys = [(rule.rule, each.occurrence, each.anchor_on) for each in found if each.opens_on <= today]
    return {key: before[key] for key in keys if key in before and before[key].state is not _CLOSED}


def _stand(
    rule: EscalationRule, case: Case, given: tuple[Condition, Standing | None, Scene, Decision]
) -> Standing:
    condition, stored, scene, decision = given
    start = stored
    if start is None:
        start = Standing(
            0, rule.rule, condition.occurrence, condition.anchor_on, EscalationState.OPEN,
            opened_on=scene.today, rung=0, rung_on=scene.today,
        )
    elif start.state is _CLOSED:
        start = _resumed(start, scene.today)
    if start.rung > len(rule.ladder):  # a later policy has a shorter ladder: it stands on its top
        start = start._replace(rung=len(rule.ladder))
    standing, told = climb(rule, start, case=case, scene=scene)
    decision.tellings += told
    if stored is None:
        decision.opened.append(standing)
    elif standing != stored:
        decision.moved.append(standing)
    return standing


def _resumed(closed: Standing, today: date) -> Standing:
    """Open an escalation again where it stood: the days on which it was closed do not count."""
    away = today - (closed.closed_on or closed.rung_on)
    held = closed.acknowledged_until is not None and closed.acknowledged_until >= today
    return closed._replace(
        state=EscalationState.ACKNOWLEDGED if held else EscalationState.OPEN, rung_on=closed.rung_on + away,
        acknowledged_until=closed.acknowledged_until if held else None, closed_on=None,
    )


def _cancel(case: Case, scene: Scene, given: tuple[Decision, Live]) -> None:
    """Cancel what is still pending and lost its meaning: moved, left, closed, or overtaken by a nearer word."""
    decision, live = given
    pending = [notice for notice in case.said if notice.state is _PENDING]
    if not pending:
        return
    newer = {thread(t.key, scene) for t in decision.tellings if t.state is _PENDING}
    for notice in pending:
        reason = lost_meaning(notice, case, scene=scene, live=live)
        if reason is None and newer and thread(notice.key, scene) in newer:
            reason = Reason.SUPERSEDED
        if reason is None and snoozed(notice.key, scene):
            reason = Reason.SNOOZED
        if reason is not None:
            decision.cancellings.append(Cancelling(notice.id, reason))


def _revive(case: Case, scene: Scene, given: tuple[Decision, Live]) -> None:
    """Take back what is to be said after all: a deadline was moved back, a cause returned, a snooze ended."""
    decision, live = given
    held_back = [notice for notice in case.said if may_return(notice)]
    if not held_back:
        return
    current: set[Key] = set()
    for standing in live.values():
        escalation = scene.program.escalations[standing.rule]
        if not scene.resting(escalation):
            current.update(spoken(escalation, standing))
    moment = _moment(case, scene)
    for rule, to in reminded(case, scene):
        current.update(reminders.current(rule, to, moment))
    newer = {thread(t.key, scene) for t in decision.tellings if t.state is _PENDING}
    decision.revived += [
        notice.id for notice in held_back
        if (notice.key in current or _stands_again(notice, case, scene=scene, live=live, newer=newer))
        and not snoozed(notice.key, scene)
    ]


def _stands_again(notice: Said, case: Case, *, scene: Scene, live: Live, newer: Collection[Thread]) -> bool:
    """Whether an escalation's notice fell with it, of a rung below the one it stands on, and it stands again."""
    return (
        notice.reason is Reason.ESCALATION_CLOSED
        and thread(notice.key, scene) not in newer
        and lost_meaning(notice, case, scene=scene, live=live) is None
    )


def _expiries(case: Case, scene: Scene, decision: Decision) -> Iterator[date]:
    """Yield the day on which each reminder that was pending, or is again, loses its meaning if it does not go out."""
    waiting = [notice for notice in case.said if notice.state is _PENDING]
    if decision.cancellings:
        over = {cancelling.notice_id for cancelling in decision.cancellings}
        waiting = [notice for notice in waiting if notice.id not in over]
    if decision.revived:
        waiting += [notice for notice in case.said if notice.id in decision.revived]
    for notice in waiting:
        key = notice.key
        rule = scene.program.reminding.get(key.rule)
        if rule is not None:
            days = reminders.days_of(key.occurrence)
            yield reminders.Countdown(rule, key.anchor_on, scene.calendar).expires_on(days)


def _fall_silent(case: Case, decision: Decision, today: date) -> None:
    """Close and cancel everything of an enrollment that ended."""
    for standing in case.standings:
        if standing.state is not _CLOSED:
            decision.closed.append(Closed(standing.id, Closing.CASE_ENDED, today))
    for notice in case.said:
        if notice.state is _PENDING:
            decision.cancellings.append(Cancelling(notice.id, Reason.CASE_ENDED))


def _risk(case: Case, scene: Scene, given: tuple[Live, Looks]) -> Risk:
    live, looks = given
    end = min(map(scene.dates.read, DEADLINES))
    raised = any(scene.program.escalations[standing.rule].raises_risk for standing in live.values())
    stood = case.risk is _AT_RISK or case.risk is _OVERDUE
    at_risk_on, changes = endangered(case, scene, end, stands=stood)
    at_risk = raised or at_risk_on <= scene.today
    overdue_on = end + ONE_DAY
    if at_risk is not stood:  # the day on which it will be, by the band's end that counts from now on
        at_risk_on = endangered(case, scene, end, stands=at_risk).on
    looks += (at_risk_on, overdue_on, *changes[:1])
    if overdue_on <= scene.today:
        return _OVERDUE
    return _AT_RISK if at_risk else _ON_TRACK
