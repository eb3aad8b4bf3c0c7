"""The program's history as a forecast learns from it: every first enrollment with the stages it has left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import ClockChange, Program
from models.rules.clock import Pause, holds, standing
from models.rules.forecast.journeys import Count, End, Extension, Journey, Leg
from models.rules.forecast.progress import Counted
from models.rules.risk import rest_days
from models.rules.words import Change, Status
from models.schema import AGENCY, CHANGE, ENROLLMENT, MILESTONE, STAGE_CHANGE
from tasks.store.rows import by_case

_E, _S, _C, _M = ENROLLMENT.c, STAGE_CHANGE.c, CHANGE.c, MILESTONE.c
_ENROLLMENTS = (
    select(
        _E.id, _E.agency_id, AGENCY.c.kind, AGENCY.c.region, _E.track, _E.agreement_on, _E.stage, _E.mandatory,
        _E.other,
    )
    .join(AGENCY, AGENCY.c.id == _E.agency_id).where(_E.cycle == 1).order_by(_E.id)
)
_STAGES = select(
    _S.enrollment_id, _S.from_stage, _S.to_stage, _S.status, _S.changed_on, _S.decided_on
).order_by(_S.enrollment_id, _S.seq)
_COUNTS = select(
    _M.enrollment_id, _M.occurred_on, _M.milestone, _M.value, _M.recorded_at
).where(_M.value.is_not(None), _M.voided_at.is_(None)).order_by(_M.id)
_CHANGES = select(
    _C.enrollment_id, _C.id, _C.kind, _C.months, _C.anchor_on, _C.effective_on, _C.undoes_id, _C.recorded_at
).order_by(_C.id)


def journeys(connection: Connection, program: Program, *, today: date, as_happened: bool = False) -> list[Journey]:
    """Read every enrollment of a first cycle.

    Args:
        connection: where.
        program: for the order of the stages.
        today: until when an open hold has lasted.
        as_happened: take what was decided as known on the day it happened: of a history that was imported whole,
            nothing was known before.
    """
    stages, changes, counts = (by_case(connection.execute(each)) for each in (_STAGES, _CHANGES, _COUNTS))
    given = _Given(program, today, as_happened)
    return [
        _journey(
            row, _Rows(stages.get(row.id, ()), changes.get(row.id, ()), counts.get(row.id, ())), given=given
        )
        for row in connection.execute(_ENROLLMENTS).all()
    ]


class _Rows(NamedTuple):
    """What is stored of one enrollment: the stages it left, the changes of its dates, what was counted."""

    stages: Sequence[Row[Any]]
    changes: Sequence[Row[Any]]
    counts: Sequence[Row[Any]]


class _Given:
    def __init__(self, program: Program, today: date, as_happened: bool) -> None:  # noqa: FBT001 - one value of three
        self.program, self.today, self.as_happened = program, today, as_happened

    def known(self, row: Row[Any]) -> date:
        on: date = row.changed_on if self.as_happened else row.decided_on
        return on


def _journey(row: Row[Any], rows: _Rows, *, given: _Given) -> Journey:
    stages, changes = rows.stages, rows.changes
    recorded = {change.id: change.recorded_at.date() for change in changes}
    counted = [ClockChange(c.id, c.kind, c.months, c.anchor_on, c.effective_on, c.undoes_id) for c in changes]
    pauses = holds(counted)
    corrected = [c.anchor_on for c in standing(counted) if c.kind is Change.CORRECTION and c.anchor_on is not None]
    legs = tuple(_legs(row.agreement_on, stages, pauses, given=given))
    entered = stages[-1].changed_on if stages else row.agreement_on
    end = None
    if stages and stages[-1].status is not Status.OPEN:
        end = End(stages[-1].status, stages[-1].changed_on, given.known(stages[-1]))
    return Journey(
        row.id, row.agency_id, row.kind, row.region, row.track, corrected[-1] if corrected else row.agreement_on,
        row.stage, entered, legs, end,
        rested=rest_days(pauses, entered, end.on if end is not None else max(given.today, entered)),
        counts=tuple(_counts(row.agreement_on, rows, pauses, given=given)),
        own=(row.mandatory, row.other),
        extensions=tuple(
            Extension(c.months, row.agreement_on if given.as_happened else recorded[c.id])
            for c in standing(counted) if c.months
        ),
    )


def _counts(agreement_on: date, rows: _Rows, pauses: Sequence[Pause], *, given: _Given) -> Iterator[Count]:
    """Yield what was counted, each with the days on hold since the stage of its day was entered."""
    entered_on = [agreement_on, *(step.changed_on for step in rows.stages)]
    for row in rows.counts:
        on = row.occurred_on
        entered = max((day for day in entered_on if day < on), default=agreement_on)
        known_on = on if given.as_happened else row.recorded_at.date()
        yield Count(Counted(on, row.milestone, row.value), known_on, rest_days(pauses, entered, on))


def _legs(
    agreement_on: date, stages: Sequence[Row[Any]], pauses: Sequence[Pause], *, given: _Given
) -> Iterator[Leg]:
    """Yield the stages that were left on the way to the award; one that was sent back, or ended there, is none."""
    entered, path = agreement_on, given.program.policy.stage
    for step in stages:
        here = path.get(step.from_stage)
        if here is not None and here.next == step.to_stage:
            rested = rest_days(pauses, entered, step.changed_on)
            yield Leg(step.from_stage, entered, step.changed_on, given.known(step), rested)
        entered = step.changed_on
