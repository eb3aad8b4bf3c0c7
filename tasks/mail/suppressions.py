"""What a provider delivered, and what it cannot: the contact is marked, the next one gets it, and somebody is told.

The lists are read over the last days every time, and taken in so that the second time changes nothing: an email that
bounced is `bounced` once. What the log says arrived is `delivered`, where the account may read it. Being written to
again takes a new address, or an address off the provider's list.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, bindparam, func, or_, select, update

from models.rules.errors import Refused
from models.rules.words import Cause, EmailState, EscalationState, NoticeState, Status, Undeliverable
from models.schema import AGENCY, ASSIGNMENT, EMAIL, ENROLLMENT, ESCALATION, NOTICE, OF_A_CASE, PERSON
from models.settings import settings
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.protocol import Sender
from tasks.mail.senders.sendgrid_lists import Listed, UnreadableError
from tasks.store import clock
from tasks.store.cases import IDS
from tasks.store.database import reading, transaction
from tasks.store.lookups import chunks
from tasks.store.programs import program_in_force
from tasks.store.records import touch

LOOK_BACK = timedelta(days=8)
"""Longer than any downtime that nobody noticed; SendGrid lists the page in milliseconds."""
CLOCKS_DIFFER = timedelta(hours=1)

REFERENCE = re.compile(r"\[Ref ([0-9A-Z-]+)\]")
"""As `tasks.mail.rendering` ends a subject."""

_P, _E, _N, _A, _X = PERSON.c, EMAIL.c, NOTICE.c, ASSIGNMENT.c, ESCALATION.c

_SENT = select(_E.id, _E.reference, _E.address).where(
    _E.reference.in_(bindparam("references", expanding=True)), _E.state == EmailState.SENT
)
_ARRIVED = update(EMAIL).where(_E.id.in_(IDS), _E.state == EmailState.SENT).values(state=EmailState.DELIVERED)


class Polled(NamedTuple):
    """What a poll came to: contacts newly marked, notices that go to the next contact, emails that arrived."""

    people: int = 0
    notices: int = 0
    delivered: int = 0


def poll(engine: Engine) -> Polled:
    """Read the provider's lists and take in what is new.

    Raises:
        Refused: the lists could not be read; nothing was changed.
    """
    with closing(sender_of(settings())) as sender:
        lists = getattr(sender, "lists", None)
        if lists is None:
            return Polled()
        now = clock.now(engine)
        try:
            listed = list(lists.since(now - LOOK_BACK))
        except (UnreadableError, OSError, http.client.HTTPException) as error:
            what = f"the provider's lists could not be read ({type(error).__name__})."
            raise Refused.one("suppressions", what, "They are read again with the next poll.") from None
        delivered = _note_delivered(engine, sender, now)
    with transaction(engine) as connection:
        return take_in(connection, listed, now)._replace(delivered=delivered)


def _note_delivered(engine: Engine, sender: Sender, now: datetime) -> int:
    """Take note of what arrived of the last days' mail, as far as the provider's log says; return how many emails."""
    log = getattr(sender.log, "delivered", None)
    with reading(engine) as connection:
        last_days = (_E.state == EmailState.SENT) & (_E.claimed_at > now - LOOK_BACK)
        since = connection.scalar(select(func.min(_E.claimed_at)).where(last_days))
    if log is None or since is None:
        return 0
    named: dict[str, str] = {}
    with suppress(UnreadableError):  # perhaps the account may not: then mail stays `sent`
        for address, subject in log(since - CLOCKS_DIFFER, now + CLOCKS_DIFFER):
            if found := REFERENCE.search(subject):
                named[found[1]] = address.lower()
    count = 0
    with transaction(engine) as connection:
        for some in chunks(sorted(named)):
            sent = connection.execute(_SENT, {"references": some}).all()
            ids = [row.id for row in sent if row.address.lower() == named[row.reference]]
            count += connection.execute(_ARRIVED, {"ids": ids}).rowcount
    return count


def take_in(connection: Connection, listed: Iterable[Listed], now: datetime) -> Polled:
    """Mark who cannot be reached, and let what they missed wait for the next contact."""
    program = program_in_force(connection)
    today = now.astimezone(ZoneInfo(program.policy.zone)).date()
    people = notices = 0
    by_address = {each.address: each for each in sorted(listed, key=lambda each: each.at)}
    known = select(_P.id, _P.undeliverable_since, func.lower(_P.email).label("address"))
    for person in connection.execute(known.where(func.lower(_P.email).in_(by_address))).all():
        each = by_address[person.address]
        missed = _bounce(connection, person.id, each)
        # A block is of one message: it says nothing of the address once that message is dealt with.
        if person.undeliverable_since is None and (each.by is not Undeliverable.BLOCK or missed is not None):
            since = min(each.at.astimezone(ZoneInfo(program.policy.zone)).date(), today)
            marked = {"undeliverable_since": since, "undeliverable_by": each.by}
            connection.execute(update(PERSON).where(_P.id == person.id).values(**marked))
            touch(connection, cases_of(connection, person.id), today)
            people += 1
        notices += missed or 0
    rules = [rule.rule for rule in program.policy.escalations if rule.cause is Cause.UNDELIVERABLE]
    standing = select(_X.enrollment_id).where(_X.rule.in_(rules), _X.state != EscalationState.CLOSED)
    touch(connection, connection.scalars(standing).all(), today)  # a new address may have ended them
    return Polled(people, notices)


def _bounce(connection: Connection, person_id: int, listed: Listed) -> int | None:
    """Take note that the last email before the listing did not arrive; None where that was known, or none went out.

    Returns:
        How many of its notices wait again, for whoever is reached in the person's place.
    """
    last = connection.execute(
        select(_E.id, _E.state)
        .where(_E.person_id == person_id, _E.claimed_at <= listed.at + CLOCKS_DIFFER)
        .where(_E.state.in_([EmailState.SENT, EmailState.DELIVERED, EmailState.BOUNCED]))
        .where(func.lower(_E.address) == listed.address)
        .order_by(_E.id.desc())
        .limit(1)
    ).first()
    if last is None or last.state is EmailState.BOUNCED:
        return None
    bounced = update(EMAIL).where(_E.id == last.id).values(state=EmailState.BOUNCED, note=str(listed.by))
    connection.execute(bounced)
    still_open = select(ENROLLMENT.c.id).where(ENROLLMENT.c.status == Status.OPEN)
    missed = (_N.email_id == last.id) & (_N.state == NoticeState.SENT) & OF_A_CASE & _N.subject_id.in_(still_open)
    again = update(NOTICE).where(missed).values(state=NoticeState.PENDING, email_id=None)
    return connection.execute(again).rowcount


def cases_of(connection: Connection, person_id: int) -> list[int]:
    """Return the open enrollments in which a person holds a post, by id."""
    seats = connection.execute(
        select(_A.enrollment_id, _A.agency_id, _A.region).where(_A.person_id == person_id)
    ).all()
    e = ENROLLMENT.c
    mine = [e.id.in_([row.enrollment_id for row in seats]), e.agency_id.in_([row.agency_id for row in seats])]
    mine.append(AGENCY.c.region.in_([row.region for row in seats]))
    query = select(e.id).join(AGENCY, AGENCY.c.id == e.agency_id).where(e.status == Status.OPEN, or_(*mine))
    return list(connection.scalars(query))
