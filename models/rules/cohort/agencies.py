"""The agencies of a synthetic cohort: what they are called, whose they are, where, and when they enroll."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from models.rules.cohort.course import Course, Start, World, between, draw_course
from models.rules.cohort.margins import AgainMargin
from models.rules.errors import Refused
from models.rules.words import Status

# A second award is drawn from those that leave it some time beyond the shortest.
MONTHS_TO_SPARE = 6


@dataclass(frozen=True, slots=True)
class Agency:
    """A synthetic agency. Without a municipality it is its state's."""

    code: str
    name: str
    kind: str
    entity: str
    municipality: str
    government: str


@dataclass(frozen=True, slots=True)
class Enrolling:
    """One agency on one track, and the course it will take."""

    agency: Agency
    course: Course


@dataclass(slots=True)
class _Government:
    entity: str
    municipality: str
    kinds: set[str] = field(default_factory=set)


def draw_starts(rng: Random, world: World) -> list[tuple[str, Start]]:
    """Draw who enrolls when and how it ends, as (kind, start) in the order of the agreements."""
    margins = world.margins
    ends = [status for status, number in margins.left.items() for _ in range(number)]
    staying = [track for track in margins.tracks for _ in range(track.accredited)]
    leaving = [track for track in margins.tracks for _ in range(track.left)]
    for shuffled in (ends, staying, leaving):
        rng.shuffle(shuffled)
    drawn: list[tuple[str, Start]] = []
    for intake in margins.enrolment:
        days = [rng.choice(world.workdays(intake)) for _ in range(intake.agencies)]
        for index, on in enumerate(days):
            leaves = index < intake.left
            track = (leaving if leaves else staying).pop()
            drawn.append((track.kind, Start(track.track, on, ends.pop() if leaves else Status.AWARDED)))
    return sorted(drawn, key=lambda start: start[1].agreement_on)


def place(rng: Random, world: World, given: Sequence[tuple[str, Course]]) -> list[Enrolling]:
    """Give every course an agency, so that as many entities have an accredited one as the margins say."""
    margins = world.margins
    atlas = _Atlas(rng, world)
    accredited = [index for index, (_, course) in enumerate(given) if course.start.end is Status.AWARDED]
    rng.shuffle(accredited)
    homes: dict[int, _Government] = {}
    entities = rng.sample(sorted(world.policy.entities), margins.accredited_entities)
    unused = [*entities]
    by_kind: dict[str, list[int]] = {}
    for index in accredited:
        by_kind.setdefault(given[index][0], []).append(index)
    for _ in range(margins.complete_governments):
        government = atlas.found(unused.pop() if unused else rng.choice(entities))
        homes |= {indices.pop(): government for indices in by_kind.values()}
        government.kinds |= set(by_kind)
    for index in accredited:
        if index not in homes:
            homes[index] = atlas.home(given[index][0], [unused.pop()] if unused else entities)
    for index, (kind, _) in enumerate(given):
        if index not in homes:
            homes[index] = atlas.home(kind, sorted(world.policy.entities))
    return list(_named(world, given, homes))


class _Atlas:
    """The governments there are so far; a municipality's name is used once."""

    def __init__(self, rng: Random, world: World) -> None:
        self._rng, self._world = rng, world
        places = world.margins.places
        self._names = [f"{first} {second}" for first in places.firsts for second in places.seconds]
        rng.shuffle(self._names)
        self._governments: list[_Government] = []
        self._all_kinds = {track.kind for track in world.margins.tracks}

    def found(self, entity: str) -> _Government:
        """Found a government: the state's where there is none yet, as often as the margins say."""
        has_state = any(g.entity == entity and not g.municipality for g in self._governments)
        municipal = has_state or self._rng.random() >= self._world.margins.governments.state_share
        government = _Government(entity, self._municipality() if municipal else "")
        self._governments.append(government)
        return government

    def home(self, kind: str, entities: Iterable[str]) -> _Government:
        """Find an agency's government: now and then one that has another kind, else a new one."""
        entity = self._rng.choice(sorted(entities))
        there = [g for g in self._governments if g.entity == entity and self._joinable(g, kind)]
        joins = there and self._rng.random() < self._world.margins.governments.joined_share
        government = self._rng.choice(there) if joins else self.found(entity)
        government.kinds.add(kind)
        return government

    def _joinable(self, government: _Government, kind: str) -> bool:
        """Whether a government lacks a kind without being completed by it: how many are complete is fixed."""
        return kind not in government.kinds and government.kinds | {kind} != self._all_kinds

    def _municipality(self) -> str:
        if self._names:
            return self._names.pop()
        return f"{self._rng.choice(self._world.margins.places.firsts)} {len(self._governments)}"


def _named(world: World, given: Sequence[tuple[str, Course]], homes: dict[int, _Government]) -> Iterator[Enrolling]:
    margins, numbers = world.margins, Counter[str]()
    for index, (kind, course) in enumerate(given):
        home, naming = homes[index], margins.kinds[kind]
        prefix = f"{home.entity}-{naming.code}"
        numbers[prefix] += 1
        where = home.municipality or world.policy.entities[home.entity].name
        name = naming.of_municipality if home.municipality else naming.of_state
        owner = margins.governments.of_municipality if home.municipality else margins.governments.of_state
        agency = Agency(
            code=f"{prefix}-{numbers[prefix]:02d}",
            name=name.format(place=where),
            kind=kind,
            entity=home.entity,
            municipality=home.municipality,
            government=owner.format(place=where),
        )
        yield Enrolling(agency, course)


def draw_again(rng: Random, world: World, placed: Sequence[Enrolling]) -> list[Enrolling]:
    """Draw the second enrollments: agencies accredited on one track that take another."""
    return [enrolling for again in world.margins.again for enrolling in _again(rng, world, (again, placed))]


def _again(rng: Random, world: World, given: tuple[AgainMargin, Sequence[Enrolling]]) -> Iterator[Enrolling]:
    again, placed = given
    awarded = [p for p in placed if p.course.start.track == again.after and p.course.start.end is Status.AWARDED]
    days = again.days_between[1] + 31 * (world.margins.pace.award_months[0] + MONTHS_TO_SPARE)
    latest = world.margins.last_award.last - timedelta(days=days)
    early = [p for p in awarded if p.course.ended_on <= latest]
    if len(early) < again.agencies:
        what = f'only {len(early)} agencies have an award on "{again.after}" by {latest}, early enough for another.'
        raise Refused.one("again", what, "Ask for fewer, or for more awards by an earlier day.")
    for first in rng.sample(early, again.agencies):
        on = world.workday(first.course.ended_on + between(rng, again.days_between))
        yield Enrolling(first.agency, draw_course(rng, world, Start(again.track, on, Status.AWARDED)))
