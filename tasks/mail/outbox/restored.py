"""After a restore: nothing that may have gone out since the backup goes out again on its own.

What was on its way is in doubt: the provider's log is asked, and where there is none, an operator. Notices that were
due by then, in the copy or decided again, are held back with that reason, and an operator lets them go or drops them.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select, update

from models.rules.delivery import begin_vigil
from models.rules.errors import Refused
from models.rules.words import EmailState, NoticeState, Reason
from models.schema import EMAIL, INSTALLATION, NOTICE, same
from tasks.mail.outbox.shift import Shift
from tasks.store.database import reading, transaction
from tasks.store.generations import count_on, is_kept, note, went_back
from tasks.store.programs import program_in_force
from tasks.sweep import report

_E, _N = EMAIL.c, NOTICE.c


def look_for_a_restore(shift: Shift) -> None:
    """Hold back what may have gone out, where this is a copy that came back."""
    if not is_kept(shift.engine):
        return
    with reading(shift.engine) as connection:
        back = went_back(connection)
        since = connection.scalar(select(INSTALLATION.c.restored_at))
    if back:
        with transaction(shift.engine) as connection:
            now = shift.watch.wall()
            connection.execute(update(INSTALLATION).values(restored_at=now))
            _doubt(connection, shift)
            _hold_back(connection, now, same(_N.state, NoticeState.PENDING))
            counted = count_on(connection)
        note(*counted)
    elif since is not None:
        with transaction(shift.engine) as connection:
            _hold_back(connection, since, same(_N.state, NoticeState.PENDING) & (_N.recorded_at > since))


def count_this_run(shift: Shift) -> None:
    """Note, here and outside, that mail goes out from now on."""
    if is_kept(shift.engine):
        with transaction(shift.engine) as connection:
            token, number = count_on(connection)
        note(token, number)


def _doubt(connection: Connection, shift: Shift) -> None:
    """Leave what was on its way to the provider's log, and without one to an operator."""
    state = EmailState.HELD if shift.sender.log is None else EmailState.UNKNOWN
    waits = _E.state.in_([EmailState.PENDING, EmailState.SENDING, EmailState.UNKNOWN])
    ids = connection.scalars(select(_E.id).where(waits).order_by(_E.id).with_for_update()).all()
    values = {"state": state, "vigil": begin_vigil(shift.watch.moment()), "next_at": None, "note": "restored"}
    connection.execute(update(EMAIL).where(_E.id.in_(ids)).values(**values))
    carried = _N.email_id.in_(ids) & same(_N.state, NoticeState.PENDING)
    connection.execute(update(NOTICE).where(carried).values(state=NoticeState.CLAIMED))
    report(connection, "restore", f"{len(ids)} emails are in doubt: `acredita unsettled` lists them")


def _hold_back(connection: Connection, at: datetime, which: ColumnElement[bool]) -> None:
    """Hold back what was due by the day of the restore, until an operator has let it go."""
    day = at.astimezone(ZoneInfo(program_in_force(connection).policy.zone)).date()
    held = update(NOTICE).where(which, _N.planned_for <= day)
    number = connection.execute(held.values(state=NoticeState.SUPPRESSED, reason=Reason.RESTORED)).rowcount
    if number:
        what = f"{number} notices may have gone out already: `acredita settle-restored` lets them go or drops them"
        report(connection, "restore, notices", what)


def held_back(connection: Connection) -> int:
    """Return how many notices are held back because of a restore."""
    return connection.scalar(select(func.count()).where(_N.reason == Reason.RESTORED)) or 0


def let_go(connection: Connection, *, drop: bool) -> int:
    """Let what was held back go out, or drop it, and hold nothing back any more; return how many notices.

    Raises:
        Refused: no sweep came by since the restore: what it will decide again would go out unseen.
    """
    here = connection.execute(select(INSTALLATION.c.restored_at, INSTALLATION.c.last_swept_on)).one()
    if here.restored_at is None:
        raise Refused.one("restore", "holds nothing back.", "Nothing needs to be done.")
    day = here.restored_at.astimezone(ZoneInfo(program_in_force(connection).policy.zone)).date()
    if here.last_swept_on is None or here.last_swept_on < day:
        what = "was not followed by a sweep yet, which decides again what was decided since the backup."
        raise Refused.one("restore", what, "Run `acredita sweep` and `acredita deliver` first.")
    held = update(NOTICE).where(_N.reason == Reason.RESTORED)
    connection.execute(update(INSTALLATION).values(restored_at=None))
    if drop:
        return connection.execute(held.values(state=NoticeState.CANCELLED, reason=Reason.BY_OPERATOR)).rowcount
    return connection.execute(held.values(state=NoticeState.PENDING, reason=None)).rowcount
