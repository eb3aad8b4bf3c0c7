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
                _stored(_falls(chances)),
                _stored(np.rint(tables.days_to[number, index])),
            )
    spent = tuple(float(multiple) for multiple in SPENT)
    return Outlook(fit, forecaster.fit.as_of, forecaster.fit.agency_spread, spent, stages)


def _stored(days: Ints | Floats) -> array[int]:
    return array("h", days.astype(np.int16).tobytes())


_SPENT_DAYS = np.arange(0, TOTAL_COUNT * TOTAL_STEP, FINE)
_LEFT = (np.arange(TOTAL_COUNT)[:, None] * TOTAL_STEP - _SPENT_DAYS[None, :]) / STEP
"""Steps from the days spent to the slot, by days from entering to the slot and days spent."""
_AHEAD = _LEFT >= 0
_STEPS_LEFT, _SPENT_AT = _LEFT[_AHEAD], np.nonzero(_AHEAD)[1]
"""Of the slots that are still ahead, which are half of them."""


def _while_staying(tables: Tables, track: int, stage: int) -> Floats:
    """Return the chance by class, days from entering to the slot, and days spent: it never rises along the last.

    Whoever has stayed has not gone: that alone would let it rise by a hair, and no band is to hang on a hair.
    """
    at = np.interp(_SPENT_DAYS / tables.medians[track, stage], SPENT, np.arange(SPENT.size))
    row = np.minimum(at.astype(np.int64), SPENT.size - 2)
    column = np.minimum(_STEPS_LEFT.astype(np.int64), STEPS - 2)
    across, along = (at - row)[_SPENT_AT], _STEPS_LEFT - column
    corner = row[_SPENT_AT] * STEPS + column
    curves = tables.kept[track, stage].reshape(CLASSES.size, -1)
    ahead = np.zeros((CLASSES.size, corner.size))
    for one, share in ((0, 1 - across), (STEPS, across)):
        for other, part in ((0, 1 - along), (1, along)):
            ahead += share * part * curves.take(corner + (one + other), axis=1)
    found = np.zeros((CLASSES.size, *_LEFT.shape))
    found[:, _AHEAD] = np.clip(ahead, 0, 1)
    return np.minimum.accumulate(found, axis=-1)


def _falls(chances: Floats) -> Ints:
    """Return after how many days each level is crossed: (level, class, total)."""
    last = chances.shape[-1] - 1
    levels = np.array(LEVELS) / 100
    rising = np.ascontiguousarray(chances[..., ::-1]).reshape(-1, chances.shape[-1])
    held = chances.shape[-1] - np.array([row.searchsorted(levels) for row in rising])
    found = np.zeros((len(LEVELS), *chances.shape[:-1]), dtype=np.int64)
    for number, level in enumerate(levels):
        after = np.minimum(held[:, number].reshape(chances.shape[:-1]), last)
        before = np.maximum(after - 1, 0)
        high, low = (np.take_along_axis(chances, at[..., None], axis=-1)[..., 0] for at in (before, after))
        between = np.clip((high - level) / np.maximum(high - low, 1e-12), 0, 1)
        found[number] = np.where(after == 0, 0, np.ceil((before + between) * FINE))
    at_once = chances[..., 0]
    below = (at_once < levels[:, None, None]).sum(axis=-1)
    for number, row in zip(*np.nonzero((below > 0) & (below < at_once.shape[-1])), strict=True):
        _begun_below(found[number, row], at_once[row], levels[number], above=int(below[number, row]))
    return found


def _begun_below(crossings: Ints, at_once: Floats, level: float, *, above: int) -> None:
    """Let the straight line between two totals reach nought where the chance on entering a stage is the level.

    Without it a case that is below a level from its first day would seem to be above it for a while.

    Args:
        crossings: the days after which the level is crossed, by total; changed.
        at_once: the chance on entering the stage, by total.
        level: the level.
        above: the first total of which the chance is not below the level.
    """
    share = (level - at_once[above - 1]) / max(at_once[above] - at_once[above - 1], 1e-12)
    crossings[:above] = -min(round(crossings[above] * share / max(1 - share, 1e-3)), TOTAL_COUNT * TOTAL_STEP)
