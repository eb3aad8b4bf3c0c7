"""The people of a synthetic cohort: who holds which post from when to when, who leaves, who comes, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from models.rules.cohort.agencies import Enrolling
from models.rules.cohort.course import ONE_DAY, Course, World, between
from models.rules.words import Language, Post, Status

# Nobody leaves a post so soon after its beginning, or so shortly before its end.
SETTLED = timedelta(days=90)
DIRECTOR, OPERATOR = "DIR-1", "OP-1"
SME_POSTS = (Post.SME_1, Post.SME_2)


class Person(NamedTuple):
    """Somebody made up."""

    code: str
    given_names: str
    surname: str
    second_surname: str
    email: str
    language: Language
    zone: str


class Holder(NamedTuple):
    """Somebody in a post from `since` to `until`, both days included; None: for good."""

    person: Person
    since: date
    until: date | None = None


Timeline = list[Holder]


class Employed(NamedTuple):
    """One row of the people file, as it reads from `known_on` on."""

    known_on: date
    holder: Holder
    role: str
    region: str
    deputy: str


@dataclass
class Staff:
    """Everybody: the program's people, and the posts of agencies and enrollments by their place in the cohort."""

    employed: list[Employed] = field(default_factory=list)
    experts: list[dict[Post, Timeline]] = field(default_factory=list)
    managers: dict[str, Timeline] = field(default_factory=dict)
    heads: dict[str, Person] = field(default_factory=dict)


@dataclass
class _Pair:
    """Two experts, and the agencies that they help."""

    since: date
    until: date
    agencies: set[str]
    posts: dict[Post, Timeline] = field(default_factory=dict)


class Registry:
    """Names for people, drawn from the margins' lists."""

    def __init__(self, rng: Random, world: World) -> None:
        self._rng, self._margins, self._policy = rng, world.margins, world.policy

    def person(self, code: str, language: Language | None = None, zone: str = "") -> Person:
        """Make somebody up; the address is the code at a reserved domain."""
        language = language or self._policy.language
        names = self._margins.names[language]
        surnames = [self._rng.choice(names.surnames) for _ in range(names.surname_count)]
        email = f"{code}@{self._margins.mail_domain}".lower().replace("_", "-")
        given = self._rng.choice(names.given)
        return Person(code, given, surnames[0], "".join(surnames[1:]), email, language, zone or self._policy.zone)

    def expert(self, number: int) -> Person:
        """Make up an expert, now and then one from abroad."""
        staff, code = self._margins.staff, f"SME-{number:02d}"
        if self._rng.random() < staff.foreign_share:
            return self.person(code, staff.foreign_language, staff.foreign_zone)
        return self.person(code)


def draw_staff(rng: Random, world: World, placed: Sequence[Enrolling]) -> Staff:
    """Draw everybody for a cohort's enrollments."""
    registry = Registry(rng, world)
    staff = Staff()
    begin = min(p.course.start.agreement_on for p in placed) - timedelta(days=world.margins.staff.days_before_first)
    end = max(p.course.ended_on for p in placed)
    for role, code in (("director", DIRECTOR), ("operator", OPERATOR)):
        staff.employed.append(Employed(begin, Holder(registry.person(code), begin), role, "", ""))
    staff.employed += _regional_managers(rng, world, (registry, begin, end))
    pairs = _pairs(world, placed)
    _fill_pairs(rng, world, (registry, pairs))
    for pair in pairs:
        staff.employed += _experts_employed(pair)
    for enrolling in placed:
        pair = next(pair for pair in pairs if enrolling.agency.code in pair.agencies)
        staff.experts.append(_experts_of(rng, world, (enrolling.course, pair)))
    for code, agency in {p.agency.code: p.agency for p in placed}.items():
        courses = [p.course for p in placed if p.agency.code == code]
        zone = world.policy.zone_of(agency.entity, agency.municipality)
        staff.heads[code] = registry.person(f"head.{code}", zone=zone)
        staff.managers[code] = _managers_of(rng, world, (registry, code, zone, courses))
    staff.employed.sort(key=lambda e: (e.known_on, e.holder.person.code))
    return staff


def _regional_managers(rng: Random, world: World, given: tuple[Registry, date, date]) -> Iterator[Employed]:
    registry, begin, end = given
    regions = world.policy.regions
    codes = [f"RM-{region.code.upper()}" for region in regions]
    leaving = set(rng.sample(codes, world.margins.staff.regional_handovers))
    role = "regional_manager"
    for index, (code, region) in enumerate(zip(codes, regions, strict=True)):
        zone = world.policy.entities[region.entities[0]].zone
        deputy = codes[index + 1] if index + 1 < len(codes) else ""
        first = Holder(registry.person(code, zone=zone), begin)
        yield Employed(begin, first, role, region.code, deputy)
        if code in leaving:
            left, came = _handover(rng, world, (begin, end))
            yield Employed(left, first._replace(until=left), role, region.code, deputy)
            successor = Holder(registry.person(f"{code}-2", zone=zone), came)
            yield Employed(came, successor, role, region.code, deputy)


def _handover(rng: Random, world: World, given: tuple[date, date]) -> tuple[date, date]:
    """Draw the last day of one and the first day of the next, in the middle of a span."""
    begin, end = given
    span = (end - begin).days
    left = world.workday(begin + timedelta(days=rng.randint(span // 4, max(span // 4, 3 * span // 4))))
    return left, world.workday(left + max(ONE_DAY, between(rng, world.margins.staff.handover_gap_days)))


def _pairs(world: World, placed: Sequence[Enrolling]) -> list[_Pair]:
    """Divide each region's agencies, in the order of their agreements, among pairs of about equal load."""
    low, high = world.margins.staff.agencies_per_pair
    pairs: list[_Pair] = []
    for region in world.policy.regions:
        codes = list(dict.fromkeys(p.agency.code for p in placed if p.agency.entity in region.entities))
        number = min(max(math.ceil(len(codes) / high), round(2 * len(codes) / (low + high))), len(codes))
        for index in range(number):
            mine = set(codes[len(codes) * index // number : len(codes) * (index + 1) // number])
            courses = [p.course for p in placed if p.agency.code in mine]
            since = min(c.start.agreement_on for c in courses) - timedelta(days=world.margins.staff.days_before_first)
            pairs.append(_Pair(since, max(c.ended_on for c in courses), mine))
    return sorted(pairs, key=lambda pair: (pair.since, min(pair.agencies)))


def _fill_pairs(rng: Random, world: World, given: tuple[Registry, list[_Pair]]) -> None:
    registry, pairs = given
    numbers = iter(range(1, 1000))
    for pair in pairs:
        pair.posts = {post: [Holder(registry.expert(next(numbers)), pair.since)] for post in SME_POSTS}
    # One of a pair at most: somebody has to be left to be told.
    leaving = rng.sample(pairs, min(world.margins.staff.sme_handovers, len(pairs)))
    changes = [(*_handover(rng, world, (pair.since, pair.until)), rng.choice(SME_POSTS), pair) for pair in leaving]
    for left, came, post, pair in sorted(changes, key=lambda change: (change[:2], min(change[3].agencies))):
        first = pair.posts[post][0]
        pair.posts[post] = [first._replace(until=left), Holder(registry.expert(next(numbers)), came)]


def _experts_employed(pair: _Pair) -> Iterator[Employed]:
    for post in SME_POSTS:
        other = pair.posts[SME_POSTS[1 - SME_POSTS.index(post)]]
        for holder in pair.posts[post]:
            beside = (o.person.code for o in other if o.since <= holder.since <= (o.until or date.max))
            # The first of a pair has the second stand in: both ways would be a circle, which an import refuses.
            partner = next(beside, "") if post is SME_POSTS[0] else ""
            yield Employed(holder.since, holder._replace(until=None), "sme", "", partner)
            if holder.until is not None:
                yield Employed(holder.until, holder, "sme", "", partner)


def _experts_of(rng: Random, world: World, given: tuple[Course, _Pair]) -> dict[Post, Timeline]:
    """Return the experts of one enrollment: its pair's while it runs, one of them perhaps somewhat late."""
    course, pair = given
    agreed, staff = course.start.agreement_on, world.margins.staff
    posts = {post: list(_clipped(pair.posts[post], agreed, course.ended_on)) for post in SME_POSTS}
    late, post = between(rng, staff.late_days), rng.choice(SME_POSTS)
    if rng.random() < staff.late_sme_share and len(posts[post]) == 1 and posts[post][0].since == agreed:
        posts[post] = [posts[post][0]._replace(since=world.workday(agreed + late))]
    return posts


def _clipped(timeline: Timeline, begin: date, end: date) -> Iterator[Holder]:
    for holder in timeline:
        if (holder.until or end) >= begin and holder.since < end:
            until = holder.until if holder.until is not None and holder.until < end else None
            yield Holder(holder.person, max(holder.since, begin), until)


def _managers_of(rng: Random, world: World, given: tuple[Registry, str, str, Sequence[Course]]) -> Timeline:
    """Return an agency's accreditation managers: one after the other, with the days on which the post is empty."""
    registry, code, zone, courses = given
    since = courses[0].start.agreement_on
    if rng.random() < world.margins.staff.late_manager_share:
        since = world.workday(since + between(rng, world.margins.staff.late_days))
    timeline: Timeline = []
    for left, came in [*_vacancies(rng, world, (courses, since)), (None, None)]:
        number = f".{len(timeline) + 1}" if timeline else ""
        person = registry.person(f"{Post.ACCREDITATION_MANAGER}.{code}{number}", zone=zone)
        timeline.append(Holder(person, since, left))
        if came is None:
            break
        since = came
    return timeline


def _vacancies(rng: Random, world: World, given: tuple[Sequence[Course], date]) -> list[tuple[date, date | None]]:
    """Draw when a manager leaves, and when the next one comes: None means that nobody does."""
    courses, since = given
    staff, silences, leaving = world.margins.staff, world.margins.silences, world.margins.leaving
    found: list[tuple[date, date | None]] = []
    for course in courses:
        empty = [silence for silence in course.silences if rng.random() < silences.vacant_share]
        found += [(s.since, max(s.since + ONE_DAY, s.until - between(rng, (1, 10)))) for s in empty]
        begin, end = course.start.agreement_on + SETTLED, course.last_active_on - SETTLED
        if not empty and begin < end and rng.random() < staff.manager_handover_share:
            left = begin + timedelta(days=rng.randint(0, (end - begin).days))
            found.append((left, left + max(ONE_DAY, between(rng, staff.manager_gap_days))))
        if course.start.end is not Status.AWARDED and rng.random() < leaving.vacant_share:
            found.append((course.last_active_on, None))
    kept: list[tuple[date, date | None]] = []
    for left, came in sorted(found, key=lambda vacancy: vacancy[0]):
        if left > since:
            since = date.max if came is None else world.workday(max(came, left + ONE_DAY))
            kept.append((left, None if came is None else since))
    return kept
