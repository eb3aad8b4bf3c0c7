"""What must be true to leave a stage, and on which day it became so."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, Fact, Program, Seat
from models.rules.dates import DAYS
from models.rules.policy import Gate, Share
from models.rules.words import Post


class Dossier(NamedTuple):
    """A case's facts up to a day, indexed for the gates."""

    first: dict[str, Fact]
    counts: dict[str, list[Fact]]
    last_activity: date
    next_fact_on: date | None


class Evidence(NamedTuple):
    """What opened a gate: the facts by id, the seats by id."""

    facts: tuple[int, ...]
    seats: tuple[int, ...]


class GateState(NamedTuple):
    """Whether a gate is open. `opens_on` is the day it opened or will open by itself; None: it waits for `missing`."""

    opens_on: date | None
    missing: tuple[str, ...]
    evidence: Evidence


SHUT = GateState(None, (), Evidence((), ()))
"""A gate of which nobody asks what it waits for."""


def dossier(case: Case, program: Program, today: date) -> Dossier:
    """Index what is known up to today: the first of each milestone, every count, and the last real activity.

    Of a case that entered a stage again, only what is of later days counts for its gates; an end counts always.
    """
    first: dict[str, Fact] = {}
    counts: dict[str, list[Fact]] = {}
    last, upcoming, idle = case.agreement_on, None, program.idle
    since, ends = case.reentered_on or date.min, program.endings
    for fact in case.facts:
        name, on = fact.milestone, fact.on
        if on > today:
            upcoming = on if upcoming is None or on < upcoming else upcoming
            continue
        if on > last and name not in idle:
            last = on
        if on <= since and name not in ends:
            continue
        seen = first.get(name)
        if seen is None or on < seen.on:
            first[name] = fact
        if fact.value is not None:
            counts.setdefault(name, []).append(fact)
    return Dossier(first, counts, last, upcoming)


def gate_state(case: Case, program: Program, known: Dossier) -> GateState:
    """Tell when the gate of the case's stage opened, or what it still waits for.

    A fact may be older than the stage: the stage is then left on the day it was entered.
    """
    gate = program.policy.stage[case.stage].gate
    facts = [known.first.get(name) for name in gate.milestones]
    if gate.any_of:
        there = (known.first[name] for name in gate.any_of if name in known.first)
        facts.append(min(there, key=lambda fact: (fact.on, fact.id), default=None))
    facts += [_reached(known.counts.get(s.count, []), needed(case, program, s)) for s in gate.shares]
    known_on = max([case.stage_entered_on, *(fact.on for fact in facts if fact is not None)])
    seats = _filled(case, gate, known_on) if gate.posts else []
    if None in facts or None in seats:
        return GateState(None, tuple(_missing(gate, facts, seats)), Evidence((), ()))
    found = [fact for fact in facts if fact is not None]
    held = [seat for seat in seats if seat is not None]
    evidence = Evidence(tuple(fact.id for fact in found), tuple(seat.id for seat in held))
    ready = max([known_on, *(seat.since for seat in held)])
    if gate.conference_lead_days is None:
        return GateState(ready, (), evidence)
    earliest = max(ready, case.stage_entered_on + DAYS[gate.conference_lead_days])
    index = bisect_left(program.conferences, earliest)
    if index == len(program.conferences):
        return GateState(None, (f"conference:{earliest}",), evidence)
    return GateState(program.conferences[index], (), evidence)


def opening(case: Case, program: Program, known: Dossier) -> GateState:
    """Tell when the gate opened, as `gate_state` does, without the trouble of naming what a plainly shut one misses."""
    gate = program.policy.stage[case.stage].gate
    if not all(map(known.first.__contains__, gate.milestones)):
        return SHUT
    if not all(share.count in known.counts for share in gate.shares):
        return SHUT
    return gate_state(case, program, known)


def needed(case: Case, program: Program, share: Share) -> int:
    """Return how many standards a share asks for: of the enrollment's own number, else of the track's."""
    return program.policy.asked_for(share, case.track, (case.mandatory, case.other))


def _reached(counts: list[Fact], enough: int) -> Fact | None:
    counted = [fact for fact in counts if (fact.value or 0) >= enough]
    return min(counted, key=lambda fact: (fact.on, fact.id), default=None)


def _filled(case: Case, gate: Gate, day: date) -> list[Seat | None]:
    """Return who holds each post on the first day, from the one given, on which all are held; None for an empty one."""
    while True:
        seats = [_next_seat(case, post, day) for post in gate.posts]
        later = max((seat.since for seat in seats if seat is not None), default=day)
        if None in seats or later <= day:
            return seats
        day = later


def _next_seat(case: Case, post: Post, day: date) -> Seat | None:
    ahead = (seat for seat in case.seats if seat.post is post and (seat.until is None or seat.until >= day))
    return min(ahead, key=lambda seat: (seat.since, seat.id), default=None)


def _missing(gate: Gate, facts: list[Fact | None], seats: list[Seat | None]) -> Iterator[str]:
    names = [*gate.usual, *(share.count for share in gate.shares)]
    yield from (name for name, fact in zip(names, facts, strict=True) if fact is None)
    yield from (f"post:{post}" for post, seat in zip(gate.posts, seats, strict=True) if seat is None)
