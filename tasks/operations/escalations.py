"""What an operator does to an escalation: in one transaction, refused in one sentence, seen by the next sweep."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from models.rules.errors import Refused, nearest
from models.rules.words import EscalationState
from models.schema import ESCALATION
from tasks.answers.people import person_id_of
from tasks.answers.snoozing import check_end, check_reason
from tasks.store.programs import program_in_force
from tasks.store.records import enrollment_id_of, touch


class Acknowledgement(NamedTuple):
    """Somebody's word that they are on it, until a day."""

    enrollment: str
    rule: str
    person: str
    until: date
    reason: str
    """A code of the program's policy."""


def acknowledge(connection: Connection, given: Acknowledgement, today: date) -> int:
    """Stop what is open of a rule from climbing until a day; after that it climbs on.

    Two empty posts are two escalations of one rule: whoever takes the rule takes both.

    Returns:
        The escalation's id, the first where there are several.

    Raises:
        Refused: the enrollment, the person or the reason is unknown, nothing of that rule is open, or the day is not
            ahead or beyond the policy's cap.
    """
    policy = program_in_force(connection).policy
    check_reason(policy, given.reason)
    check_end(given.until, today, policy.answers.acknowledge_days)
    person_id_of(connection, given.person)
    enrollment_id = enrollment_id_of(connection, given.enrollment)
    # Before anything is read: a sweep that holds the case must be done with it, or it would undo this unseen.
    touch(connection, [enrollment_id], today)
    x = ESCALATION.c
    standing = connection.execute(
        select(x.id, x.rule).where(x.enrollment_id == enrollment_id, x.state != EscalationState.CLOSED).order_by(x.id)
    ).all()
    mine = [row.id for row in standing if row.rule == given.rule]
    if not mine:
        remedy = nearest(given.rule, {row.rule for row in standing}) if standing else "No escalation of it is open."
        raise Refused.one("rule", f'{given.enrollment} has no open escalation "{given.rule}".', remedy)
    connection.execute(
        update(ESCALATION)
        .where(x.id.in_(mine))
        .values(
            state=EscalationState.ACKNOWLEDGED, acknowledged_by=given.person, acknowledged_on=today,
            acknowledged_until=given.until, acknowledged_reason=given.reason,
        )
    )
    return int(mine[0])

