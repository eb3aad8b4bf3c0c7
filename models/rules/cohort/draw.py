"""A synthetic cohort: the rows of a whole program as the import takes them, each with the day it became known.

What is published of a program fixes the totals (`cohort_margins`); a seed draws who, where and when. The same seed
gives the same rows. The rows are facts only: stage changes, awards, reminders and escalations come out of the
lifecycle that reads them. Nobody in a cohort is real.

    margins, seed ─> starts ─> courses ─> agencies ─> people ─> facts, and what followed ─> rows with the day known
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from models.rules.cohort.afterwards import draw_afterwards
from models.rules.cohort.agencies import Enrolling, draw_again, draw_starts, place
from models.rules.cohort.course import World, draw_courses, stream
from models.rules.cohort.facts import DrawnFact, Numbers, Subject, draw_facts, draw_numbers
from models.rules.cohort.margins import Margins
from models.rules.cohort.people import OPERATOR, Employed, Person, Staff, Timeline, draw_staff
from models.rules.policy import Policy
from models.rules.words import Post

ROSTER_COLUMNS = (
    "agency_code", "agency", "kind", "entity", "municipality", "government", "track", "cycle",
    "agreement_countersigned_on", "applicable_mandatory", "applicable_other", "head_name", "head_email",
    "accreditation_manager_given_names", "accreditation_manager_surname", "accreditation_manager_second_surname",
    "accreditation_manager_email", "sme1", "sme2", "language",
)
PEOPLE_COLUMNS = (
    "code", "given_names", "surname", "second_surname", "email", "language", "time_zone", "role", "region", "from",
    "until", "deputy",
)
FACTS_COLUMNS = (
    "agency_code", "track", "cycle", "milestone", "occurred_on", "value", "reference", "recorded_by",
)
SEAT_COLUMNS = (
    "agency_code", "track", "cycle", "post", "change", "on", "person", "given_names", "surname", "second_surname",
    "email", "language", "time_zone",
)
CYCLE = "1"
LEAVES, TAKES = "leaves", "takes"


class Dated(NamedTuple):
    """A row, and the day on which it became known."""

    known_on: date
    row: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The rows of a program, each list in the order of the days on which they became known.

    A person who leaves has a second row, with `until`. A row of `seat_changes` says that somebody `leaves` a post (`on`
    is the last day in it) or `takes` it (`on` is the first); `person` is the code of an expert, and an accreditation
    manager is named in the row. A post of an agency has no track and no cycle in its row.
    """

    people: tuple[Dated, ...]
    roster: tuple[Dated, ...]
    facts: tuple[Dated, ...]
    seat_changes: tuple[Dated, ...]


def draw_cohort(margins: Margins, policy: Policy, seed: int) -> Cohort:
    """Draw a cohort. Equal arguments give equal rows; another seed gives the same totals and another history.

    Raises:
        Refused: the margins ask for a second award for which no first one comes early enough.
    """
    world = World(margins, policy)
    kinds, starts = zip(*draw_starts(stream(seed, "starts"), world), strict=True)
    courses = draw_courses(stream(seed, "courses"), world, starts)
    placed = place(stream(seed, "places"), world, list(zip(kinds, courses, strict=True)))
    placed += draw_again(stream(seed, "again"), world, placed)
    staff = draw_staff(stream(seed, "people"), world, placed)
    numbers = [draw_numbers(stream(seed, f"numbers/{_name(p)}"), world, p.course.start.track) for p in placed]
    return Cohort(
        people=_in_order(Dated(e.known_on, _person_row(e)) for e in staff.employed),
        roster=_in_order(_roster(placed, staff, numbers)),
        facts=_in_order(_facts(world, placed, (staff, numbers, seed))),
        seat_changes=_in_order(_seat_changes(placed, staff)),
    )


def known_by(cohort: Cohort, day: date) -> Cohort:
    """Return what was known by a day; of a person, the latest row only."""
    latest = {dated.row["code"]: dated for dated in _until(cohort.people, day)}
    return Cohort(
        people=_in_order(latest.values()),
        roster=_until(cohort.roster, day),
        facts=_until(cohort.facts, day),
        seat_changes=_until(cohort.seat_changes, day),
    )


def plain(rows: Iterable[Dated]) -> list[dict[str, str]]:
    """Return the rows as the import takes them, without the day on which they became known."""
    return [dated.row for dated in rows]


def _until(rows: Iterable[Dated], day: date) -> tuple[Dated, ...]:
    return tuple(dated for dated in rows if dated.known_on <= day)


def _in_order(rows: Iterable[Dated]) -> tuple[Dated, ...]:
    return tuple(sorted(rows, key=lambda dated: (dated.known_on, *dated.row.values())))


def _name(enrolling: Enrolling) -> str:
    return f"{enrolling.agency.code}/{enrolling.course.start.track}"


def _row(columns: Sequence[str], *values: object) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in zip(columns, values, strict=True)}


def _person_row(employed: Employed) -> dict[str, str]:
    who, since, until = employed.holder
    named = (who.code, who.given_names, who.surname, who.second_surname, who.email, who.language, who.zone)
    return _row(PEOPLE_COLUMNS, *named, employed.role, employed.region, since, until, employed.deputy)


def _at(timeline: Timeline, day: date) -> Person | None:
    return next((h.person for h in timeline if h.since <= day and (h.until is None or day <= h.until)), None)


def _roster(placed: Sequence[Enrolling], staff: Staff, numbers: Sequence[Numbers]) -> Iterator[Dated]:
    for enrolling, experts, own in zip(placed, staff.experts, numbers, strict=True):
        agency, start = enrolling.agency, enrolling.course.start
        head, agreed = staff.heads[agency.code], start.agreement_on
        manager = _at(staff.managers[agency.code], agreed)
        smes = [_at(timeline, agreed) for timeline in experts.values()]
        head_name = f"{head.given_names} {head.surname} {head.second_surname}".strip()
        yield Dated(agreed, _row(
            ROSTER_COLUMNS, agency.code, agency.name, agency.kind, agency.entity, agency.municipality,
            agency.government, start.track, CYCLE, agreed, *own, head_name, head.email,
            *((manager.given_names, manager.surname, manager.second_surname, manager.email) if manager else [""] * 4),
            *(sme.code if sme else "" for sme in smes), head.language,
        ))


def _facts(world: World, placed: Sequence[Enrolling], given: tuple[Staff, Sequence[Numbers], int]) -> Iterator[Dated]:
    staff, numbers, seed = given
    for enrolling, experts, own in zip(placed, staff.experts, numbers, strict=True):
        posts = {**experts, Post.ACCREDITATION_MANAGER: staff.managers[enrolling.agency.code]}
        subject, name = Subject(enrolling.course, own, posts), _name(enrolling)
        drawn = [(CYCLE, fact, "") for fact in draw_facts(stream(seed, f"facts/{name}"), world, subject)]
        later = draw_afterwards(stream(seed, f"afterwards/{name}"), world, subject)
        numbered = [*enumerate(drawn, start=1), *enumerate(((str(c), fact, "A") for c, fact in later), start=1)]
        for number, (cycle, fact, series) in numbered:
            about = (enrolling.agency.code, enrolling.course.start.track, cycle, fact.milestone, fact.on, fact.value)
            reference = f"SYN/{name}/{series}{number:03d}"
            who = _recorder(fact, list(experts.values()))
            yield Dated(fact.known_on, _row(FACTS_COLUMNS, *about, reference, who))


def _recorder(fact: DrawnFact, experts: Sequence[Timeline]) -> str:
    """Return the expert on duty who records a fact: the first of the pair, else the second, else an operator."""
    on_duty = [who.code for who in (_at(timeline, fact.on) for timeline in experts) if who is not None]
    return on_duty[0] if on_duty else OPERATOR


def _seat_changes(placed: Sequence[Enrolling], staff: Staff) -> Iterator[Dated]:
    for enrolling, experts in zip(placed, staff.experts, strict=True):
        agency, start = enrolling.agency.code, enrolling.course.start
        for post, timeline in experts.items():
            yield from _changes(timeline, start.agreement_on, (agency, start.track, CYCLE, post))
    agreed = {p.agency.code: p.course.start.agreement_on for p in reversed(placed)}
    for code, timeline in staff.managers.items():
        yield from _changes(timeline, agreed[code], (code, "", "", Post.ACCREDITATION_MANAGER))


def _changes(timeline: Timeline, agreed_on: date, post: tuple[str, str, str, Post]) -> Iterator[Dated]:
    """Yield who leaves and takes a post after the agreement; whoever holds it on that day stands in the roster."""
    for who, since, until in timeline:
        expert = post[3] is not Post.ACCREDITATION_MANAGER
        named = ("", "", "", "") if expert else (who.given_names, who.surname, who.second_surname, who.email)
        about = (who.code if expert else "", *named, who.language, who.zone)
        if since > agreed_on:
            yield Dated(since, _row(SEAT_COLUMNS, *post, TAKES, since, *about))
        if until is not None:
            yield Dated(until, _row(SEAT_COLUMNS, *post, LEAVES, until, *about))
