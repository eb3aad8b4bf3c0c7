"""The sponsor's quarterly report: what a quarter came to, against what was promised. Totals only.

Figures are gathered once; every language and every kind of file tells the same ones. A quarter is looked at from a day
(`as_of`, its last by default) with what was recorded by the end of another (`known_on`, today by default).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Engine

from models.rules.case import Program
from models.rules.dates import add_months
from models.rules.errors import Refused
from models.rules.policy.reports import Reporting
from models.rules.reporting.indicators import Row, row, target_on
from models.rules.reporting.measures import Seen
from models.rules.reporting.quarters import Quarter, quarter_of
from tasks.reports.gathering import (
    EscalationRow,
    Fan,
    Groups,
    KindRow,
    RiskRow,
    StageRow,
    escalation_rows,
    fan,
    groups_of,
    kind_rows,
    risk_rows,
    risk_table,
    stage_rows,
    stages_table,
    trend,
)
from tasks.reports.history import History
from tasks.reports.reasons import reasons_of, require_reports
from tasks.reports.tables import Table
from tasks.store.database import reading
from tasks.store.past import Sight, sight_from

MONTHS_SHOWN = 13
"""How far ahead the page tells every quarter; beyond it, the ends of years and the target's day."""


class Asked(NamedTuple):
    """Which quarter, and how it is looked at; the quarter's own last day and today where nothing is said."""

    quarter: Quarter
    as_of: date | None = None
    known_on: date | None = None


@dataclass(frozen=True)
class Quarterly:
    """A quarter's figures, in no language yet."""

    program: Program
    reporting: Reporting
    quarter: Quarter
    sight: Sight
    is_demo: bool
    began_on: date
    seen: Seen
    history: Sequence[Seen]
    indicators: Sequence[Row]
    fan: Fan
    stages: Sequence[StageRow]
    groups: Groups
    risks: Sequence[RiskRow]
    escalations: Sequence[EscalationRow]
    kinds: Sequence[KindRow]

    @property
    def due_on(self) -> date:
        """By when it is owed."""
        return self.quarter.due_on(self.reporting.quarterly.due_days)

    @property
    def is_unfinished(self) -> bool:
        """Whether the quarter's last day is not among what is told."""
        return self.sight.as_of < self.quarter.until

    @property
    def name(self) -> str:
        """What its folder is called."""
        return str(self.quarter)

    def tables(self) -> Iterator[Table]:
        """Yield the tables of the report, in its order: the same in every language."""
        yield self._indicators()
        yield self._awards()
        yield stages_table(self.stages)
        yield risk_table(self.risks, self.sight.as_of)
        columns = ("rule", "opened", "closed", "open", "top", "answered", "q1", "q2", "q3")
        yield Table("escalations", columns, [(*each[:6], *(each.days or (None,) * 3)) for each in self.escalations])
        yield Table("kinds", KindRow._fields, self.kinds)

    def _indicators(self) -> Table:
        columns = (
            "indicator", "unit", "baseline", "baseline_on", "target", "actual", "among", "variance", "level", "chance",
            "reasons",
        )
        return Table("indicators", columns, [
            (
                each.indicator.code, each.unit.value, each.indicator.baseline.value, each.indicator.baseline.on,
                each.target, each.actual.value, each.actual.among, each.variance, each.level.value, each.chance,
                " ".join(each.reasons),
            )
            for each in self.indicators
        ])

    def _awards(self) -> Table:
        """Return the awards by quarter, and the forecast: the page shows the ends of years and all that is to come."""
        goal = self.reporting.accredited

        def aim(on: date) -> float | None:
            return None if goal is None else target_on(goal, on)

        rows: list[tuple[Any, ...]] = [
            (seen.day, aim(seen.day), sum(on <= seen.day for on in self.fan.past), None, None, None)
            for seen in self.history
        ]
        rows += [
            (each.on, aim(each.on), None, each.low, round(each.mean, 1), each.high)
            for each in self.fan.ahead if each.on > self.sight.as_of
        ]
        last, goal_on = self.sight.as_of, None if goal is None else goal.targets[-1].by
        soon = add_months(last, MONTHS_SHOWN)
        shown = [
            index for index, (on, *_) in enumerate(rows)
            if on in {last, Quarter(on.year, 4).until, goal_on} or last < on <= soon
        ]
        return Table("awards", ("on", "target", "accredited", "low", "mean", "high"), rows, shown)

    def rows(self) -> Iterator[Table]:
        """Yield the single cases behind the totals: for whoever checks them, and not for the sponsor."""
        yield Table(
            "enrollments",
            (
                "enrollment", "agency", "kind", "region", "track", "cycle", "agreement_on", "stage", "entered_on",
                "status", "risk", "window_until", "limit", "vacant", "last_visit_on",
            ),
            [
                (
                    each.place.enrollment, each.place.code, each.place.kind, each.place.region, each.track, each.cycle,
                    each.agreement_on, each.stage, each.entered_on, each.status.value, each.risk.value,
                    each.window_until, each.limit, " ".join(vacancy.post.value for vacancy in each.vacant),
                    max((each.last_on[name] for name in self._visits if name in each.last_on), default=None),
                )
                for each in self.seen.glances
            ],
        )
        yield Table(
            "stays", ("enrollment", "stage", "entered", "left", "on"),
            [(each.place.enrollment, *stay) for each in self.seen.glances for stay in each.stays],
        )
        yield Table(
            "escalations_one_by_one",
            ("enrollment", "region", "rule", "opened_on", "rung", "answered_on", "closed_on", "closing"),
            [tuple(each) for each in self.seen.raised],
        )

    @property
    def _visits(self) -> list[str]:
        return [each.milestone for each in self.reporting.indicators if each.milestone is not None]


def quarterly(engine: Engine, asked: Asked) -> Quarterly:
    """Gather a quarter's figures.

    Raises:
        Refused: the program has no indicators, the quarter has not begun, or the days asked for are none to look from.
    """
    with reading(engine) as connection:
        history = History(connection)
        program = history.program
        reporting = require_reports(program)
        sight = _sight(asked, history.today)
        seens = trend(history, asked.quarter, sight)
        seen = seens[-1] if seens else history.seen(sight, asked.quarter.since)
        reasons = reasons_of(connection, asked.quarter, known_on=sight.known_on, zone=program.policy.zone)
    fewest = reporting.fewest_in_a_group
    groups = groups_of(seen, program, fewest=fewest)
    foreseen = fan(engine, seen, program, sight=sight)
    return Quarterly(
        program, reporting, asked.quarter, sight, history.is_demo, history.began_on, seen, seens,
        indicators=_rows(reporting, program, seen, given=(foreseen, reasons)), fan=foreseen,
        stages=stage_rows(seen, program), groups=groups,
        risks=[each for one in seens for each in risk_rows(one, groups, fewest=fewest)],
        escalations=escalation_rows(seen, program), kinds=kind_rows(seen, program),
    )


def _sight(asked: Asked, today: date) -> Sight:
    quarter = asked.quarter
    if quarter.since > today:
        last = quarter_of(today)
        raise Refused.one("quarter", f"{quarter} has not begun.", f"Name {last} or an earlier one.")
    as_of = asked.as_of or min(quarter.until, today)
    if not quarter.since <= as_of <= quarter.until:
        what = f"{as_of} does not lie in {quarter}."
        raise Refused.one("--as-of", what, f"Name a day from {quarter.since} to {quarter.until}.")
    return sight_from(as_of, asked.known_on, today=today)


def _rows(
    reporting: Reporting, program: Program, seen: Seen, *, given: tuple[Fan, Mapping[str, Sequence[str]]]
) -> list[Row]:
    foreseen, reasons = given
    terms = program.policy.forecast
    forecast = None
    if foreseen.target is not None and terms is not None:
        forecast = (round(100 * foreseen.target.chance, 1), terms.band)
    return [
        row(each, seen, reasons=reasons.get(each.code, ()), forecast=forecast) for each in reporting.indicators
    ]


def last_ended(today: date) -> Quarter:
    """Return the last quarter that is over."""
    return quarter_of(today).before
