"""The log of stages of one enrollment, read as the rules know it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from models.rules.case import Program
from models.rules.decision import Advance
from models.rules.gates import Evidence
from models.rules.words import Status
from models.schema import STAGE_CHANGE

_S = STAGE_CHANGE.c


def log_of(connection: Connection, enrollment_id: int, program: Program) -> list[tuple[date, Advance]]:
    """Read every step of an enrollment in order, each with the day on which it was decided."""
    rows = connection.execute(select(STAGE_CHANGE).where(_S.enrollment_id == enrollment_id).order_by(_S.seq))
    return [(row.decided_on, _step(row, program)) for row in rows]


def _step(row: Row[Any], program: Program) -> Advance:
    forward = row.takes_back is None and row.status is Status.OPEN
    return Advance(
        row.seq, row.from_stage, row.to_stage, row.status, row.changed_on,
        Evidence(tuple(row.evidence.get("facts", ())), tuple(row.evidence.get("seats", ()))),
        again=forward and program.is_return(row.from_stage, row.to_stage), takes_back=row.takes_back,
    )
