"""Weekly mails that would reach nobody, or on no working day."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem
from models.rules.policy import Policy
from models.rules.policy.checks.shared import posts, repeated


def weekly(policy: Policy) -> Iterator[Problem]:
    """Yield weekly mails to posts that nobody has, on days that nobody works, or that tell one thing twice."""
    for index, rule in enumerate(policy.weekly):
        place = f"weekly[{index}]"
        yield from posts(policy, place, rule.to)
        if rule.weekday not in policy.working_hours.weekdays:
            what = f"{rule.weekday} is no day on which mail goes out; Monday is 0."
            yield Problem(f"{place}.weekday", what, f"Use one of {list(policy.working_hours.weekdays)}.")
        for name in repeated(rule.sections):
            yield Problem(f"{place}.sections", f'"{name}" stands here twice.', "Keep one.")
