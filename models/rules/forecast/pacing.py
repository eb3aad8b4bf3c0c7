"""An agency's own pace: what the stages behind it tell about those ahead. Plain numbers: a sweep keeps it up to date.

The pace is the logarithm of how many times as long as the median an agency takes, as far as is known of it. Each
finished stage moves it: by much while little is known, less later, and never by more than a bounded step, so that one
stage that took years says little more than one that took far too long. It is one Newton step towards the most likely
value per stage, for the log-logistic durations that the fit assumes.

In a stage that waits for a share of standards, what was counted at visits tells more: how long this very stage takes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from models.rules.forecast.progress import Progress

LOGISTIC_VARIANCE = math.pi**2 / 3
"""Of a logistic of scale 1."""
QUARTILES = 1.35
"""How many standard deviations lie between the quartiles of what is about normal."""
FARTHEST = 1.5
"""No count says that what is left of a stage takes more than e^1.5 = 4.5 times what its days say, or less than that."""


class StagePace(NamedTuple):
    """One stage on one track: its median days, its spread, and how much is known of the pace of who enters it.

    `known` is a precision: 1 / variance. `tells` is False of a stage that ends on a conference: the calendar's pace.
    `after` are the median days of all stages behind it.
    """

    median: float
    spread: float
    known: float
    tells: bool
    after: float = 0.0


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


def days_ahead(pace: float, stage: StagePace, seen: Progress, *, spread: float) -> int:
    """Return how many days sooner an award is to be expected by what was counted in a stage; negative: later.

    By its days alone so many more are to be expected of the stage. The share done after them says another number, off
    by `spread` (a standard deviation of the logarithm) from one half on, and by more before that. The two are weighed
    by how far each may be off. What is new of the agency by it, the stages behind share as far as an agency's pace is
    unknown.

    >>> proofs = StagePace(median=240, spread=0.28, known=35.0, tells=True, after=210)
    >>> [days_ahead(0.0, proofs, Progress(share, 120), spread=0.6) for share in (0.2, 0.5, 0.8)]
    [-157, 10, 103]
    """
    length = stage.median * math.exp(pace)
    agency, noise = 1 / stage.known, LOGISTIC_VARIANCE * stage.spread**2
    scale = math.sqrt((agency + noise) / LOGISTIC_VARIANCE)
    sooner, usual, later = (_rest(length, scale, seen.days, left=left) for left in (0.75, 0.5, 0.25))
    unsure = (math.log(later / sooner) / QUARTILES) ** 2
    off = math.log(seen.days * (1 - seen.done) / seen.done / usual)
    little = min(seen.done, 0.5)
    share = unsure / (unsure + spread**2 / (4 * little * (1 - little)))
    moved_by = min(max(share * off, -FARTHEST), FARTHEST)
    its, others = (math.expm1(part) for part in (moved_by, moved_by * agency / (agency + noise)))
    return -round(usual * its + stage.after * math.exp(pace) * others)


def _rest(length: float, scale: float, spent: int, *, left: float) -> float:
    """Return within how many more days a stage ends but for a share `left` of those that last so long already."""
    over = left / (1 + math.exp(math.log(spent / length) / scale))
    return max(length * math.exp(scale * math.log((1 - over) / over)) - spent, 1.0)
