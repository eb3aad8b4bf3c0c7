"""The one place that reads a clock. Everything else is told what time it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, bindparam, select, update

from models.schema import INSTALLATION
from tasks.store.database import reading

_OFFSET = select(INSTALLATION.c.clock_offset_seconds)
_SET = update(INSTALLATION).values(clock_offset_seconds=bindparam("offset"))


def real_now() -> datetime:
    """Return the instant, in UTC, by the machine's clock."""
    return datetime.now(UTC)


def now_in(connection: Connection) -> datetime:
    """Return the instant this installation lives at, inside a transaction: what `recorded_at` is stamped with."""
    return real_now() + timedelta(seconds=connection.scalar(_OFFSET) or 0)


def now(engine: Engine) -> datetime:
    """Return the instant this installation lives at: the real one, or a labelled clock's."""
    with reading(engine) as connection:
        return now_in(connection)


def set_clock(connection: Connection, instant: datetime) -> None:
    """Let this installation's labelled clock show an instant from now on."""
    offset = int((instant - real_now()) / timedelta(seconds=1))
    connection.execute(_SET, {"offset": offset})


def today(engine: Engine, zone: str) -> date:
    """Return the day this installation lives in, in a zone."""
    return now(engine).astimezone(ZoneInfo(zone)).date()
