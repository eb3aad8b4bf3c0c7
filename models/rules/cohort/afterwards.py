"""What is done of a synthetic enrollment's duties, and the cycles that its award opens, as far as the program lasted.

What is owed, and by when, the policy's own duties say; the margins say how often it is done late or not at all. What
stands in a gate of the later cycles is drawn along their stages, like the initial ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple

from models.rules.cohort.course import ONE_DAY, Course, Start, Stay, World, between, conference_after
from models.rules.cohort.facts import DrawnFact, Happening, Subject, gate_facts, recorded
from models.rules.dates import add_months
from models.rules.policy import Due, Duty
from models.rules.words import Clock, Status


class LaterFact(NamedTuple):
    """A fact, and the cycle of the enrollment that it is about."""

    cycle: int
    fact: DrawnFact


class _Occasion(NamedTuple):
    """Something owed: done in time it is done from `since` on and not after `due_on`."""

    milestone: str
    since: date
    due_on: date


def draw_afterwards(rng: Random, world: World, subject: Subject) -> list[LaterFact]:
    """Draw what was done of an enrollment's duties, and everything of the cycles after it, in the order of the days."""
    found: list[LaterFact] = []
    later = world.policy.reaccreditation
    cycle, course = 1, subject.course
    while True:
        subject = replace(subject, course=course)
        duties = [duty for duty in _duties(world, course.start.track, cycle) if duty.posts]
        happened = list(_done(rng, world, list(_changes(subject, duties))))
        if cycle > 1:
            happened += [*gate_facts(rng, world, subject), *_dated(rng, world, course, cycle=cycle)]
        end = min(course.last_active_on, world.margins.afterwards.until)
        happened = [each for each in happened if course.start.agreement_on < each[0] <= end]
        # What one fact answers is recorded once.
        facts = [recorded(rng, world, each) for each in sorted(set(happened), key=lambda each: each[:2])]
        found += [LaterFact(cycle, fact) for fact in facts if fact.known_on <= world.margins.afterwards.until]
        if later is None or course.start.end is not Status.AWARDED or course.ended_on > world.margins.afterwards.until:
            return found
        cycle, course = cycle + 1, _renewal(rng, world, course)


def _duties(world: World, track: str, cycle: int) -> list[Duty]:
    return [d for d in world.policy.duties if d.cycle.covers(cycle) and (not d.tracks or track in d.tracks)]


def _renewal(rng: Random, world: World, before: Course) -> Course:
    """Draw the course of the cycle that an award opened: about its expected days, to the first conference after."""
    policy, stays = world.policy, list[Stay]()
    start = Start(before.start.track, before.ended_on, Status.AWARDED)
    day = start.agreement_on
    for stage in policy.path_of(2)[:-1]:
        work = stage.expected_days * policy.terms(start.track, 2).pace
        if stage.gate.conference_lead_days is None:
            work *= rng.lognormvariate(0, world.margins.afterwards.renewal_sigma)
            left = world.workday(day + timedelta(days=max(1, round(work))))
        else:
            left = conference_after(world, stage, (day, 0))
        stays.append(Stay(stage, day, left, None))
        day = left
    return Course(start, tuple(stays), day, day)


def _changes(subject: Subject, duties: list[Duty]) -> Iterator[_Occasion]:
    """Yield what each change of holder asks for; whoever is the first in a post takes over from nobody."""
    for duty in duties:
        for post in duty.posts:
            for before, holder in pairwise(subject.posts.get(post, ())):
                since = holder.since
                if holder.person != before.person and subject.course.start.agreement_on < since:
                    yield _Occasion(duty.milestone, since, _due_on(since, duty.due[0]))


def _dated(rng: Random, world: World, course: Course, *, cycle: int) -> Iterator[Happening]:
    """Yield what was done of the duties that are counted from the award, but for those that a gate asks for."""
    in_gates = {name for stage in world.policy.path_of(cycle) for name in stage.gate.milestones}
    for duty in _duties(world, course.start.track, cycle):
        if duty.clock is not Clock.CYCLE_START or duty.milestone in in_gates:
            continue
        occasions, since = list[_Occasion](), course.start.agreement_on
        for due in duty.due:
            due_on = _due_on(course.start.agreement_on, due)
            early = since if duty.early_days is None else due_on - timedelta(days=duty.early_days)
            occasions.append(_Occasion(duty.milestone, early, due_on))
            since = due_on + ONE_DAY
        yield from _done(rng, world, [each for each in occasions if each.due_on <= world.margins.afterwards.until])


def _due_on(anchor: date, due: Due) -> date:
    return add_months(anchor, due.months) + timedelta(days=due.days)


def _done(rng: Random, world: World, occasions: list[_Occasion]) -> Iterator[Happening]:
    """Yield when each was done. Only the last can remain undone: the one after would be taken for it, a year late."""
    margins = world.margins.afterwards
    for each in occasions:
        late, wait, missing = rng.random() < margins.late_share, between(rng, margins.late_days), rng.random()
        in_time = world.workday(each.since + timedelta(days=rng.randint(1, max(1, (each.due_on - each.since).days))))
        if each is occasions[-1] and missing < margins.never_share:
            return
        yield world.workday(each.due_on + wait) if late else min(in_time, each.due_on), each.milestone, None
