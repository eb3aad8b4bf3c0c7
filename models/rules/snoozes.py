"""Snoozes: who does not want to hear of which rule today.

A snooze belongs to a seat, not to a post: whoever comes into the post after its owner hears everything.
"""

from __future__ import annotations

from datetime import date

from models.rules.case import Case, Seat
from models.rules.words import Post

Quiet = frozenset[tuple[str, Post]]
"""Rules and the posts that do not want to hear of them."""
NOBODY: Quiet = frozenset()


def silenced(case: Case, today: date) -> Quiet:
    """Return the rules that are snoozed today, each with the post of whoever is written to in it."""
    if not case.snoozes:
        return NOBODY
    asked = {(snooze.rule, snooze.seat) for snooze in case.snoozes if snooze.since <= today <= snooze.until}
    holders: dict[Post, Seat] = {}
    for seat in case.seats:
        before = holders.get(seat.post)
        # Where two hold one post, the one who came last is written to.
        if seat.held(today) and (before is None or (before.since, before.id) < (seat.since, seat.id)):
            holders[seat.post] = seat
    return frozenset((rule, post) for post, seat in holders.items() for rule, number in asked if number == seat.id)
