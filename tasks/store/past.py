"""Enrollments as they were known on a past day: everything ever recorded of them, read at once and seen from there.

A few set queries however many enrollments are asked for. A view is a filter in memory, so that a report can look at
every quarter of a program without reading anything a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, ClockChange, Fact, Program, Said, Seat, Standing
from models.rules.clock import anchor_of
from models.rules.decision import Advance
from models.rules.errors import Refused
from models.rules.hours import zone_named
from models.rules.log import State, counted, replayed
from models.rules.words import EscalationState, Subject
from models.schema import AGENCY, ASSIGNMENT, CHANGE, ENROLLMENT, ESCALATION, FORMER_TENURE, MILESTONE, NOTICE, same
from tasks.store.cases import IDS, named_cases
from tasks.store.log import Dated, logs_of
from tasks.store.lookups import chunks
from tasks.store.rows import by_case, rows_of

_M, _N, _X, _C, _A, _F = MILESTONE.c, NOTICE.c, ESCALATION.c, CHANGE.c, ASSIGNMENT.c, FORMER_TENURE.c
_FACTS = select(
    _M.enrollment_id, _M.id, _M.milestone, _M.occurred_on, _M.value, _M.recorded_at, _M.voided_at
).where(_M.enrollment_id.in_(IDS)).order_by(_M.id)
_DECIDED = select(_N.subject_id, _N.id, _N.decided_on).where(
    _N.subject_id.in_(IDS), same(_N.subject_kind, Subject.ENROLLMENT)
)
_ESCALATIONS = select(_X.enrollment_id, _X.id, _X.acknowledged_on, _X.closed_on).where(_X.enrollment_id.in_(IDS))
_CHANGES = select(_C.enrollment_id, _C.recorded_at).where(_C.enrollment_id.in_(IDS)).order_by(_C.id)
_SEATS = select(_A.id, _A.recorded_at).where(_A.id.in_(IDS))
_TENURES = select(_F.assignment_id, _F.since, _F.until, _F.replaced_at).where(_F.assignment_id.in_(IDS)).order_by(
    _F.id
)
_RECORDED = (
    select(ENROLLMENT.c.id, ENROLLMENT.c.recorded_at, AGENCY.c.time_zone)
    .join(AGENCY, AGENCY.c.id == ENROLLMENT.c.agency_id)
    .where(ENROLLMENT.c.id.in_(IDS))
)


class Sight(NamedTuple):
    """What figures are about, and what they are made of: a day, and the day by whose end it was recorded."""

    as_of: date
    known_on: date

    @property
    def day(self) -> date:
        """The last day of which anything can be said."""
        return min(self)


def sight_from(as_of: date | None, known_on: date | None, *, today: date) -> Sight:
    """Return the sight that was asked for by `--as-of` and `--known-on`; each is today where nothing is said.

    Raises:
        Refused: one of the days has not come yet.
    """
    for name, day in (("--as-of", as_of), ("--known-on", known_on)):
        if day is not None and day > today:
            raise Refused.one(name, f"{day} has not come yet.", f"Name {today} or an earlier day.")
    return Sight(as_of or today, known_on or today)


def at(day: date) -> Sight:
    """Return a day with what was known on it."""
    return Sight(day, day)


class Past:
    """Some enrollments, or all of them, with everything that was ever recorded."""

    def __init__(self, connection: Connection, program: Program, ids: Sequence[int] | None = None) -> None:
        """Read them.

        Args:
            connection: where.
            program: where a cycle begins.
            ids: which; every one by default.
        """
        wanted = sorted(connection.scalars(select(ENROLLMENT.c.id))) if ids is None else list(ids)
        self._program = program
        cases = [case for some in chunks(wanted) for case in named_cases(connection, some)]
        self._cases = {case.id: case for case in cases}
        self._facts = by_case(rows_of(connection, _FACTS, wanted))
        self._changes = by_case(rows_of(connection, _CHANGES, wanted))
        self._recorded = {row.id: row for row in rows_of(connection, _RECORDED, wanted)}
        self._decided_on = {row.id: row.decided_on for row in rows_of(connection, _DECIDED, wanted)}
        self._escalations = {row.id: row for row in rows_of(connection, _ESCALATIONS, wanted)}
        seats = sorted({seat.id for case in cases for seat in case.seats})
        self._seated = {row.id: row.recorded_at for row in rows_of(connection, _SEATS, seats)}
        self._tenures = by_case(rows_of(connection, _TENURES, seats))
        self._logs = logs_of(connection, wanted, program)

    @property
    def ids(self) -> Sequence[int]:
        """Which enrollments there are, whenever they were recorded."""
        return list(self._cases)

    def log(self, enrollment_id: int, sight: Sight) -> list[Advance]:
        """Return the steps that count on a day, as far as they had been decided."""
        steps = counted(step for on, step in self._logs.get(enrollment_id, ()) if on <= sight.known_on)
        return list(takewhile(lambda step: step.on <= sight.as_of, steps))

    def decided(self, enrollment_id: int, day: date) -> list[Dated]:
        """Return the steps that had been decided by a day, whether they were taken back later or not."""
        return [(on, step) for on, step in self._logs.get(enrollment_id, ()) if on <= day]

    def case(self, enrollment_id: int, sight: Sight) -> Case:
        """Rebuild an enrollment as it stood at the end of a day, of what was recorded by the end of another.

        Raises:
            Refused: the day is the last that a calendar has: it has no end.
        """
        now, day = self._cases[enrollment_id], sight.day
        midnight, changes = self.end_of(sight.known_on, enrollment_id), self._changes_by(enrollment_id, sight)
        said = [notice for notice in now.said if self._decided_on[notice.id] <= day]
        state = self._state(replace(now, changes=changes), sight)
        return replace(
            now, stage=state.stage, stage_entered_on=state.entered_on, stage_seq=state.seq, status=state.status,
            reentered_on=state.reentered_on, changes=changes, said=said,
            facts=_facts(self._facts.get(enrollment_id, ()), midnight),
            seats=[self._seat(seat, midnight) for seat in now.seats if self._seated[seat.id] < midnight],
            snoozes=[snooze for snooze in now.snoozes if snooze.since <= day],  # one begins on the day it is recorded
            standings=[
                _climbed_by(self._open_again(one, day), said, self._decided_on)
                for one in now.standings if one.opened_on <= day
            ],
        )

    def is_known(self, enrollment_id: int, sight: Sight) -> bool:
        """Whether an enrollment had been recorded, and its agreement signed."""
        if self._recorded[enrollment_id].recorded_at >= self.end_of(sight.known_on, enrollment_id):
            return False
        now = replace(self._cases[enrollment_id], changes=self._changes_by(enrollment_id, sight))
        return anchor_of(now).on <= sight.as_of

    def _changes_by(self, enrollment_id: int, sight: Sight) -> Sequence[ClockChange]:
        midnight = self.end_of(sight.known_on, enrollment_id)
        known = sum(row.recorded_at < midnight for row in self._changes.get(enrollment_id, ()))
        return self._cases[enrollment_id].changes[:known]  # in the order in which they were recorded

    def end_of(self, day: date, enrollment_id: int) -> datetime:
        """Return the instant at which a day is over where the agency is.

        Raises:
            Refused: it is the last that a calendar has.
        """
        if day == date.max:
            raise Refused.one("day", f"{day} is beyond every calendar.", "Name an earlier one.")
        zone = zone_named(self._recorded[enrollment_id].time_zone)
        return datetime.combine(day + timedelta(days=1), time(), zone)

    def _state(self, case: Case, sight: Sight) -> State:
        start = State(self._program.policy.start_of(case.cycle), anchor_of(case).on)
        if sight.known_on <= sight.as_of:
            return replayed(start, [step for on, step in self._logs.get(case.id, ()) if on <= sight.known_on])
        return replayed(start, self.log(case.id, sight))

    def _seat(self, seat: Seat, midnight: datetime) -> Seat:
        """Return a seat from when until when it was thought to be held then: as the first later word replaced it."""
        for row in self._tenures.get(seat.id, ()):
            if row.replaced_at >= midnight:
                return seat._replace(since=row.since, until=row.until)
        return seat

    def _open_again(self, standing: Standing, day: date) -> Standing:
        """Return an escalation without what became of it later: that it was closed, or that somebody took it."""
        later = self._escalations[standing.id]
        if later.closed_on is not None and later.closed_on > day:
            standing = standing._replace(state=EscalationState.OPEN)
        taken_later = later.acknowledged_on is not None and later.acknowledged_on > day
        if taken_later and standing.state is not EscalationState.CLOSED:
            standing = standing._replace(state=EscalationState.OPEN, acknowledged_until=None)
        return standing


def _facts(rows: Iterable[Row[Any]], midnight: datetime) -> list[Fact]:
    """Return the facts that were recorded by then and not voided by then."""
    return [
        Fact(row.id, row.milestone, row.occurred_on, row.value) for row in rows
        if row.recorded_at < midnight and (row.voided_at is None or row.voided_at >= midnight)
    ]


def _climbed_by(standing: Standing, said: Sequence[Said], said_on: Mapping[int, date]) -> Standing:
    """Return an escalation on the rung that it had reached: each step left its notices behind, mailed or not."""
    reached = (0, 0, standing.opened_on)
    for notice in said:
        occurrence, _, step = notice.key.occurrence.rpartition("/")
        named = (notice.key.rule, occurrence, notice.key.anchor_on)
        if named == (standing.rule, standing.occurrence, standing.anchor_on):
            rung, _, repeat = step.partition(".")
            reached = max(reached, (int(rung), int(repeat), said_on[notice.id]))
    return standing._replace(rung=reached[0], repeat=reached[1], rung_on=reached[2])
