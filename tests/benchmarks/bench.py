"""`make bench`: what a sweep costs, as ratios to the bare sqlite3 driver doing the same reads and writes.

Each figure comes from one run of one process on one database. The floor reads the same rows with the same batches and
writes the same rows, worked out beforehand by `decide`, with hand-written statements and no library. Both start warm:
the rows of their day were read once before the clock runs. Ours and the floor take turns, on days of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

TODAY = date(2022, 3, 1)
ROUNDS = 3
DUE_SHARE = 0.03
LIMIT_RATIO = 2.5


def build(path: Path, size: int) -> None:
    """Fill a database with `size` enrollments, of which 3 % come due on each of the bench's days."""
    os.environ["ACREDITA_DATABASE_URL"] = f"sqlite:///{path}"
    from tasks.store.database import engine_of, migrate
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    engine = engine_of()
    migrate(engine)
    put_in_force(engine, read_policy(folder_of("mexico")), Terms(live_from=date(2016, 1, 1)))
    engine.dispose()
    lite = sqlite3.connect(path, isolation_level=None)
    lite.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
    lite.execute("BEGIN")
    stamp = "2022-01-01 00:00:00.000000"
    lite.execute("INSERT INTO person (id, code, given_names, surname, email, language, time_zone, recorded_at)"
                 " VALUES (1, 'P1', 'A', 'B', 'p1@example.org', 'en', 'UTC', ?)", (stamp,))
    ids = range(1, size + 1)
    lite.executemany(
        "INSERT INTO agency (id, code, name, kind, entity, region, time_zone, recorded_at)"
        " VALUES (?, ?, 'x', 'law_enforcement', 'JAL', 'west', 'America/Mexico_City', ?)",
        ((i, f"A{i}", stamp) for i in ids),
    )
    lite.executemany(
        "INSERT INTO enrollment (id, agency_id, track, cycle, agreement_on, stage, stage_entered_on, stage_seq, status,"
        " risk, next_review_on, recorded_at)"
        " VALUES (?, ?, 'law_enforcement_tier1', 1, ?, 'directives', ?, 2, 'open', 'on_track', ?, ?)",
        ((i, i, "2021-02-01", entered, due, stamp) for i, entered, due in _cases(size)),
    )
    lite.executemany(
        "INSERT INTO milestone (enrollment_id, milestone, occurred_on, reference, recorded_by, recorded_at)"
        " VALUES (?, ?, ?, '', 'bench', ?)",
        ((i, name, on, stamp) for i in ids for name, on in _facts(i)),
    )
    lite.executemany(
        "INSERT INTO assignment (person_id, post, enrollment_id, agency_id, since, recorded_at)"
        " VALUES (1, ?, ?, ?, ?, ?)",
        (seat for i in ids for seat in _seats(i, stamp)),
    )
    lite.execute("COMMIT")
    lite.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")
    lite.close()


def _day(turn: int) -> date:
    return TODAY + timedelta(days=turn)


def _cases(size: int) -> Iterator[tuple[int, str, str]]:
    """Spread the due cases over the whole table, 3 % for each turn; the others are due far ahead."""
    turns = 2 * ROUNDS + 1
    for i in range(1, size + 1):
        slot = (i * 7919) % 1000
        turn = slot // round(1000 * DUE_SHARE)
        day = _day(turn) if turn < turns else TODAY + timedelta(days=200)
        # The stage's target lies 30 days after the day the case is due: its reminder is what came due.
        yield i, (day + timedelta(days=30 - 244)).isoformat(), day.isoformat()


def _facts(i: int) -> Iterator[tuple[str, str]]:
    yield from (("kickoff_visit", "2021-02-20"), ("gap_report_accepted", "2021-06-01"), ("visit", "2021-11-20"))
    if i % 5 == 0:  # one in five leaves its stage
        yield from (("directives_issued", "2022-02-20"), ("staff_oriented", "2022-02-25"))
    if i % 7:  # one in seven has stalled
        yield "remote_contact", "2022-02-10"


def _seats(i: int, stamp: str) -> Iterator[tuple[Any, ...]]:
    yield "sme_1", i, None, "2021-02-01", stamp
    yield "sme_2", i, None, "2021-02-01", stamp
    yield "accreditation_manager", None, i, "2021-02-01", stamp


def prepared(day: date) -> list[dict[str, Any]]:
    """Read the day's cases and work out what will be written, batch by batch. Not timed; it also warms the cache."""
    from models.rules.decide import decide
    from tasks.store.cases import START, due_cases
    from tasks.store.database import engine_of, reading
    from tasks.store.programs import program_in_force
    from tasks.sweep import BATCH

    batches: list[dict[str, Any]] = []
    cursor = START
    while True:
        with reading(engine_of()) as connection:
            program = program_in_force(connection)
            cases, following = due_cases(connection, day, (cursor, BATCH))
        if following is None:
            return batches
        decisions = [decide(case, program, day) for case in cases]
        batches.append({"after": cursor, "ids": [c.id for c in cases], "rows": _rows(decisions, program.version, day)})
        cursor = following


def _rows(decisions: list[Any], version: int, day: date) -> dict[str, list[tuple[Any, ...]]]:
    stamp, today = "2022-03-01 00:00:00.000000", day.isoformat()
    return {
        "settle": [
            (d.stage, d.stage_entered_on.isoformat(), d.stage_seq, d.status.value, d.risk.value, None,
             d.next_review_on.isoformat(), d.reentered_on, d.case_id) for d in decisions
        ],
        "notice": [
            ("enrollment", d.case_id, t.key.rule, t.key.occurrence, t.key.anchor_on.isoformat(), t.key.post.value,
             t.template, t.planned_for.isoformat(), today, t.state.value, t.reason and t.reason.value,
             json.dumps(t.facts), version, stamp) for d in decisions for t in d.tellings
        ],
        "escalation": [
            (d.case_id, s.rule, s.occurrence, s.anchor_on.isoformat(), s.state.value, s.opened_on.isoformat(), s.rung,
             s.rung_on.isoformat(), s.repeat, version, stamp) for d in decisions for s in d.opened
        ],
        "stage_change": [
            (d.case_id, a.seq, a.from_stage, a.to_stage, a.status.value, a.on.isoformat(), today,
             json.dumps({"facts": a.evidence.facts, "seats": a.evidence.seats}), version, stamp)
            for d in decisions for a in d.advances
        ],
    }


SEATS = "SELECT enrollment_id, agency_id, region, id, post, since, until, person_id FROM assignment WHERE "
READS = (
    "SELECT enrollment_id, id, milestone, occurred_on, value FROM milestone WHERE enrollment_id IN ({})"
    " AND voided_at IS NULL",
    "SELECT subject_id, id, rule, occurrence, anchor_on, post, state, reason FROM notice WHERE subject_id IN ({})"
    " AND subject_kind = 'enrollment'",
    "SELECT enrollment_id, id, rule, occurrence, anchor_on, state, opened_on, rung, rung_on, repeat,"
    " acknowledged_until FROM escalation WHERE enrollment_id IN ({})",
    "SELECT enrollment_id, id, kind, months, anchor_on, effective_on, undoes_id FROM deadline_change"
    " WHERE enrollment_id IN ({}) ORDER BY id",
    "SELECT enrollment_id, rule, assignment_id, since, until FROM snooze WHERE enrollment_id IN ({})",
    f"{SEATS}enrollment_id IN ({{}})",
    f"{SEATS}agency_id IN ({{}})",
)
"""What `tasks.store.cases` reads of a batch, by the ids of its enrollments (which are those of their agencies here)."""
WIDE = f"{SEATS}enrollment_id IS NULL AND agency_id IS NULL"
DUE = (
    "SELECT e.id, e.track, e.stage, e.stage_entered_on, e.stage_seq, e.status, e.agreement_on, e.mandatory, e.other,"
    " e.agency_id, a.region, e.next_review_on, e.reentered_on, a.code, a.entity, a.staff, e.cycle, a.municipality"
    " FROM enrollment e JOIN agency a ON a.id = e.agency_id"
    " WHERE e.next_review_on <= ? AND (e.next_review_on, e.id) > (?, ?) ORDER BY e.next_review_on, e.id LIMIT 1000"
)
WRITES = {
    "settle": "UPDATE enrollment SET stage=?, stage_entered_on=?, stage_seq=?, status=?, risk=?, ended_on=?,"
    " next_review_on=?, reentered_on=? WHERE id=?",
    "escalation": "INSERT INTO escalation (enrollment_id, rule, occurrence, anchor_on, state, opened_on, rung, rung_on,"
    " repeat, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    "stage_change": "INSERT INTO stage_change (enrollment_id, seq, from_stage, to_stage, status, changed_on,"
    " decided_on, evidence, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
    "notice": "INSERT INTO notice (subject_kind, subject_id, rule, occurrence, anchor_on, post, template, planned_for,"
    " decided_on, state, reason, facts, policy_version_id, recorded_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING",
}


def floor(path: Path, day: date) -> float:
    """Return the seconds the bare driver takes for the reads and writes of a day's sweep."""
    batches = prepared(day)
    lite = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        lite.execute(f"PRAGMA {pragma}")
    _require_indexes(lite)
    start = time.perf_counter()
    for batch in batches:
        lite.execute("BEGIN IMMEDIATE")
        after, ids = batch["after"], batch["ids"]
        lite.execute(DUE, (day.isoformat(), after.day.isoformat(), after.id)).fetchall()
        marks = ",".join("?" * len(ids))
        for read in READS:
            lite.execute(read.format(marks), ids).fetchall()
        lite.execute(WIDE).fetchall()
        for name, statement in WRITES.items():
            lite.executemany(statement, batch["rows"][name])
        lite.execute("COMMIT")
    seconds = time.perf_counter() - start
    lite.close()
    return seconds


def _require_indexes(lite: sqlite3.Connection) -> None:
    """Stop where a read of the floor walks through a table: a slow floor would flatter us."""
    for read in READS:
        steps = [row[3] for row in lite.execute(f"EXPLAIN QUERY PLAN {read.format('?')}", (1,))]
        assert not any(step.startswith("SCAN") for step in steps), (read, steps)


def ours(day: date) -> tuple[float, int]:
    """Return the seconds our sweep takes for a day, and how many cases were due."""
    from tasks.sweep import sweep

    prepared(day)
    start = time.perf_counter()
    tally = sweep(day)
    return time.perf_counter() - start, tally.due


def nothing_due(day: date) -> float:
    """Return the median seconds of a sweep with nothing due."""
    from tasks.sweep import sweep

    taken = []
    for _ in range(7):
        start = time.perf_counter()
        assert sweep(day).due == 0
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def compare(path: Path) -> dict[str, Any]:
    """Let our sweep and the floor take turns."""
    swept, bare, due = [], [], 0
    for turn in range(ROUNDS):
        seconds, due = ours(_day(2 * turn))
        swept.append(seconds)
        bare.append(floor(path, _day(2 * turn + 1)))
    return {"due": due, "ours": swept, "floor": bare, "nothing": nothing_due(_day(2 * ROUNDS - 1))}


def alone(_path: Path) -> dict[str, Any]:
    """Sweep a day in a process that does nothing else, for its peak memory."""
    from tasks.sweep import sweep

    imported = _peak_mb()
    sweep(_day(2 * ROUNDS))
    return {"imported_mb": imported, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    # Not getrusage: its figure begins with the size of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


MODES = {"compare": compare, "alone": alone}


def measured(mode: str, path: Path) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--mode", mode, "--database", str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(out.stdout.splitlines()[-1])
    return figures

COLUMNS = (
    "enrollments", "due", "ours s", "floor s", f"ratio (limit {LIMIT_RATIO})", "µs a case", "nothing due",
    "peak MB (of it the sweep)",
)


def main() -> int:
    """Print the table; exit 1 where a ratio is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--database", type=Path)
    given = parser.parse_args()
    if given.mode:
        os.environ["ACREDITA_DATABASE_URL"] = f"sqlite:///{given.database}"
        print(json.dumps(MODES[given.mode](given.database)))
        return 0
    console = Console(width=140)
    table = Table(title="a sweep with 3 % due, beside the bare sqlite3 driver")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    over = False
    for size in map(int, given.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder, console.status(f"{size:,} enrollments"):
            path = Path(folder) / "bench.db"
            build(path, size)
            figures = measured("compare", path) | measured("alone", path)
        ratio = statistics.median(a / b for a, b in zip(figures["ours"], figures["floor"], strict=True))
        over = over or (size >= 100_000 and ratio > LIMIT_RATIO)
        mine = statistics.median(figures["ours"])
        table.add_row(
            f"{size:,}", f"{figures['due']:,}", f"{mine:.3f}", f"{statistics.median(figures['floor']):.3f}",
            f"{ratio:.2f}", f"{1e6 * mine / figures['due']:.0f}", f"{1e3 * figures['nothing']:.1f} ms",
            f"{figures['peak_mb']:.0f} ({figures['peak_mb'] - figures['imported_mb']:.0f})",
        )
    console.print(table)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
