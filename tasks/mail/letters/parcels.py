"""A letter with what it takes to send it, and what a look at all that is pending comes to."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from models.rules.letter import Letter
from models.rules.words import Reason
from tasks.answers.links import Link
from tasks.mail.outbox.retries import Carrier


class Parcel(NamedTuple):
    """A letter with the notices it carries and the address it goes to; `carrier` is the email that it was before.

    `links` are the answers that it offers, to be stored when it is claimed. `released`: an operator let it go, whatever
    the cap of a run. `a_week` is how many emails the person may get in the week.
    """

    person_id: int
    address: str
    letter: Letter
    notice_ids: tuple[int, ...]
    carrier: Carrier | None = None
    links: tuple[Link, ...] = ()
    released: bool = False
    a_week: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts for the cap of a run: what was on its way before does not, nor what was released."""
        return self.carrier is None and not self.released


class Gathered(NamedTuple):
    """What can be written now, and what cannot.

    `nobody` are notices whose post nobody can be reached for, `broken` those that cannot be put into a letter, with
    the error's name, `outdated` those that no longer hold, with the reason, `over` those for which their reader's week
    has no email left, with the day until which they wait. `a_run` is how many emails a run may send.
    """

    parcels: list[Parcel]
    nobody: list[int]
    broken: dict[int, str]
    outdated: dict[int, Reason]
    over: dict[int, date]
    a_run: int | None = None


class Rules(NamedTuple):
    """How long an email may be put off at all, how many notices are looked at, how late a letter may still go out."""

    horizon: timedelta
    size: int
    lies: timedelta = timedelta(0)
