"""Who is there for a case on a day, of all the seats that were ever held for it: looked through once a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Seat
from models.rules.words import Post

ONE_DAY = timedelta(days=1)


class Staff(NamedTuple):
    """A case's posts on a day.

    `manned` are those whose holder is there and is to stay, `unreachable` says that there is somebody whom no mail
    reaches, `handed_over` that a post has had two holders or terms, and `looks` are the days on which that changes.
    """

    manned: frozenset[Post]
    unreachable: bool
    handed_over: bool
    looks: Sequence[date]


def staff_of(seats: Sequence[Seat], today: date) -> Staff:
    """Look through the seats of a case; `looks` has days before today too."""
    staying: list[Post] = []
    looks: list[date] = []
    unreachable = False
    for _, post, since, until, _, undeliverable_since in seats:
        if undeliverable_since is not None:
            unreachable = True
        if since > today:
            looks.append(since)
        elif until is None:
            staying.append(post)
        if until is not None and until < date.max:
            looks.append(until + ONE_DAY)
    manned = frozenset(staying)
    # Where everybody is there and nobody shares a post, as nearly always, that is all there is to see.
    handed_over = len(manned) < len(seats) and len({seat.post for seat in seats}) < len(seats)
    return Staff(manned, unreachable, handed_over, looks)
