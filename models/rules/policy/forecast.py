"""What a forecast assumes before a program has a history of its own, and when its answer is a risk."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Data, Days

LEVEL = 5
Percent = Annotated[int, Field(ge=LEVEL, le=100 - LEVEL, multiple_of=LEVEL)]
Spread = Annotated[float, Field(ge=0.02, le=1.5)]


class RiskBand(Data):
    """An enrollment is at risk below one chance, and on track again only from a higher one: no to and fro."""

    at_risk_below: Percent
    recovered_from: Percent


class Target(Data):
    """What the program is to reach: so many accredited agencies by a day."""

    agencies: Annotated[int, Field(ge=1)]
    by: date


class Visits(Data):
    """What standards in compliance, counted at visits, tell of the stage that waits for them.

    `share_at_entry` is there when the stage is entered, where nobody had counted by then. What a count says of the days
    that the stage still takes is off by `spread` (a standard deviation of their logarithm) where half of it is done.
    """

    share_at_entry: Annotated[float, Field(ge=0, le=0.9)]
    spread: Annotated[float, Field(ge=0.05, le=3)]


class Forecasting(Data):
    """The priors. The median of a stage is its expected days at the track's pace; these are the rest.

    `agency_spread` is by how much agencies differ from each other for good (the standard deviation of the logarithm),
    `stage_spread` by how much one stage differs from what its agency's pace says (the scale of a log-logistic).
    A prior weighs as much as `weight` finished stages, that of exits as much as so many months of enrollment.
    A fit is made anew after so many days, or so many more finished stages. Without `visits` counts tell nothing.
    """

    agency_spread: Spread
    stage_spread: Spread
    exits_a_month: Annotated[float, Field(ge=0, le=0.5)]
    weight: Annotated[float, Field(gt=0, le=1000)]
    exit_weight_months: Annotated[float, Field(gt=0, le=100_000)]
    refit_days: Annotated[Days, Field(ge=1)] = 30
    refit_stages: Annotated[int, Field(ge=1)] = 10
    band: RiskBand
    visits: Visits | None = None
    target: Target | None = None
