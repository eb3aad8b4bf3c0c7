"""What an operator does to one case: in one transaction, refused in one sentence, seen by the next sweep."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from models.rules.errors import Refused, nearest
from models.rules.words import EscalationState
from models.schema import ENROLLMENT, ESCALATION, PERSON
from tasks.lookups import Speller
from tasks.records import enrollment_id_of


class Acknowledgement(NamedTuple):
    """Somebody's word that they are on it, until a day."""

    enrollment: str
    rule: str
    person: str
    until: date


def acknowledge(connection: Connection, given: Acknowledgement, today: date) -> int:
    """Stop an enrollment's open escalation from climbing until a day; after that it climbs on.

    Returns:
        The escalation's id.

    Raises:
        Refused: the enrollment or the person is unknown, nothing of that rule is open, or the day is not ahead.
    """
    if given.until <= today:
        raise Refused.one("until", f"{given.until} is not after today, {today}.", "Name a day ahead.")
    _require_person(connection, given.person)
    enrollment_id = enrollment_id_of(connection, given.enrollment)
    x = ESCALATION.c
    standing = connection.execute(
        select(x.id, x.rule).where(x.enrollment_id == enrollment_id, x.state != EscalationState.CLOSED).order_by(x.id)
    ).all()
    mine = next((row.id for row in standing if row.rule == given.rule), None)
    if mine is None:
        remedy = nearest(given.rule, {row.rule for row in standing}) if standing else "No escalation of it is open."
        raise Refused.one("rule", f'{given.enrollment} has no open escalation "{given.rule}".', remedy)
    connection.execute(
        update(ESCALATION)
        .where(x.id == mine)
        .values(
            state=EscalationState.ACKNOWLEDGED, acknowledged_by=given.person, acknowledged_on=today,
            acknowledged_until=given.until,
        )
    )
    connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == enrollment_id).values(next_review_on=today))
    return int(mine)


def _require_person(connection: Connection, code: str) -> None:
    person = PERSON
    if connection.scalar(select(person.c.id).where(person.c.code == code)) is None:
        raise Refused.one("person", f'nobody has the code "{code}".', Speller(connection, person).near(code))
