"""What a sweep did, case by case, as people and automations hear of it: a bounded list, made of what was written down.

Kept beside the decisions and not read back afterwards: what a day changed costs no query, whatever the tables hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from models.rules.case import Case, Key
from models.rules.decision import Advance, Decision, Telling
from models.rules.listed import Listed, spell_short
from models.rules.words import NoticeState, Reason, Status

KEPT = 500
"""How many of each kind are kept: a table of more is read by nobody. The totals are in the tally."""

# Looked up once, since it is compared for each notice: finding a member of an enumeration costs more than that.
_PENDING = NoticeState.PENDING


class What(StrEnum):
    """What can happen to a case in a sweep; the value is the end of its event's name."""

    ADVANCED = "enrollment.advanced"
    RETURNED = "enrollment.returned"
    AWARDED = "enrollment.awarded"
    ENDED = "enrollment.ended"
    OPENED = "escalation.opened"
    CLIMBED = "escalation.climbed"
    CLOSED = "escalation.closed"
    EMPTY = "escalation.rung_empty"
    TOLD = "notice.decided"


class Move(NamedTuple):
    """One thing that happened to one case; `facts` are codes, days and numbers."""

    case_id: int
    what: What
    facts: dict[str, str]


class Named(NamedTuple):
    """An enrollment by its codes."""

    code: str
    agency: str
    region: str


class Journal:
    """The moves of a sweep in the order of the decisions, at most `KEPT` of each kind; the rest is counted.

    `short` counts the cases whose time ends after a list of days does; `remarks` tell what befell the sweep itself.
    """

    def __init__(self) -> None:
        self.moves: list[Move] = []
        self.short: Counter[Listed] = Counter()
        self.remarks: list[str] = []
        self._kept: Counter[What] = Counter()
        self._left_out = 0

    def note(self, moves: Iterable[Move]) -> None:
        """Keep what there is room for."""
        for move in moves:
            if self._kept[move.what] == KEPT:
                self._left_out += 1
                continue
            self._kept[move.what] += 1
            self.moves.append(move)

    def decided(self, case: Case, decision: Decision) -> None:
        """Keep what a decision that was written down did to its case; what there is no room for is not even told."""
        if decision.advances or decision.opened or decision.moved or decision.closed or decision.tellings:
            self._happened(case, decision)

    def _happened(self, case: Case, decision: Decision) -> None:
        self.note(moves_of(case, decision))
        told = [telling.key for telling in decision.tellings if telling.state is _PENDING]
        room = KEPT - self._kept[What.TOLD]
        self.note(_told(case, key) for key in told[:room])
        self._left_out += len(told[room:])

    def add(self, other: Journal) -> None:
        """Take over what a batch noted."""
        self.note(other.moves)
        self._left_out += other.left_out
        self.short += other.short
        self.remarks += other.remarks

    @property
    def warnings(self) -> list[str]:
        """What is no failure and wants an operator's eye, a sentence each."""
        return self.remarks + [
            f"{listed.place} {spell_short(listed, number)}, of those that were due; `acredita lint` names them."
            for listed, number in sorted(self.short.items())
        ]

    @property
    def left_out(self) -> int:
        """How many moves were counted and not kept."""
        return self._left_out


def moves_of(case: Case, decision: Decision) -> Iterator[Move]:
    """Tell a decision as what happened to its case, save for what people are told."""
    rules = {standing.id: standing.rule for standing in case.standings}
    for step in decision.advances:
        yield Move(case.id, _kind_of(step), {
            "from": step.from_stage, "to": step.to_stage, "status": str(step.status), "on": str(step.on),
        })
    for opened in decision.opened:
        yield Move(case.id, What.OPENED, {"rule": opened.rule, "rung": str(opened.rung)})
    for moved in decision.moved:
        yield Move(case.id, What.CLIMBED, {"rule": moved.rule, "rung": str(moved.rung), "state": str(moved.state)})
    for closed in decision.closed:
        rule = rules[closed.escalation_id]
        yield Move(case.id, What.CLOSED, {"rule": rule, "reason": str(closed.reason)})
    yield from _empty(case.id, decision.tellings)


def _empty(case_id: int, tellings: Iterable[Telling]) -> Iterator[Move]:
    """Tell the rungs that were skipped at once, because nobody holds any of their posts."""
    rungs: dict[tuple[str, str], list[Telling]] = {}
    for telling in tellings:
        if "rung" in telling.facts:
            rungs.setdefault((telling.key.rule, telling.key.occurrence), []).append(telling)
    for (rule, _), told in rungs.items():
        if all(telling.reason is Reason.NO_RECIPIENT for telling in told):
            posts = ", ".join(str(telling.key.post) for telling in told)
            yield Move(case_id, What.EMPTY, {"rule": rule, "rung": str(told[0].facts["rung"]), "posts": posts})


def _told(case: Case, key: Key) -> Move:
    return Move(case.id, What.TOLD, {"rule": key.rule, "occurrence": key.occurrence, "post": str(key.post)})


def _kind_of(step: Advance) -> What:
    if step.again:
        return What.RETURNED
    match step.status:
        case Status.OPEN:
            return What.ADVANCED
        case Status.AWARDED:
            return What.AWARDED
        case _:
            return What.ENDED
