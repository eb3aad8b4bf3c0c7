"""Snoozes: who does not want to hear of which rule today.

A snooze belongs to a seat, not to a post: whoever comes into the post after its owner hears everything.
"""

from __future__ import annotations

from datetime import date

from models.rules.case import Case, holder
from models.rules.words import Post

Quiet = frozenset[tuple[str, Post]]
"""Rules and the posts that do not want to hear of them."""
NOBODY: Quiet = frozenset()


def silenced(case: Case, today: date) -> Quiet:
    """Return the rules that are snoozed today, each with the post of whoever is written to in it."""
    if not case.snoozes:
        return NOBODY
    asked = [(snooze.rule, snooze.seat) for snooze in case.snoozes if snooze.since <= today <= snooze.until]
    holders = {seat.id: seat for post in Post if (seat := holder(case.seats, post, today)) is not None}
    return frozenset((rule, holders[number].post) for rule, number in asked if number in holders)
