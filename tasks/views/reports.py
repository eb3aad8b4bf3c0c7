"""What people look at: the portfolio, a day's changes, one enrollment. Totals and codes; names of people stay out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple, assert_never

from sqlalchemy import Connection, Table, func, literal, select

from models.rules.case import Program
from models.rules.naming import enrollment_code
from models.rules.words import TAKEN, UNSETTLED, Cycle, EscalationState, Language, NoticeState, Risk, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, ESCALATION, INCIDENT, INSTALLATION, NOTICE
from tasks.journal import Move, Named, What
from tasks.store.cases import IDS
from tasks.store.lookups import chunks

RISKS = (Risk.ON_TRACK, Risk.AT_RISK, Risk.OVERDUE)


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
        .group_by(e.status, e.risk, e.stage)  # in the order of the index: counted while it is read
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
    """One thing that a sweep changed."""

    enrollment: str
    what: str
    detail: str


def names_of(connection: Connection, case_ids: Collection[int]) -> dict[int, Named]:
    """Return the codes of enrollments by id."""
    query = (
        select(ENROLLMENT.c.id, ENROLLMENT.c.track, ENROLLMENT.c.cycle, AGENCY.c.code, AGENCY.c.region)
        .join(AGENCY, AGENCY.c.id == ENROLLMENT.c.agency_id)
        .where(ENROLLMENT.c.id.in_(IDS))
    )
    return {
        row.id: Named(enrollment_code(row.code, row.track, row.cycle), row.code, row.region)
        for some in chunks(case_ids) for row in connection.execute(query, {"ids": some})
    }


def change_row(named: Named, move: Move, program: Program) -> ChangeRow:
    """Put a move into a row that people read."""
    name = {stage.code: stage.name.text(Language.EN) for stage in program.policy.stages}
    facts = move.facts
    match move.what:
        case What.ADVANCED | What.RETURNED | What.AWARDED | What.ENDED:
            to = facts["status"] if move.what is What.ENDED else name.get(facts["to"], facts["to"])
            detail = f"{name.get(facts['from'], facts['from'])} → {to}, {facts['on']}"
        case What.OPENED | What.CLIMBED:
            detail = f"{facts['rule']}, rung {facts['rung']}"
        case What.CLOSED:
            detail = f"{facts['rule']}: {facts['reason'].replace('_', ' ')}"
        case What.EMPTY:
            detail = f"{facts['rule']}, rung {facts['rung']}: nobody is {facts['posts']}"
        case What.TOLD:
            detail = f"{facts['rule']} ({facts['occurrence']}) to {facts['post']}"
        case _:
            assert_never(move.what)
    return ChangeRow(named.code, _WHAT[move.what], detail)


_WHAT = {
    What.ADVANCED: "advanced", What.RETURNED: "sent back", What.AWARDED: "award", What.ENDED: "ended",
    What.OPENED: "escalation opened", What.CLIMBED: "escalation moved", What.CLOSED: "escalation closed",
    What.EMPTY: "empty rung skipped", What.TOLD: "notice",
}
