"""Whether a notice that was decided still means what it says, and which earlier word a later one overtakes."""

from __future__ import annotations

from datetime import date

from models.rules import reminders
from models.rules.case import Case, Key, Program, Said
from models.rules.escalations import Live, Scene, can_be_snoozed, scene_of
from models.rules.gates import dossier
from models.rules.policy import Duty, EscalationRule, ReminderRule
from models.rules.words import Clock, EscalationState, Misfire, NoticeState, Post, Reason, Status

Thread = tuple[str, str, Post]

# Looked up once, since it is compared for each notice: finding a member of an enumeration costs more than that.
_SUPPRESSED, _CANCELLED, _STAGE_TARGET = NoticeState.SUPPRESSED, NoticeState.CANCELLED, Clock.STAGE_TARGET


def thread(key: Key, scene: Scene) -> Thread:
    """Return what a later word must share with an earlier one to overtake it.

    Two empty posts are two stories, and so are a duty's report of this year and of the year before. Of what catches up,
    every threshold is a story of its own.
    """
    if key.rule in scene.program.escalations:
        return key.rule, key.occurrence.rsplit("/", 1)[0], key.post
    rule = scene.program.reminding.get(key.rule)
    if rule is not None and rule.misfire is Misfire.CATCH_UP:
        return key.rule, key.occurrence, key.post
    return key.rule, key.occurrence.rpartition(":")[0] if key.rule in scene.program.duties else "", key.post


def lost_meaning(notice: Said, case: Case, *, scene: Scene, live: Live) -> Reason | None:
    """Return why a notice would not be said today, whatever became of it; None while it still holds."""
    escalation = scene.program.escalations.get(notice.key.rule)
    if escalation is not None:
        return _not_escalated(notice.key, escalation, scene=scene, live=live)
    duty = scene.program.duties.get(notice.key.rule)
    if duty is not None:
        return _not_owed(notice.key, duty, scene)
    rule = scene.program.reminders.get(notice.key.rule)
    return Reason.RULE_DROPPED if rule is None else _not_reminded(notice.key, rule, case=case, scene=scene)


def outlived(before: Case, after: Case, program: Program, *, today: date) -> list[Said]:
    """Return what went out and held until a change: the operator may want to tell those people.

    Args:
        before: the case as it stood, everything of the day decided.
        after: the same once the change was decided too.
        program: the policy in force.
        today: the day.
    """
    sent = [notice for notice in after.said if notice.state in {NoticeState.SENT, NoticeState.CLAIMED}]
    then, now = (_holding(case, sent, program=program, today=today) for case in (before, after))
    return [notice for notice in sent if notice.id in then and notice.id not in now]


def _holding(case: Case, sent: list[Said], *, program: Program, today: date) -> set[int]:
    if case.status is not Status.OPEN:
        return set()
    scene = scene_of(case, program, dossier(case, program, today), today=today)
    live = {(s.rule, s.occurrence, s.anchor_on): s for s in case.standings if s.state is not EscalationState.CLOSED}
    return {notice.id for notice in sent if lost_meaning(notice, case, scene=scene, live=live) is None}


def _not_escalated(key: Key, rule: EscalationRule, *, scene: Scene, live: Live) -> Reason | None:
    if (key.rule, key.occurrence.rsplit("/", 1)[0], key.anchor_on) not in live:
        return Reason.ESCALATION_CLOSED
    if not any(key.post in rung.to for rung in rule.ladder):
        return Reason.RULE_DROPPED
    return Reason.ON_HOLD if scene.resting(rule) else None


def _not_owed(key: Key, duty: Duty, scene: Scene) -> Reason | None:
    name, _, days = key.occurrence.rpartition(":")
    if key.post not in duty.to or int(days) not in duty.days_before or duty not in scene.plan.duties:
        return Reason.RULE_DROPPED
    mine = [each for each in scene.owed if each.duty is duty and each.name == name]
    if any(each.due_on == key.anchor_on for each in mine):
        if mine[0].done is not None:
            return Reason.FULFILLED
        return reminders.Countdown(duty, key.anchor_on, scene.calendar).expired(int(days), scene.today)
    if duty.posts:
        return Reason.HOLDER_LEFT
    return Reason.DEADLINE_MOVED if mine else Reason.RULE_DROPPED


def _not_reminded(key: Key, rule: ReminderRule, *, case: Case, scene: Scene) -> Reason | None:
    stage, _, days = key.occurrence.rpartition(":")
    if key.post not in rule.to or int(days) not in rule.days_before:
        return Reason.RULE_DROPPED
    if key.rule not in scene.plan.stages[case.stage].named or (rule.clock is _STAGE_TARGET and stage != case.stage):
        return Reason.STAGE_LEFT
    if scene.resting(rule):
        return Reason.ON_HOLD
    if key.anchor_on != scene.dates.read(rule.clock):
        return Reason.DEADLINE_MOVED
    return reminders.Countdown(rule, key.anchor_on, scene.calendar).expired(int(days), scene.today)


def may_return(notice: Said) -> bool:
    """Whether a notice that did not go out may still do so: it lost its meaning, or somebody put it off.

    What an operator took back stays back.
    """
    if notice.state is _SUPPRESSED:
        return notice.reason is Reason.SNOOZED
    return notice.state is _CANCELLED and notice.reason is not Reason.BY_OPERATOR


def snoozed(key: Key, scene: Scene) -> bool:
    """Whether the post that a notice is for does not want to hear of it today, and need not."""
    if (key.rule, key.post) not in scene.quiet:
        return False
    rule = scene.program.escalations.get(key.rule)
    return rule is None or can_be_snoozed(rule, int(key.occurrence.rpartition("/")[2].partition(".")[0]))
