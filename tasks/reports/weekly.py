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
from models.rules.dates import add_months
from models.rules.forecast.answers import Answer
from models.rules.planning import outlook
from models.rules.reporting.glances import Glance
from models.rules.reporting.measures import Seen
from models.rules.reporting.quarters import MONTHS, quarter_of, quarters
from models.rules.reporting.weeks import LED_DAYS, Carried, Led, Load, by_pair, by_region, lacking, led, pair_of
from models.rules.words import Post, Risk, Status
from models.schema import PERSON
from tasks.reports.gathering import (
    EscalationRow,
    Fan,
    RiskRow,
    StageRow,
    escalation_rows,
    fan,
    risk_rows,
    risk_table,
    stage_rows,
    stages_table,
)
from tasks.reports.history import History
from tasks.reports.tables import Table
from tasks.store.database import reading
from tasks.store.past import Sight, sight_from

WEEK = timedelta(days=7)
QUARTERS_BACK = 4
"""Risk is told of so many quarters beside the running one."""
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


class Arc(NamedTuple):
    """A government with all kinds of agency accredited but one. `standing` is the case of the one that lacks."""

    government: str
    has: tuple[str, ...]
    lacks: str
    standing: Glance | None


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
    stages: Sequence[StageRow]
    risks: Sequence[RiskRow]

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"week-{self.sight.as_of}"

    @property
    def since(self) -> date:
        """The first day of the week."""
        return self.seen.since

    @property
    def vacant(self) -> list[tuple[Glance, Post, date]]:
        """The posts that nobody holds, the longest vacant first."""
        found = [
            (each, vacancy.post, vacancy.since) for each in self.seen.glances for vacancy in each.vacant
        ]
        return sorted(found, key=lambda each: (each[2], each[0].place.enrollment))

    @property
    def answers(self) -> list[EscalationRow]:
        """How long the escalations of the rules that are told waited for an answer."""
        told = {each.rule for each in self.led}
        return [row for row in escalation_rows(self.seen, self.program) if row.rule in told]

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
            [(*each, each.per_expert) for each in self.regions],
        )
        yield Table(
            "pairs", ("pair", "open", "at_risk", "overdue", "escalations"), [tuple(each[:5]) for each in self.pairs]
        )
        yield Table(
            "led", ("rule", "opened", "open", "top", "led"),
            [
                (each.rule, each.opened, each.open, each.top, "; ".join(
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
        yield stages_table(self.stages)
        yield risk_table(self.risks, self.sight.as_of)


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
        program, sight = history.program, sight_from(as_of, known_on, today=history.today)
        seen, cases = history.seen(sight, sight.as_of - WEEK + timedelta(days=1)), history.cases(sight)
        codes: dict[int, str] = dict(
            connection.execute(select(PERSON.c.id, PERSON.c.code)).tuples().all()
        )
        risks = list(_lately(history, sight, seen))
    foreseen = fan(engine, seen, program, sight=sight)
    by_id = {each.id: each for each in seen.glances}
    carried = list(_carried(cases, seen, codes, day=sight.as_of))
    ahead = [day for day in program.conferences if day > sight.as_of]
    conference = ahead[0] if ahead else None
    return Weekly(
        program, sight, history.is_demo, seen, foreseen,
        missing=_missing(seen, {each.enrollment: each for each in foreseen.answers}, program),
        conference=conference,
        reaching=[] if conference is None else list(_reaching(cases, by_id, program, on=(sight.as_of, conference))),
        regions=list(by_region(carried, [region.code for region in program.policy.regions])), pairs=by_pair(carried),
        led=list(led(
            seen.raised, {name: len(rule.ladder) for name, rule in program.escalations.items()},
            since=sight.as_of - timedelta(days=LED_DAYS),
        )),
        arcs=list(_arcs(seen, program)), stages=stage_rows(seen, program), risks=risks,
    )


def _missing(seen: Seen, answers: Mapping[int, Answer], program: Program) -> list[Missing]:
    terms = program.policy.forecast
    below = terms.band.at_risk_below / 100 if terms is not None else 0.0
    found = []
    for each in seen.open:
        if each.risk is Risk.ENDED:  # by a fact that no sweep has seen yet
            continue
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


def _carried(cases: Iterable[Case], seen: Seen, codes: Mapping[int, str], *, day: date) -> Iterator[Carried]:
    glances = {each.id: each for each in seen.glances}
    standing = Counter(each.enrollment for each in seen.raised if each.closed_on is None)
    for case in cases:
        if case.status is Status.OPEN:
            place = glances[case.id].place
            pair = tuple(codes[person] for person in pair_of(case, day))
            yield Carried(place.region, glances[case.id].risk, pair, standing[place.enrollment])


def _arcs(seen: Seen, program: Program) -> Iterator[Arc]:
    kinds = list(program.policy.kinds)
    by_government: dict[str, list[Glance]] = defaultdict(list)
    for each in seen.first_cycles:
        if each.place.government:
            by_government[each.place.government].append(each)
    for government, mine in sorted(by_government.items()):
        has = tuple(kind for kind in kinds if any(e.place.kind == kind and e.awarded_on is not None for e in mine))
        lacks = lacking(kinds, has)
        if lacks is not None:
            standing = next((e for e in mine if e.place.kind == lacks and e.status is Status.OPEN), None)
            yield Arc(government, has, lacks, standing)


def _lately(history: History, sight: Sight, seen: Seen) -> Iterator[RiskRow]:
    """Tell the risk of every region at the ends of the last quarters, each as it was known then, and on the day."""
    last, regions = quarter_of(sight.as_of), {each.code: each.code for each in history.program.policy.regions}
    for each in quarters(quarter_of(add_months(last.since, -MONTHS * QUARTERS_BACK)), last):
        known = Sight(each.until, min(each.until, sight.known_on))
        look = seen if each == last else history.seen(known, each.since)
        yield from risk_rows(look, regions, fewest=1)
