"""What the forecast says of one case, from the tables that a sweep looks up in: chances by conference, last safe days.

No numpy: a run form draws it beside the rest of a case's page, and it can disagree with no band.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.clock import clocks
from models.rules.decision import Forecast
from models.rules.forecast.outlook import TOTAL_COUNT, TOTAL_STEP
from models.rules.gates import dossier
from models.rules.risk import days_gained, forecast, last_slot, view
from models.rules.words import Status

NINE_IN_TEN = 90


class Slot(NamedTuple):
    """A conference, and the chance in percent that the award falls on it."""

    on: date
    chance: int


class Leave(NamedTuple):
    """A stage that remains, and the last day on which it can be left with the chance still at the band; None: none."""

    stage: str
    by: date | None


class Prospect(NamedTuple):
    """What is forecast of a case on a day. `gained` are the days that what was counted at visits puts it ahead."""

    said: Forecast
    window_until: date
    limit: date
    slots: tuple[Slot, ...]
    leaves: tuple[Leave, ...]
    gained: int


def prospect(case: Case, program: Program, today: date) -> Prospect | None:
    """Forecast an open case at length; None where there is no fit, or it cannot say."""
    if case.status is not Status.OPEN:
        return None
    dates = clocks(case, program.plan(case.track, case.cycle), today)
    gained = days_gained(case, program, dossier(case, program, today))
    said = forecast(case, program, ends=(dates.window_until, dates.limit), today=today, gained=gained)
    if said is None:
        return None
    return Prospect(
        said, dates.window_until, dates.limit, tuple(_slots(case, program, today, gained=gained)),
        tuple(_leaves(case, program, dates.window_until)), gained,
    )


def _slots(case: Case, program: Program, today: date, *, gained: int) -> Iterator[Slot]:
    """Yield the conferences that have a chance worth naming, until nine in ten are accounted for."""
    before = 0
    for on in program.conferences if program.policy.snaps else ():
        seen = view(case, program, on, gained=gained) if on > today else None
        if seen is None:
            continue
        by_then = seen.chance(today)
        if by_then > before:
            yield Slot(on, by_then - before)
        before = max(before, by_then)
        if before >= NINE_IN_TEN:
            return


def _leaves(case: Case, program: Program, end: date) -> Iterator[Leave]:
    """Yield the stages that remain: each must be left so early that entering the next gives the band's chance."""
    outlook, terms = program.outlook, program.policy.forecast
    assert outlook is not None, "there is a forecast"
    assert terms is not None, "there is an outlook"
    slot = last_slot(program.conferences, end) if program.policy.snaps else end
    path = [stage.code for stage in program.policy.path[:-1]]
    for code, following in pairwise(path[path.index(case.stage) :]):
        stage = outlook.of(case.track, following)
        if stage is None or slot is None:
            yield Leave(code, None)
            continue
        low, high = 0, TOTAL_COUNT * TOTAL_STEP
        while low < high:
            middle = (low + high) // 2
            enough = outlook.days_until_below(stage, case.pace, total=middle, level=terms.band.at_risk_below) > 0
            low, high = (low, middle) if enough else (middle + 1, high)
        yield Leave(code, slot - timedelta(days=low))
