"""Changes of government: dated days on which who decides over an agency changes, read by whatever judges a risk."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Site
from models.rules.dates import DAYS
from models.rules.policy import Policy


def changes_ahead(policy: Policy, site: Site | None, after: date, *, until: date) -> tuple[date, ...]:
    """Return the days after one and up to another on which the government over a place changes, in order.

    An agency of a municipality follows its municipality's terms, any other those of its entity. What the program does
    not list is not known, and counts for nothing.
    """
    listed = None if site is None else policy.governments.get(site.entity)
    if site is None or listed is None:
        return ()
    days = listed.municipal if site.municipal else listed.state
    return days[bisect_right(days, after) : bisect_right(days, until)]


class Lost(NamedTuple):
    """The changes ahead of an end, and how much of the time until then they are thought to cost."""

    changes: tuple[date, ...]
    time: timedelta


NOTHING_LOST = Lost((), timedelta())


def lost_ahead(policy: Policy, site: Site | None, after: date, *, until: date) -> Lost:
    """Return how much earlier an end is at risk: the program's margin for each change in the stretch that remains."""
    changes = changes_ahead(policy, site, after, until=until)
    if not changes:
        return NOTHING_LOST
    return Lost(changes, DAYS[policy.government_margin_days * len(changes)])
