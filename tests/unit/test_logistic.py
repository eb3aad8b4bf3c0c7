"""The logistic distribution and its censored fit, beside those of scipy.stats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from models.rules.forecast.logistic import between, density, fitted


def _bounds(seed: int, *, size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Values of a logistic distribution, of which a part is known exactly, to a span, to a side, or not at all."""
    draw = np.random.default_rng(seed)
    low = draw.logistic(draw.normal(5, 2), draw.uniform(0.2, 2), size)
    high = low.copy()
    kind = draw.integers(0, 5, size)
    high[kind == 1] += draw.uniform(0.1, 1, size)[kind == 1]
    high[kind == 2] = math.inf
    low[kind == 3] = -math.inf
    return low, high


@pytest.mark.parametrize("seed", range(12))
def test_the_fit_to_what_is_known_in_part_is_that_of_scipy(seed: int) -> None:
    low, high = _bounds(seed)
    expected = stats.logistic.fit(stats.CensoredData.interval_censored(low, high))
    assert fitted(low, high) == pytest.approx(expected, rel=1e-9)


def test_density_and_odds_are_those_of_scipy_and_hold_far_out() -> None:
    at = np.linspace(-60, 60, 481)
    assert density(at) == pytest.approx(stats.logistic.logpdf(at), rel=1e-12)
    assert between(at[:-1], at[1:]) == pytest.approx(between(-at[1:], -at[:-1]), rel=1e-12)
    assert between(at[:1], at[-1:]) == pytest.approx(1)
    near = at[np.abs(at) < 20]
    expected = stats.logistic.cdf(near[1:]) - stats.logistic.cdf(near[:-1])
    assert between(near[:-1], near[1:]) == pytest.approx(expected, rel=1e-6)
    assert (between(at[:-1], at[1:]) > 0).all(), "what is far out is unlikely, and not impossible"
