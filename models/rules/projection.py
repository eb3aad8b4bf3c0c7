"""The days that the rules of an open case are planned for, and which of them another version of a program moves.

A rule's threshold or condition keeps its name whatever day it falls on, so two versions can be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.decide import reminded
from models.rules.escalations import conditions, scene_of
from models.rules.gates import dossier
from models.rules.reminders import Countdown


class MovedDay(NamedTuple):
    """A planned day before and after: of a rule's threshold (`limit` 120 days before), or of what opens its ladder."""

    rule: str
    occurrence: str
    before: date
    after: date


def planned_days(case: Case, program: Program, today: date) -> dict[tuple[str, str], date]:
    """Return every day that an open case's rules are planned for, past ones included, by rule and occurrence."""
    scene = scene_of(case, program, dossier(case, program, today), today=today)
    days: dict[tuple[str, str], date] = {}
    for reminding, to in reminded(case, scene):
        countdown = Countdown(reminding, to.on, scene.calendar)
        for before in reminding.days_before:
            days[reminding.rule, to.occurrence(before)] = countdown.planned_for(before)
    for rule in scene.plan.escalations:
        if not scene.resting(rule):
            days |= {(rule.rule, each.occurrence): each.opens_on for each in conditions(rule, case, scene)}
    return days


def moved_days(case: Case, before: Program, after: Program, *, today: date) -> Iterator[MovedDay]:
    """Yield the days to come that another version of the program moves. What had come due is not said again."""
    new = planned_days(case, after, today)
    for (rule, occurrence), on in planned_days(case, before, today).items():
        moved_to = new.get((rule, occurrence), on)
        if on > today and moved_to != on:
            yield MovedDay(rule, occurrence, on, moved_to)
