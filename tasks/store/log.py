"""The log of stages of enrollments, read as the rules know it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from models.rules.case import Program
from models.rules.decision import Advance
from models.rules.gates import Evidence
from models.rules.words import Status
from models.schema import STAGE_CHANGE
from tasks.store.cases import IDS
from tasks.store.rows import rows_of

_S = STAGE_CHANGE.c
_STEPS = select(STAGE_CHANGE).where(_S.enrollment_id.in_(IDS)).order_by(_S.enrollment_id, _S.seq)
Dated = tuple[date, Advance]
"""A step with the day on which it was decided."""


def log_of(connection: Connection, enrollment_id: int, program: Program) -> Sequence[Dated]:
    """Read every step of an enrollment in order."""
    return logs_of(connection, [enrollment_id], program).get(enrollment_id, [])


def logs_of(connection: Connection, ids: Sequence[int], program: Program) -> Mapping[int, Sequence[Dated]]:
    """Read every step of some enrollments in order; one that never moved has none."""
    found: dict[int, list[Dated]] = defaultdict(list)
    for row in rows_of(connection, _STEPS, ids):
        found[row.enrollment_id].append((row.decided_on, _step(row, program)))
    return found


def _step(row: Row[Any], program: Program) -> Advance:
    forward = row.takes_back is None and row.status is Status.OPEN
    return Advance(
        row.seq, row.from_stage, row.to_stage, row.status, row.changed_on,
        Evidence(tuple(row.evidence.get("facts", ())), tuple(row.evidence.get("seats", ()))),
        again=forward and program.is_return(row.from_stage, row.to_stage), takes_back=row.takes_back,
    )
