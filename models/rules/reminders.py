"""Reminders: thresholds before a clock's date, due from their day on, the nearest only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Key, Program
from models.rules.clock import Clocks
from models.rules.decision import Telling
from models.rules.policy import ReminderRule
from models.rules.snoozes import Quiet
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
    left = (anchor_on - today).days
    ahead = next((days for days in rule.days_before if days < left), None)
    return None if ahead is None else anchor_on - timedelta(days=ahead)


def current(rule: ReminderRule, case: Case, given: tuple[Clocks, date]) -> Iterator[Key]:
    """Yield the keys of the nearest threshold that was reached: what the rule has to say today, said or not."""
    dates, today = given
    anchor_on = dates.read(rule.clock)
    left = (anchor_on - today).days
    nearest = [days for days in rule.days_before if days >= left][-1:]
    for days in nearest:
        yield from (Key(rule.rule, occurrence(rule, case.stage, days), anchor_on, post) for post in rule.to)


class Moment(NamedTuple):
    """What all reminder rules of one case read on one day: its dates, what was said, and who does not want to hear."""

    program: Program
    dates: Clocks
    said: Collection[Key]
    quiet: Quiet
    today: date


def due(rule: ReminderRule, case: Case, moment: Moment) -> Iterator[Telling]:
    """Yield what the rule says today: the nearest threshold, and those it supersedes, each with its reason.

    What was missed (a week of downtime, a case imported in mid-course) is coalesced: only the nearest threshold can
    still go out, and one planned before `live_from` never does. One that is snoozed is held back until the snooze ends.
    """
    program, dates, said, quiet, today = moment
    anchor_on = dates.read(rule.clock)
    left = (anchor_on - today).days
    # Days are compared as numbers: most rules have nothing to say on most days, and this runs for every one of them.
    reached = [days for days in rule.days_before if days >= left]
    for days in reached:
        nearest, planned_for = days == reached[-1], anchor_on - timedelta(days=days)
        for post in rule.to:
            key = Key(rule.rule, occurrence(rule, case.stage, days), anchor_on, post)
            if key in said:
                continue
            reason = None if nearest else Reason.SUPERSEDED
            if nearest and (program.live_from is None or planned_for < program.live_from):
                reason = Reason.BEFORE_LIVE
            elif nearest and quiet and (rule.rule, post) in quiet:
                reason = Reason.SNOOZED
            state = NoticeState.SUPPRESSED if reason else NoticeState.PENDING
            facts = {"clock": rule.clock, "days": days, "stage": case.stage, "late": (today - planned_for).days}
            yield Telling(key, rule.notice, planned_for, state, reason, facts)
