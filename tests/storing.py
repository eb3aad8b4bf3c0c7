"""Cases into a database and rows out of it, for the tests that sweep a real one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from models.rules.case import Case, Seat
from models.rules.policy import Policy
from models.rules.words import SCOPE_OF, Language, Scope
from models.schema import table
from models.tables import (
    Agency,
    Assignment,
    DeadlineChange,
    Enrollment,
    Escalation,
    Milestone,
    Notice,
    Person,
    StageChange,
)
from tasks.store.database import reading, transaction
from tasks.store.programs import Terms, put_in_force
from tests.building import DAY_0

NOW = datetime(2020, 1, 1, tzinfo=UTC)
LIVE = Terms(live_from=date(2000, 1, 1))
REGION = "centre"
Rows = list[tuple[Any, ...]]


def install(engine: Engine, policy: Policy, cases: Sequence[Case]) -> None:
    """Put a policy in force and store cases, each of an agency of its own, all due on day 0.

    The posts of region and program are those of the first case.
    """
    put_in_force(engine, policy, LIVE)
    people = {
        "code": "P1",
        "given_names": "Ana",
        "surname": "Ruiz",
        "email": "ana@example.org",
        "language": Language.EN,
    }
    with transaction(engine) as connection:
        _many(connection, Person, [people | {"id": 1, "time_zone": "UTC", "recorded_at": NOW}])
        for case in cases:
            _store(connection, case)
        _many(connection, Assignment, (_seat(seat, {"region": REGION}) for seat in _of(cases[0], {Scope.REGION})))
        _many(connection, Assignment, (_seat(seat, {}) for seat in _of(cases[0], {Scope.PROGRAM})))
        _count_on(connection)


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL number on after the ids that were given here; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        ids = func.pg_get_serial_sequence("enrollment", "id")
        connection.execute(select(func.setval(ids, select(func.max(table(Enrollment).c.id)).scalar_subquery())))


def _store(connection: Connection, case: Case) -> None:
    owned = {"enrollment_id": case.id}
    agency = {"id": case.id, "code": f"A{case.id}", "name": "-", "kind": "-", "entity": "-", "region": REGION}
    _many(connection, Agency, [agency | {"time_zone": "UTC", "recorded_at": NOW}])
    same = (
        "id", "track", "cycle", "stage", "stage_entered_on", "stage_seq", "status", "agreement_on", "mandatory",
        "other",
    )
    row = {name: getattr(case, name) for name in same}
    more = {"agency_id": case.id, "risk": "on_track", "next_review_on": DAY_0, "recorded_at": NOW}
    _many(connection, Enrollment, [row | more])
    _many(
        connection,
        Milestone,
        (
            owned
            | {
                "milestone": f.milestone,
                "occurred_on": f.on,
                "value": f.value,
                "reference": str(f.id),
                "recorded_by": "test",
                "recorded_at": NOW,
            }
            for f in case.facts
        ),
    )
    _many(
        connection,
        DeadlineChange,
        (
            owned
            | {
                "kind": c.kind,
                "months": c.months,
                "anchor_on": c.anchor_on,
                "effective_on": c.on,
                "undoes_id": c.undoes,
                "reason": "-",
                "actor": "-",
                "requester": "-",
                "approver": "-",
                "recorded_at": NOW,
            }
            for c in case.changes
        ),
    )
    _many(connection, Assignment, (_seat(seat, owned) for seat in _of(case, {Scope.ENROLLMENT})))
    _many(connection, Assignment, (_seat(seat, {"agency_id": case.id}) for seat in _of(case, {Scope.AGENCY})))


def _of(case: Case, scopes: set[Scope]) -> list[Seat]:
    return [seat for seat in case.seats if SCOPE_OF[seat.post] in scopes]


def _seat(seat: Seat, owner: dict[str, Any]) -> dict[str, Any]:
    return {"person_id": 1, "post": seat.post, "since": seat.since, "until": seat.until, "recorded_at": NOW} | owner


def _many(connection: Connection, model: Any, rows: Iterable[dict[str, Any]]) -> None:
    given = list(rows)
    if given:
        connection.execute(insert(table(model)), given)


_LEFT_OUT = {"id", "recorded_at", "email_id", "evidence", "policy_version_id"}


def rows_of(engine: Engine, model: Any, *, without: Iterable[str] = ()) -> Rows:
    """Return a table's rows in a fixed order, without what differs from one run to the next."""
    left_out = _LEFT_OUT | set(without)
    columns = [column for column in table(model).columns if column.name not in left_out]
    with reading(engine) as connection:
        return sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)


def everything(engine: Engine) -> dict[str, Rows]:
    """Return all that sweeps write about enrollments."""
    return {model.__name__: rows_of(engine, model) for model in (Enrollment, StageChange, Escalation, Notice)}


def due_on(engine: Engine, day: date) -> int:
    """Return how many enrollments are due on a day."""
    column = table(Enrollment).c.next_review_on
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).where(column <= day)) or 0
