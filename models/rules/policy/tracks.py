"""What one is accredited for, and the program's promise of when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Label, Months


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


class AgencyKind(Data):
    """A kind of agency, and the words a roster may use for it."""

    name: Label
    also: tuple[str, ...] = ()
