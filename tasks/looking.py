"""A batch looked at: what is due is read and decided, and nothing is written yet.

Nothing of Prefect in here: a process that decides beside another starts with this module, in half a second.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import NamedTuple

from sqlalchemy import Connection

from models.rules.case import Case, Program
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.listed import too_short
from models.rules.words import Status
from tasks.journal import Journal
from tasks.store.cases import START, Cursor, Spelled, Written, due_cases, pen_for, spelled
from tasks.store.database import engine_of, reading
from tasks.store.programs import program_in_force

# Looked up once, since it is compared for each case: finding a member of an enumeration costs more than that.
_OPEN = Status.OPEN


@dataclass(slots=True)
class Tally:
    """What a sweep, or a batch of one, came to. `notices` counts those that can go out.

    Of the stages that were left (`advances`), `sent_back` are those that a verdict let a case enter again.
    """

    due: int = 0
    advances: int = 0
    notices: int = 0
    escalations: int = 0
    failed: int = 0
    sent_back: int = 0

    @property
    def steps(self) -> str:
        """Say how many stages were left, and how many of them for an earlier one."""
        return f"{self.advances} advanced" + (f" ({self.sent_back} sent back)" if self.sent_back else "")

    def wrote(self, written: Written, decisions: Iterable[Decision]) -> None:
        """Add decisions that were written down."""
        self.advances += written.advances
        self.notices += written.notices
        self.escalations += written.escalations
        self.sent_back += sent_back(decisions)

    def add(self, other: Tally) -> None:
        """Add a batch to the sweep's total."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def sent_back(decisions: Iterable[Decision]) -> int:
    """Return how many of the stages that are left are left for an earlier one."""
    return sum(step.again for decision in decisions for step in decision.advances)


class Looked(NamedTuple):
    """A batch that was read and decided, of which nothing is written yet.

    `undecided` are the cases that could not be decided, each as the subject of its incident and what happened.
    """

    program: Program
    cases: list[Case]
    decisions: list[Decision]
    undecided: list[tuple[str, str]]
    cursor: Cursor | None

    def happened(self, written: Sequence[Decision], as_of: date) -> Journal:
        """Return what happened to the cases whose decisions were written down."""
        journal, by_id = Journal(), {case.id: case for case in self.cases}
        for decision in written:
            case = by_id[decision.case_id]
            journal.decided(case, decision)
            if decision.status is _OPEN and (case.changes or case.agreement_on > self.program.covered_agreement):
                journal.short.update(too_short(case, self.program, as_of))
        return journal

    def following(self, size: int, *, last: bool = True) -> Cursor | None:
        """Return where the next batch begins, if there is one; where this cannot be the `last`, there is.

        What an award opened today is looked at today: it is due, and comes after all that was due before it.
        """
        if not last:
            return self.cursor
        opened = any(decision.next_cycle is not None for decision in self.decisions)
        return self.cursor if opened or len(self.cases) == size else None


def look(connection: Connection, as_of: date, given: tuple[Cursor, int]) -> Looked:
    """Read a batch and decide each case; one that cannot be decided stays due, visibly, and stops nothing else."""
    program = program_in_force(connection)
    return _decided(program, due_cases(connection, as_of, given), as_of)


def _decided(program: Program, read: tuple[list[Case], Cursor | None], as_of: date) -> Looked:
    cases, cursor = read
    looked = Looked(program, cases, [], [], cursor)
    for case in cases:
        try:
            looked.decisions.append(decide(case, program, as_of))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one case must not hold up the others
            what = f"could not be decided: {type(error).__name__}"
            looked.undecided.append((f"enrollment {case.id}", what))
    return looked


class Part(NamedTuple):
    """A batch that another process has decided: its rows, what could not be decided, and what it comes to."""

    batch: Spelled
    undecided: list[tuple[str, str]]
    tally: Tally
    cursor: Cursor | None
    journal: Journal


def decide_apart(as_of: date, after: Cursor, size: int) -> Part:
    """Read a batch and decide it, and write nothing: what processes beside the one that writes do.

    Nothing is read any more while it is decided: SQLite begins its log anew only while nobody reads in it, and with
    somebody reading all the time it would grow to the size of all that a sweep writes.
    """
    with reading(engine_of()) as connection:
        program = program_in_force(connection)
        read, pen = due_cases(connection, as_of, (after, size)), pen_for(connection, (program.version, as_of))
    looked = _decided(program, read, as_of)
    batch = spelled(looked.decisions, pen)
    tally = Tally(due=len(looked.cases), failed=len(looked.undecided), sent_back=sent_back(looked.decisions))
    happened = looked.happened(looked.decisions, as_of)
    return Part(batch, looked.undecided, tally, looked.following(size, last=False), happened)


def ready() -> None:
    """Get ready to decide for another process: no garbage collector, as in a sweep, and no life after that process.

    A first case is read, for what is worked out once: the policy, the statements. Nobody waits for that yet.
    """
    gc.freeze()
    gc.disable()
    master = parent_process()
    if master is not None:
        Thread(target=_end_with, args=(master,), daemon=True).start()
    with reading(engine_of()) as connection:
        program_in_force(connection)
        due_cases(connection, date.max, (START, 1))


def _end_with(master: BaseProcess) -> None:
    """End once another process has: whoever is killed tells nobody, and its pool would wait for work for ever."""
    master.join()
    os._exit(1)
