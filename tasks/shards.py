"""The sweep in shards: what is due is cut into stretches, and each is swept by a worker of its own, at the same time.

Shards share nothing but the database, and a stretch is swept as the whole is: batch after batch, each one transaction.
Nobody has to come back from a shard. What one that died has left is still due: this process looks for it, and sweeps
it; what was written is not decided again. So the rows are those of a sweep in one piece, whatever dies in between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from sqlalchemy import Connection, select

from models.rules.errors import Refused
from models.schema import INSTALLATION, POLICY_VERSION
from models.settings import settings
from tasks import sweep as sweeping
from tasks.beside import beside
from tasks.journal import Journal
from tasks.looking import Tally
from tasks.store.cases import START, Cursor
from tasks.store.database import engine_of, reading, require_schema
from tasks.store.stretches import due_count, stretches
from tasks.sweep import RunBatch, batches, note, sweep, sweep_batch

MOST_THREADS = 8
"""Each needs a connection of the process's pool; and one interpreter decides one case at a time anyway."""
WORTH = 10
"""Batches at least for a process of its own: starting it takes as long as sweeping some."""
LOOKS, BETWEEN_SECONDS = 20, 0.5
"""How often what is left is looked for: what a worker that was killed held is free once its server notices."""

Swept = tuple[Tally, Journal]


class Order(NamedTuple):
    """What a worker is told: the day, its stretch, and which installation's database it is about."""

    as_of: date
    stretch: Cursor
    installation: str


@task(task_run_name="sweep shard after case {order.stretch.id}", cache_policy=NO_CACHE, persist_result=False)
def sweep_shard(order: Order) -> Swept:
    """Sweep one stretch, wherever the task runner has put it.

    Raises:
        Refused: the database of this worker's own environment is another one, or of another version.
    """
    engine = engine_of()
    require_schema(engine)
    with reading(engine) as connection:
        if _installation(connection) != order.installation:
            remedy = "Give every worker the environment of the flow, ACREDITA_DATABASE_URL first of all."
            raise Refused.one("database", "of this worker is not the one of the sweep.", remedy)
    return _added(batches(order.as_of, sweep_batch.fn, order.stretch))


def sweep_in_shards(as_of: date, shards: int, journal: Journal, *, run_batch: RunBatch = sweep_batch) -> Tally:
    """Sweep a day, everything due once, in so many parts at once; a part has a batch at least, a process ten.

    Args:
        as_of: the day.
        shards: how many. With SQLite one of them writes, and the others decide for it (`tasks.beside`).
        journal: where what happened is noted, for those who tell of it.
        run_batch: decides one batch and writes it down, where all is swept in one piece.
    """
    engine = engine_of()
    with reading(engine) as connection:
        one_writes = engine.dialect.name == "sqlite"
        least = sweeping.BATCH * (WORTH if one_writes or settings().runner == "processes" else 1)
        parts = min(shards, due_count(connection, as_of) // least) if shards > 1 else 1
        cut = stretches(connection, as_of, parts) if parts > 1 and not one_writes else []
        installation = _installation(connection) if cut else ""
    if parts > 1 and one_writes:
        return _written_by_one(as_of, parts, journal, run_batch=run_batch)
    if not cut:
        return sweep(as_of, run_batch, journal)
    tally = Tally()
    for batch, happened in _everything([Order(as_of, stretch, installation) for stretch in cut], journal):
        tally.add(batch)
        journal.add(happened)
    note(engine, as_of, tally)
    return tally


def _written_by_one(as_of: date, parts: int, journal: Journal, *, run_batch: RunBatch) -> Tally:
    """Sweep where one process writes at a time: the others decide for it."""
    with beside(parts - 1, journal) as others:
        return sweep(as_of, partial(run_batch, beside=others), journal)


def _everything(orders: Sequence[Order], journal: Journal) -> Iterator[Swept]:
    """Sweep every shard, then what they left, then what awards opened meanwhile: it lies behind the last stretch."""
    as_of, until = orders[0].as_of, orders[-1].stretch.until
    assert until is not None
    failed = 0
    for tally, happened in _by_workers(orders, journal):
        failed += tally.failed
        yield tally, happened
    yield from _left_over(as_of, until, failed)
    yield from batches(as_of, sweep_batch, Cursor(*until))


def _by_workers(orders: Sequence[Order], journal: Journal) -> Iterator[Swept]:
    """Let workers sweep; what went wrong with one is remarked, and is no reason not to hear the others."""
    heard, lost = 0, ""
    try:
        with runner_of(settings().runner, len(orders)) as runner:
            futures = [runner.submit(sweep_shard, {"order": order}) for order in orders]
            for future in futures:
                try:
                    yield future.result()
                    heard += 1
                except Exception as error:  # noqa: BLE001 - whatever befell a worker, its shard is swept here
                    lost = _said(error)
    except OSError as error:  # no cluster to submit to
        lost = _said(error)
    if lost:
        journal.remarks.append(
            f"{len(orders) - heard} of {len(orders)} shards were not heard of ({lost}); what they left was swept by "
            "this run. What they had written is not counted here."
        )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, Refused) else type(error).__name__


def _left_over(as_of: date, until: tuple[date, int], failed: int) -> Iterator[Swept]:
    """Sweep what is still due in the stretches, but for the cases that cannot be decided: those stay due."""
    for _ in range(LOOKS):
        with reading(engine_of()) as connection:
            left = due_count(connection, as_of, until)
        if left <= failed:
            return
        tally, happened = _added(batches(as_of, sweep_batch, Cursor(START.day, START.id, until)))
        failed = max(failed, tally.failed)
        yield tally, happened
        time.sleep(BETWEEN_SECONDS)


def _added(swept: Iterator[Swept]) -> Swept:
    tally, journal = Tally(), Journal()
    for batch, happened in swept:
        tally.add(batch)
        journal.add(happened)
    return tally, journal


def _installation(connection: Connection) -> str:
    """Tell this database from any other: nobody else put this version in force at this moment."""
    version, in_force = POLICY_VERSION.c, INSTALLATION.c.policy_version_id
    query = select(version.id, version.recorded_at).join(INSTALLATION, in_force == version.id)
    number, at = connection.execute(query).one()
    return f"{number} of {at.isoformat()}"


def runner_of(how: str, shards: int) -> TaskRunner[Any]:
    """Return Prefect's task runner for a value of the setting `runner`."""
    kind, _, address = how.partition("://")
    match kind:
        case "threads":
            return ThreadPoolTaskRunner(max_workers=min(shards, MOST_THREADS))
        case "processes":
            return ProcessPoolTaskRunner(max_workers=shards)
        case _:
            from prefect_dask.task_runners import DaskTaskRunner

            return DaskTaskRunner(address=f"tcp://{address}")
