"""What a program reports: its indicators with their baselines and targets, and by when a report is owed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Days, Label
from models.rules.words import Measure, Post

Value = Annotated[float, Field(ge=0, le=1_000_000)]


class Baseline(Data):
    """What was there when the program began."""

    value: Value
    on: date


class Aim(Data):
    """What an indicator is to be by a day; between two of them, and from the baseline to the first, a straight line."""

    value: Value
    by: date


class Indicator(Data):
    """One figure that a sponsor is promised. What `measure` counts is code; everything else is the program's.

    `days` is the measure's own span where it has one, `milestone` what it looks for. The risk is watched from
    `watch_percent` of the target missed on, and high from `high_percent` on.
    """

    code: Code
    name: Label
    measure: Measure
    baseline: Baseline
    targets: Annotated[tuple[Aim, ...], Field(min_length=1)]
    fewer_is_better: bool = False
    days: Annotated[Days, Field(ge=1)] | None = None
    milestone: Code | None = None
    watch_percent: Annotated[float, Field(ge=0, le=100)] = 5
    high_percent: Annotated[float, Field(ge=0, le=100)] = 15


class Owing(Data):
    """By when a report is owed, in calendar days after its quarter, and who is reminded so many days before."""

    due_days: Annotated[Days, Field(ge=1, le=89)]
    days_before: Annotated[tuple[Days, ...], Field(min_length=1)]
    to: Annotated[tuple[Post, ...], Field(min_length=1)]


class Reporting(Data):
    """The program's reports.

    A group of fewer than `fewest_in_a_group` open enrollments is not told apart in what leaves the program: few enough
    to be recognised, it is counted with others. `rule_names` name escalation rules where their causes are alike.
    """

    fewest_in_a_group: Annotated[int, Field(ge=1, le=100)] = 5
    quarterly: Owing
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]
    rule_names: dict[Code, Label] = Field(default_factory=dict)

    @property
    def accredited(self) -> Indicator | None:
        """The indicator whose targets are the line to so many accredited agencies, where there is one."""
        return next((each for each in self.indicators if each.measure is Measure.AGENCIES_ACCREDITED), None)
