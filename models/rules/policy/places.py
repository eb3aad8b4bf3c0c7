"""Where agencies are, and who supervises there."""

from __future__ import annotations

from datetime import date

from models.rules.policy.base import Code, Data


class Region(Data):
    """Who supervises where: the entities of one regional manager."""

    code: Code
    name: str
    entities: tuple[str, ...]


class Government(Data):
    """The days on which an entity's government, and those of its municipalities, begin their terms, in order."""

    state: tuple[date, ...] = ()
    municipal: tuple[date, ...] = ()


class Entity(Data):
    """A first-level division: its zone, and the municipalities whose zone differs."""

    name: str
    zone: str
    calendar: str | None = None
    also: tuple[str, ...] = ()
    municipality_zones: dict[str, str] = {}  # noqa: RUF012 - pydantic copies a default for each value
