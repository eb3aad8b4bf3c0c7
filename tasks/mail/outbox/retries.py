"""What was certainly not taken is written anew: under the reference that it had, and only what still holds.

While an email was on its way its notices were nobody's to cancel, and a sweep may have come by. Before they are written
again, `decide` is asked whether it would take one back now: that one is cancelled, with the reason that it gives.

What goes out again in doubt goes alone, under its reference: whoever has its first copy may never be shown a second
one, so nothing may stand in it that did not in the first; and under another reference nobody would know it for a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.decide import decide
from models.rules.words import EmailKind, EmailState, Reason
from models.schema import EMAIL
from tasks.store.cases import IDS

_E = EMAIL.c
_WAITING = (
    select(_E.id, _E.attempt, _E.reference, _E.person_id, _E.kind, _E.next_at, _E.again)
    .where(_E.id.in_(IDS), _E.state == EmailState.PENDING)
    .order_by(_E.id)
)


class Carrier(NamedTuple):
    """An email that waits to be claimed again, and the attempt that it waits after.

    `again` counts how often it went back though it may have been taken.
    """

    id: int
    attempt: int
    reference: str
    person_id: int
    kind: EmailKind
    next_at: datetime | None
    again: int

    def carries(self, row: Any) -> bool:
        """Whether a notice of its reader goes with it now: in doubt, nothing but what it carried before."""
        return not self.again or row.email_id == self.id


Carriers = Mapping[tuple[int, EmailKind], Carrier]


def carriers_of(connection: Connection, rows: Iterable[Row[Any]]) -> Carriers:
    """Return the emails that notices wait with, by person and kind.

    Of several of one person, one in doubt is first, the newest of these, since no older one may go out on its day; of
    the others the oldest, which the rest is merged into.
    """
    ids = sorted({row.email_id for row in rows if row.email_id is not None})
    if not ids:
        return {}
    found = [Carrier(*row) for row in connection.execute(_WAITING, {"ids": ids})]
    doubted = [carrier for carrier in found if carrier.again]
    sure = [carrier for carrier in reversed(found) if not carrier.again]
    return {(carrier.person_id, carrier.kind): carrier for carrier in (*sure, *doubted)}


def outdated(cases: Iterable[Case], program: Program, today: date) -> dict[int, Reason]:
    """Return the notices, by id, that `decide` would take back today, and why."""
    return {each.notice_id: each.reason for case in cases for each in decide(case, program, today).cancellings}
