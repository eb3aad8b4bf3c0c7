"""Prefect events for what happened to cases: the event feed is a case's timeline, and any automation can hook on.

    acredita.enrollment.advanced, .returned, .awarded, .ended     acredita.escalation.opened, .climbed, .closed,
                                                                  .rung_empty

The resource is the enrollment, related are its agency and region. They are sent after the sweep has committed, a
bounded number a run, and whatever becomes of them the sweep stands: our own tables are the record.
"""

from __future__ import annotations

from collections.abc import Iterable

from prefect.events import emit_event

from models.rules.alarms import Alarm
from tasks.journal import Move, Named, What

EVENTS_A_RUN = 200
_TOLD = frozenset(What) - {What.TOLD}
"""Notices are left to the ledger: they would be most of the feed."""


def emit_moves(moves: Iterable[tuple[Named, Move]]) -> int:
    """Send an event for each move that is one; return how many there was no room for."""
    events = [(named, move) for named, move in moves if move.what in _TOLD]
    for named, move in events[:EVENTS_A_RUN]:
        emit_event(
            f"acredita.{move.what}",
            resource={
                "prefect.resource.id": f"acredita.enrollment.{named.code}", "prefect.resource.name": named.code,
                **{f"acredita.{name}": value for name, value in move.facts.items()},
            },
            related=[
                {"prefect.resource.id": f"acredita.{role}.{value}", "prefect.resource.role": role}
                for role, value in (("agency", named.agency), ("region", named.region))
            ],
            payload=dict(move.facts),
        )
    return max(0, len(events) - EVENTS_A_RUN)


def emit_alarm(alarm: Alarm, detail: str) -> None:
    """Let the automation of an alarm hear of it."""
    emit_event(
        f"acredita.alarm.{alarm}", resource={"prefect.resource.id": "acredita.service"}, payload={"detail": detail}
    )
