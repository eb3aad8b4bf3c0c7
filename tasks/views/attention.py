"""The open enrollments that ask for attention, each with what can still be done: the next conference, and by when."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from models.rules.case import Case, Program
from models.rules.naming import awaited, enrollment_code
from models.rules.planning import outlook
from models.rules.words import Language, Risk, Status
from models.schema import AGENCY, ENROLLMENT
from tasks.store.cases import named_cases

SHOWN = 15
_E = ENROLLMENT.c
_WORST = (
    select(_E.id, AGENCY.c.code, AGENCY.c.region, _E.risk)
    .join(AGENCY, AGENCY.c.id == _E.agency_id)
    .where(_E.status == Status.OPEN, _E.risk == bindparam("risk"))
    .order_by(_E.stage_entered_on, _E.id)
    .limit(bindparam("limit"))
)


class Wanting(NamedTuple):
    """A case that asks for attention. `conference` is the next that can still be met, `miss` what it costs to miss it.

    `last_safe` is the last safe day of the step that comes first, with the step.
    """

    code: str
    region: str
    stage: str
    stage_entered_on: date
    risk: Risk
    conference: str
    last_safe: str
    miss: str


def most_at_risk(connection: Connection, program: Program, *, today: date, limit: int = SHOWN) -> list[Wanting]:
    """List the open enrollments that need attention, overdue ones first, the longest in their stage first.

    Only as many are read and planned as the list is long.
    """
    rows = [
        row for risk in (Risk.OVERDUE, Risk.AT_RISK)
        for row in connection.execute(_WORST, {"risk": risk, "limit": limit}).all()
    ][:limit]
    cases = {case.id: case for case in named_cases(connection, [row.id for row in rows])} if rows else {}
    found = []
    for row in rows:
        case = cases[row.id]
        code = enrollment_code(row.code, case.track, case.cycle)
        plan = _planned(case, program, today)
        found.append(Wanting(code, row.region, case.stage, case.stage_entered_on, row.risk, *plan))
    return found


def _planned(case: Case, program: Program, today: date) -> tuple[str, str, str]:
    plan = outlook(case, program, today)
    slot = plan.nearest
    if slot is None:
        return (f"none of those listed until {plan.listed_until}" if plan.listed_until else "·"), "·", "·"
    first = next(iter(plan.legs[0].steps), None)
    last_safe = f"{slot.leave_by}"
    if first is not None:
        day = slot.last_safe(first)
        last_safe = f"{day}{' (passed)' if day < today else ''}, {awaited(program.policy, first.step, Language.EN)}"
    return f"{slot.on}", last_safe, plan.cost_of_missing(slot, program.policy.currency)
