"""The logistic distribution, and its fit to what is known exactly or only between two bounds.

What `scipy.stats.logistic` says and, to the last digit that matters, how it fits (from the moments, by the simplex);
for a tenth of its time, of which nearly all goes into checks, and without half a second for importing it.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import fmin
from scipy.special import expit, log_expit

from models.rules.forecast.seen import Floats

IMPOSSIBLE = 100 * math.log(np.finfo(np.float64).max)
"""What counts against a fit for each value that cannot be under it: enough to leave it, and still a number."""


def density(at: Floats) -> Floats:
    """Return the logarithm of the standard distribution's density."""
    far = -np.abs(at)
    return np.asarray(far - 2 * np.log1p(np.exp(far)))


def between(low: Floats, high: Floats) -> Floats:
    """Return the odds of a value between two bounds; taken from the nearer end, or far out nothing would be left."""
    sign = np.where(low > 0, -1.0, 1.0)
    return np.asarray(np.abs(expit(sign * high) - expit(sign * low)))


def fitted(low: Floats, high: Floats) -> tuple[float, float]:
    """Return the location and scale under which values are likeliest of which these bounds are known.

    Args:
        low: at least so much; as much as `high` where it is known exactly, minus infinity where nothing is.
        high: at most so much; infinity where nothing is known.
    """
    exact, least, most = low == high, high == math.inf, low == -math.inf
    inside = ~(exact | least | most)
    known, at_least, at_most = low[exact], low[least], high[most]
    bounds = low[inside], high[inside]

    def unlikely(given: Floats) -> float:
        location, scale = given
        if scale <= 0:
            return math.inf
        lower, upper = ((bound - location) / scale for bound in bounds)
        with np.errstate(divide="ignore"):
            logs = np.concatenate((
                density((known - location) / scale), log_expit((location - at_least) / scale),
                log_expit((at_most - location) / scale), np.log(between(lower, upper)),
            ))
        possible = np.isfinite(logs)
        penalty = IMPOSSIBLE * (logs.size - np.count_nonzero(possible))
        return float(known.size * math.log(scale) - logs[possible].sum() + penalty)

    guessed = np.concatenate((known, at_most, at_least, (bounds[0] + bounds[1]) / 2))
    begin = float(guessed.mean()), float(guessed.std()) / (math.pi / math.sqrt(3)) or 1.0
    location, scale = fmin(unlikely, begin, disp=False)
    return float(location), float(scale)
