"""An enrollment that ends without an award: what that stops, and the fact that ends it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from models.rules.errors import Refused
from models.rules.words import EscalationState, NoticeState, Status, Subject
from models.schema import ENROLLMENT, ESCALATION, NOTICE
from tasks.store.programs import program_in_force
from tasks.store.records import NewFact, enrollment_id_of, record_facts


class EndingKind(StrEnum):
    """Why a case ends without an award."""

    WITHDRAWN = "withdrawn"
    REMOVED = "removed"
    LAPSED = "lapsed"


class Ending(NamedTuple):
    """An end as an operator states it."""

    enrollment: str
    kind: EndingKind
    on: date
    reference: str = ""
    recorded_by: str = "operator"


class Stopped(NamedTuple):
    """What an end would stop."""

    stage: str
    escalations: int
    notices: int

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"It stands in {self.stage}. {self.escalations} open escalations would close and {self.notices} pending "
            "notices would be cancelled; no reminder of it goes out any more."
        )


def consequences(connection: Connection, enrollment: str) -> Stopped:
    """Say what the end of a case would stop.

    Raises:
        Refused: the enrollment is unknown or has ended already.
    """
    key = enrollment_id_of(connection, enrollment)
    n, x = NOTICE.c, ESCALATION.c
    policy = program_in_force(connection).policy
    row = connection.execute(select(ENROLLMENT.c.stage, ENROLLMENT.c.status).where(ENROLLMENT.c.id == key)).one()
    if row.status is not Status.OPEN:
        what = f"{enrollment} is {row.status} already."
        raise Refused.one("enrollment", what, "Void the fact that ended it, if that was wrong.")
    pending = (n.subject_id == key) & (n.subject_kind == Subject.ENROLLMENT) & (n.state == NoticeState.PENDING)
    standing = (x.enrollment_id == key) & (x.state != EscalationState.CLOSED)
    return Stopped(
        policy.stage[row.stage].name.en if row.stage in policy.stage else row.stage,
        connection.scalar(select(func.count()).select_from(ESCALATION).where(standing)) or 0,
        connection.scalar(select(func.count()).select_from(NOTICE).where(pending)) or 0,
    )


def end_case(connection: Connection, ending: Ending, today: date) -> None:
    """Record the fact that ends a case; the next sweep ends it.

    Raises:
        Refused: the program knows no such end, the enrollment is unknown or has ended, or the day cannot be.
    """
    endings = program_in_force(connection).policy.endings
    milestone = endings.get(Status(ending.kind))
    if milestone is None:
        raise Refused.one("ending", f'the program has no "{ending.kind}".', f"It has: {', '.join(sorted(endings))}.")
    consequences(connection, ending.enrollment)
    fact = NewFact(
        ending.enrollment, milestone, ending.on, reference=ending.reference, recorded_by=ending.recorded_by
    )
    record_facts(connection, [fact], today)
