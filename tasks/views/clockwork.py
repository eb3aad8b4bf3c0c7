"""The clock of one case, told: how each date came about, and which change moved it from when to when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.clock import Version, versions
from models.rules.hours import zone_named
from models.rules.words import Change, Language
from models.schema import CHANGE
from tasks.views.past import zone_at

_CHANGES = select(CHANGE).order_by(CHANGE.c.id)


class Move(NamedTuple):
    """One change of a case's dates: who recorded it, when and why, and a date that it moved; a change may move several.

    `clock` is None where it moved none. A `before` or `after` that is None is a target that rests: the case is on hold.
    """

    number: int
    recorded_on: date
    what: str
    reason: str
    reference: str
    requester: str | None
    approver: str | None
    actor: str
    cost: str
    undone_by: int | None
    clock: str | None
    before: date | None
    after: date | None


def moves_of(connection: Connection, case: Case, program: Program, *, day: date) -> list[Move]:
    """Tell every change that a case knows of, in the order of recording, once for each date that it moved."""
    known = {change.id for change in case.changes}
    rows = {
        row.id: row
        for row in connection.execute(_CHANGES.where(CHANGE.c.enrollment_id == case.id)) if row.id in known
    }
    undone = {row.undoes_id: row.id for row in rows.values() if row.undoes_id is not None}
    moved: dict[int, list[Version]] = {number: [] for number in rows}
    for version in versions(case, program.plan(case.track, case.cycle), day):
        moved[version.change.id].append(version)
    found: list[Move] = []
    zone = zone_named(zone_at(connection, case.id)) if rows else UTC
    for number, row in rows.items():
        each: list[Version | None] = [*moved[number]] or [None]
        on = row.recorded_at.astimezone(zone).date()
        found += (_move(row, program, on, undone_by=undone.get(number), version=version) for version in each)
    return found


def _move(row: Row[Any], program: Program, on: date, *, undone_by: int | None, version: Version | None) -> Move:
    label = program.policy.reasons.get(row.reason)
    return Move(
        row.id, on, " ".join(_what(row)),
        label.text(Language.EN) if label is not None else row.reason, row.reference, row.requester, row.approver,
        row.actor, _cost(row), undone_by,
        version and version.clock.value, version and version.before, version and version.after,
    )


def _what(row: Row[Any]) -> Iterator[str]:
    yield row.kind.value
    if row.kind is Change.EXTENSION:
        yield f"of {row.months} months"
    elif row.kind is Change.CORRECTION:
        yield f"to {row.anchor_on}"
    elif row.kind is Change.UNDO:
        yield f"of {row.undoes_id}"
    else:
        yield f"on {row.effective_on}"


def _cost(row: Row[Any]) -> str:
    return "" if row.cost_cents is None else f"{row.cost_cents // 100:,}.{row.cost_cents % 100:02} {row.currency}"
