"""The clock of one case, told: how each date came about, and which change moved it from when to when."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.clock import Version, versions
from models.rules.hours import zone_named
from models.rules.words import Change, Language
from models.schema import CHANGE
from tasks.views.past import zone_at

_WHAT: dict[Language, dict[Change, str]] = {
    Language.EN: {
        Change.EXTENSION: "extension of {row.months} months", Change.CORRECTION: "correction to {row.anchor_on}",
        Change.HOLD: "hold on {row.effective_on}", Change.RESUME: "resume on {row.effective_on}",
        Change.UNDO: "undo of {row.undoes_id}",
    },
    Language.ES_MX: {
        Change.EXTENSION: "prórroga de {row.months} meses", Change.CORRECTION: "corrección al {row.anchor_on}",
        Change.HOLD: "pausa desde el {row.effective_on}", Change.RESUME: "se reanuda el {row.effective_on}",
        Change.UNDO: "se anula el {row.undoes_id}",
    },
}
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


def moves_of(
    connection: Connection, case: Case, program: Program, *, day: date, language: Language = Language.EN
) -> list[Move]:
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
        label = program.policy.reasons.get(row.reason)
        why = row.reason if label is None else label.text(language)
        head = _Head(on, _WHAT[language][row.kind].format(row=row), why, undone.get(number))
        found += (_move(row, head, version) for version in each)
    return found


class _Head(NamedTuple):
    """What a change's moves have in common."""

    recorded_on: date
    what: str
    why: str
    undone_by: int | None


def _move(row: Row[Any], head: _Head, version: Version | None) -> Move:
    return Move(
        row.id, head.recorded_on, head.what, head.why, row.reference, row.requester, row.approver,
        row.actor, _cost(row), head.undone_by,
        version and version.clock.value, version and version.before, version and version.after,
    )


def _cost(row: Row[Any]) -> str:
    return "" if row.cost_cents is None else f"{row.cost_cents // 100:,}.{row.cost_cents % 100:02} {row.currency}"
