"""The one place that reads a clock. Everything else is told what time it is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, bindparam, select, update

from models.rules.delivery import Moment
from models.schema import INSTALLATION
from tasks.store.database import reading


class Watch(NamedTuple):
    """The clocks that a run reads while it works: this installation's, and one that nobody can set.

    `steady` counts seconds; two readings can be compared only on one `machine`.
    """

    wall: Callable[[], datetime]
    steady: Callable[[], float]
    machine: str

    def moment(self) -> Moment:
        """Read both."""
        return Moment(self.wall(), self.machine, self.steady())


_OFFSET = select(INSTALLATION.c.clock_offset_seconds)
_SET = update(INSTALLATION).values(clock_offset_seconds=bindparam("offset"))


SHIFT = "ACREDITA_CLOCK_SHIFT_FILE"
"""Names a file with seconds by which the machine's clock is off: a fault campaign rewrites it, nobody else sets it."""


def real_now() -> datetime:
    """Return the instant, in UTC, by the machine's clock."""
    return datetime.now(UTC) + _shift()


def _shift() -> timedelta:
    path = os.environ.get(SHIFT)
    return timedelta(seconds=float(Path(path).read_text(encoding="ascii"))) if path else timedelta(0)


def now_in(connection: Connection) -> datetime:
    """Return the instant this installation lives at, inside a transaction: what `recorded_at` is stamped with."""
    return real_now() + timedelta(seconds=connection.scalar(_OFFSET) or 0)


def now(engine: Engine) -> datetime:
    """Return the instant this installation lives at: the real one, or a labelled clock's."""
    with reading(engine) as connection:
        return now_in(connection)


def watch(engine: Engine) -> Watch:
    """Return the clocks of this installation: the real ones, or a labelled one beside the steady one."""
    with reading(engine) as connection:
        offset = timedelta(seconds=connection.scalar(_OFFSET) or 0)
    return Watch(lambda: real_now() + offset, time.monotonic, _machine())


def stopped(at: datetime) -> Watch:
    """Return a watch on which it is always one instant."""
    return Watch(lambda: at, time.monotonic, _machine())


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return what tells the steady clock of this machine from another's."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # The steady clock of a machine begins anew with every start: a wait is then only thought shorter than it was.
        return platform.node()


def set_clock(connection: Connection, instant: datetime) -> None:
    """Let this installation's labelled clock show an instant from now on."""
    offset = int((instant - real_now()) / timedelta(seconds=1))
    connection.execute(_SET, {"offset": offset})


def today(engine: Engine, zone: str) -> date:
    """Return the day this installation lives in, in a zone."""
    return now(engine).astimezone(ZoneInfo(zone)).date()
