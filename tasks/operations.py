"""What an operator does to one case: in one transaction, refused in one sentence, seen by the next sweep."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from models.rules.errors import Refused, nearest
from models.rules.words import EscalationState
from models.schema import ESCALATION, PERSON
from tasks.store.lookups import Speller
from tasks.store.records import enrollment_id_of, touch

LONGEST_WAIT = timedelta(days=366)


class Acknowledgement(NamedTuple):
    """Somebody's word that they are on it, until a day."""

    enrollment: str
    rule: str
    person: str
    until: date


def acknowledge(connection: Connection, given: Acknowledgement, today: date) -> int:
    """Stop what is open of a rule from climbing until a day; after that it climbs on.

    Two empty posts are two escalations of one rule: whoever takes the rule takes both.

    Returns:
        The escalation's id, the first where there are several.

    Raises:
        Refused: the enrollment or the person is unknown, nothing of that rule is open, or the day is not ahead or more
            than a year ahead.
    """
    if given.until <= today:
        raise Refused.one("until", f"{given.until} is not after today, {today}.", "Name a day ahead.")
    if given.until > today + LONGEST_WAIT:
        what = f"{given.until} is more than {LONGEST_WAIT.days} days ahead: nobody would hear of it again."
        raise Refused.one("until", what, f"Name a day until {today + LONGEST_WAIT}; it can be acknowledged again.")
    _require_person(connection, given.person)
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
            acknowledged_until=given.until,
        )
    )
    return int(mine[0])


def _require_person(connection: Connection, code: str) -> None:
    person = PERSON
    if connection.scalar(select(person.c.id).where(person.c.code == code)) is None:
        raise Refused.one("person", f'nobody has the code "{code}".', Speller(connection, person).near(code))
