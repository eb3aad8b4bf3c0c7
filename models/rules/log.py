"""The log of stages: only ever added to. Replayed, it gives the stored state; what a step rests on can be taken back.

A step that turns out to rest on a voided fact is not erased. A further step takes it back, with all that came after
it, and says since when the earlier stage holds; whatever the remaining facts still allow is then decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from models.rules.decision import Advance
from models.rules.gates import Evidence
from models.rules.words import Status


class State(NamedTuple):
    """Where an enrollment stands, and since when; `seq` is the number of the last step.

    `reentered_on` is the day of the last verdict that sent it back, None where there was none.
    """

    stage: str
    entered_on: date
    seq: int = 0
    status: Status = Status.OPEN
    reentered_on: date | None = None


def counted(log: Iterable[Advance]) -> list[Advance]:
    """Return the steps that count, in order: neither taken back nor a taking back."""
    kept: list[Advance] = []
    for step in log:
        if step.takes_back is None:
            kept.append(step)
            continue
        while kept and kept[-1].seq >= step.takes_back:
            kept.pop()
    return kept


def replayed(start: State, log: Sequence[Advance]) -> State:
    """Return the state that a log leads to."""
    if not log:
        return start
    last = log[-1]
    returns = [step.on for step in counted(log) if step.again]
    return State(last.to_stage, last.on, last.seq, last.status, returns[-1] if returns else start.reentered_on)


def resting_on(log: Iterable[Advance], void: frozenset[int]) -> list[Advance]:
    """Return the steps that count and fall with some facts: the first that one of them made, and all after it."""
    steps = counted(log)
    first = next((i for i, step in enumerate(steps) if not void.isdisjoint(step.evidence.facts)), len(steps))
    return steps[first:]


def taking_back(start: State, log: Sequence[Advance], void: frozenset[int]) -> Advance | None:
    """Return the step that takes back whatever rests on voided facts; None where nothing does.

    Args:
        start: the state before the first step.
        log: every step there was, in order.
        void: the facts by id.
    """
    fallen = resting_on(log, void)
    if not fallen:
        return None
    kept = [step for step in counted(log) if step.seq < fallen[0].seq]
    now, before = replayed(start, log), replayed(start, kept)
    evidence = Evidence(tuple(sorted(void.intersection(fallen[0].evidence.facts))), ())
    return Advance(
        now.seq + 1, now.stage, before.stage, before.status, before.entered_on, evidence, takes_back=fallen[0].seq
    )
