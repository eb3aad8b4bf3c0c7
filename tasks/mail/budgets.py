"""How many emails each person may still get: of all kinds in a week, and of each in a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import Connection, bindparam, func, select

from models.rules.budget import monday_of
from models.rules.words import EmailKind, EmailState
from models.schema import EMAIL
from tasks.store.cases import IDS

_E = EMAIL.c
GOT = (
    select(_E.person_id, func.count())
    .where(
        _E.person_id.in_(IDS), _E.day >= bindparam("monday"),
        _E.state.not_in([EmailState.CANCELLED, EmailState.DEAD]),
    )
    .group_by(_E.person_id)
)
"""The emails of a week by person: whatever went out, may have gone out, or waits to be tried again."""


class Budgets:
    """The budget of a week and what is left of it; each person is asked about once, together with others."""

    def __init__(self, connection: Connection, a_week: int | None, *, today: date) -> None:
        self.a_week, self._connection, self._monday = a_week, connection, monday_of(today)
        self._got: dict[int, int] = {}
        self._asked: set[int] = set()

    @property
    def next_week(self) -> date:
        """The day until which waits what this week has no email left for."""
        return self._monday + timedelta(days=7)

    def left(self, person: int, others: Collection[int]) -> int | None:
        """Return how many emails a person may still get; None without a budget. `others` are asked about at once."""
        if self.a_week is None:
            return None
        if person not in self._asked:
            ask = {person, *others} - self._asked
            asked = {"ids": sorted(ask), "monday": self._monday}
            for number, count in self._connection.execute(GOT, asked):
                self.spend(number, count)
            self._asked |= ask
        return self.a_week - self._got.get(person, 0)

    def spend(self, person: int, emails: int) -> None:
        """Count emails that are about to be written."""
        self._got[person] = self._got.get(person, 0) + emails

    def has_one(self, person: int, others: Collection[int]) -> bool:
        """Whether one more email may go out."""
        left = self.left(person, others)
        return left is None or left > 0

    def leaves_one(self, person: int, others: Collection[int]) -> bool:
        """Whether one more email may go out; it is counted."""
        found = self.has_one(person, others)
        if found:
            self.spend(person, 1)
        return found


_HAD = select(_E.person_id, _E.kind).where(_E.person_id.in_(IDS), _E.day == bindparam("today"))


def had_today(connection: Connection, people: Collection[int], today: date) -> set[tuple[int, EmailKind]]:
    """Return which kinds of email some people have had today, or have on its way: no other of its kind is written."""
    if not people:
        return set()
    return {(row.person_id, row.kind) for row in connection.execute(_HAD, {"ids": sorted(people), "today": today})}
