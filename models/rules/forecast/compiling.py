"""From the curves of a fit to what `decide` looks up: when a chance falls below each level, when a case is ready."""

from __future__ import annotations

from array import array

import numpy as np

from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.outlook import LEVELS, TOTAL_COUNT, TOTAL_STEP, Outlook, StageOutlook
from models.rules.forecast.seen import Floats, Ints
from models.rules.forecast.tables import CLASSES, SPENT, STEP, STEPS, Tables

FINE = 6
"""Days between two chances that are worked out; the crossing between them is taken as straight."""


def compiled(forecaster: Forecaster, fit: int = 0) -> Outlook:
    """Work out an outlook. Takes about as long as the curves themselves."""
    tables = forecaster.tables
    stages = {}
    for number, track in enumerate(tables.tracks):
        for index, code in enumerate(tables.stages):
            chances = _while_staying(tables, number, index) * forecaster.wait
            stages[track, code] = StageOutlook(
                forecaster.stage_paces[track][code],
                forecaster.policy.stage[code].gate.conference_lead_days is not None,
                array("h", _falls(chances).ravel().tolist()),
                array("h", np.rint(tables.days_to[number, index]).astype(np.int64).ravel().tolist()),
            )
    spent = tuple(float(multiple) for multiple in SPENT)
    return Outlook(fit, forecaster.fit.as_of, forecaster.fit.agency_spread, spent, stages)


def _while_staying(tables: Tables, track: int, stage: int) -> Floats:
    """Return the chance by class, days from entering to the slot, and days spent: it never rises along the last.

    Whoever has stayed has not gone: that alone would let it rise by a hair, and no band is to hang on a hair.
    """
    total = np.arange(TOTAL_COUNT) * TOTAL_STEP
    spent = np.arange(0, TOTAL_COUNT * TOTAL_STEP, FINE)
    at = np.interp(spent / tables.medians[track, stage], SPENT, np.arange(SPENT.size))
    row = np.minimum(at.astype(np.int64), SPENT.size - 2)
    left = (total[:, None] - spent[None, :]) / STEP
    column = np.clip(left, 0, STEPS - 2).astype(np.int64)
    across, along = (at - row)[None, :], left - column
    curves = tables.kept[track, stage]
    found = np.zeros((CLASSES.size, *left.shape))
    for one, share in ((0, 1 - across), (1, across)):
        for other, part in ((0, 1 - along), (1, along)):
            found += share * part * curves[:, row + one][:, np.arange(spent.size)[None, :], column + other]
    found[:, left < 0] = 0
    return np.minimum.accumulate(np.clip(found, 0, 1), axis=-1)


def _falls(chances: Floats) -> Ints:
    """Return after how many days each level is crossed: (level, class, total)."""
    found = np.zeros((len(LEVELS), *chances.shape[:-1]), dtype=np.int64)
    last = chances.shape[-1] - 1
    for number, level in enumerate(LEVELS):
        after = np.minimum((chances >= level / 100).sum(axis=-1), last)
        before = np.maximum(after - 1, 0)
        high, low = (np.take_along_axis(chances, at[..., None], axis=-1)[..., 0] for at in (before, after))
        between = np.clip((high - level / 100) / np.maximum(high - low, 1e-12), 0, 1)
        found[number] = np.where(after == 0, 0, np.ceil((before + between) * FINE))
        for crossings, at_once in zip(found[number], chances[..., 0], strict=True):
            _begun_below(crossings, at_once, level / 100)
    return found


def _begun_below(crossings: Ints, at_once: Floats, level: float) -> None:
    """Let the straight line between two totals reach nought where the chance on entering a stage is the level.

    Without it a case that is below a level from its first day would seem to be above it for a while.
    """
    above = int((at_once < level).sum())
    if 0 < above < at_once.size:
        share = (level - at_once[above - 1]) / max(at_once[above] - at_once[above - 1], 1e-12)
        crossings[:above] = -min(round(crossings[above] * share / max(1 - share, 1e-3)), TOTAL_COUNT * TOTAL_STEP)
