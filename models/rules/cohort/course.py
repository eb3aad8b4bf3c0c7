"""The course of a synthetic enrollment: when it would enter and leave each stage of a policy, and how it ends.

A course is drawn freely and thrown away until it fits its margins, a bounded number of times; then it is constructed.
It holds no stage change: these must come out of the lifecycle, from the facts that are made of a course.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

from models.rules.cohort.margins import Margins, Slowdown, Span
from models.rules.dates import add_months
from models.rules.policy import Policy, Stage
from models.rules.words import Status

ONE_DAY = timedelta(days=1)
# Days that a stage lasts beyond a silence in it: somebody has to take the work up again.
AFTER_SILENCE = 20
# How often a history is changed to meet the margins that say how many have ended by a day.
FIT_TRIES = 2000


class Silence(NamedTuple):
    """Nothing happens after `since` and before `until`."""

    since: date
    until: date


class Stay(NamedTuple):
    """The days on which a stage would be entered and left."""

    stage: Stage
    entered: date
    left: date
    silence: Silence | None


@dataclass(frozen=True, slots=True)
class Start:
    """What is given of an enrollment before its course is drawn."""

    track: str
    agreement_on: date
    end: Status


@dataclass(frozen=True, slots=True)
class Course:
    """Where an enrollment would be when. Nothing happens after `last_active_on` but the end on `ended_on`."""

    start: Start
    stays: tuple[Stay, ...]
    last_active_on: date
    ended_on: date

    @property
    def silences(self) -> list[Silence]:
        """The silences that lie in its active days, in order."""
        return [s.silence for s in self.stays if s.silence is not None and s.silence.until <= self.last_active_on]


@dataclass(frozen=True)
class World:
    """What all courses are drawn from."""

    margins: Margins
    policy: Policy

    @cached_property
    def conferences(self) -> list[date]:
        """The days at which an award can be decided, in order."""
        return sorted(conference.on for conference in self.policy.conferences)

    @cached_property
    def known_at_once(self) -> frozenset[str]:
        """The milestones of gates that open at a conference: whoever decides knows them."""
        return frozenset(
            name for stage in self.policy.stages if stage.gate.conference_lead_days is not None
            for name in stage.gate.usual
        )

    def workday(self, day: date) -> date:
        """Return the day, or the next on which people work."""
        while day.weekday() not in self.policy.working_hours.weekdays:
            day += ONE_DAY
        return day

    def workdays(self, span: Span) -> list[date]:
        """Return the days of a span on which people work, or all of them where none is."""
        days = [span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1)]
        return [day for day in days if day.weekday() in self.policy.working_hours.weekdays] or days


def stream(seed: int, topic: str) -> Random:
    """Return the random numbers of one topic: a change in what one topic draws leaves the others as they were."""
    return Random(f"{seed}/{topic}")  # noqa: S311 - a history that can be drawn again, no secret


def between(rng: Random, days: tuple[int, int]) -> timedelta:
    """Draw a number of days."""
    return timedelta(days=rng.randint(*days))


def draw_courses(rng: Random, world: World, starts: Sequence[Start]) -> list[Course]:
    """Draw every course, then change single ones until as many have come to an end by each day as the margins say."""
    courses = [draw_course(rng, world, start) for start in starts]
    asked = _asked(world.margins, starts)
    off = _distance(asked, courses)
    for _ in range(FIT_TRIES):
        if off == 0:
            break
        index = rng.choice(_candidates(rng, asked, courses))
        before, courses[index] = courses[index], draw_course(rng, world, starts[index])
        nearer = _distance(asked, courses)
        if nearer > off:
            courses[index] = before
        else:
            off = nearer
    return _with_last_award(world, courses)


def draw_course(rng: Random, world: World, start: Start) -> Course:
    """Draw one course that ends as its start says."""
    if start.end is not Status.AWARDED:
        return _leaving(rng, world, start)
    for _ in range(world.margins.pace.tries):
        course = _whole(start, _stays(rng, world, start))
        if _fits(world, course):
            return course
    return _constructed(world, start)


def _fits(world: World, course: Course) -> bool:
    earliest, latest = (add_months(course.start.agreement_on, months) for months in world.margins.pace.award_months)
    return earliest <= course.ended_on <= min(latest, world.margins.last_award.last)


def _whole(start: Start, stays: Sequence[Stay]) -> Course:
    return Course(start, tuple(stays), stays[-1].left, stays[-1].left)


def _leaving(rng: Random, world: World, start: Start) -> Course:
    """Cut a course off where its agency falls silent, some time before it leaves."""
    leaving, stays = world.margins.leaving, _stays(rng, world, start)
    silent = between(rng, leaving.silent_days)
    whole = (stays[-1].left - start.agreement_on).days
    active_on = start.agreement_on + timedelta(days=round(whole * rng.uniform(*leaving.progress)))
    # Strictly before the last stage would be left: who leaves has no award.
    active_on = min(active_on, world.margins.left_until - silent, stays[-1].left - ONE_DAY)
    ended_on = min(world.workday(active_on + silent), world.margins.left_until)
    return Course(start, tuple(stays), active_on, ended_on)


def _budgets(world: World, track: str) -> list[tuple[Stage, float]]:
    pace = world.policy.tracks[track].pace
    return [(stage, stage.expected_days * pace) for stage in world.policy.path[:-1]]


def _stays(rng: Random, world: World, start: Start) -> list[Stay]:
    pace, slowdown = world.margins.pace, world.margins.slowdown
    factor = rng.lognormvariate(0, pace.agency_sigma)
    if rng.random() < pace.slow_share:
        factor *= pace.slow_factor
    slow = slowdown if rng.random() < slowdown.share else None
    silent = _silent_stages(rng, world, start.track)
    stays: list[Stay] = []
    day = start.agreement_on
    for stage, budget in _budgets(world, start.track):
        work = budget * factor * rng.lognormvariate(0, pace.stage_sigma)
        if stage.gate.conference_lead_days is not None:
            skip = int(rng.random() < pace.missed_conference_share)
            stay = Stay(stage, day, conference_after(world, stage, (day, skip)), None)
        else:
            stay = _stay(rng, world, (stage, day, _elapse(day, work, slow), stage.code in silent))
        stays.append(stay)
        day = stay.left
    return stays


def _silent_stages(rng: Random, world: World, track: str) -> set[str]:
    silences = world.margins.silences
    if rng.random() >= silences.share:
        return set()
    long = [stage.code for stage, budget in _budgets(world, track) if budget >= silences.shortest_stage_days]
    long = [code for code in long if world.policy.stage[code].gate.conference_lead_days is None]
    return set(rng.sample(long, min(rng.randint(1, silences.most), len(long))))


def _stay(rng: Random, world: World, given: tuple[Stage, date, date, bool]) -> Stay:
    stage, entered, left, silent = given
    if not silent:
        return Stay(stage, entered, world.workday(max(left, entered + ONE_DAY)), None)
    gap = timedelta(days=stage.stall_days) + between(rng, world.margins.silences.days_after_stall)
    left = world.workday(max(left, entered + gap + timedelta(days=AFTER_SILENCE)))
    since = entered + timedelta(days=rng.randint(2, (left - entered - gap).days - 3))
    return Stay(stage, entered, left, Silence(since, world.workday(since + gap)))


def conference_after(world: World, stage: Stage, given: tuple[date, int]) -> date:
    """Return the conference at which a stage is left; with none listed, a day too late for any award."""
    entered, skip = given
    earliest = entered + timedelta(days=stage.gate.conference_lead_days or 0)
    index = bisect_left(world.conferences, earliest) + skip
    if index < len(world.conferences):
        return world.conferences[index]
    return max(earliest, world.margins.last_award.last) + timedelta(days=366)


def _elapse(day: date, work: float, slow: Slowdown | None) -> date:
    """Return the day on which so many days of work are done, some of them at the slowdown's speed."""
    if slow is None or day > slow.last or day + timedelta(days=work) <= slow.first:
        return day + timedelta(days=round(work))
    begin = max(day, slow.first)
    rest = work - (begin - day).days
    capacity = (slow.last - begin).days * slow.speed
    if rest <= capacity:
        return begin + timedelta(days=round(rest / slow.speed))
    return slow.last + timedelta(days=round(rest - capacity))


def _constructed(world: World, start: Start, *, at_last: bool = False) -> Course:
    """Build the course that fits: the policy's own days, squeezed or stretched to its margins."""
    last = world.margins.last_award.last
    budgets = _budgets(world, start.track)
    lead = sum(stage.gate.conference_lead_days or 0 for stage, _ in budgets)
    waits = any(stage.gate.conference_lead_days is not None for stage, _ in budgets)
    ends = [on for on in world.conferences if on <= last]
    # Working days push every stage back by up to three days.
    spare = timedelta(days=lead + 3 * len(budgets))
    latest = (ends[-1] if waits else last) - spare
    worked = [(stage, budget) for stage, budget in budgets if stage.gate.conference_lead_days is None]
    natural = sum(budget for _, budget in worked)
    earliest_days = (_soonest(world.margins, start) - start.agreement_on).days
    room = (latest - start.agreement_on).days
    scale = (room if at_last else min(max(natural, earliest_days), room)) / natural
    stays: list[Stay] = []
    day = start.agreement_on
    for stage, budget in budgets:
        if stage.gate.conference_lead_days is not None:
            left = conference_after(world, stage, (day, 0))
        else:
            left = world.workday(day + timedelta(days=max(1, round(budget * scale))))
        stays.append(Stay(stage, day, left, None))
        day = left
    return _whole(start, stays)


class _Asked(NamedTuple):
    """How many of these courses are to have ended by a day, with what may be off."""

    indices: list[int]
    on: date
    at_least: int
    at_most: int

    def ended(self, courses: Sequence[Course]) -> list[int]:
        return [index for index in self.indices if courses[index].ended_on <= self.on]


def _asked(margins: Margins, starts: Sequence[Start]) -> list[_Asked]:
    awarded = [index for index, start in enumerate(starts) if start.end is Status.AWARDED]
    gone = [index for index, start in enumerate(starts) if start.end is not Status.AWARDED]
    asked = [(awarded, by_day) for by_day in margins.awarded_by] + [(gone, by_day) for by_day in margins.left_by]
    found = [_Asked(indices, by_day.on, by_day.at_least, by_day.at_most) for indices, by_day in asked]
    # Somebody at least has the last award: all but one have theirs before it.
    return [*found, _Asked(awarded, margins.last_award.first - ONE_DAY, 0, len(awarded) - 1)]


def _distance(asked: Sequence[_Asked], courses: Sequence[Course]) -> int:
    """Return how far a history is from what is asked: 0 is a fit."""
    off = 0
    for each in asked:
        number = len(each.ended(courses))
        off += max(0, each.at_least - number, number - each.at_most)
    return off


def _candidates(rng: Random, asked: Sequence[_Asked], courses: Sequence[Course]) -> list[int]:
    """Return the courses whose change can bring a history nearer to one of the things asked that it misses."""
    found: list[list[int]] = []
    for each in asked:
        before = each.ended(courses)
        after = [i for i in each.indices if courses[i].ended_on > each.on >= courses[i].start.agreement_on]
        if len(before) > each.at_most:
            found.append(before)
        elif len(before) < each.at_least and after:
            found.append(after)
    return rng.choice(found) if found else list(range(len(courses)))


def _soonest(margins: Margins, start: Start) -> date:
    return add_months(start.agreement_on, margins.pace.award_months[0])


def _with_last_award(world: World, courses: list[Course]) -> list[Course]:
    """Make one course end at the last possible day where no drawn one does: that total is fixed."""
    span = world.margins.last_award
    awarded = [course for course in courses if course.start.end is Status.AWARDED]
    if any(span.first <= course.ended_on <= span.last for course in awarded):
        return courses
    latest = max(awarded, key=lambda course: course.start.agreement_on)
    return [_constructed(world, c.start, at_last=True) if c is latest else c for c in courses]
