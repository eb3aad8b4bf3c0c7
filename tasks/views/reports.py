"""What people look at: the portfolio, a day's changes, one enrollment. Totals and codes; names of people stay out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Table, case, func, literal, select

from models.rules.case import Program
from models.rules.naming import enrollment_code
from models.rules.words import TAKEN, UNSETTLED, Cycle, EscalationState, Language, NoticeState, Risk, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, ESCALATION, INCIDENT, INSTALLATION, NOTICE, STAGE_CHANGE, SWEEP

RISKS = (Risk.ON_TRACK, Risk.AT_RISK, Risk.OVERDUE)
ROWS_SHOWN = 500


class Portfolio(NamedTuple):
    """The open enrollments of one kind of cycle by stage and risk, and the ends by status."""

    stages: list[tuple[str, dict[Risk, int]]]
    ended: dict[Status, int]

    @property
    def open(self) -> int:
        """How many enrollments are open."""
        return sum(sum(risks.values()) for _, risks in self.stages)

    def at(self, risk: Risk) -> int:
        """How many open enrollments stand at a risk."""
        return sum(risks.get(risk, 0) for _, risks in self.stages)


def portfolio(connection: Connection, program: Program, cycle: Cycle = Cycle.INITIAL) -> Portfolio:
    """Count the enrollments of a kind of cycle by stage and risk, the stages in the order of its lifecycle.

    An accredited agency in its next cycle is not on its way to an award: the two are counted apart.
    """
    e = ENROLLMENT.c
    initial = cycle is Cycle.INITIAL
    rows = connection.execute(
        select(e.status, e.stage, e.risk, func.count())
        .where(e.cycle == 1 if initial else e.cycle > 1)
        .group_by(e.status, e.stage, e.risk)
    ).all()
    path = program.policy.path if initial else program.policy.later_path
    stages: dict[str, dict[Risk, int]] = {stage.code: {} for stage in path if stage.next is not None}
    ended: dict[Status, int] = {}
    for status, stage, risk, count in rows:
        if status is Status.OPEN:
            stages.setdefault(stage, {})[risk] = count
        else:
            ended[status] = ended.get(status, 0) + count
    return Portfolio(list(stages.items()), ended)


class Today(NamedTuple):
    """Where this installation stands, in numbers: `open` those on their way, `accredited` those in a later cycle."""

    program: str
    is_demo: bool
    live_from: date | None
    last_swept_on: date | None
    open: int
    accredited: int
    due: int
    at_risk: int
    overdue: int
    escalations: int
    notices_pending: int
    emails_sent: int
    emails_unsettled: int
    incidents: int


def status(connection: Connection, program: Program, today: date) -> Today:
    """Count what an operator asks first."""
    here = connection.execute(
        select(INSTALLATION.c.is_demo, INSTALLATION.c.live_from, INSTALLATION.c.last_swept_on)
    ).one()
    now, later = portfolio(connection, program), portfolio(connection, program, Cycle.REACCREDITATION)
    email = EMAIL.c
    return Today(
        program=program.policy.code, is_demo=here.is_demo, live_from=here.live_from, last_swept_on=here.last_swept_on,
        open=now.open, accredited=later.open, due=_count(connection, ENROLLMENT, ENROLLMENT.c.next_review_on <= today),
        at_risk=now.at(Risk.AT_RISK) + later.at(Risk.AT_RISK),
        overdue=now.at(Risk.OVERDUE) + later.at(Risk.OVERDUE),
        escalations=_count(connection, ESCALATION, ESCALATION.c.state != EscalationState.CLOSED),
        notices_pending=_count(connection, NOTICE, NOTICE.c.state == NoticeState.PENDING),
        emails_sent=_count(connection, EMAIL, email.state.in_(TAKEN)),
        emails_unsettled=_count(connection, EMAIL, email.state.in_(UNSETTLED)),
        incidents=_count(connection, INCIDENT, literal(value=True)),
    )


def _count(connection: Connection, target: Table, condition: Any) -> int:
    return connection.scalar(select(func.count()).select_from(target).where(condition)) or 0


class ChangeRow(NamedTuple):
    """One thing that a day's sweep changed."""

    enrollment: str
    what: str
    detail: str


def changes(connection: Connection, program: Program, day: date) -> list[ChangeRow]:
    """List what was decided on a day: stages left, escalations opened and closed, notices to go out."""
    name = {stage.code: stage.name.text(Language.EN) for stage in program.policy.stages}
    s, x, n = STAGE_CHANGE.c, ESCALATION.c, NOTICE.c

    def rows(owner: Any, condition: Any, *columns: Any) -> Sequence[Row[Any]]:
        return connection.execute(_with_code(owner, condition, columns)).all()

    going_out = (n.decided_on == day) & n.state.in_([NoticeState.PENDING, NoticeState.CLAIMED, NoticeState.SENT])
    steps = rows(s.enrollment_id, s.decided_on == day, s.from_stage, s.to_stage, s.status, s.changed_on)
    return [
        *(_step(row, name) for row in steps),
        *(
            ChangeRow(_code(row), "escalation opened", f"{row.rule}, rung {row.rung}")
            for row in rows(x.enrollment_id, x.opened_on == day, x.rule, x.rung)
        ),
        *(
            ChangeRow(_code(row), "escalation closed", f"{row.rule}: {row.closing}")
            for row in rows(x.enrollment_id, x.closed_on == day, x.rule, x.closing)
        ),
        *(
            ChangeRow(_code(row), "notice", f"{row.rule} ({row.occurrence}) to {row.post}")
            for row in rows(n.subject_id, going_out, n.rule, n.post, n.occurrence)
        ),
    ]


def _step(row: Row[Any], name: dict[str, str]) -> ChangeRow:
    match row.status:
        case Status.OPEN:
            what, to = "advanced", name.get(row.to_stage, row.to_stage)
        case Status.AWARDED:
            what, to = "award", name.get(row.to_stage, row.to_stage)
        case _:
            what, to = "ended", row.status
    return ChangeRow(_code(row), what, f"{name.get(row.from_stage, row.from_stage)} → {to}, {row.changed_on}")


def _with_code(owner: Any, condition: Any, columns: Sequence[Any]) -> Select[Any]:
    return (
        select(AGENCY.c.code, ENROLLMENT.c.track, ENROLLMENT.c.cycle, *columns)
        .select_from(owner.table)
        .join(ENROLLMENT, ENROLLMENT.c.id == owner)
        .join(AGENCY, AGENCY.c.id == ENROLLMENT.c.agency_id)
        .where(condition)
        .order_by(AGENCY.c.code, owner.table.c.id)
        .limit(ROWS_SHOWN)
    )


def _code(row: Row[Any]) -> str:
    return enrollment_code(row.code, row.track, row.cycle)


def most_at_risk(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """List the open enrollments that need attention, overdue ones first, the longest in their stage first."""
    e = ENROLLMENT.c
    return connection.execute(
        select(AGENCY.c.code, AGENCY.c.region, e.track, e.cycle, e.stage, e.stage_entered_on, e.risk, e.agreement_on)
        .join(AGENCY, AGENCY.c.id == e.agency_id)
        .where(e.status == Status.OPEN, e.risk.in_([Risk.OVERDUE, Risk.AT_RISK]))
        .order_by(case((e.risk == Risk.OVERDUE, 0), else_=1), e.stage_entered_on)
        .limit(limit)
    ).all()


def last_sweeps(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """List the last sweeps, the newest first."""
    sweep = SWEEP
    return connection.execute(select(sweep).order_by(sweep.c.id.desc()).limit(limit)).all()
