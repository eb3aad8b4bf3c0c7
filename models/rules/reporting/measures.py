"""What each measure counts. Nothing to count is said as such: there is no figure then, and no division by zero."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple, assert_never

from models.rules.policy.reports import Indicator
from models.rules.reporting.glances import Glance, Raised
from models.rules.words import Measure, Risk, Status

DAYS_A_MONTH = 365.25 / 12


class Unit(StrEnum):
    """What a figure is counted in."""

    AGENCIES = "agencies"
    PERCENT = "percent"
    MONTHS = "months"


UNIT = {
    Measure.AGENCIES_ENROLLED: Unit.AGENCIES, Measure.AGENCIES_ACCREDITED: Unit.AGENCIES,
    Measure.MONTHS_TO_AWARD: Unit.MONTHS,
}
"""Of each measure that is not a share."""


class Seen(NamedTuple):
    """What measures read: enrollments and escalations on a day, and the first day of the quarter that it lies in."""

    day: date
    since: date
    glances: Sequence[Glance]
    raised: Sequence[Raised]

    @property
    def first_cycles(self) -> list[Glance]:
        """The enrollments on their way to a first award, or past it."""
        return [each for each in self.glances if each.cycle == 1]

    @property
    def open(self) -> list[Glance]:
        """The open ones of them."""
        return [each for each in self.first_cycles if each.status is Status.OPEN]

    @property
    def awarded(self) -> list[Glance]:
        """The awarded ones of them."""
        return [each for each in self.first_cycles if each.status is Status.AWARDED]

    @property
    def left(self) -> list[Glance]:
        """Those of them that ended without an award."""
        return [each for each in self.first_cycles if each.status not in {Status.OPEN, Status.AWARDED}]


class Figure(NamedTuple):
    """A figure and how many it was counted among; None where there was nothing to count."""

    value: float | None
    among: int


def measured(indicator: Indicator, seen: Seen) -> Figure:
    """Count what an indicator asks for."""
    match indicator.measure:
        case Measure.AGENCIES_ENROLLED:
            found = _agencies(seen.first_cycles)
        case Measure.AGENCIES_ACCREDITED:
            found = _agencies(seen.awarded)
        case Measure.AWARDS_IN_WINDOW:
            found = _share(seen.awarded, lambda each: each.entered_on <= each.window_until)
        case Measure.MONTHS_TO_AWARD:
            found = _months(seen.awarded)
        case Measure.CASES_ON_TRACK:
            found = _share(seen.open, lambda each: each.risk is Risk.ON_TRACK)
        case Measure.POSTS_FILLED:
            found = _share(seen.open, lambda each: not each.vacant)
        case Measure.CASES_VISITED:
            found = _share(seen.open, _visited(indicator, seen.day))
        case Measure.ESCALATIONS_ANSWERED:
            found = _answered(seen, timedelta(days=indicator.days or 0))
        case _:
            assert_never(indicator.measure)
    return found


def _months(awarded: Sequence[Glance]) -> Figure:
    months = [(each.entered_on - each.agreement_on).days / DAYS_A_MONTH for each in awarded]
    return Figure(round(statistics.median(months), 1) if months else None, len(months))


def _agencies(glances: Iterable[Glance]) -> Figure:
    number = len({each.place.code for each in glances})
    return Figure(float(number), number)


def _share(glances: Sequence[Glance], counts: Callable[[Glance], bool]) -> Figure:
    if not glances:
        return Figure(None, 0)
    return Figure(round(100 * sum(map(counts, glances)) / len(glances), 1), len(glances))


def _visited(indicator: Indicator, day: date) -> Callable[[Glance], bool]:
    since = day - timedelta(days=indicator.days or 0)
    return lambda each: each.last_on.get(indicator.milestone or "", date.min) > since


def _answered(seen: Seen, within: timedelta) -> Figure:
    """Count the escalations whose days to be answered ran out in the quarter."""
    asked = [each for each in seen.raised if seen.since <= each.opened_on + within <= seen.day]
    if not asked:
        return Figure(None, 0)
    answered = sum(each.answered_on is not None and each.answered_on - each.opened_on <= within for each in asked)
    return Figure(round(100 * answered / len(asked), 1), len(asked))
