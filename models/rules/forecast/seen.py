"""What a history shows of how long stages take: exactly, or between two lengths, one of which may be any.

A stage that is not over has lasted so long, and longer. One that ends on a conference was ready at some time since the
conference before it, and one that still waits was not ready for the last that it could have had.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.rules.forecast.journeys import Journey
from models.rules.policy import Policy, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Seen(NamedTuple):
    """Stages as seen: by whom (the number of the journey), which, and between which lengths.

    A length is the logarithm of its days over the median of the policy.
    """

    who: Ints
    stage: Ints
    low: Floats
    high: Floats

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Which of them are known to the day."""
        return np.equal(self.low, self.high)

    def only(self, which: NDArray[np.bool_]) -> Seen:
        """Return some of them."""
        return Seen(self.who[which], self.stage[which], self.low[which], self.high[which])


class _Row(NamedTuple):
    who: int
    stage: int
    low: float
    high: float


def seen_of(journeys: Sequence[Journey], policy: Policy, as_of: date) -> Seen:
    """Return what can be learned from as known on a day; stages that the policy no longer has are left out."""
    rows = [row for who, journey in enumerate(journeys) for row in _rows(who, journey, given=(policy, as_of))]
    return Seen(
        np.array([row.who for row in rows], dtype=np.int64), np.array([row.stage for row in rows], dtype=np.int64),
        np.array([row.low for row in rows], dtype=np.float64), np.array([row.high for row in rows], dtype=np.float64),
    )


def _rows(who: int, journey: Journey, *, given: tuple[Policy, date]) -> Iterator[_Row]:
    policy, as_of = given
    numbers = {stage.code: number for number, stage in enumerate(policy.path[:-1])}
    pace = policy.tracks[journey.track].pace
    for leg in journey.legs:
        if leg.stage in numbers:
            stage = policy.stage[leg.stage]
            low, high = _finished(stage, policy, between=(leg.entered, leg.left))
            median = stage.expected_days * pace
            yield _Row(who, numbers[leg.stage], _log(low - leg.rested, median), _log(high - leg.rested, median))
    if journey.stage in numbers:
        stage = policy.stage[journey.stage]
        until = journey.end.on if journey.end is not None else as_of
        lasted = lasted_days(stage, policy, between=(journey.entered, until)) - journey.rested
        if lasted > 0:
            yield _Row(who, numbers[journey.stage], _log(lasted, stage.expected_days * pace), math.inf)


def _log(days: float, median: float) -> float:
    """Return the logarithm of a length; a day is the shortest that is told apart."""
    return -math.inf if days == -math.inf else math.log(max(days, 1) / median)


def _finished(stage: Stage, policy: Policy, *, between: tuple[date, date]) -> tuple[float, float]:
    """Return between how many days a stage was ready to be left: exactly, or since the conference before."""
    entered, left = between
    days = (left - entered).days
    if stage.gate.conference_lead_days is None:
        return days, days
    missed = lasted_days(stage, policy, between=between)
    return (missed if missed > 0 else -math.inf), days


def lasted_days(stage: Stage, policy: Policy, *, between: tuple[date, date]) -> int:
    """Return for how many days of a stage it is known that it was not ready to be left.

    Where it ends on a conference: until the last before a day that it could have ended on.
    """
    entered, until = between
    lead = stage.gate.conference_lead_days
    if lead is None:
        return (until - entered).days
    before = bisect_left(policy.conference_days, until)
    days = (policy.conference_days[before - 1] - entered).days if before else 0
    return days if days >= max(lead, 1) else 0
