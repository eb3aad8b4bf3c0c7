"""Escalations: the condition that opens one, the ladder it climbs, and what closes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple, assert_never

from models.rules.case import Case, Key, Plan, Program, Standing
from models.rules.clock import Clocks
from models.rules.decision import Telling
from models.rules.gates import Dossier
from models.rules.pace import risk_from
from models.rules.policy import EscalationRule
from models.rules.words import Cause, Clock, Closing, EscalationState, NoticeState, Post, Reason

FOREVER = date.max


class Condition(NamedTuple):
    """Why an escalation is, or would become, due: its key, and the first day on which it holds."""

    occurrence: str
    anchor_on: date
    opens_on: date


class Scene(NamedTuple):
    """What the rules of one case read on one day."""

    program: Program
    plan: Plan
    dates: Clocks
    known: Dossier
    today: date


def conditions(rule: EscalationRule, case: Case, scene: Scene) -> Iterator[Condition]:
    """Yield a rule's conditions, those included that will hold only later if nothing happens."""
    stage = scene.plan.stages[case.stage]
    match rule.cause:
        case Cause.INACTIVITY:
            last = max(scene.known.last_activity, case.stage_entered_on)
            yield _after(case.stage, last, stage.stage.stall_days + rule.grace_days)
        case Cause.OVERSTAY:
            days = stage.stage.overstay_days
            if days is not None:
                yield _after(case.stage, case.stage_entered_on, days + rule.grace_days)
        case Cause.PACE:
            end = scene.dates.read(_clock(rule))
            margin = timedelta(days=scene.program.policy.risk_margin_days)
            opens_on = risk_from(case.stage_entered_on, stage, end - margin)
            yield Condition(case.stage, end, opens_on + timedelta(days=rule.grace_days))
        case Cause.OVERDUE:
            end = scene.dates.read(_clock(rule))
            yield _after("passed", end, 1 + rule.grace_days)
        case Cause.VACANCY:
            for post in rule.posts:
                empty_from = vacant_from(case, post, scene.today)
                if empty_from is not None:
                    yield _after(post.value, empty_from, rule.grace_days)
        case _:
            assert_never(rule.cause)


def _after(name: str, anchor_on: date, days: int) -> Condition:
    return Condition(name, anchor_on, anchor_on + timedelta(days=days))


def _clock(rule: EscalationRule) -> Clock:
    assert rule.clock is not None, "policy.checks refuses a pace or overdue rule without a clock"
    return rule.clock


def vacant_from(case: Case, post: Post, today: date) -> date | None:
    """Return the day since which a post is empty, or will be once its holder leaves; None while nobody is to leave."""
    held = [seat for seat in case.seats if seat.post is post and seat.since <= today]
    if not held:
        return case.agreement_on
    last = max(seat.until or FOREVER for seat in held)
    # An agency's post may have been left in the cycle before: here it is empty since the agreement.
    return None if last == FOREVER else max(last + timedelta(days=1), case.agreement_on)


def closing(rule: EscalationRule | None) -> Closing:
    """Return why an escalation closes whose condition no longer stands."""
    if rule is None:
        return Closing.RULE_DROPPED
    match rule.cause:
        case Cause.INACTIVITY:
            return Closing.ACTIVITY
        case Cause.OVERSTAY:
            return Closing.STAGE_LEFT
        case Cause.PACE:
            return Closing.RECOVERED
        case Cause.OVERDUE:
            return Closing.DEADLINE_MOVED
        case Cause.VACANCY:
            return Closing.FILLED
        case _:
            assert_never(rule.cause)


def next_step_on(rule: EscalationRule, standing: Standing) -> date | None:
    """Return the day on which the next rung, or the next repeat of the last one, is due; None: all was said."""
    if standing.rung < len(rule.ladder):
        step_on = standing.rung_on + timedelta(days=rule.ladder[standing.rung].after_days)
    elif rule.repeat_days is not None and standing.repeat < rule.repeats:
        step_on = standing.rung_on + timedelta(days=rule.repeat_days)
    else:
        return None
    if standing.acknowledged_until is not None:
        step_on = max(step_on, standing.acknowledged_until + timedelta(days=1))
    return step_on


Climbed = tuple[Standing, list[Telling]]


def climb(rule: EscalationRule, standing: Standing, given: tuple[Case, Program, date]) -> Climbed:
    """Take every step that is due: one rung, and at once the next where nobody is on it to be told."""
    today = given[2]
    told: list[Telling] = []
    while True:
        step_on = next_step_on(rule, standing)
        if step_on is None or step_on > today:
            return standing, told
        standing = _step(rule, standing, today)
        tellings = list(_tell(rule, standing, given))
        told += tellings
        if any(telling.reason is not Reason.NO_RECIPIENT for telling in tellings) or standing.rung == len(rule.ladder):
            return standing, told
        # An empty rung has nobody to give time to: the next one is due the same day.
        standing = standing._replace(rung_on=today - timedelta(days=rule.ladder[standing.rung].after_days))


def _step(rule: EscalationRule, standing: Standing, today: date) -> Standing:
    top = standing.rung == len(rule.ladder)
    return standing._replace(
        state=EscalationState.OPEN,
        rung=standing.rung if top else standing.rung + 1,
        repeat=standing.repeat + 1 if top else 0,
        rung_on=today,
        acknowledged_until=None,
    )


def spoken(rule: EscalationRule, standing: Standing) -> Iterator[Key]:
    """Yield the keys of the rung that an escalation stands on, one for each post; none before the first."""
    occurrence = f"{standing.occurrence}/{standing.rung}.{standing.repeat}"
    for post in rule.ladder[standing.rung - 1].to if standing.rung else ():
        yield Key(rule.rule, occurrence, standing.anchor_on, post)


def _tell(rule: EscalationRule, standing: Standing, given: tuple[Case, Program, date]) -> Iterator[Telling]:
    case, program, today = given
    facts = {"cause": rule.cause, "stage": case.stage, "rung": standing.rung, "repeat": standing.repeat}
    for key in spoken(rule, standing):
        reason = None
        if not any(seat.post is key.post and seat.held(today) for seat in case.seats):
            reason = Reason.NO_RECIPIENT
        elif program.live_from is None or today < program.live_from:
            reason = Reason.BEFORE_LIVE
        state = NoticeState.SUPPRESSED if reason else NoticeState.PENDING
        yield Telling(key, rule.notice, today, state, reason, facts)
