"""Cases in and decisions out, a batch at a time: a few set queries, and bulk statements in the same transaction.

Core statements and plain tuples on purpose: reading through the ORM row by row is several times slower, and this is
the sweep's inner loop.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import repeat
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, or_, select, tuple_

from models.rules.case import Case, ClockChange, Fact, Key, Said, Seat, Site, Snooze, Standing
from models.rules.decision import Advance, Cancelling, Closed, Decision, Telling
from models.rules.words import EscalationState, NoticeState, Status, Subject
from models.schema import (
    AGENCY,
    ASSIGNMENT,
    CHANGE,
    ENROLLMENT,
    ESCALATION,
    FORECAST,
    MILESTONE,
    NOTICE,
    PERSON,
    SNOOZE,
    STAGE_CHANGE,
    same,
)
from tasks.store.bulk import Values, Wire, as_json, asked, change, fetched, insertion, run, wire
from tasks.store.clock import now_in
from tasks.store.cycles import open_cycles

IDS: BindParameter[Any] = bindparam("ids", expanding=True)


class Cursor(NamedTuple):
    """Where a sweep stands in the order of what is due, and the last key that it is to look at; None: all there is."""

    day: date
    id: int
    until: tuple[date, int] | None = None


START = Cursor(date.min, 0)

_E = ENROLLMENT.c
_ID, _AGENCY, _REVIEW = 0, 9, 11
_CASES = select(
    _E.id, _E.track, _E.stage, _E.stage_entered_on, _E.stage_seq, _E.status, _E.agreement_on, _E.mandatory, _E.other,
    _E.agency_id, AGENCY.c.region, _E.next_review_on, _E.reentered_on, AGENCY.c.code, AGENCY.c.entity, AGENCY.c.staff,
    _E.cycle, AGENCY.c.municipality, _E.risk, _E.pace, _E.forecast_fit_id,
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
_DUE_UNTIL = _DUE.where(
    tuple_(_E.next_review_on, _E.id) <= tuple_(bindparam("until_day"), bindparam("until_id"))
)
_NAMED = _CASES.where(_E.id.in_(IDS))
_FACTS = select(
    MILESTONE.c.enrollment_id, MILESTONE.c.id, MILESTONE.c.milestone, MILESTONE.c.occurred_on, MILESTONE.c.value
).where(MILESTONE.c.enrollment_id.in_(IDS), MILESTONE.c.voided_at.is_(None))
_A = ASSIGNMENT.c
_SEAT = (_A.id, _A.post, _A.since, _A.until, _A.person_id, PERSON.c.undeliverable_since)
_HELD_BY = PERSON.c.id == _A.person_id
_OWN_SEATS = select(_A.enrollment_id, *_SEAT).join(PERSON, _HELD_BY).where(_A.enrollment_id.in_(IDS))
_AGENCY_SEATS = select(_A.agency_id, *_SEAT).join(PERSON, _HELD_BY).where(_A.agency_id.in_(IDS))
WIDE = and_(_A.enrollment_id.is_(None), _A.agency_id.is_(None))
"""Whose posts are of a region or of the program; as the index of these few spells it."""
# Everybody has a person; an outer join, since SQLite begins an inner one with people and then walks through every seat.
_WIDE_SEATS = select(_A.region, *_SEAT).outerjoin(PERSON, _HELD_BY).where(WIDE)
_N = NOTICE.c
_SAID = select(
    _N.subject_id, _N.id, _N.rule, _N.occurrence, _N.anchor_on, _N.post, _N.state, _N.reason
).where(_N.subject_id.in_(IDS), same(_N.subject_kind, Subject.ENROLLMENT))
_X = ESCALATION.c
_STANDINGS = select(
    _X.enrollment_id, _X.id, _X.rule, _X.occurrence, _X.anchor_on, _X.state, _X.opened_on, _X.rung, _X.rung_on,
    _X.repeat, _X.acknowledged_until, _X.closed_on,
).where(_X.enrollment_id.in_(IDS))
_Z = SNOOZE.c
_SNOOZES = select(_Z.enrollment_id, _Z.rule, _Z.assignment_id, _Z.since, _Z.until).where(
    _Z.enrollment_id.in_(IDS), or_(_Z.ended_on.is_(None), _Z.ended_on > _Z.since)
)
_CHANGES = (
    select(
        CHANGE.c.enrollment_id, CHANGE.c.id, CHANGE.c.kind, CHANGE.c.months, CHANGE.c.anchor_on, CHANGE.c.effective_on,
        CHANGE.c.undoes_id,
    )
    .where(CHANGE.c.enrollment_id.in_(IDS))
    .order_by(CHANGE.c.id)
)


_WHILE_EMAILS_STAY = "LOCK TABLE email IN ROW SHARE MODE"
"""A notice that no email carries yet has that table opened and let go for each row that is written. Where somebody
waits to have the table alone (a migration, say), each row would wait the second in which PostgreSQL finds out that he
waits for this transaction in turn. Held from the first, it is waited for once, before anything else is held."""


def due_cases(connection: Connection, today: date, given: tuple[Cursor, int]) -> tuple[list[Case], Cursor | None]:
    """Read the next cases due on a day, locked until the transaction ends, and where the next batch begins.

    Two sweeps at once do not meet: SQLite lets one of them write, PostgreSQL passes over the other's rows.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_WHILE_EMAILS_STAY)
    cursor, size = given
    wanted = {"today": today, "day": cursor.day, "id": cursor.id, "size": size}
    query = _DUE
    if cursor.until is not None:
        query, wanted = _DUE_UNTIL, wanted | dict(zip(("until_day", "until_id"), cursor.until, strict=True))
    columns = asked(connection, query, wanted)
    if not columns[0]:
        return [], None
    return _assembled(connection, columns), Cursor(columns[_REVIEW][-1], columns[_ID][-1], cursor.until)


def named_cases(connection: Connection, ids: Sequence[int]) -> list[Case]:
    """Read cases by id, whether due or not."""
    return _assembled(connection, fetched(connection, _NAMED, ids))


def _assembled(connection: Connection, columns: Sequence[Values]) -> list[Case]:
    ids, agencies = columns[_ID], columns[_AGENCY]
    facts = _grouped(fetched(connection, _FACTS, ids), Fact)
    said = _said(fetched(connection, _SAID, ids))
    standings = _grouped(fetched(connection, _STANDINGS, ids), Standing)
    changes = _grouped(fetched(connection, _CHANGES, ids), ClockChange)
    own = _grouped(fetched(connection, _OWN_SEATS, ids), Seat)
    theirs = _grouped(fetched(connection, _AGENCY_SEATS, agencies), Seat)
    wide = _grouped(asked(connection, _WIDE_SEATS, {}), Seat)
    snoozes = _grouped(fetched(connection, _SNOOZES, ids), Snooze)
    everywhere = wide.get(None, [])
    return [
        Case(  # type: ignore[call-arg]  # nine columns of the row, which mypy cannot count
            *row[:9],
            facts.get(row[0], ()),
            [*own.get(row[0], ()), *theirs.get(row[9], ()), *wide.get(row[10], ()), *everywhere],
            said.get(row[0], ()),
            standings.get(row[0], ()),
            changes.get(row[0], ()),
            row[12],
            Site(row[13], row[14], row[17] is not None),
            row[15],
            row[16],
            snoozes.get(row[0], ()),
            *row[18:],
        )
        for row in zip(*columns, strict=True)
    ]


Groups = dict[Any, list[Any]]


def _grouped(columns: Sequence[Values], make: type[tuple[Any, ...]]) -> Groups:
    """Make a value of each row without its first column, and group them by that."""
    return _by(columns[0], zip(*columns[1:], strict=True), make)


def _said(columns: Sequence[Values]) -> Groups:
    owners, ids, *key, state, reason = columns
    keys = map(tuple.__new__, repeat(Key), zip(*key, strict=True))
    return _by(owners, zip(ids, keys, state, reason, strict=True), Said)


def _by(owners: Iterable[Any], rows: Iterable[tuple[Any, ...]], make: type[tuple[Any, ...]]) -> Groups:
    found: Groups = defaultdict(list)
    # What `make._make` does, and a loop that appends, without a step in Python for each row: a batch has ten thousand.
    made = map(tuple.__new__, repeat(make), rows)
    deque(map(list.append, map(found.__getitem__, owners), made), maxlen=0)
    return found


# Looked up once, since it is compared for each case: finding a member of an enumeration costs more than that.
_STILL_OPEN = Status.OPEN


class Written(NamedTuple):
    """What a batch of decisions came to: stages left, notices that can go out, escalations opened."""

    advances: int
    notices: int
    escalations: int


_SETTLE = change(ENROLLMENT, "stage stage_entered_on stage_seq status risk ended_on next_review_on reentered_on pace")
_FORESEE = change(ENROLLMENT, "forecast_fit_id")
_FORECAST = insertion(
    FORECAST, "enrollment_id forecast_fit_id as_of in_window in_limit p10 p50 p90 risk pace recorded_at"
)
_CLIMB = change(ESCALATION, "state rung rung_on repeat acknowledged_until closed_on closing")
_CLOSE = change(ESCALATION, "state closed_on closing")
_CANCEL = change(NOTICE, "state reason", same(NOTICE.c.state, NoticeState.PENDING))
_HELD_BACK = same(NOTICE.c.state, NoticeState.CANCELLED) | same(NOTICE.c.state, NoticeState.SUPPRESSED)
_REVIVE = change(NOTICE, "state reason", _HELD_BACK)
_OPEN = insertion(
    ESCALATION,
    "enrollment_id rule occurrence anchor_on state opened_on rung rung_on repeat policy_version_id recorded_at",
)
_ADVANCE = insertion(
    STAGE_CHANGE,
    "enrollment_id seq from_stage to_stage status changed_on decided_on evidence policy_version_id recorded_at",
    once=False,  # two of one number would mean two histories of one case
)
_TELL = insertion(
    NOTICE,
    "subject_kind subject_id rule occurrence anchor_on post template planned_for decided_on state reason facts"
    " policy_version_id recorded_at",
)


_WRITES = (_SETTLE, _CLOSE, _CLIMB, _CANCEL, _REVIVE, _OPEN, _ADVANCE, _TELL, _FORESEE, _FORECAST)
_PENDING = NoticeState.PENDING


class Spelled(NamedTuple):
    """A batch of decisions as rows, a list for each of `_WRITES`, in the driver's own types; any process can write it.

    `awards` are the decisions that open a cycle; `notices` counts those that can go out.
    """

    rows: tuple[list[tuple[Any, ...]], ...]
    awards: list[Decision]
    notices: int


def write(connection: Connection, decisions: Sequence[Decision], given: tuple[int, date]) -> Written:
    """Write a batch of decisions down with one bulk statement for each kind of row.

    Args:
        connection: the transaction in which the cases were read.
        decisions: what `decide` said of them.
        given: the policy version they were decided by, and the day.
    """
    return put_down(connection, spelled(decisions, pen_for(connection, given)), given[1])


def put_down(connection: Connection, batch: Spelled, today: date) -> Written:
    """Write a batch that was spelled already, here or elsewhere."""
    wrote = {bulk: run(connection, bulk, rows) for bulk, rows in zip(_WRITES, batch.rows, strict=True)}
    open_cycles(connection, batch.awards, today)
    return Written(wrote[_ADVANCE], batch.notices, wrote[_OPEN])


def pen_for(connection: Connection, given: tuple[int, date]) -> _Pen:
    """Return what spells decisions of a policy version and a day, as this connection's driver wants them."""
    version, today = given
    return _Pen(wire(connection), version, (today, now_in(connection)))


def spelled(decisions: Sequence[Decision], pen: _Pen) -> Spelled:
    """Turn decisions into the rows that they write."""
    foreseen = [d for d in decisions if d.forecast is not None]
    rows = (
        list(map(pen.settled, decisions)),
        [pen.closed(closed) for d in decisions for closed in d.closed],
        [pen.climbed(standing) for d in decisions for standing in d.moved],
        [pen.cancelled(cancelling) for d in decisions for cancelling in d.cancellings],
        [(_PENDING.value, None, number) for d in decisions for number in d.revived],
        [pen.opened(d.case_id, standing) for d in decisions for standing in d.opened],
        [pen.advanced(d.case_id, step) for d in decisions for step in d.advances],
        [pen.told(d.case_id, telling) for d in decisions for telling in d.tellings],
        [(d.forecast.fit, d.case_id) for d in foreseen if d.forecast is not None],
        [pen.foreseen(d) for d in foreseen],
    )
    notices = sum(telling.state is _PENDING for d in decisions for telling in d.tellings)
    return Spelled(rows, [d for d in decisions if d.next_cycle is not None], notices)


class _Pen:
    """Turns decisions into rows, in the driver's own types and the order of the bulk statements."""

    def __init__(self, types: Wire, version: int, given: tuple[date, datetime]) -> None:
        self._day = types.day
        self._today, self._stamp = types.day(given[0]), (version, types.instant(given[1]))
        self._spelled: dict[int, tuple[Telling, tuple[Any, ...]]] = {}

    def _maybe(self, day: date | None) -> Any:
        return None if day is None else self._day(day)

    def settled(self, decision: Decision) -> tuple[Any, ...]:
        ended = None if decision.status is _STILL_OPEN else self._day(decision.advances[-1].on)
        return (
            decision.stage, self._day(decision.stage_entered_on), decision.stage_seq, str(decision.status),
            str(decision.risk), ended, self._maybe(decision.next_review_on), self._maybe(decision.reentered_on),
            decision.pace, decision.case_id,
        )

    def foreseen(self, decision: Decision) -> tuple[Any, ...]:
        said = decision.forecast
        assert said is not None, "asked only of decisions that carry one"
        days = map(self._maybe, (said.p10, said.p50, said.p90))
        return (
            decision.case_id, said.fit, self._today, said.in_window, said.in_limit, *days, str(decision.risk),
            decision.pace, self._stamp[1],
        )

    def closed(self, closed: Closed) -> tuple[Any, ...]:
        return EscalationState.CLOSED.value, self._day(closed.on), str(closed.reason), closed.escalation_id

    def cancelled(self, cancelling: Cancelling) -> tuple[Any, ...]:
        return NoticeState.CANCELLED.value, str(cancelling.reason), cancelling.notice_id

    def climbed(self, standing: Standing) -> tuple[Any, ...]:
        return (
            str(standing.state), standing.rung, self._day(standing.rung_on), standing.repeat,
            self._maybe(standing.acknowledged_until), None, None, standing.id,
        )

    def opened(self, case_id: int, standing: Standing) -> tuple[Any, ...]:
        return (
            case_id, standing.rule, standing.occurrence, self._day(standing.anchor_on), str(standing.state),
            self._day(standing.opened_on), standing.rung, self._day(standing.rung_on), standing.repeat, *self._stamp,
        )

    def advanced(self, case_id: int, step: Advance) -> tuple[Any, ...]:
        return (
            case_id, step.seq, step.from_stage, step.to_stage, str(step.status), self._day(step.on), self._today,
            as_json(step.evidence._asdict()), *self._stamp,
        )

    def told(self, case_id: int, telling: Telling) -> tuple[Any, ...]:
        spelled = self._spelled.get(id(telling))
        if spelled is None:  # it is kept beside its row, so that no other can have its number
            spelled = self._spelled[id(telling)] = telling, self._telling(telling)
        return "enrollment", case_id, *spelled[1]

    def _telling(self, telling: Telling) -> tuple[Any, ...]:
        """Return what is the same of a notice whoever's case it belongs to: many are told the same of the same date."""
        key = telling.key
        return (
            key.rule, key.occurrence, self._day(key.anchor_on), str(key.post), telling.template,
            self._day(telling.planned_for), self._today, str(telling.state), telling.reason and str(telling.reason),
            as_json(telling.facts), *self._stamp,
        )
