"""The sweep: one look at everything that is due on a day, in batches, each in one transaction.

A Prefect task is a batch, never a row. The same function runs under Prefect (`sweep_batch`) and without it
(`sweep_batch.fn`); a crash between two batches loses nothing, since what was not decided is still due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection, Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from models.rules.case import Program
from models.rules.decision import Decision
from models.rules.errors import Refused
from models.rules.hours import day_begun
from models.schema import INCIDENT, INSTALLATION, SWEEP
from tasks.collector import quiet_collector
from tasks.journal import Journal
from tasks.looking import Tally, look
from tasks.store import clock
from tasks.store.cases import START, Cursor, write
from tasks.store.database import engine_of, reading, transaction
from tasks.store.patience import outlasting_restarts
from tasks.store.programs import current_program

if TYPE_CHECKING:
    from tasks.beside import Beside

BATCH = 1000
_NOTE = insert(SWEEP)
_SWEPT = update(INSTALLATION).values(last_swept_on=bindparam("last_swept_on"))


class BatchResult(NamedTuple):
    """What a batch came to, where the next one begins (None when nothing more is due), and what happened in it."""

    tally: Tally
    cursor: Cursor | None
    journal: Journal


RunBatch = Callable[..., BatchResult]
"""Decides one batch and writes it down: of a day, from a place in the order of what is due."""


@task(task_run_name="sweep batch after case {after[1]}", cache_policy=NO_CACHE, persist_result=False)
@outlasting_restarts
def sweep_batch(as_of: date, after: Cursor, beside: Beside | None = None) -> BatchResult:
    """Decide the next batch of cases due on a day and write it down, whole or not at all.

    A row that the database refuses undoes the batch, which is then decided again with care. Care costs every batch a
    tenth of its time (SQLite keeps a copy of each page that it would have to put back), and is hardly ever needed.

    Args:
        as_of: the day.
        after: where the batch begins.
        beside: who decides the batches behind it meanwhile, to be written in the same transaction.
    """
    try:
        with transaction(engine_of()) as connection:
            if beside is not None:
                return beside.decide_batches(connection, as_of, after)
            return decide_batch(connection, as_of, (after, BATCH), careful=False)
    except IntegrityError:
        with transaction(engine_of()) as connection:
            return decide_batch(connection, as_of, (after, BATCH))


def decide_batch(
    connection: Connection, as_of: date, given: tuple[Cursor, int], *, careful: bool = True, last: bool = True
) -> BatchResult:
    """Decide a batch inside a transaction that somebody else commits.

    Args:
        connection: the transaction.
        as_of: the day.
        given: where the batch begins, and how many cases it has.
        careful: whether it outlives a row that the database refuses.
        last: whether a batch that is not full can be the last one of the day.
    """
    looked = look(connection, as_of, given)
    tally = Tally(due=len(looked.cases), failed=len(looked.undecided))
    if not looked.cases:
        return BatchResult(tally, None, Journal())
    for subject, what in looked.undecided:
        report(connection, subject, what)
    write_down = _halved if careful else _whole
    written = write_down(connection, looked.decisions, (looked.program, as_of, tally))
    return BatchResult(tally, looked.following(given[1], last=last), looked.happened(written, as_of))


def _whole(
    connection: Connection, decisions: Sequence[Decision], given: tuple[Program, date, Tally]
) -> Sequence[Decision]:
    """Write decisions down, all of them."""
    program, as_of, tally = given
    tally.wrote(write(connection, decisions, (program.version, as_of)), decisions)
    return decisions


def _halved(
    connection: Connection, decisions: Sequence[Decision], given: tuple[Program, date, Tally]
) -> Sequence[Decision]:
    """Write decisions down; where the database refuses, halve them until the one that it refuses stands alone.

    Returns:
        Those that were written.
    """
    tally = given[2]
    try:
        with connection.begin_nested():
            return _whole(connection, decisions, given)
    except IntegrityError as error:
        if len(decisions) == 1:
            tally.failed += 1
            report(connection, f"enrollment {decisions[0].case_id}", f"could not be written: {type(error).__name__}")
            return []
        middle = len(decisions) // 2
        halves = (decisions[:middle], decisions[middle:])
        return [decision for half in halves for decision in _halved(connection, half, given)]


def report(connection: Connection, subject: str, what: str) -> None:
    """Leave word of one item that could not be handled; told again, it is counted and not repeated."""
    incident = INCIDENT
    again = connection.execute(
        update(incident).where(incident.c.subject == subject).values(what=what, times=incident.c.times + 1)
    )
    if again.rowcount == 0:
        row = {"subject": subject, "what": what, "times": 1, "recorded_at": clock.now_in(connection)}
        connection.execute(insert(incident).values(row))


def sweep(as_of: date, run_batch: RunBatch = sweep_batch.fn, journal: Journal | None = None) -> Tally:
    """Sweep a day: everything due is decided once, whatever ran before or runs beside it.

    Args:
        as_of: the day.
        run_batch: decides one batch and writes it down.
        journal: where what happened is noted, for those who tell of it.
    """
    tally = Tally()
    for batch, happened in batches(as_of, run_batch):
        tally.add(batch)
        if journal is not None:
            journal.add(happened)
    note(engine_of(), as_of, tally)
    return tally


def batches(as_of: date, run_batch: RunBatch, start: Cursor = START) -> Iterator[tuple[Tally, Journal]]:
    """Run batch after batch from a place in the order of what is due, to its end or to all that is due."""
    cursor: Cursor | None = start
    with quiet_collector():
        while cursor is not None:
            tally, cursor, journal = run_batch(as_of, cursor)
            yield tally, journal


@contextmanager
def rehearsal(
    engine: Engine, as_of: date, *, tally: Tally | None = None, journal: Journal | None = None
) -> Iterator[Connection]:
    """Decide everything due on a day through the live code, to be looked at; nothing of it stays written."""
    cursor: Cursor | None = START
    with engine.connect() as connection, connection.begin() as rehearsed:
        while cursor is not None:
            batch, cursor, happened = decide_batch(connection, as_of, (cursor, BATCH))
            if tally is not None:
                tally.add(batch)
            if journal is not None:
                journal.add(happened)
        yield connection
        rehearsed.rollback()


def rehearse(engine: Engine, as_of: date, journal: Journal | None = None) -> Tally:
    """Decide everything due on a day through the live code, and write nothing down."""
    tally = Tally()
    with rehearsal(engine, as_of, tally=tally, journal=journal):
        return tally


def note(engine: Engine, as_of: date, tally: Tally) -> None:
    """Store that the day was swept."""
    counts: dict[str, Any] = {name: getattr(tally, name) for name in tally.__slots__}
    with transaction(engine) as connection:
        connection.execute(_NOTE, {"as_of": as_of, "finished_at": clock.now_in(connection), **counts})
        connection.execute(_SWEPT, {"last_swept_on": as_of})


def day_to_sweep(engine: Engine, as_of: date | None) -> date:
    """Return the day of a live sweep, by default the day that has begun wherever the program has agencies.

    Raises:
        Refused: the day lies before the last sweep or after today: what was mailed since cannot be unsaid, and what
            has not happened yet cannot be decided.
    """
    today = day_begun(current_program(engine).policy.zones, clock.now(engine))
    with reading(engine) as connection:
        last = connection.scalar(select(INSTALLATION.c.last_swept_on))
    day = as_of or today
    if day > today:
        raise Refused.one("as_of", f"{day} is after today, {today}.", "Leave it out, or preview on a copy.")
    if last is not None and as_of is None and day < last:
        remedy = "Set the clock right and start this again; nothing was changed."
        raise Refused.one("clock", f"shows {today}, but {last} was swept already.", remedy)
    if last is not None and day < last:
        raise Refused.one("as_of", f"{day} is before the last sweep, {last}.", f"Use {last} or later, or a copy.")
    return day
