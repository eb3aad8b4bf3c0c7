"""Where a case stands by its facts: stages left, entered again after a verdict, or ended, each on its day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, Fact, Program
from models.rules.decision import Advance
from models.rules.gates import SHUT, Dossier, Evidence, GateState, dossier, opening
from models.rules.words import Status

# Looked up once, since it is compared for each case: finding a member of an enumeration costs more than that.
_OPEN = Status.OPEN


class Course(NamedTuple):
    """A case after all the steps that its facts make due, and the day on which its gate opens by itself, if known."""

    case: Case
    known: Dossier
    advances: list[Advance]
    opens_on: date | None


def advance(case: Case, program: Program, today: date) -> Course:
    """Take every step that is due, several in one go.

    A stage is left when its gate opens, entered again where a verdict says so, and the case ends where a person
    recorded an end. The earliest counts; of one day a verdict before the gate, and the gate before an end.
    """
    known = dossier(case, program, today)
    advances: list[Advance] = []
    while case.status is _OPEN:
        gate = opening(case, program, known)
        if gate is SHUT and not program.policy.stage[case.stage].verdicts and program.endings.isdisjoint(known.first):
            break  # as most do: nothing can become of it today
        # Steps are yielded by rank, and `min` keeps the first of equal days.
        step = min(_steps(case, program, (gate, known, today)), key=lambda step: step.on, default=None)
        if step is None:
            return Course(case, known, advances, gate.opens_on)
        advances.append(step)
        case = case.moved(
            step.to_stage, step.on, seq=step.seq, status=step.status,
            reentered_on=step.on if step.again else case.reentered_on,
        )
        if step.again:
            known = dossier(case, program, today)
    return Course(case, known, advances, None)


def ending(program: Program, known: Dossier) -> tuple[Status, Fact] | None:
    """Return the earliest recorded end: withdrawn, removed or lapsed."""
    if program.endings.isdisjoint(known.first):
        return None
    ends = [(status, known.first[name]) for status, name in program.policy.endings.items() if name in known.first]
    return min(ends, key=lambda end: (end[1].on, end[1].id), default=None)


def _steps(case: Case, program: Program, given: tuple[GateState, Dossier, date]) -> Iterator[Advance]:
    gate, known, today = given
    seq, stages = case.stage_seq + 1, program.policy.stage
    verdict = _verdict(case, program, today)
    if verdict is not None:
        yield verdict
    if gate.opens_on is not None and gate.opens_on <= today:
        to_stage = stages[case.stage].next
        assert to_stage is not None, "an open case stands in a stage with a next: database and policy.checks see to it"
        status = Status.OPEN if stages[to_stage].next is not None else Status.AWARDED
        yield Advance(seq, case.stage, to_stage, status, gate.opens_on, gate.evidence)
    end = ending(program, known)
    if end is not None:
        status, fact = end
        on = max(fact.on, case.stage_entered_on)
        yield Advance(seq, case.stage, case.stage, status, on, Evidence((fact.id,), ()))


def _verdict(case: Case, program: Program, today: date) -> Advance | None:
    """Return what the first verdict given while the stage stood makes of the case; of one day, the one listed first."""
    stage = program.policy.stage[case.stage]
    if not stage.verdicts:
        return None
    verdicts = {verdict.milestone: verdict for verdict in stage.verdicts if verdict.cycle.covers(case.cycle)}
    since = case.reentered_on or date.min
    given = [
        fact for fact in case.facts
        if fact.milestone in verdicts and case.stage_entered_on <= fact.on <= today and fact.on > since
    ]
    rank = list(verdicts).index
    fact = min(given, key=lambda fact: (fact.on, rank(fact.milestone), fact.id), default=None)
    if fact is None:
        return None
    verdict, evidence = verdicts[fact.milestone], Evidence((fact.id,), ())
    if verdict.reenter is None:
        assert verdict.ends is not None, "policy.checks refuses a verdict without effect"
        return Advance(case.stage_seq + 1, case.stage, case.stage, verdict.ends, fact.on, evidence)
    return Advance(case.stage_seq + 1, case.stage, verdict.reenter, Status.OPEN, fact.on, evidence, again=True)
