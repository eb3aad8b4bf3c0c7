"""One enrollment, told: where it stands, its clock, its facts, what was decided and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, select

from models.rules.case import Case, Program
from models.rules.clock import Clocks, Derived, clocks, derived
from models.rules.decide import decide
from models.rules.explain import explain
from models.rules.explaining.view import Sentence
from models.rules.naming import enrollment_code
from models.rules.planning import Outlook, outlook
from models.rules.projection import Planned, planned
from models.rules.words import Language, Status
from models.schema import (
    AGENCY,
    ENROLLMENT,
    ESCALATION,
    MILESTONE,
    NOTICE,
    OF_A_CASE,
    STAGE_CHANGE,
)
from tasks.store.database import reading
from tasks.views.clockwork import Move, moves_of
from tasks.views.past import known_on
from tasks.views.waiting import waits


class Chronicle(NamedTuple):
    """An enrollment's state and history, for people to read; codes of people only."""

    code: str
    agency: str
    region: str
    as_of: date
    case: Case
    dates: Clocks
    derived: Sequence[Derived]
    moves: Sequence[Move]
    program: Program
    risk: str
    next_review_on: date | None
    changes: Sequence[Row[Any]]
    facts: Sequence[Row[Any]]
    notices: Sequence[Row[Any]]
    escalations: Sequence[Row[Any]]
    plan: Outlook
    coming: Sequence[Planned]
    """The days that the rules are planned for, from `as_of` on, the nearest first."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "enrollment": self.code, "agency": self.agency, "region": self.region, "as_of": self.as_of,
            "stage": self.case.stage, "stage_entered_on": self.case.stage_entered_on, "status": self.case.status,
            "risk": self.risk, "next_review_on": self.next_review_on, "clock": self.dates._asdict(),
            "derived": [{**each._asdict(), "rule": each.rule} for each in self.derived],
            "moves": [each._asdict() for each in self.moves],
            "plan": slots_of(self.plan),
            "coming": [each._asdict() for each in self.coming],
            **{
                name: [dict(row._mapping) for row in getattr(self, name)]  # noqa: SLF001 - SQLAlchemy's public name
                for name in ("changes", "facts", "notices", "escalations")
            },
        }


def chronicle(engine: Engine, code: str, as_of: date | None, *, language: Language = Language.EN) -> Chronicle:
    """Tell one enrollment as it was known on a day, today by default; its moves in the words of a language."""
    with reading(engine) as connection:
        key, day, case, program = known_on(connection, code, as_of)
        e, s, m, n, x = ENROLLMENT.c, STAGE_CHANGE.c, MILESTONE.c, NOTICE.c, ESCALATION.c
        row = connection.execute(
            select(e.track, e.cycle, AGENCY.c.code, AGENCY.c.name, AGENCY.c.region)
            .join(AGENCY, AGENCY.c.id == e.agency_id).where(e.id == key)
        ).one()
        then, plan = decide(case, program, day), program.plan(case.track, case.cycle)
        return Chronicle(
            enrollment_code(row.code, row.track, row.cycle), row.name, row.region, day, case,
            clocks(case, plan, day), derived(case, plan, day),
            moves_of(connection, case, program, day=day, language=language), program,
            then.risk, then.next_review_on,
            changes=connection.execute(
                select(s.changed_on, s.decided_on, s.from_stage, s.to_stage, s.status, s.takes_back)
                .where(s.enrollment_id == key, s.decided_on <= day).order_by(s.seq)
            ).all(),
            facts=connection.execute(
                select(m.occurred_on, m.milestone, m.value, m.reference, m.recorded_by, m.voided_at, m.void_reason)
                .where(m.enrollment_id == key, m.occurred_on <= day).order_by(m.occurred_on, m.id)
            ).all(),
            notices=connection.execute(
                select(n.planned_for, n.decided_on, n.rule, n.occurrence, n.post, n.state, n.reason)
                .where(OF_A_CASE, n.subject_id == key, n.decided_on <= day).order_by(n.decided_on, n.id)
            ).all(),
            escalations=connection.execute(
                select(x.opened_on, x.rule, x.occurrence, x.rung, x.state, x.acknowledged_by, x.acknowledged_until,
                       x.closed_on, x.closing)
                .where(x.enrollment_id == key, x.opened_on <= day).order_by(x.opened_on, x.id)
            ).all(),
            plan=outlook(case, program, day),
            coming=_coming(case, program, day) if case.status is Status.OPEN else (),
        )


def _coming(case: Case, program: Program, day: date) -> Sequence[Planned]:
    return sorted((each for each in planned(case, program, day) if each.on >= day), key=lambda each: each.on)


def slots_of(plan: Outlook) -> dict[str, Any]:
    """Return the plan to the conference as plain data: each slot with its last safe days and what missing it costs."""
    slots = []
    for slot in plan.slots:
        slip = plan.slip(slot)
        slots.append({
            "on": slot.on, "name": slot.name, "leave_by": slot.leave_by, "in_window": slot.in_window,
            "in_limit": slot.in_limit, "extension_years": slot.extension_years,
            "slip_to": slip and slip.to, "slip_days": slip and slip.days,
            "slip_cents": slip and slip.price and list(slip.price),
            "steps": {step.step: slot.last_safe(step) for leg in plan.legs for step in leg.steps},
        })
    return {"listed_until": plan.listed_until, "on_course": plan.on_course and plan.on_course.on, "slots": slots}


def explanation(
    engine: Engine, code: str, on: date | None, *, language: Language = Language.EN
) -> list[Sentence]:
    """Say what the rules make of an enrollment on a day, with what was known then."""
    with reading(engine) as connection:
        _, day, case, program = known_on(connection, code, on)
        held = waits(connection, case.id, day, policy=program.policy, language=language)
    return [*explain(case, program, day, language=language), *held]
