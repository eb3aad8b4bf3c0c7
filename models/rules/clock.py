"""The dates that rules read, each from an anchor and the changes that a person recorded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Plan
from models.rules.dates import add_months
from models.rules.words import Change, Clock


class Clocks(NamedTuple):
    """An enrollment's dates today; the fields are named as the values of `Clock`."""

    window_from: date
    window_until: date
    limit: date
    stage_target: date

    def read(self, clock: Clock) -> date:
        """Return the date that a rule's clock names."""
        on: date = getattr(self, clock)  # a StrEnum is its value; `.value` would cost more than the look-up
        return on


def clocks(case: Case, plan: Plan) -> Clocks:
    """Work out the dates: the last correction is the anchor, extensions add up to the limit."""
    anchor, extra = case.agreement_on, 0
    for change in case.changes:
        if change.kind is Change.CORRECTION and change.anchor_on is not None:
            anchor = change.anchor_on
        extra += change.months or 0
    return Clocks(
        window_from=add_months(anchor, plan.from_month),
        window_until=add_months(anchor, plan.until_month),
        limit=add_months(anchor, plan.track.limit_months + extra),
        stage_target=case.stage_entered_on + timedelta(days=plan.stages[case.stage].budget),
    )
