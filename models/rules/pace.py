"""Window at risk by pace: the days the remaining stages are expected to take, against the days left.

This is the place where the forecast will stand: whatever answers `risk_from` decides when an enrollment is at risk.
"""

from __future__ import annotations

from datetime import date, timedelta

from models.rules.case import Case, StagePlan


def risk_from(case: Case, plan: StagePlan, deadline: date, margin_days: int) -> date:
    """Return the first day on which `deadline` is at risk if the case stays in its stage.

    The *last safe day* to leave the stage lies the later stages' budgets and the margin before the deadline. Until
    the stage's own budget is spent it is expected to be left on its target, after that no earlier than today.
    """
    last_safe = deadline - timedelta(days=plan.after + margin_days)
    expected = case.stage_entered_on + timedelta(days=plan.budget)
    if expected > last_safe:
        return case.stage_entered_on
    return last_safe + timedelta(days=1)
