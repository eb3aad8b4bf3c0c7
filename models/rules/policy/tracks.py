"""What one is accredited for, and the program's promise of when."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from models.rules.policy.base import Code, Data, Label, Months
from models.rules.words import Post


class Window(Data):
    """The program's own promise: award between these months after the countersigned agreement."""

    from_month: Months
    until_month: Months


class Track(Data):
    """What one is accredited for. `pace` scales the stages' expected days; `limit_months` is the accrediting body's."""

    name: Label
    kinds: Annotated[tuple[Code, ...], Field(min_length=1)]
    limit_months: Months
    pace: Annotated[float, Field(gt=0, le=10)] = 1.0
    mandatory: Annotated[int, Field(ge=0)] | None = None
    other: Annotated[int, Field(ge=0)] | None = None
    window: Window | None = None


class Reaccreditation(Data):
    """The cycle that an award opens, counted from the award: where it starts, and its own months.

    Its stages last as they are written: `pace` is not the track's, since a year is a year on every track. `keeps` are
    the experts who go with the agency into the next cycle; with none, it begins without.
    """

    start: Code
    window: Window
    limit_months: Months
    pace: Annotated[float, Field(gt=0, le=10)] = 1.0
    keeps: tuple[Post, ...] = ()


class Terms(NamedTuple):
    """What an enrollment's dates are counted by: those of its track, or of the cycle that an award opened."""

    window: Window
    limit_months: int
    pace: float


class AgencyKind(Data):
    """A kind of agency, and the words a roster may use for it."""

    name: Label
    also: tuple[str, ...] = ()
