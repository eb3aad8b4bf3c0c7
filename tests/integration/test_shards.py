"""The sweep in shards, on real PostgreSQL with real workers: the rows of one piece, whoever dies in between."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from itertools import count, pairwise
from typing import Any, NamedTuple

import psutil
import psycopg
import pytest
from dask.config import set as dask_set
from pydantic import ValidationError
from sqlalchemy import Engine, select, update

from flows.daily import daily_sweep
from models.rules.case import Case
from models.schema import ASSIGNMENT, ENROLLMENT, ESCALATION, INCIDENT, NOTICE, STAGE_CHANGE
from models.settings import Settings
from tasks import beside as besides
from tasks import shards as sharding
from tasks import sweep as sweeping
from tasks.beside import Beside
from tasks.beside import beside as beside_this
from tasks.journal import Journal
from tasks.looking import Tally
from tasks.shards import sweep_in_shards
from tasks.store.cases import START, Cursor
from tasks.store.clock import set_clock
from tasks.store.database import reading, transaction
from tasks.store.stretches import due_count, stretches
from tasks.sweep import BatchResult, sweep, sweep_batch
from tests.building import ONBOARDED, case, crew, day, program
from tests.conftest import create_database, engine_at
from tests.on_prefect import Api, eventually, run
from tests.storing import install

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]

TODAY = date(2021, 3, 22)
"""The Monday after a conference: two cases are awarded, and their next cycles opened and looked at."""
_NUMBER = count(1)
_ENTERED = (date(2021, 1, 1) - day(0)).days
Found = dict[str, list[tuple[Any, ...]]]


def lives() -> list[Case]:
    """Two dozen cases of which every stretch has some that advance, stall, end or are awarded."""
    kinds: list[dict[str, Any]] = [
        {"facts": ONBOARDED}, {}, {"facts": [("visit", 50)]}, {"seats": crew(without=["sme_1"])},
        {"facts": [("withdrawn", 40)]}, {"facts": [*ONBOARDED, ("gap_report_accepted", 45)]},
    ]
    made = [replace(case(**kinds[number % len(kinds)]), id=number) for number in range(1, 25)]
    for number in (3, 20):
        before = case("commission_review", _ENTERED, facts=[("decision_favourable", _ENTERED + 78)])
        made[number - 1] = replace(before, id=number, mandatory=100)
    return made


@contextmanager
def stocked(postgres: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A PostgreSQL database of its own with these cases, one of which cannot be decided; the settings name it."""
    name = f"shards_{next(_NUMBER)}"
    url = create_database(postgres, name, template)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')  # it is crashed on purpose
    monkeypatch.setattr(sweeping, "BATCH", 5)
    with engine_at(url, monkeypatch) as engine:
        install(engine, program().policy, lives())
        with transaction(engine) as connection:
            connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 7).values(track="unheard_of"))
            set_clock(connection, datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC))
        yield engine
    _close_what_is_left(name)


def _close_what_is_left(name: str) -> None:
    """Close what a crash or a cut took from its pool: else it is found open in the middle of somebody else's test."""
    for each in gc.get_objects():
        if isinstance(each, psycopg.Connection) and not each.closed and each.info.dbname == name:
            each.close()


@pytest.fixture
def pg(postgres: str, migrated_postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with stocked(postgres, migrated_postgres, monkeypatch) as engine:
        yield engine


@pytest.fixture(scope="module")
def in_one_piece(postgres: str, migrated_postgres: str) -> tuple[Tally, list[Any], Found]:
    """What a sweep without shards makes of the same cases: its tally, its moves, its rows."""
    with pytest.MonkeyPatch.context() as patch, stocked(postgres, migrated_postgres, patch) as engine:
        journal = Journal()
        tally = sweep(TODAY, journal=journal)
        assert (tally.due, tally.failed) == (26, 1), "two of them were opened by awards"
        return tally, _told(engine, journal), rows(engine)


def rows(engine: Engine) -> Found:
    """Return all that a sweep writes, by agency and cycle: what number a new cycle has is nobody's concern."""
    e = ENROLLMENT.c
    whose = e.agency_id, e.track, e.cycle
    found: Found = {}
    with reading(engine) as connection:
        for table, owner in (
            (STAGE_CHANGE, "enrollment_id"), (ESCALATION, "enrollment_id"), (NOTICE, "subject_id"),
            (ASSIGNMENT, "enrollment_id"),
        ):
            left_out = {"id", owner, "recorded_at", "evidence"}
            columns = [column for column in table.c if column.name not in left_out]
            query = select(*whose, *columns).join(ENROLLMENT, e.id == table.c[owner])
            found[table.name] = sorted(map(tuple, connection.execute(query)), key=repr)
        wanted = [column for column in e if column.name not in {"id", "recorded_at"}]
        found["enrollment"] = sorted(map(tuple, connection.execute(select(*wanted))), key=repr)
        found["incident"] = [tuple(row) for row in connection.execute(select(INCIDENT.c.subject, INCIDENT.c.what))]
    return found


def _told(engine: Engine, journal: Journal) -> list[Any]:
    """Return what happened, in order, the cases by agency and cycle."""
    with reading(engine) as connection:
        query = select(ENROLLMENT.c.id, ENROLLMENT.c.agency_id, ENROLLMENT.c.cycle)
        names = {row.id: tuple(row)[1:] for row in connection.execute(query)}
    return [(names[move.case_id], move.what, move.facts) for move in journal.moves]


def _alike(engine: Engine, expected: Found) -> None:
    found = rows(engine)
    assert {name: len(found[name]) for name in found} == {name: len(expected[name]) for name in expected}
    assert found == expected


# Stretches


CUTS = [(0, 2), (1, 3), (2, 2), (7, 3), (24, 2), (24, 5), (24, 24), (24, 64)]
"""How many cases are due, and how many stretches are asked for."""


def test_stretches_are_even_and_hold_everything_that_is_due_once(store: Engine) -> None:
    install(store, program().policy, lives())
    for due, parts in CUTS:
        with transaction(store) as connection:
            connection.execute(update(ENROLLMENT).values(next_review_on=day(90)))
            few = ENROLLMENT.c.id <= due
            connection.execute(update(ENROLLMENT).where(few).values(next_review_on=day(10)))
            connection.execute(update(ENROLLMENT).where(few, ENROLLMENT.c.id % 3 == 0).values(next_review_on=day(9)))
            cut = stretches(connection, day(60), parts)
            ends = [stretch.until for stretch in cut if stretch.until is not None]
            counts = [0, *(due_count(connection, day(60), end) for end in ends)]
        assert len(cut) == len(ends) == min(due, parts)
        assert [stretch[:2] for stretch in cut] == [START[:2], *ends][: len(cut)], "each begins where the last ends"
        lengths = [after - before for before, after in pairwise(counts)]
        assert sum(lengths) == due
        assert not lengths or max(lengths) - min(lengths) <= 1


# Workers


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes on this machine, and of those that follow them: forked from one that is ready."""
    dask: Any = import_module("distributed")  # its types are half there
    with dask_set({"distributed.worker.multiprocessing-method": "forkserver"}):
        dask.utils.get_mp_context().set_forkserver_preload(["distributed", "tasks.shards"])
        with (
            dask.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made,
            dask.Client(made, set_as_default=False) as client,
        ):
            yield client


@pytest.fixture
def on_dask(pg: Engine, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stocked database; the setting names the cluster, and its workers have the settings' environment."""
    monkeypatch.setenv("ACREDITA_RUNNER", cluster.scheduler.address.replace("tcp://", "dask://"))
    _tell_workers(cluster)
    return pg


def _tell_workers(cluster: Any) -> None:
    cluster.wait_for_workers(2, timeout=30)  # one that was killed comes back without what it was told
    mine = {name: value for name, value in os.environ.items() if name.startswith("ACREDITA_")}
    cluster.run(lambda: __import__("os").environ.update(mine))  # not its bound method: a copy would travel


def test_two_shards_on_two_processes_write_the_rows_of_one_piece(
    on_dask: Engine, api: Api, in_one_piece: tuple[Tally, list[Any], Found]
) -> None:
    tally, _, expected = in_one_piece
    state = run(daily_sweep, shards=2)
    assert state.is_completed(), state.message
    assert f"26 due, {tally.advances} advanced, {tally.notices} notices" in api.run_of(state)["name"]
    assert "Warning" not in api.artifact("sweep-changes")["description"]
    _alike(on_dask, expected)
    wanted = {"flow_runs": {"id": {"any_": [str(state.state_details.flow_run_id)]}}}
    shards = eventually(lambda: _shards_of(api, wanted))
    assert {shard["state"]["type"] for shard in shards} == {"COMPLETED"}
    assert sweep_in_shards(TODAY, 2, Journal()).due == 1, "the case that cannot be decided"
    _alike(on_dask, expected)


def _shards_of(api: Api, wanted: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = [each for each in api.post("/task_runs/filter", wanted) if each["name"].startswith("sweep shard")]
    ended = len(found) == 2 and all(each["state"]["type"] == "COMPLETED" for each in found)
    return found if ended else None


def test_a_worker_with_another_database_refuses_and_its_shard_is_swept_here(
    pg: Engine, on_dask: Engine, cluster: Any, postgres: str, migrated_postgres: str,
    in_one_piece: tuple[Tally, list[Any], Found],
) -> None:
    with pytest.MonkeyPatch.context() as patch, stocked(postgres, migrated_postgres, patch) as elsewhere:
        _tell_workers(cluster)
        before = rows(elsewhere)
        patch.setenv("ACREDITA_DATABASE_URL", on_dask.url.render_as_string(hide_password=False))
        tally = sweep_in_shards(TODAY, 2, journal := Journal())
        assert rows(elsewhere) == before
    (remark,) = journal.remarks
    assert remark.startswith("2 of 2 shards were not heard of (database: of this worker is not the one of the sweep.")
    assert tally == in_one_piece[0], "nothing was written by others, so all of it is counted"
    _alike(pg, in_one_piece[2])


class HeldUp(NamedTuple):
    """A sweep beside this thread, and the server's processes of its shards; `free` lets it go on."""

    done: Future[Tally]
    pids: list[int]
    run: Callable[[str], Any]


@contextmanager
def held_up(engine: Engine, journal: Journal) -> Iterator[HeldUp]:
    """Sweep in two shards, and hold each up where it has written half of its first batch."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with ThreadPoolExecutor(1) as beside, psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE stage_change IN ACCESS EXCLUSIVE MODE")
        # With this thread's context: Prefect keeps there where its server is.
        done = beside.submit(copy_context().run, sweep_in_shards, TODAY, 2, journal)

        def waiting() -> list[int] | None:
            query = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'stage_change'::regclass ORDER BY pid"
            found = [pid for (pid,) in holder.execute(query)]
            return found if len(found) == 2 or done.done() else None

        yield HeldUp(done, eventually(waiting, 30), holder.execute)
        with suppress(psycopg.OperationalError):  # where the server was crashed
            holder.rollback()
        done.result(60)


def test_a_worker_that_is_killed_in_its_batch_costs_nothing(
    on_dask: Engine, cluster: Any, in_one_piece: tuple[Tally, list[Any], Found]
) -> None:
    with held_up(on_dask, journal := Journal()) as held:
        os.kill(min(cluster.run(os.getpid).values()), signal.SIGKILL)
    assert held.done.result() == in_one_piece[0], "Dask gave its shard to another"
    assert journal.remarks == []
    _alike(on_dask, in_one_piece[2])


def test_without_a_cluster_the_sweep_is_done_all_the_same(
    pg: Engine, monkeypatch: pytest.MonkeyPatch, in_one_piece: tuple[Tally, list[Any], Found]
) -> None:
    monkeypatch.setenv("ACREDITA_RUNNER", "dask://127.0.0.1:9")
    with dask_set({"distributed.comm.timeouts.connect": "0.2s"}):
        assert sweep_in_shards(TODAY, 2, journal := Journal()) == in_one_piece[0]
    assert journal.remarks[0].startswith("2 of 2 shards were not heard of (OSError)")
    _alike(pg, in_one_piece[2])


def _cut(held: HeldUp) -> None:
    held.run(f"SELECT pg_terminate_backend({held.pids[0]})")


def _crash(held: HeldUp) -> None:
    """Kill one process of the server: it ends all others, recovers, and starts again."""
    os.kill(held.pids[0], signal.SIGKILL)


@pytest.mark.parametrize("trouble", [_cut, _crash])
def test_a_line_that_is_cut_and_a_server_that_crashes_in_mid_sweep_cost_nothing(
    pg: Engine, monkeypatch: pytest.MonkeyPatch, in_one_piece: tuple[Tally, list[Any], Found],
    trouble: Callable[[HeldUp], None],
) -> None:
    monkeypatch.setenv("ACREDITA_RUNNER", "threads")
    with held_up(pg, journal := Journal()) as held:
        trouble(held)
    assert held.done.result() == in_one_piece[0]
    assert journal.remarks == []
    assert _told(pg, journal) == in_one_piece[1], "in the order of one piece"
    _alike(pg, in_one_piece[2])


@pytest.mark.nightly
def test_a_process_that_is_killed_leaves_its_shard_to_the_sweep(
    pg: Engine, monkeypatch: pytest.MonkeyPatch, in_one_piece: tuple[Tally, list[Any], Found]
) -> None:
    """The default runner: one dead process ends its pool, and the other shard with it."""
    monkeypatch.setattr(sharding, "WORTH", 1)
    others = set(psutil.Process().children())
    with held_up(pg, journal := Journal()) as held:
        mine = set(psutil.Process().children()) - others
        workers = [each for each in mine if "spawn_main" in " ".join(each.cmdline())]
        workers[0].kill()
        psutil.wait_procs(workers, 30)  # or the other one writes what nobody hears of
    assert held.done.result() == in_one_piece[0]
    assert "shards were not heard of (BrokenProcessPool)" in journal.remarks[0]
    _alike(pg, in_one_piece[2])


# What is asked for


# SQLite: one writes, and the others decide for it


@pytest.fixture
def on_sqlite(lite: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same cases as with PostgreSQL, on SQLite."""
    monkeypatch.setattr(sweeping, "BATCH", 5)
    install(lite, program().policy, lives())
    with transaction(lite) as connection:
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 7).values(track="unheard_of"))
    return lite


class Late(ThreadPoolExecutor):
    """A pool that stops after it was given so much to do: what befalls one whose process was killed."""

    def __init__(self, patience: int) -> None:
        super().__init__(1)
        self._patience = patience

    def submit(self, work: Any, /, *given: Any, **named: Any) -> Future[Any]:
        self._patience -= 1
        if self._patience < 0:
            self.shutdown()
        return super().submit(work, *given, **named)


@pytest.mark.parametrize(("patience", "others"), [(99, 1), (99, 3), (2, 1), (1, 1)])
def test_batches_that_others_decided_are_written_as_if_decided_here(
    on_sqlite: Engine, in_one_piece: tuple[Tally, list[Any], Found], patience: int, others: int
) -> None:
    journal = Journal()
    with Late(patience) as pool:
        beside = Beside(pool, others, journal)
        assert eventually(lambda: beside.started or None)
        assert sweep(TODAY, partial(sweep_batch.fn, beside=beside), journal) == in_one_piece[0]
    assert journal.remarks == ([] if patience == 99 else [LOST])
    assert _told(on_sqlite, journal) == in_one_piece[1]
    _alike(on_sqlite, in_one_piece[2])


SPOIL = "UPDATE enrollment SET track = 'unheard_of' WHERE id = ?"


def _here(engine: Engine, number: int) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql(SPOIL, (number,))


def _elsewhere(engine: Engine, number: int) -> None:
    with closing(sqlite3.connect(str(engine.url.database))) as connection, connection:
        connection.execute(SPOIL, (number,))


@pytest.mark.parametrize("write", [_here, _elsewhere])
def test_what_is_written_between_two_transactions_is_seen_though_its_case_was_decided_ahead(
    on_sqlite: Engine, write: Callable[[Engine, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 3)
    monkeypatch.setattr(besides, "STEP", 1.0)
    with reading(on_sqlite) as connection:
        order = select(ENROLLMENT.c.id).order_by(ENROLLMENT.c.next_review_on, ENROLLMENT.c.id)
        last = connection.scalars(order).all()[-1]
    swept = []
    with beside_this(1, Journal()) as beside:  # a process: threads would take turns with this one's connection
        assert eventually(lambda: beside.started or None, 60)

        def disturbed(as_of: date, after: Cursor) -> BatchResult:
            result = sweep_batch.fn(as_of, after, beside)
            swept.append(result.tally.due)
            if len(swept) == 3:
                time.sleep(0.3)  # whatever was given out ahead is decided
                write(on_sqlite, last)
            return result

        tally = sweep(TODAY, disturbed)
    assert (swept[:4], tally.due, tally.failed) == ([7, 7, 7, 5], 26, 2)


LOST = "A process that decided beside this one was lost (RuntimeError); the rest was swept in one piece."


def test_a_row_that_is_refused_stops_only_itself_whoever_decided_it(on_sqlite: Engine) -> None:
    ahead = {
        "enrollment_id": 12, "seq": 1, "from_stage": "onboarding", "to_stage": "gap_analysis", "status": "open",
        "changed_on": day(1), "decided_on": day(1), "evidence": {}, "policy_version_id": 1,
        "recorded_at": datetime(2020, 1, 1, tzinfo=UTC),
    }
    with transaction(on_sqlite) as connection:
        connection.execute(STAGE_CHANGE.insert(), ahead)
    with ThreadPoolExecutor(1) as pool:
        beside = Beside(pool, 1, Journal())
        assert eventually(lambda: beside.started or None)
        tally = sweep(TODAY, partial(sweep_batch.fn, beside=beside))
    assert (tally.due, tally.failed) == (26, 2)
    with reading(on_sqlite) as connection:
        assert set(connection.scalars(select(INCIDENT.c.subject))) == {"enrollment 7", "enrollment 12"}


@pytest.mark.nightly
def test_a_process_beside_that_is_killed_costs_nothing(
    on_sqlite: Engine, in_one_piece: tuple[Tally, list[Any], Found]
) -> None:
    journal, before = Journal(), set(psutil.Process().children())
    with beside_this(1, journal) as others:
        assert eventually(lambda: others.started or None, 60)
        mine = [each for each in psutil.Process().children() if each not in before]
        worker = next(each for each in mine if "spawn_main" in " ".join(each.cmdline()))

        def kills(as_of: date, after: Cursor) -> BatchResult:
            result = sweep_batch.fn(as_of, after, others)
            with suppress(psutil.NoSuchProcess):  # once it is dead
                worker.kill()
            return result

        assert sweep(TODAY, kills, journal) == in_one_piece[0]
    assert len(journal.remarks) == 1
    assert "was lost (BrokenProcessPool)" in journal.remarks[0]
    _alike(on_sqlite, in_one_piece[2])


def test_a_small_day_is_swept_in_one_piece_however_many_shards_are_asked_for(lite: Engine) -> None:
    install(lite, program().policy, lives())
    before = set(psutil.Process().children())
    assert sweep_in_shards(TODAY, 2, journal := Journal()).due > 0
    assert journal.warnings == []
    assert set(psutil.Process().children()) == before, "nobody was started"


@pytest.mark.parametrize("value", ["thread", "dask", "dask://", "dask://host", "dask://host:x", "tcp://host:8786", ""])
def test_a_runner_that_is_none_is_refused_with_the_settings(value: str) -> None:
    with pytest.raises(ValidationError, match="must be threads, processes or dask://HOST:PORT"):
        Settings(runner=value)
