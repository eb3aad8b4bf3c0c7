"""What a sender as a whole met with, shared by all runs: stored, so that one refused key stops them all, visibly."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from models.rules.delivery import Outlet, Times, probing
from models.schema import OUTLET
from tasks.store.bulk import add_once

_O = OUTLET.c
_READ = select(_O.barred_by, _O.barred_at, _O.not_before, _O.tries).where(_O.name == bindparam("sender"))
_SEEN = (_O.name == bindparam("sender")) & (_O.tries == bindparam("seen"))
_WRITE = update(OUTLET).where(_O.name == bindparam("sender"))
_PROBE = update(OUTLET).where(_SEEN & _O.not_before.is_not_distinct_from(bindparam("before")))


def outlet_of(connection: Connection, sender: str) -> Outlet:
    """Read what is known of a sender; of one that met with nothing there is no row."""
    row = connection.execute(_READ, {"sender": sender}).first()
    return Outlet() if row is None else Outlet(*row)


def remember(connection: Connection, sender: str, outlet: Outlet) -> None:
    """Store what a sender met with."""
    values: dict[str, Any] = outlet._asdict()
    if outlet == Outlet():
        connection.execute(delete(OUTLET).where(_O.name == sender))
    elif connection.execute(_WRITE, {"sender": sender, **values}).rowcount == 0:
        add_once(connection, OUTLET, {"name": sender, **values})


def take_probe(connection: Connection, sender: str, outlet: Outlet, *, now: datetime, times: Times) -> bool:
    """Make the email that goes first ours to send; False where another run was quicker."""
    seen = {"sender": sender, "seen": outlet.tries, "before": outlet.not_before}
    values = {"not_before": probing(outlet, now, times).not_before}
    return connection.execute(_PROBE.values(**values), seen).rowcount == 1
