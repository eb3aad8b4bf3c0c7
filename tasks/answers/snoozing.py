"""Putting a rule off: whoever holds a post does not want to hear of it before a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select, update

from models.rules.errors import Refused, nearest
from models.rules.policy import Policy
from models.rules.words import Post
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, PERSON, SNOOZE
from tasks.answers.people import person_id_of
from tasks.store.programs import program_in_force
from tasks.store.records import add_rows, enrollment_id_of, touch


class Snoozing(NamedTuple):
    """Somebody's wish not to hear of a rule about an enrollment until the end of a day, and the reason's code."""

    enrollment: str
    rule: str
    person: str
    until: date
    reason: str


def snooze(connection: Connection, given: Snoozing, today: date) -> int:
    """Put a rule off in every post of the case that the person holds and that the rule is addressed to.

    What comes due meanwhile is held back, and told after the day if it still holds. The last rung of an escalation is
    told all the same.

    Returns:
        In how many posts.

    Raises:
        Refused: a code is unknown, the day is not ahead or beyond the policy's cap, or the person holds no such post.
    """
    policy = program_in_force(connection).policy
    check_reason(policy, given.reason)
    check_end(given.until, today, policy.answers.snooze_days)
    person_id = person_id_of(connection, given.person)
    enrollment_id = enrollment_id_of(connection, given.enrollment)
    addressed = _addressed(policy, given.rule)
    # Before the seats are read: a sweep that holds the case must be done with it.
    touch(connection, [enrollment_id], today)
    seats = [seat for seat in seats_of(connection, (person_id, enrollment_id), today) if seat.post in addressed]
    if not seats:
        what = f'holds no post of {given.enrollment} that "{given.rule}" is addressed to.'
        raise Refused.one(given.person, what, f"It goes to: {', '.join(sorted(addressed))}.")
    wish = {"enrollment_id": enrollment_id, "rule": given.rule, "since": today, "until": given.until}
    wish |= {"reason": given.reason, "actor": given.person}
    add_rows(connection, SNOOZE, [wish | {"assignment_id": seat.id} for seat in seats])
    return len(seats)


class Ending(NamedTuple):
    """That a rule about an enrollment is to speak to somebody again who had put it off: who says so, and why."""

    enrollment: str
    rule: str
    person: str
    by: str
    why: str


def end_snooze(connection: Connection, given: Ending, today: date) -> int:
    """End what somebody put off: from today on the rule speaks to them again, of what still holds.

    It stays on record with who ended it and why. What was put off today never held; of an earlier day the days until
    yesterday did.

    Returns:
        In how many posts.

    Raises:
        Refused: a code is unknown, no reason is given, or nothing is put off.
    """
    enrollment, rule, person, why = given.enrollment, given.rule, given.person, " ".join(given.why.split())
    if not why:
        raise Refused.one("why", "is empty.", "Say in a few words why the snooze ends early.")
    person_id, enrollment_id = person_id_of(connection, person), enrollment_id_of(connection, enrollment)
    _addressed(program_in_force(connection).policy, rule)
    # Before the snoozes are read: a sweep that holds the case must be done with it.
    touch(connection, [enrollment_id], today)
    z = SNOOZE.c
    seats = select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.person_id == person_id)
    mine = (
        z.enrollment_id == enrollment_id, z.rule == rule, z.until >= today, z.ended_on.is_(None),
        z.assignment_id.in_(seats),
    )
    ended = set(connection.scalars(select(z.assignment_id).where(*mine)))
    if not ended:
        what = f'has not put "{rule}" of {enrollment} off.'
        raise Refused.one(person, what, f"`acredita why {enrollment}` tells what is put off, by whom.")
    ending = {"ended_on": today, "ended_by": given.by, "ended_why": why}
    held, shortened = z.since < today, {"until": today - timedelta(days=1)}
    connection.execute(update(SNOOZE).where(*mine, ~held).values(**ending))
    connection.execute(update(SNOOZE).where(*mine, held).values(**ending, **shortened))
    return len(ended)


def check_reason(policy: Policy, code: str) -> None:
    """Refuse a reason that the policy does not offer."""
    reasons = policy.answers.reasons
    if not reasons:
        raise Refused.one("reason", "the policy offers none.", "Name some of the program's [reasons] in its [answers].")
    if code not in reasons:
        raise Refused.one("reason", f'"{code}" is none that the policy offers.', nearest(code, reasons))


def check_end(until: date, today: date, longest: int) -> None:
    """Refuse an end that is not ahead, or further ahead than the policy allows."""
    if until <= today:
        raise Refused.one("until", f"{until} is not after today, {today}.", "Name a day ahead.")
    last = today + timedelta(days=longest)
    if until > last:
        what = f"{until} is more than {longest} days ahead: nobody would hear of it for too long."
        raise Refused.one("until", what, f"Name a day until {last}; it can be said again.")


def _addressed(policy: Policy, rule: str) -> set[Post]:
    reminders = {each.rule: set(each.to) for each in (*policy.reminders, *policy.duties)}
    ladders = {each.rule: {post for rung in each.ladder for post in rung.to} for each in policy.escalations}
    found = (reminders | ladders).get(rule)
    if found is None:
        raise Refused.one("rule", f'"{rule}" is no rule of the policy.', nearest(rule, reminders | ladders))
    return found


def seats_of(connection: Connection, given: tuple[int, int], day: date) -> Sequence[Row[Any]]:
    """Return a person's seats on an enrollment on a day: its own, its agency's, its region's and the program's."""
    person_id, enrollment_id = given
    a = ASSIGNMENT.c
    place = connection.execute(
        select(AGENCY.c.id, AGENCY.c.region).join(ENROLLMENT, ENROLLMENT.c.agency_id == AGENCY.c.id)
        .where(ENROLLMENT.c.id == enrollment_id)
    ).one()
    wide = a.enrollment_id.is_(None) & a.agency_id.is_(None) & (a.region.is_(None) | (a.region == place.region))
    return connection.execute(
        select(a.id, a.post, a.since, a.until, a.enrollment_id, a.agency_id, a.region)
        .join(PERSON, PERSON.c.id == a.person_id)
        .where(
            a.person_id == person_id, a.since <= day, or_(a.until.is_(None), a.until >= day),
            or_(a.enrollment_id == enrollment_id, a.agency_id == place.id, wide),
        )
        .order_by(a.id)
    ).all()
