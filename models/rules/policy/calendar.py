"""Dated and hourly data: when people work, when an award can be decided."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Days


class WorkingHours(Data):
    """When mail may reach a person, in the person's own zone; Monday is 0."""

    start: time
    end: time
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...]


class Conference(Data):
    """A dated slot at which an award can be decided."""

    on: date
    name: str


class Lead(Data):
    """How long one milestone lies before another at least, to leave time between them, and at most, to still count."""

    milestone: Code
    before: Code
    at_least_days: Days
    at_most_days: Days | None = None
