"""The days that the rules of an open case are planned for, and which of them another version of a program moves.

A rule's threshold or condition keeps its name whatever day it falls on, so two versions can be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.decide import reminded
from models.rules.escalations import conditions, scene_of
from models.rules.gates import dossier
from models.rules.reminders import Countdown


class Planned(NamedTuple):
    """A day that a rule is planned for, and how it came about.

    It lies `days` before or after the date `counted_from`: working days of grace where `working`, else days. `skipped`
    are the days on which nobody works that it passed over, those that are holidays or closures by name; the name of
    another is empty.
    """

    rule: str
    occurrence: str
    counted_from: date
    days: int
    before: bool
    working: bool
    skipped: tuple[tuple[date, str], ...]
    on: date


class MovedDay(NamedTuple):
    """A planned day before and after: of a rule's threshold (`limit` 120 days before), or of what opens its ladder."""

    rule: str
    occurrence: str
    before: date
    after: date


def planned(case: Case, program: Program, today: date) -> Iterator[Planned]:
    """Yield every day that an open case's rules are planned for, past ones included."""
    scene = scene_of(case, program, dossier(case, program, today), today=today)
    for reminding, to in reminded(case, scene):
        countdown = Countdown(reminding, to.on, scene.calendar)
        for days in reminding.days_before:
            on, left = countdown.planned_for(days), to.on - timedelta(days=days)
            off = tuple(scene.calendar.off_days(on, left)) if on < left else ()
            yield Planned(reminding.rule, to.occurrence(days), to.on, days, True, False, off, on)
    for rule in scene.plan.escalations:
        working = rule.grace_in_working_days
        for each in conditions(rule, case, scene) if not scene.resting(rule) else ():
            since, on = each.anchor_on, each.opens_on
            off = tuple(scene.calendar.off_days(since, on)) if working else ()
            days = rule.grace_days if working else abs((on - since).days)
            yield Planned(rule.rule, each.occurrence, since, days, on < since, working, off, on)


def planned_days(case: Case, program: Program, today: date) -> dict[tuple[str, str], date]:
    """Return every day that an open case's rules are planned for, past ones included, by rule and occurrence."""
    return {(each.rule, each.occurrence): each.on for each in planned(case, program, today)}


def moved_days(case: Case, before: Program, after: Program, *, today: date) -> Iterator[MovedDay]:
    """Yield the days to come that another version of the program moves. What had come due is not said again."""
    new = planned_days(case, after, today)
    for (rule, occurrence), on in planned_days(case, before, today).items():
        moved_to = new.get((rule, occurrence), on)
        if on > today and moved_to != on:
            yield MovedDay(rule, occurrence, on, moved_to)
