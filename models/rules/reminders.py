"""Reminders: thresholds before a clock's date, due from their day on, the nearest only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Key, Program
from models.rules.clock import Clocks
from models.rules.decision import Telling
from models.rules.policy import ReminderRule
from models.rules.words import Clock, NoticeState, Reason


class Threshold(NamedTuple):
    """One occurrence of a reminder rule: so many days before the anchor's date."""

    days: int
    planned_for: date


def thresholds(rule: ReminderRule, anchor_on: date) -> Iterator[Threshold]:
    """Yield a rule's occurrences, the earliest day first."""
    for days in rule.days_before:
        yield Threshold(days, anchor_on - timedelta(days=days))


def occurrence(rule: ReminderRule, stage: str, days: int) -> str:
    """Name an occurrence. A stage's own target names the stage: two stages may share a target's date."""
    return f"{stage}:{days}" if rule.clock is Clock.STAGE_TARGET else str(days)


def next_threshold(rule: ReminderRule, anchor_on: date, today: date) -> date | None:
    """Return the first day after today on which the rule has something to say."""
    return next((t.planned_for for t in thresholds(rule, anchor_on) if t.planned_for > today), None)


def due(rule: ReminderRule, case: Case, given: tuple[Program, Clocks, Collection[Key], date]) -> Iterator[Telling]:
    """Yield what the rule says today: the nearest threshold, and those it supersedes, each with its reason.

    What was missed (a week of downtime, a case imported in mid-course) is coalesced: only the nearest threshold can
    still go out, and one planned before `live_from` never does.
    """
    program, dates, said, today = given
    anchor_on = dates.read(rule.clock)
    reached = [t for t in thresholds(rule, anchor_on) if t.planned_for <= today]
    for days, planned_for in reached:
        nearest = days == reached[-1].days
        for post in rule.to:
            key = Key(rule.rule, occurrence(rule, case.stage, days), anchor_on, post)
            if key in said:
                continue
            reason = None if nearest else Reason.SUPERSEDED
            if nearest and (program.live_from is None or planned_for < program.live_from):
                reason = Reason.BEFORE_LIVE
            state = NoticeState.SUPPRESSED if reason else NoticeState.PENDING
            facts = {"clock": rule.clock.value, "days": days, "stage": case.stage, "late": (today - planned_for).days}
            yield Telling(key, rule.notice, planned_for, state, reason, facts)
