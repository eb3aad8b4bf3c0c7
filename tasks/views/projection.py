"""What a new version of a program moves: the planned days of all open cases, held against those of the one in force."""

from __future__ import annotations

from datetime import date
from heapq import nsmallest
from typing import NamedTuple

from sqlalchemy import Connection, select

from models.rules.case import Program
from models.rules.projection import MovedDay, moved_days
from models.rules.words import Status
from models.schema import ENROLLMENT
from tasks.store.cases import named_cases
from tasks.store.lookups import chunks
from tasks.views.reports import names_of

SHOWN = 5
"""How many moved days are named, the nearest first."""


class Named(NamedTuple):
    """A moved day and whose it is."""

    enrollment: str
    moved: MovedDay


class Projection(NamedTuple):
    """How many planned days of how many open cases move, and the nearest of them."""

    days: int
    cases: int
    first: tuple[Named, ...]


def projected(connection: Connection, before: Program, after: Program, *, today: date) -> Projection:
    """Hold every open case against two versions of its program, in batches; nothing is written."""
    days = cases = 0
    first: list[tuple[int, MovedDay]] = []
    ids = connection.scalars(select(ENROLLMENT.c.id).where(ENROLLMENT.c.status == Status.OPEN)).all()
    for some in chunks(sorted(ids)):
        found = [
            (case.id, moved) for case in named_cases(connection, some)
            for moved in moved_days(case, before, after, today=today)
        ]
        days, cases = days + len(found), cases + len({case_id for case_id, _ in found})
        first = nsmallest(SHOWN, [*first, *found], key=lambda each: (each[1].before, each))
    names = names_of(connection, {case_id for case_id, _ in first})
    return Projection(days, cases, tuple(Named(names[case_id].code, moved) for case_id, moved in first))
