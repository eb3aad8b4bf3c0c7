"""Dated duties: what is owed on a date, each fulfilled by a milestone that a person records."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Days, Label
from models.rules.policy.rules import Reminding
from models.rules.words import Clock, Post


class Due(Data):
    """One date of a duty: so many months and days after its anchor. Days before a month's date are negative."""

    months: Annotated[int, Field(ge=0, le=240)] = 0
    days: Annotated[int, Field(ge=-3650, le=3650)] = 0


class Duty(Reminding):
    """Something that is owed on dates counted from a clock, or from the day on which somebody new takes a post.

    With `clock` there is an occurrence for each of `due`, each counted from the anchor itself; with `posts`, one for
    the newest change of holder. The first fact of `milestone` that falls into an occurrence fulfils it: one counts from
    `early_days` before the date on, else from the day after the date before. `steps` is its checklist.
    """

    notice: Code = "duty"
    name: Label
    milestone: Code
    due: Annotated[tuple[Due, ...], Field(min_length=1)]
    clock: Clock | None = None
    posts: tuple[Post, ...] = ()
    early_days: Annotated[Days, Field(ge=1)] | None = None
    tracks: tuple[Code, ...] = ()
    steps: tuple[Label, ...] = ()
