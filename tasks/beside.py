"""A sweep on SQLite by several processes: one of them writes, and the others decide for it meanwhile.

SQLite lets one write at a time, and most of a sweep is reading and deciding. The process that sweeps takes the lock
for writing, has the batches behind its own read and decided by others, and writes theirs after its own, in one
transaction.
While it holds the lock nobody else can change anything: what the others see is what it would see itself. So that
nobody waits while it writes, they are given the batches of the next transaction already; if anybody else has written
until that begins, these are decided anew. The others have no effects. One that is lost, or late, costs nothing but
time: its batches are decided here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tasks import sweep as sweeping
from tasks.journal import Journal
from tasks.looking import Part, decide_apart, ready
from tasks.store.cases import Cursor, put_down
from tasks.store.stretches import place_after
from tasks.sweep import BatchResult, decide_batch, report

SHARE, MOST, STEP = 1.4, 4.0, 1.05
"""How much more of the cases one of the others gets, since this process writes what all of them decide: at first, at
most, and by which factor it is changed after a transaction."""
PATIENCE_SECONDS = 60
PAUSE_AFTER = 16
"""Transactions after which one is committed while nobody reads: SQLite begins its log anew only then, and else it grows
to the size of all that the sweep writes."""


class Given(NamedTuple):
    """A batch that was given out: the place where it begins, how many cases it has, and what will be heard of it."""

    begins: Cursor
    size: int
    part: Future[Part]


class Round(NamedTuple):
    """The place where a transaction begins, and the batches behind its own first that were given out for it."""

    after: Cursor
    given: list[Given]


class Stand(NamedTuple):
    """What tells whether anybody has written: SQLite counts the commits of others, and what a connection changes."""

    line: object
    commits: int
    changes: int


class Beside:
    """The processes that decide beside this one, until one of them is lost."""

    def __init__(self, pool: Executor, count: int, journal: Journal) -> None:
        self._pool, self._journal = pool, journal
        self._starting = [pool.submit(os.getpid) for _ in range(count)]
        self._lost = False
        self._ahead: Round | None = None
        self._left: Stand | None = None
        self._share = SHARE
        self._turn = 0

    def decide_batches(self, connection: Connection, as_of: date, after: Cursor) -> BatchResult:
        """Decide a batch here and as many there, inside a transaction that somebody else commits."""
        undisturbed = _stand(connection) == self._left
        here = self._taken_up(after, holds=undisturbed) or self._given_out(connection, as_of, after)
        self._turn += 1
        if undisturbed and self._turn % PAUSE_AFTER:
            self._ahead = self._given_ahead(connection, as_of, here)
        tally, cursor, journal = decide_batch(connection, as_of, (after, sweeping.BATCH), careful=False)
        self._balance(here)
        for begins, size, part in here.given:
            there, following, happened = self._written(connection, part, (as_of, begins, size))
            tally.add(there)
            journal.add(happened)
            cursor = following or begins  # what an award before it opened lies behind it
        self._left = _stand(connection)
        return BatchResult(tally, cursor, journal)

    @property
    def started(self) -> bool:
        """Whether the others have started: until then this process sweeps alone."""
        return all(each.done() for each in self._starting)

    def _given_out(self, connection: Connection, as_of: date, after: Cursor) -> Round:
        """Give out the batches behind the one that is decided here, where the others have started."""
        here = Round(after, [])
        if self._lost or not self.started:
            return here
        begins, size = place_after(connection, as_of, (after, sweeping.BATCH)), round(sweeping.BATCH * self._share)
        for _ in self._starting:
            if begins is None:
                break
            try:
                here.given.append(Given(begins, size, self._pool.submit(decide_apart, as_of, begins, size)))
            except RuntimeError as error:  # its processes have died
                self._lose(error)
                break
            begins = place_after(connection, as_of, (begins, size))
        return here

    def _given_ahead(self, connection: Connection, as_of: date, here: Round) -> Round | None:
        """Give out the batches of the next transaction too, so that nobody waits while this one is written."""
        behind = place_after(connection, as_of, here.given[-1][:2]) if here.given else None
        return None if behind is None else self._given_out(connection, as_of, behind)

    def _taken_up(self, after: Cursor, *, holds: bool) -> Round | None:
        """Return what was given out ahead for a place, if it still holds."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or (holds and ahead.after == after):
            return ahead
        for each in ahead.given:
            each.part.cancel()  # what was begun is worked out in vain
        return None

    def _balance(self, here: Round) -> None:
        """Give the others more from now on where this process finds their batches decided, and less where it waits."""
        if here.given:
            late = not all(each.part.done() for each in here.given)
            self._share = max(1.0, self._share / STEP) if late else min(MOST, self._share * STEP)

    def _written(self, connection: Connection, part: Future[Part], given: tuple[date, Cursor, int]) -> BatchResult:
        as_of, begins, size = given
        try:
            batch, undecided, tally, cursor, journal = part.result(PATIENCE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever befell it, its batch is decided here
            self._lose(error)
            return decide_batch(connection, as_of, (begins, size), careful=False, last=False)
        for subject, what in undecided:
            report(connection, subject, what)
        tally.wrote(put_down(connection, batch, as_of), ())
        return BatchResult(tally, cursor, journal)

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            what = f"A process that decided beside this one was lost ({type(error).__name__})"
            self._journal.remarks.append(f"{what}; the rest was swept in one piece.")


def _stand(connection: Connection) -> Stand:
    line: Any = connection.connection.driver_connection
    return Stand(line, connection.exec_driver_sql("PRAGMA data_version").scalar_one(), line.total_changes)


@contextmanager
def beside(count: int, journal: Journal) -> Iterator[Beside]:
    """Start so many processes that decide beside this one; a remark is made where one is lost."""
    # Started anew, not forked: this process has threads, and connections to the database.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=ready)
    try:
        yield Beside(pool, count, journal)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
