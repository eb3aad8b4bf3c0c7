"""Indicators that nobody could measure, and reminders of a report before its quarter ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from models.rules.errors import Problem, nearest
from models.rules.policy import Policy
from models.rules.policy.checks.shared import milestone, posts, repeated
from models.rules.policy.reports import Indicator
from models.rules.words import Measure

WITH_DAYS = frozenset({Measure.CASES_VISITED, Measure.ESCALATIONS_ANSWERED})
WITH_MILESTONE = frozenset({Measure.CASES_VISITED})


def reporting(policy: Policy) -> Iterator[Problem]:
    """Yield indicators whose targets are in no order or whose measure lacks what it counts by, and late reminders."""
    if policy.reports is None:
        return
    for name in repeated([indicator.code for indicator in policy.reports.indicators]):
        yield Problem("reports.indicators", f'has "{name}" twice.', "Keep one.")
    for index, indicator in enumerate(policy.reports.indicators):
        yield from _indicator(policy, indicator, f"reports.indicators[{index}]")
    known = [rule.rule for rule in policy.escalations]
    for name in policy.reports.rule_names:
        if name not in known:
            yield Problem("reports.rule_names", f'names the unknown escalation "{name}".', nearest(name, known))
    owing = policy.reports.quarterly
    yield from posts(policy, "reports.quarterly.to", owing.to)
    if max(owing.days_before) > owing.due_days:
        what = f"reminds {max(owing.days_before)} days before a date {owing.due_days} days after the quarter."
        yield Problem("reports.quarterly.days_before", what, f"Use at most {owing.due_days}.")


def _indicator(policy: Policy, indicator: Indicator, place: str) -> Iterator[Problem]:
    days = [indicator.baseline.on, *(aim.by for aim in indicator.targets)]
    if any(later <= earlier for earlier, later in pairwise(days)):
        yield Problem(f"{place}.targets", "are not in order of their days, after the baseline.", "Put the first first.")
    if indicator.high_percent < indicator.watch_percent:
        yield Problem(f"{place}.high_percent", "is below watch_percent: both would hold.", "Use at least as much.")
    for wanted, given, name in (
        (WITH_DAYS, indicator.days, "days"), (WITH_MILESTONE, indicator.milestone, "milestone"),
    ):
        if (indicator.measure in wanted) != (given is not None):
            needs = "needs" if indicator.measure in wanted else "has no use for"
            remedy = "Add it." if indicator.measure in wanted else "Remove it."
            yield Problem(place, f'the measure "{indicator.measure}" {needs} `{name}`.', remedy)
    if indicator.milestone is not None:
        yield from milestone(policy, f"{place}.milestone", indicator.milestone)
