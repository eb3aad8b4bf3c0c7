"""Window at risk by pace: the days the remaining stages are expected to take, against the days left.

What is asked where there is no forecast (`risk`): before the first fit, in a later cycle, without a listed conference.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from models.rules.case import StagePlan
from models.rules.clock import Pause
from models.rules.dates import DAYS


def risk_from(entered_on: date, plan: StagePlan, last_end: date, *, holds: Iterable[Pause] = ()) -> date:
    """Return the first day on which an end is at risk if the case stays in its stage.

    The *last safe day* to leave the stage lies the later stages' budgets before `last_end`, the deadline less the
    policy's margin. Until the stage's own budget is spent it is expected to be left on its target, after that no
    earlier than today. A hold moves the target day by day, and so may use up what was left.

    Args:
        entered_on: the day the stage was entered.
        plan: the stage on its track.
        last_end: the last day of the end that is watched.
        holds: every hold, one without an end until the last day of all.
    """
    last_safe = last_end - DAYS[plan.after]
    expected = entered_on + DAYS[plan.budget]
    if expected > last_safe:
        return entered_on
    for pause in holds:
        if pause.until <= entered_on or pause.since > expected:
            continue
        since = max(pause.since, entered_on)
        used_up_on = last_safe - (expected - since)
        if used_up_on < pause.until:
            return used_up_on
        expected += pause.until - since
    return last_safe + timedelta(days=1)
