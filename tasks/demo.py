"""The demo: the reference program with its synthetic roster, on a labelled clock, in a database of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from tasks.feed import feed_all, synthetic_cohort
from tasks.store import clock
from tasks.store.database import transaction
from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

PROGRAM, SEED = "mexico", 1
STARTS_AT = datetime(2023, 4, 3, 9)  # noqa: DTZ001 - in the program's zone, which only its folder knows
"""A working morning of the program, which ended in 2024: without a clock of its own nothing would be due."""


def open_demo(engine: Engine, clock_starts_at: datetime | None = None) -> None:
    """Load the demo into an empty database, with everything that was known when its clock starts.

    Args:
        engine: the demo's own database, migrated.
        clock_starts_at: another start of the clock; naive: in the program's zone.
    """
    folder = folder_of(PROGRAM)
    policy = read_policy(folder)
    starts_at = clock_starts_at or STARTS_AT
    zone = ZoneInfo(policy.zone)
    instant = (starts_at if starts_at.tzinfo else starts_at.replace(tzinfo=zone)).astimezone(UTC)
    today = instant.astimezone(zone).date()
    cohort = synthetic_cohort(folder, policy, SEED)
    put_in_force(engine, policy, Terms(live_from=today, clock_starts_at=instant, is_demo=True))
    with transaction(engine) as connection:
        feed_all(connection, cohort, today)
        clock.set_clock(connection, instant)
