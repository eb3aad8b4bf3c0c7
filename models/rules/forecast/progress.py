"""How far a stage has come that waits for a share of standards, by what was counted at visits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

LEAST, MOST = 0.02, 0.98
"""Nothing done, or all of it, would say that a stage never ends, or has ended: the gate alone says that."""


class Counted(NamedTuple):
    """So many standards in compliance on a day, by the milestone that counts them."""

    on: date
    milestone: str
    value: int


class Progress(NamedTuple):
    """The share done of what there was to do when a stage was entered, after so many days of work in it."""

    done: float
    days: int


class Reached(NamedTuple):
    """The day of the last count in a stage, and the share done by then of what there was to do when it was entered."""

    on: date
    done: float


def reached(
    counted: Iterable[Counted], enough: Mapping[str, int], *, entered: date, begun: float
) -> Reached | None:
    """Tell how far a stage had come by its last count; None where none was taken in it.

    Args:
        counted: what was counted at any time, in any order.
        enough: what the gate asks for, by milestone.
        entered: the day on which the stage was entered.
        begun: the share that is assumed to be there on that day where nobody had counted by then.
    """
    rows = sorted(each for each in counted if enough.get(each.milestone, 0) > 0)
    if not rows or rows[-1].on <= entered:
        return None
    before = _share([each for each in rows if each.on <= entered], enough)
    begun = begun if before is None else min(before, MOST)
    now = _share(rows, enough)
    assert now is not None, "there are rows"
    return Reached(rows[-1].on, min(max((now - begun) / (1 - begun), LEAST), MOST))


def _share(rows: Iterable[Counted], enough: Mapping[str, int]) -> float | None:
    """Return the share there is by the latest count of each milestone; None without any."""
    latest = {each.milestone: min(each.value, enough[each.milestone]) for each in rows}
    return sum(latest.values()) / sum(enough[name] for name in latest) if latest else None
