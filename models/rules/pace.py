"""Window at risk by pace: the days the remaining stages are expected to take, against the days left.

This is the place where the forecast will stand: whatever answers `risk_from` decides when an enrollment is at risk.
"""

from __future__ import annotations

from datetime import date, timedelta

from models.rules.case import StagePlan


def risk_from(entered_on: date, plan: StagePlan, last_end: date) -> date:
    """Return the first day on which an end is at risk if the case stays in its stage.

    The *last safe day* to leave the stage lies the later stages' budgets before `last_end`, the deadline less the
    policy's margin. Until the stage's own budget is spent it is expected to be left on its target, after that no
    earlier than today.
    """
    last_safe = last_end - timedelta(days=plan.after)
    expected = entered_on + timedelta(days=plan.budget)
    if expected > last_safe:
        return entered_on
    return last_safe + timedelta(days=1)
