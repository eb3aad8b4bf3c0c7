"""What the accrediting body asks for, as dated tables in integer cents of the program's currency."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data


class Bracket(Data):
    """The initial fee of an agency with at least so many staff, until the next bracket begins."""

    staff_from: Annotated[int, Field(ge=0)]
    cents: Annotated[int, Field(ge=0)]


class Fee(Data):
    """What some tracks cost from a day on; a year of extension costs a share of the initial fee."""

    since: date
    tracks: Annotated[tuple[Code, ...], Field(min_length=1)]
    initial: Annotated[tuple[Bracket, ...], Field(min_length=1)]
    extension_percent: Annotated[int, Field(ge=0, le=100)]
