"""A fit worked out once: how long until an award can be decided, from every stage, pace and time spent there.

A case looks its answer up. The days until it is ready are the rest of its stage, given that it has lasted so long, and
all stages behind it, one convolution after the other; the agency's pace is common to them all, so each is worked out
for every pace there may be and weighed by what is known of it: by the finished stages, and by how long this one lasts.

Two curves by days ahead: *ready* by then if it stays, and *kept*: ready by then and not gone before.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.rules.forecast.fitting import MONTH, Fit
from models.rules.forecast.seen import Floats, Ints
from models.rules.policy import Policy

Singles = NDArray[np.float32]
STEP, STEPS = 8, 400
"""Days between two points of a curve, and how many: nobody is followed for more than nine years."""
AHEAD: Floats = np.arange(STEPS, dtype=np.float64) * STEP
QUANTILES = (0.1, 0.5, 0.9)
# Agencies' paces, in standard deviations: those that cases are told apart by, and those that are weighed.
CLASSES: Floats = np.linspace(-2, 2, 9)
NODES: Floats = np.linspace(-3.2, 3.2, 17)
# Time spent in a stage, as multiples of its median.
SPENT: Floats = np.array([
    0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1, 1.15, 1.3, 1.5, 1.75, 2, 2.5, 3, 4, 6, 9,
])


class Asked(NamedTuple):
    """Many cases at once: numbers of track and stage, the agency's pace, and the days spent in the stage."""

    track: Ints
    stage: Ints
    pace: Floats
    spent: Floats


class Tables(NamedTuple):
    """The curves: by track, stage, pace class, time spent and days ahead; `days_to` are the quantiles of `ready`."""

    tracks: tuple[str, ...]
    stages: tuple[str, ...]
    medians: Floats
    agency_spread: float
    ready: Singles
    kept: Singles
    days_to: Singles

    def chance(self, asked: Asked, days: Floats) -> Floats:
        """Return for each case the chance that it is ready in so many days and has not gone before."""
        at = np.clip(days / STEP, 0, STEPS - 1.001)
        below = at.astype(np.int64)
        above = at - below
        found = np.zeros(asked.track.size)
        for share, index in self._corners(asked):
            found += share * ((1 - above) * self.kept[(*index, below)] + above * self.kept[(*index, below + 1)])
        return np.where(days < 0, 0.0, found)

    def quantiles(self, asked: Asked) -> Floats:
        """Return for each case the days until it is ready by p10, p50 and p90, if it stays: (case, quantile).

        A quantile that lies beyond the last day ahead is that day.
        """
        found = np.zeros((asked.track.size, len(QUANTILES)))
        for share, index in self._corners(asked):
            found += share[:, None] * self.days_to[index]
        return found

    def curve(self, asked: Asked) -> Floats:
        """Return for each case its whole curve of `chance` over the days ahead (`AHEAD`)."""
        found = np.zeros((asked.track.size, STEPS))
        for share, index in self._corners(asked):
            found += share[:, None] * self.kept[index]
        return found

    def _corners(self, asked: Asked) -> list[tuple[Floats, tuple[Ints, Ints, Ints, Ints]]]:
        """Return the four points of the tables around each case, and how much each of them counts."""
        step = CLASSES[1] - CLASSES[0]
        pace = np.clip((asked.pace / self.agency_spread - CLASSES[0]) / step, 0, CLASSES.size - 1.001)
        spent = np.interp(asked.spent / self.medians[asked.track, asked.stage], SPENT, np.arange(SPENT.size))
        pace_below, spent_below = pace.astype(np.int64), np.minimum(spent.astype(np.int64), SPENT.size - 2)
        pace_share, spent_share = pace - pace_below, spent - spent_below
        return [
            (
                np.abs(1 - one - pace_share) * np.abs(1 - other - spent_share),
                (asked.track, asked.stage, pace_below + one, spent_below + other),
            )
            for one in (0, 1) for other in (0, 1)
        ]


def tables(fit: Fit, policy: Policy) -> Tables:
    """Work a fit out. Takes about half a second for four tracks of eight stages."""
    stages = policy.path[:-1]
    tracks = tuple(sorted(fit.medians))
    shape = (len(tracks), len(stages), CLASSES.size, SPENT.size, STEPS)
    ready, kept = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    staying = np.exp(-fit.exits_a_month / MONTH * AHEAD)
    for number, track in enumerate(tracks):
        medians, paces = fit.medians[track], fit.paces(policy, track)
        behind = np.ones((NODES.size, STEPS + 1), dtype=np.complex128)
        for index in reversed(range(len(stages))):
            stage = stages[index]
            shaped = _Stage(medians[stage.code], fit.stages[stage.code].spread, stage.gate.conference_lead_days or 0)
            rest = _rest(shaped, fit.agency_spread)
            both = np.fft.irfft(np.fft.rfft(rest, n=2 * STEPS) * behind, n=2 * STEPS)[..., :STEPS]
            np.maximum(both, 0, out=both)  # what rounding took below
            weighed = np.einsum("cea,eat->cet", _weights(shaped, fit.agency_spread, paces[stage.code].known), both)
            # A step's mass lies around its day: half of it before.
            ready[number, index] = np.cumsum(weighed, axis=-1) - weighed / 2
            kept[number, index] = np.cumsum(weighed * staying, axis=-1) - weighed * staying / 2
            behind = behind * np.fft.rfft(rest[0], n=2 * STEPS)
    medians_of = np.array([[fit.medians[track][stage.code] for stage in stages] for track in tracks])
    codes = tuple(stage.code for stage in stages)
    return Tables(tracks, codes, medians_of, fit.agency_spread, ready, kept, _days_to(ready))


def _days_to(ready: Singles) -> Singles:
    """Return when each curve reaches the quantiles, between two steps where it does."""
    found = np.empty((*ready.shape[:-1], len(QUANTILES)), dtype=np.float32)
    for number, quantile in enumerate(QUANTILES):
        after = np.minimum((ready < quantile).sum(axis=-1), STEPS - 1)
        before = np.maximum(after - 1, 0)
        low, high = (np.take_along_axis(ready, at[..., None], axis=-1)[..., 0] for at in (before, after))
        between = np.clip((quantile - low) / np.maximum(high - low, 1e-9), 0, 1)
        found[..., number] = (before + between * (after - before)) * STEP
    return found


class _Stage(NamedTuple):
    median: float
    spread: float
    lead: int

    def over(self, days: Floats, paces: Floats) -> Floats:
        """Return the chance that it is over after so many days, by pace."""
        with np.errstate(divide="ignore"):
            logs = np.log(days / self.median)
        return 0.5 * (1 + np.tanh((logs - paces) / (2 * self.spread)))


def _rest(stage: _Stage, agency_spread: float) -> Floats:
    """Return the odds of the days that a stage still lasts, by time spent and pace: (spent, node, step)."""
    spent = SPENT[:, None, None] * stage.median
    edges = np.maximum(np.arange(STEPS + 1) - 0.5, 0) * STEP
    over = stage.over(spent + edges, (agency_spread * NODES)[:, None])
    rest = np.diff(over, axis=-1) / np.maximum(1 - over[..., :1], 1e-12)
    # Where a conference needs a lead, nobody is ready before it.
    first = np.maximum(np.rint((stage.lead - SPENT * stage.median) / STEP), 0).astype(np.int64)
    for index, start in enumerate(first):
        rest[index, :, start] += rest[index, :, :start].sum(axis=-1)
        rest[index, :, :start] = 0
    return rest


def _weights(stage: _Stage, agency_spread: float, known: float) -> Floats:
    """Return how much each pace counts, by class and time spent: (class, spent, node)."""
    off = (NODES[None, :] - CLASSES[:, None]) * agency_spread
    lasting = 1 - stage.over(SPENT[:, None] * stage.median, agency_spread * NODES)
    weight = np.exp(-0.5 * off**2 * known)[:, None, :] * np.maximum(lasting, 1e-12)
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def wait_for_a_conference(policy: Policy, exits_a_month: float) -> float:
    """Return the share that does not leave while it waits, ready, for the next conference: half the usual gap."""
    days = policy.conference_days
    if not policy.snaps or days[0] == days[-1]:
        return 1.0
    gap = (days[-1] - days[0]).days / (len(days) - 1)
    return math.exp(-exits_a_month / MONTH * gap / 2)
