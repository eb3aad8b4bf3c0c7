"""The past forecast again, each day with nothing but what was known on it, and judged by what came to pass.

Forecasts are judged on half-years from the third on, for every enrollment that was open and whose deadline lay ahead.
Alarms are looked for every thirty days, with the fit of the half-year before; within the first that is the prior alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from models.rules.dates import add_months
from models.rules.forecast.fitting import fit
from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.journeys import Journey, as_known, deadline
from models.rules.forecast.judging import Judged, Watched
from models.rules.policy import Policy
from models.rules.words import Clock

EVERY_MONTHS = 6
AFTER_HALF_YEARS = 2
LOOK_DAYS = 30
ENDS = (Clock.WINDOW_UNTIL, Clock.LIMIT)


class Look(NamedTuple):
    """One forecast of an enrollment: with how many days left, and what it said."""

    enrollment: int
    days_left: int
    chance: float


class Backtest(NamedTuple):
    """What was forecast and what came: the judged looks on half-years, and every look for alarms by enrollment."""

    judged: Judged
    watched: tuple[Watched, ...]


def backtest(
    journeys: Sequence[Journey], policy: Policy, *, until: date, look_days: int = LOOK_DAYS
) -> dict[Clock, Backtest]:
    """Forecast a past again and judge it, by the end of the program's window and by the accrediting body's limit.

    Args:
        journeys: every enrollment, with the days on which its legs became known.
        policy: with the priors to start from.
        until: the last day that is known of: what had not come by then, and was not due, is not judged.
        look_days: how often an alarm is looked for.
    """
    judged: dict[Clock, list[Look]] = defaultdict(list)
    looks: dict[Clock, list[Look]] = defaultdict(list)
    days = list(half_years(journeys, until))
    for number, day in enumerate(days):
        forecaster = Forecaster(policy, fit(list(as_known(journeys, day)), policy, day))
        following = days[number + 1] if number + 1 < len(days) else until
        for ahead in range(0, (following - day).days, look_days):
            for clock, found in _looked(journeys, forecaster, day + timedelta(days=ahead)):
                looks[clock].append(found)
                if ahead == 0 and number > AFTER_HALF_YEARS:
                    judged[clock].append(found)
    return {
        clock: _compared(judged[clock], looks[clock], dict(_came(journeys, policy, clock=clock, until=until)))
        for clock in ENDS
    }


def _compared(judged: Sequence[Look], looks: Sequence[Look], came: Mapping[int, float]) -> Backtest:
    scored = [(look.chance, look.days_left, came[look.enrollment]) for look in judged if look.enrollment in came]
    columns = np.array(scored, dtype=np.float64).reshape(-1, 3).T
    return Backtest(Judged(*columns), tuple(_watched(looks, came)))


def half_years(journeys: Sequence[Journey], until: date) -> Iterator[date]:
    """Yield the first agreement and every half-year after it, as long as anybody was open."""
    if not journeys:
        return
    first = min(journey.agreement_on for journey in journeys)
    last = min(until, max(journey.end.on if journey.end is not None else until for journey in journeys))
    number = 0
    while (day := add_months(first, number * EVERY_MONTHS)) < last:
        yield day
        number += 1


def _came(journeys: Sequence[Journey], policy: Policy, *, clock: Clock, until: date) -> Iterator[tuple[int, float]]:
    """Yield which enrollments had an award by their deadline, those left out of which nobody can know yet."""
    for journey in journeys:
        end = deadline(journey, policy, clock)
        if journey.awarded_on is not None:
            yield journey.id, float(journey.awarded_on <= end)
        elif journey.end is not None or end <= until:
            yield journey.id, 0.0


def _looked(journeys: Sequence[Journey], forecaster: Forecaster, day: date) -> Iterator[tuple[Clock, Look]]:
    policy = forecaster.policy
    # Whoever has ended still tells of the pace of its agency.
    known = list(as_known(journeys, day))
    paces = forecaster.paces(known)
    places = {each.id: forecaster.place(each, day, paces) for each in known if each.end is None}
    for clock in ENDS:
        ends = {each.id: deadline(each, policy, clock) for each in known}
        due = [key for key in places if ends[key] > day]
        chances = forecaster.chances([places[key] for key in due], [ends[key] for key in due], day)
        for key, chance in zip(due, chances, strict=True):
            yield clock, Look(key, (ends[key] - day).days, float(chance))


def _watched(looks: Sequence[Look], came: Mapping[int, float]) -> Iterator[Watched]:
    by_enrollment: dict[int, list[Look]] = defaultdict(list)
    for look in looks:
        by_enrollment[look.enrollment].append(look)
    for enrollment, mine in by_enrollment.items():
        if enrollment in came:
            yield Watched(
                not came[enrollment], tuple(look.days_left for look in mine), tuple(look.chance for look in mine)
            )
