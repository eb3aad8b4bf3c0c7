"""What reports tell of a program beyond its indicators: stages, regions, escalations, kinds, awards to come."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Engine

from models.rules.case import Program
from models.rules.forecast.answers import Answer, Awards, Target, awards
from models.rules.reporting.glances import Glance
from models.rules.reporting.groups import ALL, OTHERS, joined
from models.rules.reporting.measures import Seen
from models.rules.reporting.quarters import Quarter, quarter_of, quarters
from models.rules.words import Risk, Status
from tasks.reports.history import History
from tasks.reports.tables import Table
from tasks.store.past import Sight
from tasks.views.forecasts import Forecasts, forecasts

QUARTERS_AHEAD, MOST_AHEAD = 8, 24
"""How far awards are forecast at least, and towards a later target at most."""
FEWEST_TO_SPREAD = 5
"""Of fewer finished stages no deciles are told: they would be single cases."""


class StageRow(NamedTuple):
    """A stage of the way to a first award: how many entered it, stand in it and left it on, and after how many days.

    `days` are p10, p50 and p90 of those that left it; None of too few.
    """

    stage: str
    expected: int
    reached: int
    standing: int
    finished: int
    days: tuple[int, int, int] | None


def stage_rows(seen: Seen, program: Program) -> list[StageRow]:
    """Tell of every stage before the award, in the order of the lifecycle."""
    found = []
    for stage in program.policy.path[:-1]:
        entered = [each for each in seen.first_cycles if _entered(each, stage.code)]
        days = [
            (stay.left - stay.entered).days for each in seen.first_cycles for stay in each.stays
            if stay.on and stay.stage == stage.code
        ]
        standing = sum(each.stage == stage.code for each in seen.open)
        found.append(StageRow(stage.code, stage.expected_days, len(entered), standing, len(days), _deciles(days)))
    return found


def stages_table(rows: Sequence[StageRow]) -> Table:
    """Return the stages as a table."""
    columns = ("stage", "expected", "reached", "standing", "finished", "p10", "p50", "p90")
    return Table("stages", columns, [(*each[:5], *(each.days or (None,) * 3)) for each in rows])


def _entered(each: Glance, stage: str) -> bool:
    return each.stage == stage or any(stay.stage == stage for stay in each.stays)


def _deciles(days: Sequence[int]) -> tuple[int, int, int] | None:
    if len(days) < FEWEST_TO_SPREAD:
        return None
    cuts = statistics.quantiles(days, n=10, method="inclusive")
    return round(cuts[0]), round(statistics.median(days)), round(cuts[-1])


class RiskRow(NamedTuple):
    """Open enrollments of a group at the end of a quarter, by risk; None where they are too few to be told apart."""

    on: date
    group: str
    open: int | None
    on_track: int | None
    at_risk: int | None
    overdue: int | None


Groups = dict[str, str]
"""Under which name each region is counted."""


def groups_of(seen: Seen, program: Program, *, fewest: int) -> Groups:
    """Return under which name each region is counted, small ones together."""
    sizes = Counter(each.place.region for each in seen.open)
    return joined({region.code: sizes[region.code] for region in program.policy.regions}, fewest=fewest)


def risk_rows(seen: Seen, groups: Groups, *, fewest: int) -> Iterator[RiskRow]:
    """Tell of every group of regions and of all of them together."""
    told = [name for name in dict.fromkeys(groups.values()) if name != OTHERS]
    told += [OTHERS] if OTHERS in groups.values() else []
    for name in told:
        inside = [each for each in seen.open if groups.get(each.place.region, OTHERS) == name]
        if 0 < len(inside) < fewest:
            yield RiskRow(seen.day, name, None, None, None, None)
        else:
            yield _by_risk(seen.day, name, inside)
    yield _by_risk(seen.day, ALL, seen.open)


def _by_risk(day: date, name: str, inside: Sequence[Glance]) -> RiskRow:
    counted = Counter(each.risk for each in inside)
    return RiskRow(day, name, len(inside), *(counted[risk] for risk in (Risk.ON_TRACK, Risk.AT_RISK, Risk.OVERDUE)))


def risk_table(rows: Sequence[RiskRow], day: date) -> Table:
    """Return risks as a table; a page shows those of the day."""
    return Table("risk", RiskRow._fields, rows, [index for index, each in enumerate(rows) if each.on == day])


def trend(history: History, quarter: Quarter, sight: Sight) -> list[Seen]:
    """Look at the program at the end of each of its quarters, each as it was known then; the last one on its day."""
    first = quarter_of(history.began_on)
    found: list[Seen] = []
    for each in quarters(first, quarter):
        day = min(each.until, sight.as_of)
        seen = history.seen(sight if each == quarter else Sight(day, min(day, sight.known_on)), each.since)
        if seen.glances or found:
            found.append(seen)
    return found


class EscalationRow(NamedTuple):
    """What became of a rule's escalations: counts of the quarter, what is open, and the days until they were answered.

    `days` are the quartiles over all that were answered so far, None where there was none.
    """

    rule: str
    opened: int
    closed: int
    open: int
    top: int
    answered: int
    days: tuple[float, float, float] | None


def escalation_rows(seen: Seen, program: Program) -> list[EscalationRow]:
    """Tell of every escalation rule that ever opened one."""
    found = []
    for name, rule in program.escalations.items():
        mine = [each for each in seen.raised if each.rule == name]
        if not mine:
            continue
        days = [(each.answered_on - each.opened_on).days for each in mine if each.answered_on is not None]
        found.append(EscalationRow(
            name,
            opened=sum(each.opened_on >= seen.since for each in mine),
            closed=sum(each.closed_on is not None and each.closed_on >= seen.since for each in mine),
            open=sum(each.closed_on is None for each in mine),
            top=sum(each.rung >= len(rule.ladder) for each in mine if each.closed_on is None),
            answered=len(days), days=_quartiles(days),
        ))
    return found


def _quartiles(days: Sequence[int]) -> tuple[float, float, float] | None:
    if not days:
        return None
    if len(days) == 1:
        return (float(days[0]),) * 3
    low, middle, high = statistics.quantiles(days, n=4, method="inclusive")
    return low, middle, high


class KindRow(NamedTuple):
    """How far the agencies of a kind came: enrollments of a first cycle."""

    kind: str
    enrolled: int
    open: int
    awarded: int
    awarded_now: int
    left: int
    left_now: int


def kind_rows(seen: Seen, program: Program) -> list[KindRow]:
    """Tell of every kind of agency that the program has."""
    found = []
    for kind in program.policy.kinds:
        mine = [each for each in seen.first_cycles if each.place.kind == kind]
        left = [each for each in seen.left if each.place.kind == kind]
        awarded = [each for each in seen.awarded if each.place.kind == kind]
        found.append(KindRow(
            kind, len(mine), sum(each.status is Status.OPEN for each in mine), len(awarded),
            sum(each.entered_on >= seen.since for each in awarded), len(left),
            sum(each.entered_on >= seen.since for each in left),
        ))
    return found


class Fan(NamedTuple):
    """Accredited agencies so far, one day each, and those to come with the band that holds eight times in ten.

    `target` is what the program is to reach, with its chance while its day lies ahead. `answers` are what the forecast
    says of each open enrollment. Without a forecast `why_not` says why, and nothing lies ahead.
    """

    on: date
    past: tuple[date, ...]
    ahead: tuple[Awards, ...] = ()
    goal: tuple[int, date] | None = None
    target: Target | None = None
    answers: tuple[Answer, ...] = ()
    codes: Mapping[int, str] = MappingProxyType({})
    why_not: str = ""


def fan(engine: Engine, seen: Seen, program: Program, *, sight: Sight) -> Fan:
    """Return the awards so far, and the forecast of the same day made of the same facts."""
    first: dict[str, date] = {}
    for each in seen.awarded:
        first[each.place.code] = min(each.entered_on, first.get(each.place.code, each.entered_on))
    past = tuple(sorted(first.values()))
    if program.policy.forecast is None or not seen.first_cycles:
        why_not = "no_priors" if program.policy.forecast is None else "nothing_yet"
        return Fan(seen.day, past, goal=_goal(program), why_not=why_not)
    return fan_of(forecasts(engine, None, sight.day, known_on=sight.known_on), past, on=seen.day)


def fan_of(found: Forecasts, past: tuple[date, ...], *, on: date) -> Fan:
    """Return awards so far with what a forecast says of those to come, by the ends of quarters and the target's day."""
    day, goal = found.as_of, _goal(found.program)
    this = quarter_of(day)
    last = _later(this, QUARTERS_AHEAD)
    if goal is not None and goal[1] > day:
        last = min(max(last, quarter_of(goal[1])), _later(this, MOST_AHEAD))
    days = {day, *(each.until for each in quarters(this, last) if each.until > day)}
    if goal is not None and goal[1] > day:
        days.add(goal[1])
    ahead = awards(found.forecaster, found.journeys, day, on_days=sorted(days))
    return Fan(on, past, tuple(ahead), goal, found.target, found.answers, found.codes)


def _goal(program: Program) -> tuple[int, date] | None:
    terms = program.policy.forecast
    return None if terms is None or terms.target is None else (terms.target.agencies, terms.target.by)


def _later(quarter: Quarter, number: int) -> Quarter:
    index = quarter.year * 4 + quarter.number - 1 + number
    return Quarter(index // 4, index % 4 + 1)
