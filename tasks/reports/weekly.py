"""The director's week: who will miss what, who can make the next conference, who is missing, who has too much to do.

For the program's own eyes: cases are named, people by their codes. Looked at from a day with what was recorded by the
end of another, like every report.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, select

from models.rules.case import Case, Program
from models.rules.errors import Refused
from models.rules.forecast.answers import Answer
from models.rules.planning import outlook
from models.rules.reporting.glances import Glance
from models.rules.reporting.measures import Seen
from models.rules.words import Closing, Post, Risk, Status
from models.schema import INSTALLATION, PERSON
from tasks.reports.gathering import EscalationRow, Fan, escalation_rows, fan
from tasks.reports.history import History
from tasks.reports.tables import Table
from tasks.store.database import reading
from tasks.store.past import Sight

WEEK, LED_DAYS = timedelta(days=7), 28
PAIR = (Post.SME_1, Post.SME_2)
_URGENCY = {Risk.OVERDUE: 0, Risk.AT_RISK: 1, Risk.ON_TRACK: 2}


class Missing(NamedTuple):
    """A case that will miss its window or limit, and what the forecast says; None where it cannot speak of the case."""

    glance: Glance
    answer: Answer | None


class Reaching(NamedTuple):
    """A case that can make the next conference: when its stage is to be left, and each step with its last safe day."""

    glance: Glance
    leave_by: date
    steps: tuple[tuple[str, date], ...]


class Load(NamedTuple):
    """Open cases of a region, or of a pair, by risk, with the escalations that are open and who carries them."""

    name: str
    open: int
    at_risk: int
    overdue: int
    escalations: int
    experts: int


class Arc(NamedTuple):
    """A government with all kinds of agency accredited but one. `standing` is the case of the one that lacks."""

    government: str
    has: tuple[str, ...]
    lacks: str
    standing: Glance | None


class Led(NamedTuple):
    """What a rule's escalations led to in the last weeks: how many were opened, taken, and closed by which ending."""

    row: EscalationRow
    opened: int
    taken: int
    closed: Mapping[Closing, int]


@dataclass(frozen=True)
class Weekly:
    """A week's facts, in no language yet."""

    program: Program
    sight: Sight
    is_demo: bool
    seen: Seen
    fan: Fan
    missing: Sequence[Missing]
    conference: date | None
    reaching: Sequence[Reaching]
    regions: Sequence[Load]
    pairs: Sequence[Load]
    led: Sequence[Led]
    arcs: Sequence[Arc]

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"week-{self.sight.as_of}"

    @property
    def since(self) -> date:
        """The first day of the week."""
        return self.sight.as_of - WEEK + timedelta(days=1)

    @property
    def vacant(self) -> list[tuple[Glance, Post, date]]:
        """The posts that nobody holds, the longest vacant first."""
        found = [
            (each, vacancy.post, vacancy.since) for each in self.seen.glances for vacancy in each.vacant
        ]
        return sorted(found, key=lambda each: (each[2], each[0].place.enrollment))

    def tables(self) -> Iterator[Table]:
        """Yield the tables of the page, in its order."""
        yield Table(
            "missing", ("enrollment", "region", "stage", "risk", "in_window", "in_limit", "award_on", "window_until",
                        "limit", "no_forecast"),
            [
                (
                    each.glance.place.enrollment, each.glance.place.region, each.glance.stage, each.glance.risk.value,
                    *_said(each.answer), each.glance.window_until, each.glance.limit,
                    each.answer.cannot_say if each.answer is not None else "",
                )
                for each in self.missing
            ],
        )
        yield Table(
            "conference", ("enrollment", "region", "stage", "leave_by", "todo"),
            [
                (each.glance.place.enrollment, each.glance.place.region, each.glance.stage, each.leave_by,
                 "; ".join(f"{step} {on}" for step, on in each.steps))
                for each in self.reaching
            ],
        )
        yield Table(
            "vacant", ("enrollment", "region", "post", "since", "days"),
            [
                (each.place.enrollment, each.place.region, post.value, since, (self.sight.as_of - since).days)
                for each, post, since in self.vacant
            ],
        )
        yield Table(
            "regions", ("region", "open", "at_risk", "overdue", "escalations", "experts", "per_expert"),
            [(*each, round(each.open / each.experts, 1) if each.experts else None) for each in self.regions],
        )
        yield Table(
            "pairs", ("pair", "open", "at_risk", "overdue", "escalations"), [tuple(each[:5]) for each in self.pairs]
        )
        yield Table(
            "led", ("rule", "opened", "open", "top", "led"),
            [
                (each.row.rule, each.opened, each.row.open, each.row.top, "; ".join(
                    f"{name} {number}" for name, number in [("taken", each.taken), *each.closed.items()] if number
                ))
                for each in self.led
            ],
        )
        yield Table(
            "arc", ("government", "has", "lacks", "stands"),
            [
                (each.government, " ".join(each.has), each.lacks,
                 each.standing.place.enrollment if each.standing is not None else "")
                for each in self.arcs
            ],
        )


def _said(answer: Answer | None) -> tuple[float | None, float | None, date | None]:
    if answer is None or answer.cannot_say:
        return None, None, None
    return round(100 * answer.in_window, 1), round(100 * answer.in_limit, 1), answer.days[1]


def weekly(engine: Engine, *, as_of: date | None = None, known_on: date | None = None) -> Weekly:
    """Gather a week, by default the one that ends today.

    Raises:
        Refused: a day that has not come yet is asked for.
    """
    with reading(engine) as connection:
        history = History(connection)
        program, today = history.program, history.today
        for name, day in (("--as-of", as_of), ("--known-on", known_on)):
            if day is not None and day > today:
                raise Refused.one(name, f"{day} has not come yet.", f"Name {today} or an earlier day.")
        sight = Sight(as_of or today, known_on or today)
        since = sight.as_of - WEEK + timedelta(days=1)
        seen, cases = history.seen(sight, since), history.cases(sight)
        codes: dict[int, str] = dict(
            connection.execute(select(PERSON.c.id, PERSON.c.code)).tuples().all()
        )
        is_demo = bool(connection.scalar(select(INSTALLATION.c.is_demo)))
    foreseen = fan(engine, seen, program, day=sight.day)
    by_id = {each.id: each for each in seen.glances}
    ahead = [day for day in program.conferences if day > sight.as_of]
    conference = ahead[0] if ahead else None
    return Weekly(
        program, sight, is_demo, seen, foreseen,
        missing=_missing(seen, {each.enrollment: each for each in foreseen.answers}, program),
        conference=conference,
        reaching=[] if conference is None else list(_reaching(cases, by_id, program, on=(sight.as_of, conference))),
        regions=list(_regions(cases, seen, program, day=sight.as_of)),
        pairs=list(_pairs(cases, seen, codes, day=sight.as_of)),
        led=list(_led(seen, program, since=sight.as_of - timedelta(days=LED_DAYS))),
        arcs=list(_arcs(seen, program)),
    )


def _missing(seen: Seen, answers: Mapping[int, Answer], program: Program) -> list[Missing]:
    terms = program.policy.forecast
    below = terms.band.at_risk_below / 100 if terms is not None else 0.0
    found = []
    for each in seen.open:
        answer = answers.get(each.id)
        unlikely = answer is not None and not answer.cannot_say and answer.in_window < below
        if each.risk is not Risk.ON_TRACK or unlikely:
            found.append(Missing(each, answer))
    return sorted(found, key=lambda each: (
        _URGENCY[each.glance.risk], each.answer.in_limit if each.answer is not None else 0.0, each.glance.limit
    ))


def _reaching(
    cases: Iterable[Case], glances: Mapping[int, Glance], program: Program, *, on: tuple[date, date]
) -> Iterator[Reaching]:
    today, conference = on
    found = []
    for case in cases:
        if case.status is not Status.OPEN or case.cycle != 1:
            continue
        plan = outlook(case, program, today)
        slot = next((slot for slot in plan.slots if slot.on == conference), None)
        if slot is not None:
            steps = sorted((slot.last_safe(step), step.step) for leg in plan.legs for step in leg.steps)
            found.append(Reaching(glances[case.id], slot.leave_by, tuple((name, day) for day, name in steps)))
    yield from sorted(found, key=lambda each: (each.leave_by, each.glance.place.enrollment))


def _regions(cases: Iterable[Case], seen: Seen, program: Program, *, day: date) -> Iterator[Load]:
    region = {each.id: each.place.region for each in seen.glances}
    experts: dict[str, set[int]] = defaultdict(set)
    for case in cases:
        if case.status is Status.OPEN:
            experts[region[case.id]] |= {s.person for s in case.seats if s.post in PAIR and s.held(day)}
    standing = Counter(each.region for each in seen.raised if each.closed_on is None)
    for one in program.policy.regions:
        mine = [each for each in seen.glances if each.place.region == one.code and each.status is Status.OPEN]
        yield _load(one.code, mine, standing[one.code], experts=len(experts[one.code]))


def _pairs(cases: Iterable[Case], seen: Seen, codes: Mapping[int, str], *, day: date) -> Iterator[Load]:
    glances = {each.id: each for each in seen.glances}
    carried: dict[str, list[Glance]] = defaultdict(list)
    for case in cases:
        held = {seat.post: seat.person for seat in sorted(case.seats, key=lambda s: s.since) if seat.held(day)}
        people = sorted(codes[held[post]] for post in PAIR if post in held)
        if case.status is Status.OPEN and people:
            carried[" · ".join(people)].append(glances[case.id])
    standing = Counter(each.enrollment for each in seen.raised if each.closed_on is None)
    loads = [
        _load(name, mine, sum(standing[each.place.enrollment] for each in mine), experts=len(name.split(" · ")))
        for name, mine in carried.items()
    ]
    yield from sorted(loads, key=lambda each: (-each.open, -each.overdue, -each.at_risk, each.name))


def _load(name: str, mine: Sequence[Glance], escalations: int, *, experts: int) -> Load:
    risks = Counter(each.risk for each in mine)
    return Load(name, len(mine), risks[Risk.AT_RISK], risks[Risk.OVERDUE], escalations, experts)


def _led(seen: Seen, program: Program, *, since: date) -> Iterator[Led]:
    for row in escalation_rows(seen, program):
        mine = [each for each in seen.raised if each.rule == row.rule]
        closed = Counter(
            each.closing for each in mine if each.closed_on is not None and each.closed_on > since and each.closing
        )
        opened = sum(each.opened_on > since for each in mine)
        taken = sum(
            each.answered_on is not None and each.answered_on > since and each.closed_on is None for each in mine
        )
        if opened or taken or closed or row.open:
            yield Led(row, opened, taken, dict(closed))


def _arcs(seen: Seen, program: Program) -> Iterator[Arc]:
    kinds = list(program.policy.kinds)
    by_government: dict[str, list[Glance]] = defaultdict(list)
    for each in seen.first_cycles:
        if each.place.government:
            by_government[each.place.government].append(each)
    for government, mine in sorted(by_government.items()):
        has = tuple(kind for kind in kinds if any(e.place.kind == kind and e.awarded_on is not None for e in mine))
        if len(kinds) > 1 and len(has) == len(kinds) - 1:
            (lacks,) = set(kinds) - set(has)
            standing = next((e for e in mine if e.place.kind == lacks and e.status is Status.OPEN), None)
            yield Arc(government, has, lacks, standing)
