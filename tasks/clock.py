"""The one place that reads a clock. Everything else is told what time it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from models.tables import Installation
from tasks.database import reading


def real_now() -> datetime:
    """Return the instant, in UTC, by the machine's clock."""
    return datetime.now(UTC)


def now(engine: Engine) -> datetime:
    """Return the instant this installation lives at: the real one, or a demo's labelled clock."""
    with reading(engine) as connection:
        offset = connection.scalar(select(Installation.clock_offset_seconds))
    return real_now() + timedelta(seconds=offset or 0)


def today(engine: Engine, zone: str) -> date:
    """Return the day this installation lives in, in a zone."""
    return now(engine).astimezone(ZoneInfo(zone)).date()
