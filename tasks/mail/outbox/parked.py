"""What a run may not send before somebody has looked at it: parked as a batch, released or cancelled by an operator.

A run that would send more than the policy's cap is more often a mistake (an import, a policy, a clock) than a busy day.
The first of it goes out, the rest is parked whole. Parked notices stay pending: a sweep still cancels those that lose
their meaning. Later runs have a cap of their own and go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select, update

from models.rules.errors import Refused
from models.rules.words import BatchState, NoticeState, Reason, Release
from models.schema import NOTICE, PARKED_BATCH, same
from tasks.sweep import report

_N, _B = NOTICE.c, PARKED_BATCH.c
FREE: ColumnElement[bool] = or_(
    _N.batch_id.is_(None), exists().where(_B.id == _N.batch_id, _B.state == BatchState.RELEASED)
)
"""Whether a notice is not parked, or not any more."""


class Batch(NamedTuple):
    """A batch as an operator sees it: how many emails and notices were parked, how many of these still wait."""

    id: int
    state: BatchState
    parked_at: datetime
    emails: int
    notices: int
    waiting: int
    settled_by: str


def park(connection: Connection, letters: Sequence[Sequence[int]], *, batch: int | None, now: datetime) -> int | None:
    """Park letters, given as the ids of their notices, in a batch that is there or in a new one; return its number.

    None where another run has taken or parked all of them meanwhile.
    """
    ids = [number for letter in letters for number in letter]
    mine = connection.scalars(
        select(_N.id).where(_N.id.in_(ids), same(_N.state, NoticeState.PENDING), _N.batch_id.is_(None))
        .order_by(_N.id).with_for_update(skip_locked=True)
    ).all()
    if not mine:
        return None
    emails = sum(not set(mine).isdisjoint(letter) for letter in letters)
    if batch is None:
        row = {"state": BatchState.PARKED, "emails": 0, "notices": 0, "recorded_at": now}
        batch = int(connection.execute(insert(PARKED_BATCH).returning(_B.id), row).scalar_one())
    more = {"emails": _B.emails + emails, "notices": _B.notices + len(mine)}
    connection.execute(update(PARKED_BATCH).where(_B.id == batch).values(**more))
    connection.execute(update(NOTICE).where(_N.id.in_(mine)).values(batch_id=batch))
    what = f"{emails} emails exceed the cap of one run and are parked. Release or cancel it"
    report(connection, f"batch {batch}", what)
    return batch


def parked(connection: Connection) -> list[Batch]:
    """List every batch that ever was, the newest first."""
    waiting = (
        select(_N.batch_id, func.count().label("number"))
        .where(_N.batch_id.is_not(None), same(_N.state, NoticeState.PENDING)).group_by(_N.batch_id).subquery()
    )
    rows = connection.execute(
        select(PARKED_BATCH, waiting.c.number).outerjoin(waiting, waiting.c.batch_id == _B.id).order_by(_B.id.desc())
    )
    return [
        Batch(row.id, row.state, row.recorded_at, row.emails, row.notices, row.number or 0, row.settled_by or "")
        for row in rows
    ]


def settle_batch(connection: Connection, number: int, verdict: Release, *, actor: str, now: datetime) -> int:
    """Let a parked batch go out with the next delivery, or never; return how many notices that is.

    Raises:
        Refused: there is no such batch, or it is not parked.
    """
    was = connection.scalar(select(_B.state).where(_B.id == number).with_for_update())
    if was is not BatchState.PARKED:
        what = f"{number} is none." if was is None else f"{number} is {was} already."
        raise Refused.one("batch", what, "`acredita parked` lists what waits.")
    waiting = (_N.batch_id == number) & same(_N.state, NoticeState.PENDING)
    match verdict:
        case Release.RELEASE:
            state = BatchState.RELEASED
            notices = connection.scalar(select(func.count()).select_from(NOTICE).where(waiting)) or 0
        case Release.CANCEL:
            state = BatchState.CANCELLED
            gone = update(NOTICE).where(waiting).values(state=NoticeState.CANCELLED, reason=Reason.BY_OPERATOR)
            notices = connection.execute(gone).rowcount
        case _:
            assert_never(verdict)
    settled = {"state": state, "settled_by": actor, "settled_at": now}
    connection.execute(update(PARKED_BATCH).where(_B.id == number).values(**settled))
    report(connection, f"batch {number}", f"{state} by {actor}: {notices} notices")
    return notices
