"""Alarms as they ring: what delivery finds wrong becomes an event, and an automation calls whoever is to know."""

from __future__ import annotations

from prefect.logging import get_logger

from models.rules.alarms import Alarm
from tasks.store import clock
from tasks.store.database import engine_of, reading
from tasks.views.events import emit_alarm
from tasks.views.health import findings

RINGS_BY_EVENT = frozenset({Alarm.OLD_QUEUE, Alarm.OPEN_CIRCUIT})
"""The others are events of Prefect itself, or shown by `acredita health` alone."""


def ring() -> None:
    """Send an event for what is wrong. A feed that cannot be written to fails nothing."""
    engine = engine_of()
    with reading(engine) as connection:
        found = findings(connection, clock.now_in(connection))
    for finding in found:
        if finding.alarm in RINGS_BY_EVENT:
            try:
                emit_alarm(finding.alarm, finding.detail)
            except Exception as error:  # noqa: BLE001 - the mail that was sent stays sent
                get_logger(__name__).warning("the alarm %s was not sent: %s", finding.alarm, type(error).__name__)
