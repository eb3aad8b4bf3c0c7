"""What was certainly not taken is written anew: under the reference that it had, and only what still holds.

While an email was on its way its notices were nobody's to cancel, and a sweep may have come by. Before they are written
again, `decide` is asked whether it would take one back now: that one is cancelled, with the reason that it gives.
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
    select(_E.id, _E.attempt, _E.reference, _E.person_id, _E.kind, _E.next_at)
    .where(_E.id.in_(IDS), _E.state == EmailState.PENDING)
    .order_by(_E.id.desc())
)


class Carrier(NamedTuple):
    """An email that waits to be claimed again, and the attempt that it waits after."""

    id: int
    attempt: int
    reference: str
    person_id: int
    kind: EmailKind
    next_at: datetime | None


Carriers = Mapping[tuple[int, EmailKind], Carrier]


def carriers_of(connection: Connection, rows: Iterable[Row[Any]]) -> Carriers:
    """Return the emails that notices wait with, by person and kind; of several of one person, the oldest."""
    ids = sorted({row.email_id for row in rows if row.email_id is not None})
    if not ids:
        return {}
    found = (Carrier(*row) for row in connection.execute(_WAITING, {"ids": ids}))
    return {(carrier.person_id, carrier.kind): carrier for carrier in found}


def outdated(cases: Iterable[Case], program: Program, today: date) -> dict[int, Reason]:
    """Return the notices, by id, that `decide` would take back today, and why."""
    return {each.notice_id: each.reason for case in cases for each in decide(case, program, today).cancellings}
