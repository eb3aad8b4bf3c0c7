"""Whether a notice that was decided still means what it says, and which earlier word a later one overtakes."""

from __future__ import annotations

from models.rules.case import Case, Key, Said
from models.rules.escalations import Live, Scene, can_be_snoozed
from models.rules.policy import EscalationRule, ReminderRule
from models.rules.words import Clock, NoticeState, Post, Reason


def thread(key: Key, scene: Scene) -> tuple[str, str, Post]:
    """Return what a later word must share with an earlier one to overtake it: two empty posts are two stories."""
    story = key.occurrence.rsplit("/", 1)[0] if key.rule in scene.program.escalations else ""
    return key.rule, story, key.post


def lost_meaning(notice: Said, case: Case, *, scene: Scene, live: Live) -> Reason | None:
    """Return why a notice would not be said today, whatever became of it; None while it still holds."""
    escalation = scene.program.escalations.get(notice.key.rule)
    if escalation is not None:
        return _not_escalated(notice.key, escalation, scene=scene, live=live)
    rule = scene.program.reminders.get(notice.key.rule)
    return Reason.RULE_DROPPED if rule is None else _not_reminded(notice.key, rule, case=case, scene=scene)


def _not_escalated(key: Key, rule: EscalationRule, *, scene: Scene, live: Live) -> Reason | None:
    if (key.rule, key.occurrence.rsplit("/", 1)[0], key.anchor_on) not in live:
        return Reason.ESCALATION_CLOSED
    if not any(key.post in rung.to for rung in rule.ladder):
        return Reason.RULE_DROPPED
    return Reason.ON_HOLD if scene.resting(rule) else None


def _not_reminded(key: Key, rule: ReminderRule, *, case: Case, scene: Scene) -> Reason | None:
    stage, _, days = key.occurrence.rpartition(":")
    if key.post not in rule.to or int(days) not in rule.days_before:
        return Reason.RULE_DROPPED
    here = rule in scene.plan.stages[case.stage].reminders
    if not here or (rule.clock is Clock.STAGE_TARGET and stage != case.stage):
        return Reason.STAGE_LEFT
    if scene.resting(rule):
        return Reason.ON_HOLD
    return None if key.anchor_on == scene.dates.read(rule.clock) else Reason.DEADLINE_MOVED


def may_return(notice: Said) -> bool:
    """Whether a notice that did not go out may still do so: it lost its meaning, or somebody put it off."""
    put_off = notice.state is NoticeState.SUPPRESSED and notice.reason is Reason.SNOOZED
    return put_off or notice.state is NoticeState.CANCELLED


def snoozed(key: Key, scene: Scene) -> bool:
    """Whether the post that a notice is for does not want to hear of it today, and need not."""
    if (key.rule, key.post) not in scene.quiet:
        return False
    rule = scene.program.escalations.get(key.rule)
    return rule is None or can_be_snoozed(rule, int(key.occurrence.rpartition("/")[2].partition(".")[0]))
