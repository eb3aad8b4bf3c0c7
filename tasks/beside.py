"""A sweep on SQLite by several processes: one of them writes, and the others decide for it meanwhile.

SQLite lets one write at a time, and most of a sweep is reading and deciding. The process that sweeps takes the lock for
writing, has the batches behind its own read and decided by others, and writes theirs after its own, in one transaction.
While it holds the lock nobody else can change anything: what the others see is what it would see itself. They have no
effects. One that is lost, or late, costs nothing but time: its batches are decided here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context

from sqlalchemy import Connection

from tasks import sweep as sweeping
from tasks.journal import Journal
from tasks.looking import Part, decide_apart, ready
from tasks.store.cases import Cursor, put_down
from tasks.store.stretches import place_after
from tasks.sweep import BatchResult, decide_batch, report

SHARE = 1.8
"""How much more of the cases one of the others gets: this process writes what all of them decide (measured)."""
PATIENCE_SECONDS = 60


class Beside:
    """The processes that decide beside this one, until one of them is lost."""

    def __init__(self, pool: Executor, count: int, journal: Journal) -> None:
        self._pool, self._journal = pool, journal
        self._starting = [pool.submit(os.getpid) for _ in range(count)]
        self._lost = False

    def decide_batches(self, connection: Connection, as_of: date, after: Cursor) -> BatchResult:
        """Decide a batch here and as many there, inside a transaction that somebody else commits."""
        parts = list(self._given_out(connection, as_of, after))
        tally, cursor, journal = decide_batch(connection, as_of, (after, sweeping.BATCH), careful=False)
        for begins, part in parts:
            there, following, happened = self._written(connection, part, (as_of, begins))
            tally.add(there)
            journal.add(happened)
            cursor = following or begins  # what an award before it opened lies behind it
        return BatchResult(tally, cursor, journal)

    @property
    def started(self) -> bool:
        """Whether the others have started: until then this process sweeps alone."""
        return all(each.done() for each in self._starting)

    def _given_out(self, connection: Connection, as_of: date, after: Cursor) -> Iterator[tuple[Cursor, Future[Part]]]:
        """Give out the batches behind the one that is decided here, where the others have started."""
        if self._lost or not self.started:
            return
        begins = place_after(connection, as_of, (after, sweeping.BATCH))
        for _ in self._starting:
            if begins is None or self._lost:
                return
            try:
                yield begins, self._pool.submit(decide_apart, as_of, begins, _size())
            except RuntimeError as error:  # its processes have died
                self._lose(error)
            else:
                begins = place_after(connection, as_of, (begins, _size()))

    def _written(self, connection: Connection, part: Future[Part], given: tuple[date, Cursor]) -> BatchResult:
        as_of, begins = given
        try:
            batch, undecided, tally, cursor, journal = part.result(PATIENCE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever befell it, its batch is decided here
            self._lose(error)
            return decide_batch(connection, as_of, (begins, _size()), careful=False, last=False)
        for subject, what in undecided:
            report(connection, subject, what)
        tally.wrote(put_down(connection, batch, as_of), ())
        return BatchResult(tally, cursor, journal)

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            what = f"A process that decided beside this one was lost ({type(error).__name__})"
            self._journal.remarks.append(f"{what}; the rest was swept in one piece.")


def _size() -> int:
    return round(sweeping.BATCH * SHARE)


@contextmanager
def beside(count: int, journal: Journal) -> Iterator[Beside]:
    """Start so many processes that decide beside this one; a remark is made where one is lost."""
    # Started anew, not forked: this process has threads, and connections to the database.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=ready)
    try:
        yield Beside(pool, count, journal)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
