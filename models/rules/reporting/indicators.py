"""Indicators as a sponsor reads them: baseline, target, actual, by how much they differ, and the risk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from models.rules.policy.forecast import RiskBand
from models.rules.policy.reports import Aim, Indicator
from models.rules.reporting.measures import UNIT, Figure, Seen, Unit, measured
from models.rules.words import Level, Measure


class Row(NamedTuple):
    """One indicator in a quarter. `variance` is above zero where the actual is ahead of its target.

    `chance` is that of the last target, in percent, where a forecast judged the risk; `reasons` are the codes that
    people recorded for the variance.
    """

    indicator: Indicator
    unit: Unit
    target: float | None
    actual: Figure
    variance: float | None
    level: Level
    chance: float | None = None
    reasons: tuple[str, ...] = ()


def target_on(indicator: Indicator, day: date) -> float | None:
    """Return what an indicator is to be on a day; None before its baseline."""
    points = [Aim(value=indicator.baseline.value, by=indicator.baseline.on), *indicator.targets]
    if day < points[0].by:
        return None
    for before, after in pairwise(points):
        if day < after.by:
            share = (day - before.by).days / (after.by - before.by).days
            return round(before.value + share * (after.value - before.value), 1)
    return points[-1].value


def row(
    indicator: Indicator, seen: Seen, *, reasons: Sequence[str] = (), forecast: tuple[float, RiskBand] | None = None
) -> Row:
    """Put an indicator beside its target.

    Args:
        indicator: which.
        seen: what it is counted from.
        reasons: why it differs, by the codes that people recorded.
        forecast: the chance of the last target in percent with the program's band, where there is one.
    """
    actual, target = measured(indicator, seen), target_on(indicator, seen.day)
    variance = None
    if actual.value is not None and target is not None:
        ahead = round(actual.value - target, 1)
        variance = -ahead if indicator.fewer_is_better else ahead
    foreseen = forecast if indicator.measure is Measure.AGENCIES_ACCREDITED else None
    level = _by_chance(*foreseen) if foreseen is not None else _by_variance(indicator, variance, target)
    return Row(
        indicator, UNIT.get(indicator.measure, Unit.PERCENT), target, actual, variance, level,
        foreseen[0] if foreseen is not None else None, tuple(reasons),
    )


def _by_chance(chance: float, band: RiskBand) -> Level:
    if chance >= band.recovered_from:
        return Level.LOW
    return Level.WATCH if chance >= band.at_risk_below else Level.HIGH


def _by_variance(indicator: Indicator, variance: float | None, target: float | None) -> Level:
    if variance is None or target is None:
        return Level.UNKNOWN
    missed = 0.0 if variance >= 0 else (-100 * variance / target if target else 100.0)
    if missed >= indicator.high_percent and missed > 0:
        return Level.HIGH
    return Level.WATCH if missed >= indicator.watch_percent and missed > 0 else Level.LOW
