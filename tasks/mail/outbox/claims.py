"""Claiming: a few letters at a time become ours, with their text, before a byte of them leaves.

Locks are taken in one order (emails that wait, notices, then rows by person), and nobody waits for a notice: what a
sweep or another run holds just now is passed over. So no two of them can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, bindparam, exists, or_, select, update

from models.rules.letter import Message
from models.rules.words import EmailState, NoticeState, Reason
from models.schema import EMAIL, ENROLLMENT, NOTICE, OF_A_CASE, PERSON, same
from models.settings import settings
from tasks.answers.links import drop, keep
from tasks.mail.budgets import Budgets
from tasks.mail.calendars import FILE_NAME, MEDIA_TYPE
from tasks.mail.letters.parcels import Parcel
from tasks.mail.outbox.boundaries import Boundary
from tasks.mail.outbox.parked import FREE
from tasks.mail.outbox.shift import Shift
from tasks.mail.rendering import full_name
from tasks.mail.senders.protocol import Attachment, Outgoing
from tasks.store.bulk import add_once
from tasks.store.cases import IDS
from tasks.store.database import transaction

BATCH = 8
"""So few, because all of them are in doubt if the run dies."""


class Written(NamedTuple):
    """A letter in words, ready to be claimed."""

    parcel: Parcel
    message: Message


class Claimed(NamedTuple):
    """An email that is ours to send: the number of this attempt, and how many failed before.

    `counts`: whether it counts for the cap of a run.
    """

    id: int
    attempt: int
    failures: int
    steady: float
    outgoing: Outgoing
    counts: bool = True


_N, _E, _OTHER = NOTICE.c, EMAIL.c, EMAIL.alias("other")
_STILL = select(_N.id).where(_N.id.in_(IDS), same(_N.state, NoticeState.PENDING), FREE)
_WAITING = (
    select(_E.id, _E.attempt, _E.failures)
    .where(_E.id.in_(IDS), _E.state == EmailState.PENDING)
    .order_by(_E.id)
    .with_for_update(skip_locked=True)
)
# A case that came due meanwhile is not written about: its next sweep may say that the case ended.
_FREE = (
    select(_N.id)
    .select_from(NOTICE)
    .outerjoin(ENROLLMENT, OF_A_CASE & (ENROLLMENT.c.id == _N.subject_id))
    .where(
        _N.id.in_(IDS), same(_N.state, NoticeState.PENDING), FREE,
        or_(ENROLLMENT.c.next_review_on.is_(None), ENROLLMENT.c.next_review_on > bindparam("today")),
    )
    .order_by(_N.id)
    .with_for_update(of=NOTICE, skip_locked=True)
)
_READERS = select(PERSON.c.id).where(PERSON.c.id.in_(IDS)).order_by(PERSON.c.id).with_for_update()
_SAME_DAY = exists().where(
    _OTHER.c.person_id == bindparam("whom"), _OTHER.c.day == bindparam("today"), _OTHER.c.kind == bindparam("which"),
    _OTHER.c.id != _E.id,
)
_AGAIN = update(EMAIL).where(_E.id == bindparam("carrier"), _E.attempt == bindparam("after"), ~_SAME_DAY)
_IN_DOUBT = (
    select(_N.id, _N.email_id).join(EMAIL, _E.id == _N.email_id).where(_N.id.in_(IDS), _E.again > 0)
)
_OF_CARRIERS = select(_N.id, _N.email_id, _N.state).where(_N.email_id.in_(IDS)).order_by(_N.id)
_LEAVE = update(NOTICE).where(_N.id.in_(IDS)).values(email_id=None)
_TAKE = (
    update(NOTICE)
    .where(_N.id.in_(IDS), _N.state == NoticeState.PENDING)
    .values(state=NoticeState.CLAIMED, email_id=bindparam("email"))
)


def still_pending(connection: Connection, parcels: Sequence[Parcel]) -> list[Parcel]:
    """Leave out what another run has claimed meanwhile, before it costs anything to write."""
    ids = [number for parcel in parcels for number in parcel.notice_ids]
    free = set(connection.scalars(_STILL, {"ids": ids}))
    return [parcel for parcel in parcels if free.issuperset(parcel.notice_ids)]


def set_aside(
    engine: Engine, notice_ids: Iterable[int], reason: Reason, *, state: NoticeState = NoticeState.SUPPRESSED
) -> int:
    """Take note that notices will not go out, those that wait and that nobody holds; return how many."""
    return _note(engine, notice_ids, state=state, reason=reason)


def put_off_until(engine: Engine, over: Mapping[int, date]) -> int:
    """Take note of the day until which notices wait for a week with an email left; return how many."""
    return _note(engine, over, waits_until=max(over.values())) if over else 0


def _note(engine: Engine, notice_ids: Iterable[int], **values: Any) -> int:
    ids = list(notice_ids)
    if not ids:
        return 0
    with transaction(engine) as connection:
        mine = connection.scalars(_STILL.order_by(_N.id).with_for_update(skip_locked=True), {"ids": ids}).all()
        return connection.execute(update(NOTICE).where(_N.id.in_(mine)).values(**values)).rowcount if mine else 0


def claim(shift: Shift, batch: Sequence[Written]) -> list[Claimed]:
    """Make letters ours, each whole or not at all; what somebody else has, or holds just now, waits for a later run."""
    shift.presence.confirm()
    now, steady = shift.watch.wall(), shift.watch.steady()
    lease = {"owner": shift.presence.name, "claimed_at": now, "lease_until": now + shift.times.lease}
    ordered = sorted(batch, key=lambda each: (each.parcel.person_id, each.parcel.letter.kind))
    mine = []
    with transaction(shift.engine) as connection:
        free = _Free(connection, [each.parcel for each in ordered])
        for parcel, message in ordered:
            row = _row(parcel, message, lease)
            holds = free.holds(parcel) and free.fits(parcel)
            taken = _take(connection, row, free.before(parcel)) if holds else None
            if taken is not None:
                # What the letter does not say is not to be taken for sent with it.
                left = [row.id for row in free.left(parcel)]
                if left:
                    connection.execute(_LEAVE, {"ids": left})
                connection.execute(_TAKE, {"ids": parcel.notice_ids, "email": taken[0]})
                if parcel.carrier is not None:
                    drop(connection, taken[0])
                keep(connection, parcel.links, email_id=taken[0], now=now, days=settings().desk_days)
                mine.append(Claimed(*taken, steady, outgoing_of(row, full_name(parcel.letter)), parcel.counts))
    if mine:
        shift.reached(Boundary.CLAIMED)
    return mine


class _Free:
    """What of some letters is still to be had, locked until the transaction ends."""

    def __init__(self, connection: Connection, parcels: Sequence[Parcel]) -> None:
        carriers = [parcel.carrier.id for parcel in parcels if parcel.carrier is not None]
        rows = connection.execute(_WAITING, {"ids": carriers}).all() if carriers else []
        self._waiting = {(row.id, row.attempt): row for row in rows}
        ids = [number for parcel in parcels for number in parcel.notice_ids]
        today = parcels[0].letter.today
        self._notices = set(connection.scalars(_FREE, {"ids": ids, "today": today}))
        # Read once they are locked: while the letter was written another run may have sent them, and be in doubt.
        self._doubted = {row.id: row.email_id for row in connection.execute(_IN_DOUBT, {"ids": ids})}
        theirs = connection.execute(_OF_CARRIERS, {"ids": carriers}).all() if carriers else []
        ours = _OF_CARRIERS.with_for_update(skip_locked=True)
        self._locked = set(connection.scalars(ours, {"ids": carriers})) if theirs else set()
        self._theirs = theirs
        self._budgets = _budgets(connection, parcels)

    def holds(self, parcel: Parcel) -> bool:
        """Whether all of a letter is: one notice less, and its text is no longer true."""
        mine = None if parcel.carrier is None else parcel.carrier.id
        gone = mine is not None and self.before(parcel) is None
        elsewhere = any(self._doubted.get(number, mine) != mine for number in parcel.notice_ids)
        return not (gone or elsewhere) and self._notices.issuperset(parcel.notice_ids) and self._may_be_left(parcel)

    def fits(self, parcel: Parcel) -> bool:
        """Whether the week of its reader has an email left: another run may have sent one meanwhile."""
        return parcel.carrier is not None or self._budgets.leaves_one(parcel.person_id, ())

    def before(self, parcel: Parcel) -> Any:
        """Return the email that a letter was before, as it stands."""
        carrier = parcel.carrier
        return None if carrier is None else self._waiting.get((carrier.id, carrier.attempt))

    def left(self, parcel: Parcel) -> list[Row[Any]]:
        """Return the notices that the email carried before, and that are not in the letter any more."""
        number = None if parcel.carrier is None else parcel.carrier.id
        return [row for row in self._theirs if row.email_id == number and row.id not in parcel.notice_ids]

    def _may_be_left(self, parcel: Parcel) -> bool:
        """Whether they can be let go of: nobody has them just now, and none of them may have gone out before."""
        left = self.left(parcel)
        doubted = parcel.carrier is not None and parcel.carrier.again > 0
        waits = any(row.state == NoticeState.PENDING for row in left)
        return self._locked.issuperset(row.id for row in left) and not (doubted and waits)


def _budgets(connection: Connection, parcels: Sequence[Parcel]) -> Budgets:
    """Return what the weeks of some readers have left, and keep every other run from spending it meanwhile."""
    people = sorted({parcel.person_id for parcel in parcels})
    budgets = Budgets(connection, parcels[0].a_week, today=parcels[0].letter.today)
    if budgets.a_week is not None:
        connection.execute(_READERS, {"ids": people})
        budgets.left(people[0], people)
    return budgets


def _row(parcel: Parcel, message: Message, lease: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "person_id": parcel.person_id, "day": parcel.letter.today, "kind": parcel.letter.kind,
        "state": EmailState.SENDING, "reference": parcel.letter.reference, "address": parcel.address,
        "subject": message.subject, "text": message.text, "html": message.html, "calendar": message.calendar,
        "gist": parcel.letter.gist or None, "next_at": None, "vigil": None, **lease,
    }


def _take(connection: Connection, row: dict[str, Any], before: Any) -> tuple[int, int, int] | None:
    """Write an email down as ours; None where the person had one of its kind today."""
    if before is None:
        fresh = {**row, "attempt": 1, "failures": 0, "again": 0}
        number = add_once(connection, EMAIL, fresh, returning=_E.id).scalar()
        return None if number is None else (int(number), 1, 0)
    key = {"carrier": before.id, "after": before.attempt}
    key |= {"whom": row["person_id"], "today": row["day"], "which": row["kind"]}
    attempt = before.attempt + 1
    if connection.execute(_AGAIN, {**row, "attempt": attempt, **key}).rowcount == 0:
        return None
    return before.id, attempt, before.failures


def outgoing_of(row: Mapping[str, Any], name: str) -> Outgoing:
    """Return an email as a sender takes it."""
    return Outgoing(
        reference=row["reference"], to_address=row["address"], to_name=name, from_address=settings().mail_from,
        subject=row["subject"], text=row["text"], html=row["html"], label=str(row["day"]),
        attachments=(Attachment(FILE_NAME, MEDIA_TYPE, row["calendar"]),) if row["calendar"] else (),
    )
