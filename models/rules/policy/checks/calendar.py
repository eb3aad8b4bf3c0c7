"""Working hours in which mail could never go out."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem
from models.rules.policy import Policy


def working_hours(policy: Policy) -> Iterator[Problem]:
    """Yield hours in which no mail would ever go out."""
    hours = policy.working_hours
    if hours.start.tzinfo or hours.end.tzinfo:
        yield Problem("working_hours", "carry a zone of their own.", "Leave it out: they are read in each person's.")
    elif hours.start >= hours.end:
        what = f"begin at {hours.start} and end at {hours.end}: no mail would ever go out."
        yield Problem("working_hours", what, "Let them end after they begin, on the same day.")
    if not hours.weekdays:
        what = "is empty: no mail would ever go out."
        yield Problem("working_hours.weekdays", what, "Name at least one; Monday is 0.")
