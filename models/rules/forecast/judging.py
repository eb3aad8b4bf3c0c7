"""How good a forecast was: against what came to pass, and against the rules it has to beat.

A forecast is judged by its Brier score (the mean square of what it was off), and by its *skill*: the share of a rule's
score that it saves, 0 where it is no better and 1 where it was always right. Both rules are given what no forecast
has, the outcomes themselves: they are calibrated in hindsight on the very cases that they are scored on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]
BINS = 10


class Judged(NamedTuple):
    """Forecasts that can be judged: each with the days that were left, and 1 where the award came in time, else 0."""

    chance: Floats
    days_left: Floats
    came: Floats


class Bin(NamedTuple):
    """Forecasts of about the same probability: how many, what they said on average, how often it came to pass."""

    low: float
    high: float
    number: int
    said: float
    came: float


class Verdict(NamedTuple):
    """The scores of one set of forecasts; `error` is the mean distance of said and come by bin, weighted by number."""

    number: int
    brier: float
    against_days_left: float
    against_base_rate: float
    error: float
    bins: tuple[Bin, ...]


class Watched(NamedTuple):
    """One enrollment as it was looked at until its deadline or its end, the earliest look first.

    `missed` says that no award came by the deadline.
    """

    missed: bool
    days_left: tuple[int, ...]
    chance: tuple[float, ...]


class Warnings(NamedTuple):
    """What a rule's alarms came to. The lead is the median over all that missed; who was never warned of counts 0."""

    alarms: int
    false_alarms: int
    missed: int
    lead_days: float


def days_left_rule(judged: Judged) -> Floats:
    """Return what counting the days left would have said: the share of awards by days left, never falling with them."""
    order = np.argsort(judged.days_left, kind="stable")
    ties = judged.days_left[order]
    # Equal days must be given an equal chance: pooled first, with their number as weight.
    days, where, numbers = np.unique(ties, return_inverse=True, return_counts=True)
    shares = np.bincount(where, weights=judged.came[order]) / numbers
    fitted = np.asarray(isotonic_regression(shares, weights=numbers).x, dtype=np.float64)
    return fitted[np.searchsorted(days, judged.days_left)]


def brier(chance: Floats, came: Floats) -> float:
    """Return the mean square of what the forecasts were off."""
    return float(np.mean((chance - came) ** 2))


def bins_of(judged: Judged) -> tuple[Bin, ...]:
    """Divide forecasts into ten bins of equal width; empty ones are left out."""
    index = np.minimum((judged.chance * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(i / BINS, (i + 1) / BINS, int(of_bin.sum()), float(judged.chance[of_bin].mean()),
            float(judged.came[of_bin].mean()))
        for i in range(BINS) if (of_bin := index == i).any()
    )


def judge(judged: Judged) -> Verdict | None:
    """Score forecasts; None where there is nothing to score."""
    if not judged.came.size:
        return None
    bins = bins_of(judged)
    own = brier(judged.chance, judged.came)
    return Verdict(
        number=judged.came.size,
        brier=own,
        against_days_left=skill(own, brier(days_left_rule(judged), judged.came)),
        against_base_rate=skill(own, brier(np.full_like(judged.came, judged.came.mean()), judged.came)),
        error=sum(each.number * abs(each.said - each.came) for each in bins) / judged.came.size,
        bins=bins,
    )


def skill(own: float, rule: float) -> float:
    """Return the share of a rule's score that is saved: 1 is perfect, below 0 worse than the rule."""
    if rule == 0:
        return 0.0 if own == 0 else -np.inf
    return 1 - own / rule


def pooled(sets: Sequence[Judged]) -> Judged:
    """Put sets of forecasts together."""
    return Judged(*(np.concatenate(columns) for columns in zip(*sets, strict=True)))


def by_forecast(watched: Sequence[Watched], below: float) -> Warnings:
    """Warn of each enrollment at the first look that gives it less than this chance."""
    leads = [
        next((days for days, chance in zip(w.days_left, w.chance, strict=True) if chance < below), None)
        for w in watched
    ]
    return warnings([w.missed for w in watched], leads)


def by_days_left(watched: Sequence[Watched], alarms: int) -> Warnings:
    """Warn of each enrollment when so many days are left, the fewest that raise at least this number of alarms.

    The days are chosen in hindsight: the rule is given the number of alarms, which nobody would know beforehand.
    """
    nearest = sorted(w.days_left[-1] for w in watched if w.days_left)
    if not nearest or not alarms:
        return warnings([w.missed for w in watched], [None] * len(watched))
    days = nearest[min(alarms, len(nearest)) - 1]
    leads = [next((left for left in w.days_left if left <= days), None) for w in watched]
    return warnings([w.missed for w in watched], leads)


def warnings(missed: Sequence[bool], leads: Sequence[int | None]) -> Warnings:
    """Count what warnings came to.

    Args:
        missed: of each enrollment whether no award came by the deadline.
        leads: the days that were left at the first warning; None where there was none.
    """
    late = [lead or 0 for miss, lead in zip(missed, leads, strict=True) if miss]
    return Warnings(
        alarms=sum(lead is not None for lead in leads),
        false_alarms=sum(not miss and lead is not None for miss, lead in zip(missed, leads, strict=True)),
        missed=len(late),
        lead_days=float(np.median(late)) if late else 0.0,
    )
