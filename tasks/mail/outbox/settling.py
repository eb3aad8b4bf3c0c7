"""What an operator decides: about mail that nobody can know about, mail that could not be sent, a provider mended."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, assert_never

from sqlalchemy import Connection, delete, select, update

from models.rules.errors import Refused
from models.rules.words import EmailState, NoticeState, Reason, Verdict
from models.schema import EMAIL, NOTICE, OUTLET
from tasks.sweep import report

_E, _N = EMAIL.c, NOTICE.c
OPEN_TO_US = (EmailState.HELD, EmailState.UNKNOWN, EmailState.DEAD)


class Settled(NamedTuple):
    """One email settled: its number, and what it was before."""

    id: int
    was: EmailState


def settle_email(connection: Connection, number: int, verdict: Verdict, *, actor: str, now: datetime) -> Settled:
    """Settle an email that is held, unknown or dead.

    Args:
        connection: a transaction.
        number: the email's id, as `acredita unsettled` lists it.
        verdict: what was found out.
        actor: the operator's code, which stays on record.
        now: the instant.

    Raises:
        Refused: there is no such email, or it needs no settling.
    """
    was = connection.scalar(select(_E.state).where(_E.id == number).with_for_update())
    if was is None:
        raise Refused.one("email", f"{number} is none.", "`acredita unsettled` lists what can be settled.")
    if was not in OPEN_TO_US:
        allowed = ", ".join(OPEN_TO_US)
        raise Refused.one("email", f"{number} is {was}.", f"Only what is {allowed} can be settled.")
    state, notices, reason = _became(verdict)
    again = _E.again + int(verdict is Verdict.RESEND and was is not EmailState.DEAD)
    connection.execute(
        update(EMAIL)
        .where(_E.id == number)
        .values(
            state=state, settled_at=now, next_at=None, vigil=None, failures=0, again=again, note=f"{verdict} by {actor}"
        )
    )
    carried = (_N.email_id == number) & _N.state.in_([NoticeState.CLAIMED, NoticeState.SUPPRESSED])
    connection.execute(update(NOTICE).where(carried).values(state=notices, reason=reason))
    report(connection, f"email {number}", f"settled: {verdict} by {actor}, was {was}")
    return Settled(number, was)


def _became(verdict: Verdict) -> tuple[EmailState, NoticeState, Reason | None]:
    match verdict:
        case Verdict.SENT:
            return EmailState.SENT, NoticeState.SENT, None
        case Verdict.RESEND:
            return EmailState.PENDING, NoticeState.PENDING, None
        case Verdict.DROP:
            return EmailState.CANCELLED, NoticeState.CANCELLED, Reason.BY_OPERATOR
        case _:
            assert_never(verdict)


class Unsettled(NamedTuple):
    """An email that an operator may settle; no name and no address."""

    id: int
    state: EmailState
    day: str
    reference: str
    note: str


def unsettled(connection: Connection) -> list[Unsettled]:
    """List what an operator may settle, the oldest first."""
    query = select(_E.id, _E.state, _E.day, _E.reference, _E.note).where(_E.state.in_(OPEN_TO_US)).order_by(_E.id)
    return [
        Unsettled(row.id, row.state, str(row.day), row.reference, row.note or "") for row in connection.execute(query)
    ]


def open_again(connection: Connection, sender: str | None = None) -> list[str]:
    """Let a sender take mail again that its provider had barred or paused, all by default; return which."""
    barred = delete(OUTLET).returning(OUTLET.c.name)
    return list(connection.scalars(barred if sender is None else barred.where(OUTLET.c.name == sender)))


def release_undeliverable(connection: Connection) -> int:
    """Let notices wait again that could not be put into words, once their templates are mended; return how many."""
    # Those of a dead email are settled with it: what is wrong there is the address or the message as a whole.
    broken = (_N.state == NoticeState.SUPPRESSED) & (_N.reason == Reason.UNDELIVERABLE)
    dead = select(_E.id).where(_E.state == EmailState.DEAD)
    waits = broken & (_N.email_id.is_(None) | _N.email_id.not_in(dead))
    return connection.execute(update(NOTICE).where(waits).values(state=NoticeState.PENDING, reason=None)).rowcount
