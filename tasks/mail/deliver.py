"""Delivery: claim, render, send, settle. The claim is committed before a byte leaves, and no transaction stays open.

    pending --claim--> sending --taken--> sent
                          |-- refused for now --> pending (next run, the same text)
                          |-- refused for good, or cannot be rendered --> dead, with an incident
                          `-- perhaps taken --> unknown, for an operator

A run that died between claim and settle leaves `sending` behind. Where sending the same reference twice is one mail
(the folder), the next run sends it again; elsewhere it becomes `unknown`, since nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, assert_never

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection, Engine, RowMapping, bindparam, select, update

from models.rules.errors import AcreditaError
from models.rules.letter import Item, Message
from models.rules.words import EmailState, NoticeState, Reason
from models.schema import EMAIL, NOTICE, PERSON, other, same
from models.settings import settings
from tasks.mail.calendars import FILE_NAME, MEDIA_TYPE
from tasks.mail.letters import Parcel, at_work, gather
from tasks.mail.rendering import full_name, render
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.protocol import Attachment, Outcome, Outgoing, Result, Sender
from tasks.store import clock
from tasks.store.bulk import insert_once
from tasks.store.cases import IDS
from tasks.store.database import engine_of, reading, transaction
from tasks.store.programs import program_in_force
from tasks.sweep import report

NOTICES_A_RUN = 5000
LEASE = timedelta(minutes=5)
"""How long a claim is left alone: far longer than one send may take."""


@dataclass(slots=True)
class Delivery:
    """What a run came to, in emails; `nobody` counts notices whose post is vacant."""

    sent: int = 0
    later: int = 0
    unknown: int = 0
    dead: int = 0
    nobody: int = 0


class Claimed(NamedTuple):
    """An email that is ours to send, and its number of this attempt."""

    id: int
    attempt: int
    outgoing: Outgoing


@task(task_run_name="deliver what is pending", cache_policy=NO_CACHE, persist_result=False)
def deliver_pending() -> Delivery:
    """Deliver with the settings' sender at this installation's own time."""
    engine = engine_of()
    return deliver(engine, sender_of(settings()), clock.now(engine))


def deliver(engine: Engine, sender: Sender, now: datetime) -> Delivery:
    """Send everything that may go out now, each notice once.

    Args:
        engine: the database.
        sender: where mail goes.
        now: the instant, aware; people outside their working hours are passed over.
    """
    delivery = Delivery()
    for claimed in _unsettled(engine, sender, now):
        _send(engine, sender, (claimed, now, delivery))
    with reading(engine) as connection:
        gathered = gather(connection, now, NOTICES_A_RUN)
    delivery.nobody = _suppress(engine, gathered.nobody, Reason.NO_RECIPIENT)
    for parcel in gathered.parcels:
        message = _rendered(engine, parcel, delivery)
        mine = message and _claim(engine, parcel, (message, now))
        if mine:
            _send(engine, sender, (mine, now, delivery))
    return delivery


def rehearse(engine: Engine, now: datetime) -> list[dict[str, Any]]:
    """List the emails that would go out now, by person's id; nothing is claimed."""
    with reading(engine) as connection:
        parcels = gather(connection, now, NOTICES_A_RUN).parcels
    return [
        {"person_id": p.person_id, "kind": p.letter.kind, "notices": len(p.notice_ids),
         "enrollments": sorted({item.enrollment for item in p.letter.items})} for p in parcels
    ]


def _suppress(engine: Engine, notice_ids: Sequence[int], reason: Reason) -> int:
    if not notice_ids:
        return 0
    held_back = (
        update(NOTICE)
        .where(NOTICE.c.id.in_(notice_ids), NOTICE.c.state == NoticeState.PENDING)
        .values(state=NoticeState.SUPPRESSED, reason=reason)
    )
    with transaction(engine) as connection:
        return connection.execute(held_back).rowcount


def _rendered(engine: Engine, parcel: Parcel, delivery: Delivery) -> Message | None:
    """Return the letter's text. A template that fails stops the notices that use it, and no other."""
    try:
        return render(parcel.letter)
    except AcreditaError as error:
        carried = zip(parcel.notice_ids, parcel.letter.items, strict=True)
        broken = [(notice_id, item) for notice_id, item in carried if not _renders(parcel, item)]
        _suppress(engine, [notice_id for notice_id, _ in broken], Reason.UNDELIVERABLE)
        with transaction(engine) as connection:
            for template in sorted({item.template for _, item in broken}):
                report(connection, f"template {template}", str(error))
        delivery.dead += 1
        return None


def _renders(parcel: Parcel, item: Item) -> bool:
    try:
        render(replace(parcel.letter, items=(item,)))
    except AcreditaError:
        return False
    return True


_TAKE = (
    update(NOTICE)
    .where(NOTICE.c.id.in_(IDS), NOTICE.c.state == NoticeState.PENDING)
    .values(state=NoticeState.CLAIMED, email_id=bindparam("email"))
)


def _claim(engine: Engine, parcel: Parcel, given: tuple[Message, datetime]) -> Claimed | None:
    """Make the email ours, with its text; None where somebody else has it or the person had one of its kind today."""
    message, now = given
    row = {
        "person_id": parcel.person_id, "day": parcel.letter.today, "kind": parcel.letter.kind,
        "state": EmailState.SENDING, "reference": parcel.letter.reference, "address": parcel.address,
        "subject": message.subject, "text": message.text, "html": message.html, "calendar": message.calendar,
        "attempt": 1, "claimed_at": now,
    }
    with transaction(engine) as connection:
        email_id = connection.execute(insert_once(connection, EMAIL).returning(EMAIL.c.id), row).scalar()
        if email_id is None:
            return None
        taken = connection.execute(_TAKE, {"ids": parcel.notice_ids, "email": email_id})
        if taken.rowcount != len(parcel.notice_ids):
            # A sweep cancelled one meanwhile: the text is no longer true. The next run writes it anew.
            connection.rollback()
            return None
    return Claimed(email_id, 1, _outgoing(row, full_name(parcel.letter)))


def _outgoing(row: Mapping[str, Any] | RowMapping, name: str) -> Outgoing:
    return Outgoing(
        reference=row["reference"], to_address=row["address"], to_name=name, from_address=settings().mail_from,
        subject=row["subject"], text=row["text"], html=row["html"], label=str(row["day"]),
        attachments=(Attachment(FILE_NAME, MEDIA_TYPE, row["calendar"]),) if row["calendar"] else (),
    )


_LEFT = (
    select(
        *(EMAIL.c[name] for name in ("id", "attempt", "day", "reference", "address", "subject", "text", "html",
                                   "calendar")),
        PERSON.c.given_names, PERSON.c.surname, PERSON.c.time_zone,
    )
    .join(PERSON, PERSON.c.id == EMAIL.c.person_id)
    .where(
        other(EMAIL.c.state, EmailState.SENT),
        EMAIL.c.state.in_([EmailState.PENDING, EmailState.SENDING]),
        (EMAIL.c.state == EmailState.PENDING) | (EMAIL.c.claimed_at < bindparam("stale")),
    )
    .order_by(EMAIL.c.id)
    .with_for_update(of=EMAIL, skip_locked=True)
)


def _unsettled(engine: Engine, sender: Sender, now: datetime) -> list[Claimed]:
    """Claim again what was refused for now, and what a run that died left behind where that cannot send twice."""
    with transaction(engine) as connection:
        hours = program_in_force(connection).policy.working_hours
        if not sender.idempotent:
            _give_up_lost(connection, now - LEASE)
        rows = connection.execute(_LEFT, {"stale": now - LEASE}).mappings()
        mine = [row for row in rows if at_work(hours, now, row["time_zone"])]
        if mine:
            again = {"state": EmailState.SENDING, "attempt": EMAIL.c.attempt + 1, "claimed_at": now}
            connection.execute(update(EMAIL).where(EMAIL.c.id.in_([row["id"] for row in mine])).values(**again))
    return [
        Claimed(row["id"], row["attempt"] + 1, _outgoing(row, f"{row['given_names']} {row['surname']}")) for row in mine
    ]


def _give_up_lost(connection: Connection, stale: datetime) -> None:
    """Leave what a run that died had claimed to an operator, and tell of it."""
    # The first of the two states only for the index of what is unsettled, which SQLite uses where it is spelled.
    lost = other(EMAIL.c.state, EmailState.SENT) & same(EMAIL.c.state, EmailState.SENDING)
    lost &= EMAIL.c.claimed_at < stale
    unknown = update(EMAIL).where(lost).values(state=EmailState.UNKNOWN, note="the sender died").returning(EMAIL.c.id)
    for email_id in connection.scalars(unknown).all():
        report(connection, f"email {email_id}", f"{EmailState.UNKNOWN}: the sender died")


def _send(engine: Engine, sender: Sender, given: tuple[Claimed, datetime, Delivery]) -> None:
    claimed, now, delivery = given
    result = sender.send(claimed.outgoing, now)
    state = _settled_state(result)
    match state:
        case EmailState.SENT:
            delivery.sent += 1
        case EmailState.PENDING:
            delivery.later += 1
        case EmailState.UNKNOWN:
            delivery.unknown += 1
        case EmailState.DEAD:
            delivery.dead += 1
        case EmailState.SENDING:
            raise AssertionError("a result settles")
        case _:
            assert_never(state)
    _settle(engine, claimed, (state, result.detail, now))


def _settled_state(result: Result) -> EmailState:
    match result.outcome:
        case Outcome.SENT:
            return EmailState.SENT
        case Outcome.UNKNOWN:
            return EmailState.UNKNOWN
        case Outcome.REFUSED:
            return EmailState.DEAD
        case Outcome.DEFERRED | Outcome.PAUSED | Outcome.BARRED:
            return EmailState.PENDING
        case _:
            assert_never(result.outcome)


_SETTLE = (
    update(EMAIL)
    .where(
        EMAIL.c.id == bindparam("email"), EMAIL.c.attempt == bindparam("number"), EMAIL.c.state == EmailState.SENDING
    )
    .values(state=bindparam("became"), settled_at=bindparam("at"), note=bindparam("said"))
)
_CARRIED = update(NOTICE).where(NOTICE.c.email_id == bindparam("email"))
_SENT = _CARRIED.values(state=NoticeState.SENT)
_DEAD = _CARRIED.values(state=NoticeState.SUPPRESSED, reason=Reason.UNDELIVERABLE)


def _settle(engine: Engine, claimed: Claimed, given: tuple[EmailState, str, datetime]) -> None:
    """Store what became of an attempt; a result of an older attempt than the last changes nothing."""
    state, detail, now = given
    ours = {"email": claimed.id, "number": claimed.attempt, "became": state, "at": now, "said": detail or None}
    with transaction(engine) as connection:
        settled = connection.execute(_SETTLE, ours)
        if settled.rowcount == 0:
            return
        if state is EmailState.SENT:
            connection.execute(_SENT, {"email": claimed.id})
        elif state is EmailState.DEAD:
            connection.execute(_DEAD, {"email": claimed.id})
        if state in {EmailState.DEAD, EmailState.UNKNOWN}:
            report(connection, f"email {claimed.id}", f"{state}: {detail}")

