"""Settling: what became of an attempt is stored with its email and its notices, in one transaction.

A result counts for its own attempt only. It counts late, too: where the email was given up as unknown, and even where
it waits to be sent again, the word of the one who sent it is better than a guess.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlalchemy.exc import OperationalError

from models.rules.delivery import Heard, Next, after_answer, after_attempt, begin_vigil
from models.rules.words import EmailState, NoticeState, Outcome, Reason
from models.schema import EMAIL, NOTICE
from tasks.mail.outbox.boundaries import Boundary
from tasks.mail.outbox.claims import Claimed
from tasks.mail.outbox.outlets import outlet_of, remember
from tasks.mail.outbox.shift import Shift
from tasks.mail.senders.protocol import BAD_MESSAGE, Result
from tasks.store.database import transaction
from tasks.sweep import report

PAUSES = (1, 2, 4, 8)
"""Seconds between the tries to store a result, beside what each waits for a lock itself; a lease is longer."""

_E, _N = EMAIL.c, NOTICE.c
_DOUBTED = (EmailState.SENDING, EmailState.UNKNOWN, EmailState.HELD)
CLOSES: dict[EmailState, tuple[EmailState, ...]] = {
    EmailState.SENT: (*_DOUBTED, EmailState.PENDING, EmailState.CANCELLED),
    EmailState.UNKNOWN: (EmailState.SENDING,),
    EmailState.PENDING: _DOUBTED,
    EmailState.DEAD: _DOUBTED,
    EmailState.HELD: (EmailState.UNKNOWN,),
}
"""From where a result may still take its attempt to a state."""

# What is set stands in the parameters, so that the statement is compiled once.
_SETTLED = update(EMAIL).where(
    _E.id == bindparam("email"), _E.attempt == bindparam("which"), _E.state.in_(bindparam("closes", expanding=True))
)
_CARRIED = update(NOTICE).where(_N.email_id == bindparam("email"))
_CLAIMED = _CARRIED.where(_N.state == NoticeState.CLAIMED)
_OF_NOTICES = {
    EmailState.SENT: _CARRIED.values(state=NoticeState.SENT, reason=None),
    EmailState.PENDING: _CLAIMED.values(state=NoticeState.PENDING),
    EmailState.DEAD: _CLAIMED.values(state=NoticeState.SUPPRESSED, reason=Reason.UNDELIVERABLE),
    EmailState.CANCELLED: _CLAIMED.values(state=NoticeState.CANCELLED, reason=Reason.BY_OPERATOR),
}
"""What an email's new state makes of the notices that it carries; in doubt they stay claimed."""

_REFUSALS = {
    BAD_MESSAGE: "no mail can carry its address or its text", "413": "it is larger than the provider takes",
}

Answered = tuple[Claimed, Result | None]
"""An attempt and its result; None where it was never made."""


def settle(shift: Shift, answered: Iterable[Answered]) -> bool:
    """Store what became of attempts, and what it says of the sender; return whether the sender may go on."""
    given = list(answered)
    if not given:
        return True
    now = shift.watch.wall()
    states = []
    with transaction(shift.engine) as connection:
        before = outlet = outlet_of(connection, shift.sender.name)
        for claimed, result in sorted(given, key=lambda each: each[0].id):
            states.append(_settle(connection, shift, (claimed, result, now)))
        heard = {result.outcome: Heard(*result[:3]) for _, result in given if result is not None}
        for each in heard.values():  # several of one kind at once are one word
            outlet = after_answer(outlet, each, now=now, times=shift.times)
        if outlet != before:
            remember(connection, shift.sender.name, outlet)
            if outlet.barred_by is not None and before.barred_by is None:
                remedy = "Mend the key or the account, then `acredita resume-mail`"
                report(connection, f"sender {shift.sender.name}", f"barred: {outlet.barred_by}. {remedy}")
    for state in states:
        _count(shift, state)
    shift.reached(Boundary.SETTLED)
    return not any(result and result.outcome in {Outcome.PAUSED, Outcome.BARRED} for _, result in given)


def insist(shift: Shift, answered: Iterable[Answered]) -> bool:
    """Settle, and try again for a while where the database does not answer: what was sent is known here only."""
    given = list(answered)
    for pause in PAUSES:
        try:
            return settle(shift, given)
        except OperationalError:
            time.sleep(pause)
    return settle(shift, given)


def _settle(connection: Connection, shift: Shift, given: tuple[Claimed, Result | None, datetime]) -> EmailState | None:
    claimed, result, now = given
    outcome = None if result is None else result.outcome
    upcoming = after_attempt(outcome, claimed.failures, now=now, times=shift.times, draw=shift.draw())
    said = "" if result is None else result.detail or result.provider_id or ""
    vigil = begin_vigil(shift.watch.moment()) if upcoming.state is EmailState.UNKNOWN else None
    if not become(connection, (claimed.id, claimed.attempt), upcoming, note=said, vigil=vigil, now=now):
        return None
    if upcoming.state is EmailState.DEAD:
        report(connection, f"email {claimed.id}", _why_dead(claimed.id, said))
    return upcoming.state


def _why_dead(number: int, said: str) -> str:
    """Say what is wrong with an email that will never be taken as it is, and what to do about it."""
    what = _REFUSALS.get(said, "the provider will not take the address or the text")
    return f"dead: {what} ({said}). Correct it, then `acredita settle {number} resend`, or `drop`"


def _count(shift: Shift, state: EmailState | None) -> None:
    match state:
        case None:
            return
        case EmailState.SENT:
            shift.delivery.sent += 1
        case EmailState.PENDING:
            shift.delivery.later += 1
        case EmailState.UNKNOWN:
            shift.delivery.unknown += 1
        case EmailState.DEAD:
            shift.delivery.dead += 1
        case _:
            raise AssertionError("an attempt ends in one of four states")


def become(
    connection: Connection, attempt: tuple[int, int], upcoming: Next, *, now: datetime, note: str = "", **more: Any
) -> bool:
    """Take an attempt of an email, given as id and number, to its next state, and its notices with it.

    Returns:
        False where the email went another way meanwhile: another attempt was made, or a better word came in.
    """
    state = upcoming.state
    values = {"state": state, "failures": upcoming.failures, "next_at": upcoming.next_at, "settled_at": now}
    key = {"email": attempt[0], "which": attempt[1], "closes": CLOSES[state]}
    if connection.execute(_SETTLED, {**key, **values, "note": note or None, **more}).rowcount == 0:
        return False
    if state in _OF_NOTICES:
        connection.execute(_OF_NOTICES[state], {"email": attempt[0]})
    return True
