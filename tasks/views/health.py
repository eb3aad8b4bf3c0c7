"""Is this service well? What is wrong with it, by the database alone: no Prefect is asked, so none has to be alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from models.rules.alarms import Alarm
from models.rules.hours import at_work, reader_of
from models.rules.words import EmailState
from models.schema import EMAIL, INCIDENT, OUTLET, PERSON, SWEEP
from models.tables.notices import OPEN
from tasks.mail.operator import ALARM_SUBJECT
from tasks.store.programs import program_in_force

SWEEP_EVERY = timedelta(hours=26)
"""A day, and time enough for the sweep itself and for the night in which the clocks change."""
QUEUE_WAITS = timedelta(hours=1)

_EMAIL = EMAIL.c
_UNSETTLED = text(f"email.{OPEN}")  # as the index of these spells it


class Finding(NamedTuple):
    """One thing that is wrong: the alarm, and the numbers behind it. No name and no address."""

    alarm: Alarm
    detail: str


def findings(connection: Connection, now: datetime) -> list[Finding]:
    """List what is wrong at an instant of this installation's clock, the worst first; nothing where all is well.

    Each look is served by an index, so that it can be taken after every delivery.
    """
    looks = (_missing_sweep, _open_circuit, _old_queue, _unsettled_mail, _incidents)
    return [found for look in looks if (found := look(connection, now)) is not None]


def _missing_sweep(connection: Connection, now: datetime) -> Finding | None:
    last = connection.scalar(select(SWEEP.c.finished_at).order_by(SWEEP.c.id.desc()).limit(1))
    if last is None:
        return Finding(Alarm.MISSING_SWEEP, "there was none yet")
    if now - last <= SWEEP_EVERY:
        return None
    return Finding(Alarm.MISSING_SWEEP, f"the last one ended {_hours(now - last)} ago")


def _open_circuit(connection: Connection, now: datetime) -> Finding | None:
    o = OUTLET.c
    row = connection.execute(select(o.name, o.barred_by, o.barred_at).where(o.barred_at.is_not(None))).first()
    if row is None:
        return None
    return Finding(Alarm.OPEN_CIRCUIT, f"{row.name} for {_hours(now - row.barred_at)}, answer {row.barred_by}")


def _old_queue(connection: Connection, now: datetime) -> Finding | None:
    """Mail that waits although its reader was at work an hour ago, and is now."""
    program = program_in_force(connection)
    hours = program.policy.working_hours
    waiting = connection.execute(
        select(PERSON.c.id, PERSON.c.time_zone, _EMAIL.claimed_at)
        .join(PERSON, PERSON.c.id == _EMAIL.person_id)
        .where(
            _UNSETTLED, _EMAIL.state.in_([EmailState.PENDING, EmailState.SENDING]),
            _EMAIL.claimed_at < now - QUEUE_WAITS,
        )
    ).all()
    old = [
        row.claimed_at for row in waiting
        if all(
            at_work(hours, reader_of(program, row.id, row.time_zone), instant) for instant in (now - QUEUE_WAITS, now)
        )
    ]
    return Finding(Alarm.OLD_QUEUE, f"{len(old)} emails, the oldest for {_hours(now - min(old))}") if old else None


def _unsettled_mail(connection: Connection, now: datetime) -> Finding | None:
    """Mail that is held for an operator, or in doubt for longer than any log is late."""
    in_doubt = (_EMAIL.state == EmailState.UNKNOWN) & (_EMAIL.claimed_at < now - QUEUE_WAITS)
    waits_for_us = (_EMAIL.state == EmailState.HELD) | in_doubt
    unknown = connection.scalar(select(func.count()).select_from(EMAIL).where(_UNSETTLED, waits_for_us))
    return Finding(Alarm.UNSETTLED_MAIL, f"{unknown} emails") if unknown else None


def _incidents(connection: Connection, _now: datetime) -> Finding | None:
    not_alarms = INCIDENT.c.subject.not_like(f"{ALARM_SUBJECT}%")
    count = connection.scalar(select(func.count()).select_from(INCIDENT).where(not_alarms))
    return Finding(Alarm.INCIDENTS, f"{count} items") if count else None


def _hours(span: timedelta) -> str:
    whole = span // timedelta(hours=1)
    return f"{whole} h" if whole else f"{span // timedelta(minutes=1)} min"
