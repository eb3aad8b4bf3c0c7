"""The floor of a sweep: the reads and writes of a day by hand, on the bare driver (sqlite3 or psycopg), nothing else.

What it writes is worked out beforehand, outside its clock. It reads the same columns of the same rows in the same
batches, each batch in a transaction as durable as ours, and leaves the same rows behind.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.engine import make_url

DUE = (
    "SELECT e.id, e.track, e.stage, e.stage_entered_on, e.stage_seq, e.status, e.agreement_on, e.mandatory, e.other,"
    " e.agency_id, a.region, e.next_review_on, e.reentered_on, a.code, a.entity, a.staff, e.cycle, a.municipality,"
    " e.risk, e.pace, e.forecast_fit_id FROM enrollment e JOIN agency a ON a.id = e.agency_id"
    " WHERE e.next_review_on <= ? AND (e.next_review_on, e.id) > (?, ?) ORDER BY e.next_review_on, e.id LIMIT 1000"
)
SEAT = (
    "SELECT s.{}, s.id, s.post, s.since, s.until, s.person_id, p.undeliverable_since FROM assignment s"
    " LEFT JOIN person p ON p.id = s.person_id WHERE "
)
READS = (
    "SELECT enrollment_id, id, milestone, occurred_on, value FROM milestone WHERE enrollment_id IN ({})"
    " AND voided_at IS NULL",
    "SELECT subject_id, id, rule, occurrence, anchor_on, post, state, reason FROM notice WHERE subject_id IN ({})"
    " AND subject_kind = 'enrollment'",
    "SELECT enrollment_id, id, rule, occurrence, anchor_on, state, opened_on, rung, rung_on, repeat,"
    " acknowledged_until, closed_on FROM escalation WHERE enrollment_id IN ({})",
    "SELECT enrollment_id, id, kind, months, anchor_on, effective_on, undoes_id FROM deadline_change"
    " WHERE enrollment_id IN ({}) ORDER BY id",
    "SELECT enrollment_id, rule, assignment_id, since, until FROM snooze WHERE enrollment_id IN ({})"
    " AND (ended_on IS NULL OR ended_on > since)",
    SEAT.format("enrollment_id") + "s.enrollment_id IN ({})",
    SEAT.format("agency_id") + "s.agency_id IN ({})",
)
"""Of a batch, by the ids of its enrollments (which are those of their agencies here)."""
WIDE = SEAT.format("region") + "s.enrollment_id IS NULL AND s.agency_id IS NULL"
WRITES = {
    "settled": "UPDATE enrollment SET stage=?, stage_entered_on=?, stage_seq=?, status=?, risk=?, ended_on=?,"
    " next_review_on=?, reentered_on=?, pace=? WHERE id=?",
    "climbed": "UPDATE escalation SET state=?, rung=?, rung_on=?, repeat=?, acknowledged_until=?, closed_on=?,"
    " closing=? WHERE id=?",
    "cancelled": "UPDATE notice SET state=?, reason=? WHERE id=? AND state = 'pending'",
    "closed": "UPDATE escalation SET state=?, closed_on=?, closing=? WHERE id=?",
    "opened": "INSERT INTO escalation (enrollment_id, rule, occurrence, anchor_on, state, opened_on, rung, rung_on,"
    " repeat, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    "advanced": "INSERT INTO stage_change (enrollment_id, seq, from_stage, to_stage, status, changed_on,"
    " decided_on, evidence, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
    "told": "INSERT INTO notice (subject_kind, subject_id, rule, occurrence, anchor_on, post, template, planned_for,"
    " decided_on, state, reason, facts, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING",
}
IN_FORCE = (
    "SELECT i.live_from, v.id, v.digest, v.program, f.id, f.digest FROM installation i JOIN policy_version v"
    " ON v.id = i.policy_version_id LEFT JOIN forecast_fit f ON f.id = (SELECT max(id) FROM forecast_fit)"
)
SWEPT = (
    "INSERT INTO sweep (as_of, due, advances, notices, escalations, failed, sent_back, finished_at)"
    " VALUES (?, 0, 0, 0, 0, 0, 0, ?)"
)
STAMP = "2022-03-01 00:00:00.000000"


def statements() -> list[str]:
    """Return the statements in order; a list of ids stands as `...`."""
    return [f"{sql.replace('{}', '...')};" for sql in (DUE, *READS, WIDE, *WRITES.values())]


class Batch(NamedTuple):
    """A batch of a day: where it begins, whom it is of, and what is written of it, by the names in `WRITES`."""

    after: tuple[str, int]
    ids: list[int]
    rows: dict[str, list[tuple[Any, ...]]]


class Driver(NamedTuple):
    """A bare driver's connection, and a statement as it takes it."""

    execute: Callable[..., Any]
    executemany: Callable[..., Any]
    spelled: Callable[[str], str]
    locking: str
    close: Callable[[], None]
    insert: Callable[[str, Sequence[str], Sequence[tuple[Any, ...]]], Any]
    """Insert rows into a table's columns, the fastest way there is."""


def driver() -> Driver:
    """Connect the bare driver of the settings' database, as durable as ours."""
    url = make_url(os.environ["ACREDITA_DATABASE_URL"])
    if url.get_backend_name() == "sqlite":
        lite = sqlite3.connect(str(url.database), isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            lite.execute(f"PRAGMA {pragma}")
        _require_indexes(lite)

        def insert(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
            marks = ", ".join("?" * len(columns))
            lite.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

        return Driver(lite.execute, lite.executemany, str, "", lite.close, insert)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain, autocommit=True)
    cursor = connection.cursor()

    def copied(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    return Driver(
        connection.execute, cursor.executemany, lambda sql: sql.replace("?", "%s"), " FOR UPDATE OF e SKIP LOCKED",
        connection.close, copied,
    )


def _require_indexes(lite: sqlite3.Connection) -> None:
    """Stop where a read of the floor walks through a table: a slow floor would flatter us."""
    for read in READS:
        steps = [row[3] for row in lite.execute(f"EXPLAIN QUERY PLAN {read.format('?')}", (1,))]
        assert not any(step.startswith("SCAN") for step in steps), (read, steps)


def floor(on: date) -> float:
    """Return the seconds the bare driver takes for the reads and writes of a day's sweep."""
    from tasks.collector import quiet_collector

    bare = driver()
    with quiet_collector():  # as ours: the floor shall not pay for what else this process holds
        seconds = sum(_batch(bare, batch, on.isoformat()) for batch in batches(on))
    bare.close()
    return seconds


def _batch(bare: Driver, batch: Batch, on: str) -> float:
    execute, spelled, ids = bare.execute, bare.spelled, tuple(batch.ids)
    marks = ",".join("?" * len(ids))
    begun = time.perf_counter()
    execute("BEGIN" if bare.locking else "BEGIN IMMEDIATE")
    execute(spelled(DUE) + bare.locking, (on, *batch.after)).fetchall()
    for read in READS:
        execute(spelled(read.format(marks)), ids).fetchall()
    execute(WIDE).fetchall()
    for name, statement in WRITES.items():
        if batch.rows[name]:
            bare.executemany(spelled(statement), batch.rows[name])
    execute("COMMIT")
    return time.perf_counter() - begun


def floor_of_none(on: date) -> float:
    """Return the seconds the bare driver takes to find nobody due, and to note that the day was swept."""
    bare = driver()
    execute, spelled, begin = bare.execute, bare.spelled, "BEGIN" if bare.locking else "BEGIN IMMEDIATE"
    begun = time.perf_counter()
    execute(begin)
    execute(IN_FORCE).fetchone()
    assert not execute(spelled(DUE) + bare.locking, (on.isoformat(), "0001-01-01", 0)).fetchall(), "nobody is due"
    execute("COMMIT")
    execute(begin)
    execute("SELECT clock_offset_seconds FROM installation").fetchone()
    execute(spelled(SWEPT), (on.isoformat(), STAMP))
    execute(spelled("UPDATE installation SET last_swept_on = ?"), (on.isoformat(),))
    execute("COMMIT")
    taken = time.perf_counter() - begun
    bare.close()
    return taken


def batches(on: date) -> Iterator[Batch]:
    """Yield the day's batches with what will be written of each, one at a time; the next is read once it was written.

    Reading them also warms what the database keeps in memory.
    """
    from models.rules.decide import decide
    from tasks.store.cases import START, due_cases
    from tasks.store.database import engine_of, reading
    from tasks.store.programs import program_in_force
    from tasks.sweep import BATCH

    cursor = START
    while True:
        with reading(engine_of()) as connection:
            program = program_in_force(connection)
            cases, following = due_cases(connection, on, (cursor, BATCH))
        if following is None:
            return
        decisions = [decide(case, program, on) for case in cases]
        rows = _rows(decisions, program.version, on)
        yield Batch((cursor.day.isoformat(), cursor.id), [case.id for case in cases], rows)
        cursor = following


def _text(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _rows(decisions: Sequence[Any], version: int, on: date) -> dict[str, list[tuple[Any, ...]]]:
    today = on.isoformat()
    assert not any(d.revived or d.forecast or d.next_cycle for d in decisions), "the floor writes none of these"
    return {
        "settled": [
            (d.stage, _text(d.stage_entered_on), d.stage_seq, d.status.value, d.risk.value, None,
             _text(d.next_review_on), _text(d.reentered_on), d.pace, d.case_id) for d in decisions
        ],
        "climbed": [
            (s.state.value, s.rung, _text(s.rung_on), s.repeat, _text(s.acknowledged_until), None, None, s.id)
            for d in decisions for s in d.moved
        ],
        "cancelled": [("cancelled", c.reason.value, c.notice_id) for d in decisions for c in d.cancellings],
        "closed": [("closed", today, c.reason.value, c.escalation_id) for d in decisions for c in d.closed],
        "opened": [
            (d.case_id, s.rule, s.occurrence, _text(s.anchor_on), s.state.value, _text(s.opened_on), s.rung,
             _text(s.rung_on), s.repeat, version, STAMP) for d in decisions for s in d.opened
        ],
        "advanced": [
            (d.case_id, a.seq, a.from_stage, a.to_stage, a.status.value, _text(a.on), today,
             json.dumps({"facts": a.evidence.facts, "seats": a.evidence.seats}), version, STAMP)
            for d in decisions for a in d.advances
        ],
        "told": [
            ("enrollment", d.case_id, t.key.rule, t.key.occurrence, _text(t.key.anchor_on), t.key.post.value,
             t.template, _text(t.planned_for), today, t.state.value, t.reason and t.reason.value,
             json.dumps(t.facts), version, STAMP) for d in decisions for t in d.tellings
        ],
    }
