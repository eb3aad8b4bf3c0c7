"""Dated and hourly data: when people work and when not, when an award can be decided."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import Field, field_validator

from models.rules.policy.base import Code, Data, Days

COMMON_YEAR = 2001


class WorkingHours(Data):
    """When mail may reach a person, in the person's own zone; Monday is 0.

    Over the first `spread_minutes` of a morning people are reached one after the other.
    """

    start: time
    end: time
    spread_minutes: Annotated[int, Field(ge=0, le=240)] = 0
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...]


class Holiday(Data):
    """A day on which a country does not work."""

    on: date
    name: str


class WorkCalendar(Data):
    """What a country's offices keep: its holidays, known from `since` until `until`, and the zones its people live in.

    With `country` (ISO 3166-1 alpha-2) the holidays are filled in when the folder is read, so that a stored policy says
    what it was decided by.
    """

    since: date
    until: date
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    zones: tuple[str, ...] = ()
    holidays: tuple[Holiday, ...] = ()


class Yearly(Data):
    """The same days of every year, as month and day; an end before the beginning lies in the year after."""

    since: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]
    until: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]

    @field_validator("since", "until")
    @classmethod
    def _of_every_year(cls, value: str) -> str:
        date(COMMON_YEAR, *map(int, value.split("-")))
        return value

    def in_year(self, year: int) -> tuple[date, date]:
        """Return the first and the last day of the closure that begins in a year."""
        first, last = (date(year, *map(int, text.split("-"))) for text in (self.since, self.until))
        return first, last if last >= first else last.replace(year=year + 1)


class Closure(Data):
    """Days on which offices are closed beside the holidays: dated, of every year, or counted from Easter Sunday.

    It is everybody's, or of the calendars, regions, entities and agencies it names. `observed` false: known, and off.
    """

    name: Annotated[str, Field(min_length=1)]
    since: date | None = None
    until: date | None = None
    yearly: Yearly | None = None
    easter: tuple[int, ...] = ()
    calendars: tuple[str, ...] = ()
    regions: tuple[Code, ...] = ()
    entities: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    observed: bool = True


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
