"""Which answers a letter offers to its reader: what makes sense for the rule, and each link once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.rules.case import Program
from models.rules.escalations import can_be_snoozed
from models.rules.letter import Answer
from models.rules.words import Cause, Purpose
from tasks.answers.links import Issuer, Link, Subject

SEATS_NAMED = 3
"""How many posts a letter asks about whether they were left: an expert with thirty agencies has thirty."""


class Held(NamedTuple):
    """What a notice is about and the seat by which its reader gets it; `seat_name` tells the seat in words.

    `own` is false where the reader stands in for whoever holds the post, or is their next contact.
    """

    enrollment_id: int
    seat: int
    holder_id: int
    rule: str
    seat_name: str = ""
    own: bool = True


class Offers:
    """The answers of one letter. Without a desk there are none, and the letter says how to answer by hand."""

    def __init__(self, program: Program, issuer: Issuer | None, person_id: int) -> None:
        self._program, self._issuer, self._person_id = program, issuer, person_id
        self._made: dict[tuple[int, str], tuple[Answer, ...]] = {}

    @property
    def links(self) -> tuple[Link, ...]:
        """What is to be stored with the email."""
        return tuple(self._issuer.links) if self._issuer else ()

    def answers(self, held: Held, rung: int) -> tuple[Answer, ...]:
        """Return the links of an item; one person in two posts of a case answers once for both."""
        if self._issuer is None:
            return ()
        key = held.enrollment_id, held.rule
        if key not in self._made:
            subject = self._subject(held)
            self._made[key] = tuple(self._issuer.answer(each, subject) for each in self._purposes(held, rung))
        return self._made[key]

    def leaving(self, seats: Sequence[Held]) -> tuple[Answer, ...]:
        """Return a link for each seat, by which the reader says that they left it; none where there are many."""
        each = {held.seat: held for held in seats if held.own}
        if self._issuer is None or len(each) > SEATS_NAMED:
            return ()
        return tuple(
            self._issuer.answer(Purpose.LEFT, self._subject(held), held.seat_name) for held in each.values()
        )

    def _subject(self, held: Held) -> Subject:
        return Subject(self._person_id, held.enrollment_id, held.seat, held.holder_id, held.rule)

    def _purposes(self, held: Held, rung: int) -> list[Purpose]:
        escalation = self._program.escalations.get(held.rule)
        reasoned = bool(self._program.policy.answers.reasons)
        offered = []
        if escalation is not None and reasoned:
            offered.append(Purpose.ACKNOWLEDGE)
        if escalation is None or escalation.cause not in {Cause.VACANCY, Cause.UNDELIVERABLE}:
            offered.append(Purpose.DONE)
        # A snooze is the holder's own: whoever stands in for them cannot silence the post.
        if reasoned and held.own and (escalation is None or can_be_snoozed(escalation, rung)):
            offered.append(Purpose.SNOOZE)
        return offered
