"""Cases in and decisions out, a batch at a time: a few set queries, and bulk statements in the same transaction.

Core statements and plain tuples on purpose: reading through the ORM row by row is several times slower, and this is
the sweep's inner loop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Table, and_, bindparam, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from models.rules.case import Case, ClockChange, Fact, Key, Said, Seat, Standing
from models.rules.decision import Decision, Telling
from models.rules.words import SCOPE_OF, EscalationState, NoticeState, Post, Scope, Status, Subject
from models.tables import (
    Agency,
    Assignment,
    DeadlineChange,
    Enrollment,
    Escalation,
    Milestone,
    Notice,
    StageChange,
)
from tasks.clock import now_in


def table(model: type[SQLModel]) -> Table:
    """Return a model's table, for statements without the ORM."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


ENROLLMENT, AGENCY, MILESTONE, ASSIGNMENT = table(Enrollment), table(Agency), table(Milestone), table(Assignment)
NOTICE, ESCALATION, CHANGE, STAGE_CHANGE = table(Notice), table(Escalation), table(DeadlineChange), table(StageChange)
IDS = bindparam("ids", expanding=True)
WIDE_POSTS = [post for post, scope in SCOPE_OF.items() if scope in {Scope.REGION, Scope.PROGRAM}]


class Cursor(NamedTuple):
    """Where a sweep stands in the order of what is due."""

    day: date
    id: int


START = Cursor(date.min, 0)

_E = ENROLLMENT.c
_CASES = select(
    _E.id, _E.track, _E.stage, _E.stage_entered_on, _E.stage_seq, _E.status, _E.agreement_on, _E.mandatory, _E.other,
    _E.agency_id, AGENCY.c.region, _E.next_review_on,
).join(AGENCY, AGENCY.c.id == _E.agency_id)
_DUE = (
    _CASES.where(
        _E.next_review_on <= bindparam("today"),
        tuple_(_E.next_review_on, _E.id) > tuple_(bindparam("day"), bindparam("id")),
    )
    .order_by(_E.next_review_on, _E.id)
    .limit(bindparam("size"))
    .with_for_update(of=ENROLLMENT, skip_locked=True)
)
_NAMED = _CASES.where(_E.id.in_(IDS))
_FACTS = select(
    MILESTONE.c.enrollment_id, MILESTONE.c.id, MILESTONE.c.milestone, MILESTONE.c.occurred_on, MILESTONE.c.value
).where(MILESTONE.c.enrollment_id.in_(IDS))
_A = ASSIGNMENT.c
_SEATS = select(_A.enrollment_id, _A.agency_id, _A.region, _A.id, _A.post, _A.since, _A.until)
_NEAR_SEATS = _SEATS.where(or_(_A.enrollment_id.in_(IDS), _A.agency_id.in_(bindparam("agencies", expanding=True))))
_WIDE_SEATS = _SEATS.where(_A.post.in_(WIDE_POSTS))
_SAID = select(
    NOTICE.c.subject_id, NOTICE.c.id, NOTICE.c.rule, NOTICE.c.occurrence, NOTICE.c.anchor_on, NOTICE.c.post, NOTICE.c.state
).where(NOTICE.c.subject_id.in_(IDS), NOTICE.c.subject_kind == Subject.ENROLLMENT)
_X = ESCALATION.c
_STANDINGS = select(
    _X.enrollment_id, _X.id, _X.rule, _X.occurrence, _X.anchor_on, _X.state, _X.opened_on, _X.rung, _X.rung_on,
    _X.repeat, _X.acknowledged_until,
).where(_X.enrollment_id.in_(IDS))
_CHANGES = (
    select(CHANGE.c.enrollment_id, CHANGE.c.kind, CHANGE.c.months, CHANGE.c.anchor_on)
    .where(CHANGE.c.enrollment_id.in_(IDS))
    .order_by(CHANGE.c.id)
)


def due_cases(connection: Connection, today: date, given: tuple[Cursor, int]) -> tuple[list[Case], Cursor | None]:
    """Read the next cases due on a day, locked until the transaction ends, and where the next batch begins.

    Two sweeps at once do not meet: SQLite lets one of them write, PostgreSQL passes over the other's rows.
    """
    cursor, size = given
    rows = connection.execute(_DUE, {"today": today, "day": cursor.day, "id": cursor.id, "size": size}).all()
    if not rows:
        return [], None
    return _assemble(connection, rows), Cursor(rows[-1].next_review_on, rows[-1].id)


def named_cases(connection: Connection, ids: Sequence[int]) -> list[Case]:
    """Read cases by id, whether due or not."""
    return _assemble(connection, connection.execute(_NAMED, {"ids": list(ids)}).all())


def _assemble(connection: Connection, rows: Sequence[Row[Any]]) -> list[Case]:
    ids = [row[0] for row in rows]
    facts = _grouped(connection, _FACTS, ids, Fact._make)
    said = _grouped(connection, _SAID, ids, _said)
    standings = _grouped(connection, _STANDINGS, ids, Standing._make)
    changes = _grouped(connection, _CHANGES, ids, ClockChange._make)
    seats = _Seats(connection, ids, [row[9] for row in rows])
    return [
        Case(
            *row[:9],
            facts=facts.get(row[0], ()),
            seats=seats.of(row),
            said=said.get(row[0], ()),
            standings=standings.get(row[0], ()),
            changes=changes.get(row[0], ()),
        )
        for row in rows
    ]


def _grouped(connection: Connection, query: Select[Any], ids: list[int], make: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(query, {"ids": ids}).all():
        found[row[0]].append(make(row[1:]))
    return found


def _said(row: Sequence[Any]) -> Said:
    return Said(row[0], Key(row[1], row[2], row[3], row[4]), row[5])


class _Seats:
    """The seats of a batch: by enrollment, by agency, by region, and the program's own."""

    def __init__(self, connection: Connection, ids: list[int], agencies: list[int]) -> None:
        self._near: dict[tuple[int | None, int | None], list[Seat]] = defaultdict(list)
        self._wide: dict[str | None, list[Seat]] = defaultdict(list)
        for row in connection.execute(_NEAR_SEATS, {"ids": ids, "agencies": agencies}).all():
            self._near[row[0], row[1]].append(Seat._make(row[3:]))
        for row in connection.execute(_WIDE_SEATS).all():
            self._wide[row[2]].append(Seat._make(row[3:]))

    def of(self, row: Row[Any]) -> list[Seat]:
        near, wide = self._near, self._wide
        return [
            *near.get((row[0], None), ()), *near.get((None, row[9]), ()), *wide.get(row[10], ()), *wide.get(None, ())
        ]


class Written(NamedTuple):
    """What a batch of decisions came to: stages left, notices that can go out, escalations opened."""

    advances: int
    notices: int
    escalations: int


def insert_once(connection: Connection, target: Table) -> Any:
    """Return an INSERT that leaves a row alone whose unique key is there already: the database decides."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(target).on_conflict_do_nothing()


_SETTLE = (
    update(ENROLLMENT)
    .where(_E.id == bindparam("case_id"))
    .values(
        stage=bindparam("stage_"), stage_entered_on=bindparam("entered"), stage_seq=bindparam("seq"),
        status=bindparam("status_"), risk=bindparam("risk_"), ended_on=bindparam("ended"), next_review_on=bindparam("next"),
    )
)
_CLIMB = (
    update(ESCALATION)
    .where(_X.id == bindparam("escalation_id"))
    .values(
        state=bindparam("state_"), rung=bindparam("rung_"), rung_on=bindparam("on"), repeat=bindparam("repeat_"),
        acknowledged_until=bindparam("until"), closed_on=None, closing=None,
    )
)
_CLOSE = (
    update(ESCALATION)
    .where(_X.id == bindparam("escalation_id"))
    .values(state=EscalationState.CLOSED, closed_on=bindparam("on"), closing=bindparam("why"))
)
_CANCEL = (
    update(NOTICE)
    .where(and_(NOTICE.c.id == bindparam("notice_id"), NOTICE.c.state == NoticeState.PENDING))
    .values(state=NoticeState.CANCELLED, reason=bindparam("why"))
)


def write(connection: Connection, decisions: Sequence[Decision], given: tuple[int, date]) -> Written:
    """Write a batch of decisions down with one bulk statement for each kind of row.

    Args:
        connection: the transaction in which the cases were read.
        decisions: what `decide` said of them.
        given: the policy version they were decided by, and the day.
    """
    version, today = given
    stamp = {"policy_version_id": version, "recorded_at": now_in(connection)}
    _many(connection, _SETTLE, (_settled(d) for d in decisions))
    _many(connection, _CLOSE, ({"escalation_id": c.escalation_id, "why": c.reason, "on": today} for d in decisions for c in d.closed))
    _many(connection, _CLIMB, (_climbed(s) for d in decisions for s in d.moved))
    _many(connection, _CANCEL, ({"notice_id": c.notice_id, "why": c.reason} for d in decisions for c in d.cancellings))
    escalations = _many(
        connection, insert_once(connection, ESCALATION),
        ({**_opened(d.case_id, s), **stamp} for d in decisions for s in d.opened),
    )
    advances = _many(
        connection, insert(STAGE_CHANGE),
        (
            {
                "enrollment_id": d.case_id, "seq": a.seq, "from_stage": a.from_stage, "to_stage": a.to_stage,
                "status": a.status, "changed_on": a.on, "decided_on": today, **stamp,
                "evidence": {"facts": a.evidence.facts, "seats": a.evidence.seats},
            }
            for d in decisions for a in d.advances
        ),
    )
    _many(
        connection, insert_once(connection, NOTICE),
        ({**_told(d.case_id, t), "decided_on": today, **stamp} for d in decisions for t in d.tellings),
    )
    told = [t for d in decisions for t in d.tellings if t.state is NoticeState.PENDING]
    return Written(advances, len(told), escalations)


def _many(connection: Connection, statement: Any, rows: Iterable[dict[str, Any]]) -> int:
    given = list(rows)
    return connection.execute(statement, given).rowcount if given else 0


def _settled(decision: Decision) -> dict[str, Any]:
    ended = None if decision.status is Status.OPEN else decision.advances[-1].on
    return {
        "case_id": decision.case_id, "stage_": decision.stage, "entered": decision.stage_entered_on,
        "seq": decision.stage_seq, "status_": decision.status, "risk_": decision.risk, "ended": ended,
        "next": decision.next_review_on,
    }


def _climbed(standing: Standing) -> dict[str, Any]:
    return {
        "escalation_id": standing.id, "state_": standing.state, "rung_": standing.rung, "on": standing.rung_on,
        "repeat_": standing.repeat, "until": standing.acknowledged_until,
    }


def _opened(case_id: int, standing: Standing) -> dict[str, Any]:
    return {
        "enrollment_id": case_id, "rule": standing.rule, "occurrence": standing.occurrence,
        "anchor_on": standing.anchor_on, "state": standing.state,
        "opened_on": standing.opened_on, "rung": standing.rung, "rung_on": standing.rung_on,
        "repeat": standing.repeat,
    }


def _told(case_id: int, telling: Telling) -> dict[str, Any]:
    return {
        "subject_kind": Subject.ENROLLMENT, "subject_id": case_id, "rule": telling.key.rule,
        "occurrence": telling.key.occurrence, "anchor_on": telling.key.anchor_on, "post": telling.key.post,
        "template": telling.template, "planned_for": telling.planned_for, "state": telling.state,
        "reason": telling.reason, "facts": telling.facts,
    }
