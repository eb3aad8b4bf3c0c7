"""All that people ever recorded in a database, told anew day by day: what a past can be lived through again with.

Only what people said is told: enrollments, facts, changes of dates, who held which post, absences, snoozes, and that an
escalation was taken. What came of it (stages, notices, escalations, emails) is left for another life to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Table, func, insert, select, update

from models.rules.words import EscalationState, Risk, Status
from models.schema import (
    ABSENCE,
    AGENCY,
    ASSIGNMENT,
    CHANGE,
    ENROLLMENT,
    ESCALATION,
    FORMER_TENURE,
    MILESTONE,
    NOTICE,
    OF_A_CASE,
    PERSON,
    SNOOZE,
    same,
)
from tasks.store.programs import program_in_force

VOIDED = ("voided_at", "voided_by", "void_reason", "void_reference")
TAKEN = ("acknowledged_on", "acknowledged_until", "acknowledged_by", "acknowledged_reason")
NAMES = {
    ENROLLMENT: {},
    ASSIGNMENT: {"enrollment_id": ENROLLMENT},
    MILESTONE: {"enrollment_id": ENROLLMENT, "corrects_id": MILESTONE},
    CHANGE: {"enrollment_id": ENROLLMENT, "undoes_id": CHANGE},
    SNOOZE: {"enrollment_id": ENROLLMENT, "assignment_id": ASSIGNMENT},
    ABSENCE: {},
}
"""The tables that are told, each after those that its rows name, and by which column they name them."""
UNIQUE = {
    ENROLLMENT: ("agency_id", "track", "cycle"),
    ASSIGNMENT: ("person_id", "post", "enrollment_id", "agency_id", "region", "since"),
}
"""By what a row is known that the lifecycle may have opened by itself: a later cycle, and the experts it keeps."""
HAPPENED = {ENROLLMENT: "agreement_on", MILESTONE: "occurred_on", ASSIGNMENT: "since", CHANGE: "effective_on"}

_X, _N = ESCALATION.c, NOTICE.c
_TAKEN = (
    select(_X.id, _X.enrollment_id, _X.rule, *(_X[name] for name in TAKEN), func.min(_N.decided_on).label("told_on"))
    .select_from(ESCALATION)
    .outerjoin(
        NOTICE,
        OF_A_CASE & (_N.subject_id == _X.enrollment_id) & (_N.rule == _X.rule) & (_N.decided_on > _X.acknowledged_on),
    )
    .where(_X.acknowledged_on.is_not(None)).group_by(_X.id)
)


class Word(NamedTuple):
    """A row that became known on a day, or what became known of it; `order` is among those of a day."""

    day: date
    order: int
    table: Table
    id: int
    values: Mapping[str, Any]
    is_new: bool = True


class Recorded:
    """What was recorded in a database, to be told to an empty one that lives under a policy."""

    def __init__(self, connection: Connection, *, as_happened: bool = False) -> None:
        """Read it.

        Args:
            connection: where it was recorded.
            as_happened: take everything as known on the day it happened, if it was recorded later.
        """
        self._zone = ZoneInfo(program_in_force(connection).policy.zone)
        self._as_happened = as_happened
        self._there = {table: _rows(connection, table) for table in (PERSON, AGENCY)}
        self._words = sorted(self._read(connection), key=lambda word: (word.day, word.order, word.id))

    def telling(self) -> Telling:
        """Return a telling of it that has not begun."""
        return Telling(self._there, self._words)

    def _read(self, connection: Connection) -> Iterator[Word]:
        tenures = defaultdict(list)
        for row in _rows(connection, FORMER_TENURE):
            tenures[row["assignment_id"]].append(row)
        for order, table in enumerate(NAMES):
            for row in _rows(connection, table):
                day = self._known_on(table, row)
                if day < self._day_of(row["recorded_at"]):
                    row["recorded_at"] = datetime.combine(day, time(), self._zone).astimezone(UTC)
                if table is ASSIGNMENT:
                    yield from self._seat(row, tenures[row["id"]], (day, order))
                elif table is MILESTONE:
                    yield Word(day, order, table, row["id"], row | dict.fromkeys(VOIDED[:3]) | {"void_reference": ""})
                    if row["voided_at"] is not None:
                        values = {name: row[name] for name in VOIDED}
                        voided_on = max(day, self._day_of(row["voided_at"]))
                        yield Word(voided_on, len(NAMES), table, row["id"], values, is_new=False)
                else:
                    yield Word(day, order, table, row["id"], row)
        for one in connection.execute(_TAKEN).mappings():
            # Once it climbs on nothing keeps until when it was taken but the day on which it was told of again.
            until = one["acknowledged_until"] or (one["told_on"] and one["told_on"] - timedelta(days=1))
            if until is not None:
                values = dict(one) | {"acknowledged_until": until}
                yield Word(one["acknowledged_on"], len(NAMES), ESCALATION, one["id"], values, is_new=False)

    def _seat(self, row: Mapping[str, Any], former: list[dict[str, Any]], at: tuple[date, int]) -> Iterator[Word]:
        """Tell of a seat from when until when it was thought to be held, and each later word on it on its day."""
        day, order = at
        held = [{name: each[name] for name in ("since", "until")} for each in (*former, row)]
        yield Word(day, order, ASSIGNMENT, row["id"], {**row, **held[0]})
        for each, then in zip(former, held[1:], strict=True):
            replaced_on = max(day, self._day_of(each["replaced_at"]))
            yield Word(replaced_on, len(NAMES), ASSIGNMENT, row["id"], then, is_new=False)

    def _known_on(self, table: Table, row: Mapping[str, Any]) -> date:
        recorded = self._day_of(row["recorded_at"])
        happened = row[HAPPENED[table]] if self._as_happened and table in HAPPENED else None
        return recorded if happened is None else min(recorded, happened)

    def _day_of(self, instant: datetime) -> date:
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(self._zone).date()


class Telling:
    """One telling; a row's id there is not its id here, where the lifecycle opens rows of its own."""

    def __init__(self, there: Mapping[Table, list[dict[str, Any]]], words: list[Word]) -> None:
        """Begin with whoever there is, and with nothing told yet."""
        self.days = sorted({word.day for word in words})
        self._there, self._words, self._told = there, words, 0
        self._ids: dict[Table, dict[int, int]] = defaultdict(dict)

    def tell(self, connection: Connection, today: date) -> None:
        """Record everything that became known until today and was not told yet; whom it is about comes due."""
        if self._told == 0:
            self._introduce(connection)
        about: set[int] | None = set()
        while self._told < len(self._words) and self._words[self._told].day <= today:
            mine = self._say(connection, self._words[self._told], today)
            about = None if about is None or mine is None else about | mine
            self._told += 1
        due = update(ENROLLMENT).where(same(ENROLLMENT.c.status, Status.OPEN)).values(next_review_on=today)
        if about is None:
            connection.execute(due)
        elif about:
            connection.execute(due.where(ENROLLMENT.c.id.in_(about)))

    def _introduce(self, connection: Connection) -> None:
        reachable = dict.fromkeys(("undeliverable_since", "undeliverable_by", "deputy_id"))
        people = self._there[PERSON]
        for table, rows in ((PERSON, [row | reachable for row in people]), (AGENCY, self._there[AGENCY])):
            if rows:
                connection.execute(insert(table), rows)
        for row in people:
            if row["deputy_id"] is not None:
                one = update(PERSON).where(PERSON.c.id == row["id"])
                connection.execute(one.values(deputy_id=row["deputy_id"]))

    def _say(self, connection: Connection, word: Word, today: date) -> set[int] | None:
        """Record a word and return the enrollments that it is about; None: any of them."""
        if word.table is ESCALATION:
            return self._take(connection, word)
        values = self._named_here(word)
        if not word.is_new:
            key = self._ids[word.table][word.id]
            connection.execute(update(word.table).where(word.table.c.id == key).values(values))
        else:
            if word.table is ENROLLMENT:
                values |= _at_its_start(connection, values, today)
            key = self._ids[word.table][word.id] = _added(connection, word.table, values)
        if word.table is ENROLLMENT:
            return {key}
        row = connection.execute(select(word.table).where(word.table.c.id == key)).mappings().one()
        return _about(connection, row)

    def _named_here(self, word: Word) -> dict[str, Any]:
        names = NAMES[word.table]
        return {
            name: self._ids[names[name]][value] if name in names and value is not None else value
            for name, value in word.values.items() if name != "id"
        }

    def _take(self, connection: Connection, word: Word) -> set[int]:
        """Let whoever took the escalation take that of the same rule, if one is open here."""
        x, row = ESCALATION.c, word.values
        mine = self._ids[ENROLLMENT][row["enrollment_id"]]
        connection.execute(
            update(ESCALATION)
            .where(x.enrollment_id == mine, x.rule == row["rule"], x.state == EscalationState.OPEN)
            .values(state=EscalationState.ACKNOWLEDGED, **{name: row[name] for name in TAKEN})
        )
        return {mine}


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]


def _at_its_start(connection: Connection, row: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return an enrollment's columns as the lifecycle finds them that has not decided on it yet."""
    policy = program_in_force(connection).policy
    return {
        "stage": policy.start_of(row["cycle"]), "stage_entered_on": row["agreement_on"], "stage_seq": 0,
        "reentered_on": None, "status": Status.OPEN, "risk": Risk.ON_TRACK, "pace": 0.0, "forecast_fit_id": None,
        "ended_on": None, "next_review_on": today,
    }


def _added(connection: Connection, table: Table, row: Mapping[str, Any]) -> int:
    """Add a row and return its id; of one that the lifecycle opened here before, return that one's."""
    if table in UNIQUE:
        alike = [table.c[name].is_not_distinct_from(row[name]) for name in UNIQUE[table]]
        found: int | None = connection.scalar(select(table.c.id).where(*alike))
        if found is not None:
            return found
    added: int = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
    return added


def _about(connection: Connection, row: RowMapping) -> set[int] | None:
    """Return the enrollments that a row is about: its own, its agency's, or any where it is of a region or a person."""
    if row.get("enrollment_id") is not None:
        return {row["enrollment_id"]}
    if row.get("agency_id") is not None:
        mine = select(ENROLLMENT.c.id).where(ENROLLMENT.c.agency_id == row["agency_id"])
        return set(connection.scalars(mine))
    return None
