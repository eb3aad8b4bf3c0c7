"""What was left alone: single items that could not be handled, for an operator to mend and strike off."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from models.schema import INCIDENT

_I = INCIDENT.c


class Incident(NamedTuple):
    """One item: ids and codes, never a name."""

    id: int
    recorded_at: datetime
    subject: str
    what: str
    times: int


def listed(connection: Connection) -> list[Incident]:
    """List them, the oldest first."""
    rows = connection.execute(select(_I.id, _I.recorded_at, _I.subject, _I.what, _I.times).order_by(_I.id))
    return [Incident._make(row) for row in rows]


def strike_off(connection: Connection, incident_id: int) -> bool:
    """Forget one that was mended; whether there was one. If it was not mended, the next run tells of it anew."""
    return connection.execute(delete(INCIDENT).where(_I.id == incident_id)).rowcount == 1
