"""An agency's own pace: what the stages behind it tell about those ahead. Plain numbers: a sweep keeps it up to date.

The pace is the logarithm of how many times as long as the median an agency takes, as far as is known of it. Each
finished stage moves it: by much while little is known, less later, and never by more than a bounded step, so that one
stage that took years says little more than one that took far too long. It is one Newton step towards the most likely
value per stage, for the log-logistic durations that the fit assumes.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class StagePace(NamedTuple):
    """One stage on one track: its median days, its spread, and how much is known of the pace of who enters it.

    `known` is a precision: 1 / variance. `tells` is False of a stage that ends on a conference: the calendar's pace.
    """

    median: float
    spread: float
    known: float
    tells: bool


def moved(pace: float, stage: StagePace, days: int) -> float:
    """Return an agency's pace once it has finished a stage in so many days.

    >>> usual = StagePace(median=100, spread=0.28, known=25.0, tells=True)
    >>> moved(0.0, usual, 100)
    0.0
    >>> 0.1 < moved(0.0, usual, 200) < moved(0.0, usual, 20_000) < 0.13
    True
    """
    if not stage.tells:
        return pace
    off = math.log(max(days, 1) / stage.median) - pace
    known = stage.known + told(stage.spread)
    return pace + math.tanh(off / (2 * stage.spread)) / stage.spread / known


def told(spread: float) -> float:
    """Return how much a finished stage tells of the pace: the Fisher information of a logistic location."""
    return 1 / (3 * spread**2)
