"""The facts of a synthetic enrollment: what its gates ask for, and what its experts do, on the days of its course."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.cohort.course import ONE_DAY, Course, Silence, Stay, World, between
from models.rules.cohort.margins import Activity
from models.rules.cohort.people import Timeline
from models.rules.gates import needed
from models.rules.policy import Share
from models.rules.words import Post, Status

# A count that is not the last to be reached may be reached this far along the way.
EARLY_PROGRESS = 0.85


class Numbers(NamedTuple):
    """An enrollment's own applicable numbers; None: its track's."""

    mandatory: int | None
    other: int | None


class DrawnFact(NamedTuple):
    """Something that happened, and the day on which it was recorded."""

    on: date
    known_on: date
    milestone: str
    value: int | None


@dataclass(frozen=True)
class Subject:
    """What an enrollment's facts are made of."""

    course: Course
    numbers: Numbers
    posts: Mapping[Post, Timeline]


def draw_numbers(rng: Random, world: World, track: str) -> Numbers:
    """Draw an enrollment's own applicable numbers, for as many as the margins say."""
    listed = world.policy.tracks[track]
    own = rng.random() < world.margins.own_numbers_share
    drawn = [n if n is None else round(n * rng.uniform(0.8, 0.98)) for n in (listed.mandatory, listed.other)]
    return Numbers(*drawn) if own else Numbers(None, None)


def draw_facts(rng: Random, world: World, subject: Subject) -> list[DrawnFact]:
    """Draw everything that is recorded of an enrollment, in the order of its days."""
    course = subject.course
    found = [*gate_facts(rng, world, subject), *_activity_facts(rng, world, subject)]
    drawn = [recorded(rng, world, happening) for happening in found if happening[0] <= course.last_active_on]
    if course.start.end is not Status.AWARDED:
        drawn.append(DrawnFact(course.ended_on, course.ended_on, world.policy.endings[course.start.end], None))
    return sorted(set(drawn), key=lambda fact: (fact.on, fact.milestone, fact.value or 0))


Happening = tuple[date, str, int | None]


def _wait(rng: Random, world: World) -> timedelta:
    late = world.margins.late_word
    wait = between(rng, late.days)
    return wait if rng.random() < late.share else timedelta(0)


def recorded(rng: Random, world: World, happening: Happening) -> DrawnFact:
    """Return a fact with the day on which it becomes known: a conference's decision at once, others perhaps later."""
    on, milestone, value = happening
    return DrawnFact(on, on if milestone in world.known_at_once else on + _wait(rng, world), milestone, value)


def gate_facts(rng: Random, world: World, subject: Subject) -> Iterator[Happening]:
    """Yield what the gates of a course ask for, each on a day of its stage."""
    for stay in subject.course.stays:
        gate = stay.stage.gate
        if gate.conference_lead_days is not None:
            yield from ((stay.left, name, None) for name in gate.usual)
            continue
        # Nobody is trained and no kick-off held before the posts are filled.
        filled = [subject.posts[post][0].since for post in gate.posts if subject.posts.get(post)]
        ready = max(filled, default=stay.entered)
        days = [max(day, world.workday(ready)) for day in _days_in(rng, world, (stay, len(gate.usual)))]
        yield from ((day, name, None) for day, name in zip(days, gate.usual, strict=True))
        yield from ((stay.left, share.count, _reached(rng, world, (subject, share))) for share in gate.shares)


def _days_in(rng: Random, world: World, given: tuple[Stay, int]) -> list[date]:
    """Draw so many days of a stay in order, none of them in its silence, the last one its last."""
    stay, number = given
    length = (stay.left - stay.entered).days
    offsets = sorted(rng.randint(min(1, length), length) for _ in range(number - 1))
    days = [_spoken(world.workday(stay.entered + timedelta(days=offset)), stay.silence) for offset in offsets]
    return [*(min(day, stay.left) for day in days), stay.left][:number]


def _spoken(day: date, silence: Silence | None) -> date:
    """Return the day, or the end of the silence that it falls into."""
    return silence.until if silence is not None and silence.since < day < silence.until else day


def _reached(rng: Random, world: World, given: tuple[Subject, Share]) -> int:
    subject, share = given
    enough = _enough(world, subject, share)
    return rng.randint(enough, max(enough, round(enough / share.at_least)))


def _enough(world: World, subject: Subject, share: Share) -> int:
    """Return how many a share asks for, by the gate's own rule."""
    start = subject.course.start
    case = Case(
        0, start.track, world.policy.start, start.agreement_on, 0, Status.OPEN, start.agreement_on, *subject.numbers
    )
    return needed(case, Program(world.policy, 0), share)


def _activity_facts(rng: Random, world: World, subject: Subject) -> Iterator[Happening]:
    for activity in world.margins.activities:
        days = list(_activity_days(rng, world, (activity, subject.course)))
        yield from ((day, activity.milestone, None) for day in days)
        if activity.counts_from is not None:
            yield from _counts(rng, world, (subject, activity.counts_from, days))


def _activity_days(rng: Random, world: World, given: tuple[Activity, Course]) -> Iterator[date]:
    activity, course = given
    silences = [stay.silence for stay in course.stays if stay.silence is not None]
    spread = min(activity.spread_days, activity.every_days - 1)
    day = course.start.agreement_on
    while True:
        day += timedelta(days=activity.every_days + rng.randint(-spread, spread))
        silence = next((s for s in silences if s.since < day < s.until), None)
        day = world.workday(day if silence is None else silence.until)
        if day >= course.ended_on:
            return
        yield day


def _counts(rng: Random, world: World, given: tuple[Subject, str, list[date]]) -> Iterator[Happening]:
    """Yield what the experts counted: it rises, and is short of a gate's share until the gate's stage is left."""
    subject, counts_from, days = given
    stays = subject.course.stays
    begin = next((stay.entered for stay in stays if stay.stage.code == counts_from), subject.course.start.agreement_on)
    for stay in (stay for stay in stays if stay.stage.gate.shares):
        last = rng.choice(stay.stage.gate.shares)
        for share in stay.stage.gate.shares:
            enough = _enough(world, subject, share)
            whole = 1.0 if share is last else rng.uniform(EARLY_PROGRESS, 1.0)
            seen = 0
            for day in days[bisect_right(days, begin) : bisect_right(days, stay.left - ONE_DAY)]:
                progress = (day - begin).days / ((stay.left - begin).days * whole)
                value = round(enough * (0.15 + 0.85 * progress) + rng.uniform(-0.04, 0.02) * enough)
                seen = max(seen, min(value, enough if progress >= 1 else enough - 1))
                yield day, share.count, seen
