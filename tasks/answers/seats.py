"""Posts that pass from one person to another: whoever is in them, from which day on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple, assert_never

from sqlalchemy import Connection, Row, select

from models.rules.errors import Refused, nearest
from models.rules.policy import Policy
from models.rules.words import SCOPE_OF, Post, Scope
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT
from tasks.answers.people import person_id_of
from tasks.store.lookups import ids_by_code
from tasks.store.programs import program_in_force
from tasks.store.records import NewSeat, change_rows, close_seats, enrollment_id_of, open_seats, touch

ONE_DAY = timedelta(days=1)
LONGEST_AHEAD = timedelta(days=366)


class HandOver(NamedTuple):
    """A post that `to` holds from a day on; `to` None: nobody does.

    `place` is the enrollment whose post it is (any of the agency's for an agency's post), or the region; empty for the
    program's own posts.
    """

    place: str
    post: Post
    to: str | None
    since: date


class Owner(NamedTuple):
    """Whose post it is; all None: the program's."""

    enrollment_id: int | None = None
    agency_id: int | None = None
    region: str | None = None


def hand_over(connection: Connection, given: HandOver, today: date) -> None:
    """End a post's holder the day before, and put the successor in; what is pending for the post goes to them.

    Raises:
        Refused: a place or a person is unknown, the successor is in the post already, nobody is in it to leave it, or
            the day lies before the holder's first or more than a year ahead.
    """
    owner = _owner(connection, given)
    to = None if given.to is None else person_id_of(connection, given.to)
    _touch(connection, owner, today)
    holder = _holder(connection, owner, given)
    if holder is not None:
        _pass_on(connection, holder, (to, given.since, today))
    elif to is None:
        what = f"nobody is {given.post.value.replace('_', ' ')} on {given.since}."
        raise Refused.one(given.place or "program", what, "Nothing needs to be done.")
    else:
        _check_ahead(given.since, today)
        open_seats(connection, [NewSeat(to, given.post, given.since, None, *owner)])


class Leaving(NamedTuple):
    """A seat that somebody leaves: the last day in it, and the code of the successor, if there is one."""

    seat_id: int
    last_day: date
    successor: str | None = None


def leave(connection: Connection, given: Leaving, today: date) -> None:
    """End one seat after its last day, with a successor or without.

    Raises:
        Refused: it has ended by then already, or what `hand_over` refuses.
    """
    seat = connection.execute(select(ASSIGNMENT).where(ASSIGNMENT.c.id == given.seat_id)).one()
    to = None if given.successor is None else person_id_of(connection, given.successor)
    _touch(connection, Owner(seat.enrollment_id, seat.agency_id, seat.region), today)
    if seat.until is not None and seat.until <= given.last_day:
        raise Refused.one("post", f"it was left on {seat.until} already.", "Refuse the proposal.")
    _pass_on(connection, seat, (to, given.last_day + ONE_DAY, today))


def _pass_on(connection: Connection, seat: Row[Any], given: tuple[int | None, date, date]) -> None:
    to, since, today = given
    _check_ahead(since, today)
    if seat.person_id == to:
        raise Refused.one("to", "is in the post already.", "Nothing needs to be done.")
    if seat.since < since:
        close_seats(connection, {seat.id: since - ONE_DAY})
        if to is not None:
            successor = NewSeat(to, seat.post, since, None, seat.enrollment_id, seat.agency_id, seat.region)
            open_seats(connection, [successor])
    elif to is not None and seat.since == since:
        # Nobody held it for a day: the seat is corrected where it stands.
        change_rows(connection, ASSIGNMENT, {seat.id: {"person_id": to}})
    else:
        remedy = f"Name a day from {seat.since + ONE_DAY} on."
        raise Refused.one("since", f"the post is held since {seat.since}, not before {since}.", remedy)


def _check_ahead(since: date, today: date) -> None:
    if since > today + LONGEST_AHEAD:
        remedy = f"Name a day until {today + LONGEST_AHEAD}."
        raise Refused.one("since", f"{since} is more than a year ahead.", remedy)


def _owner(connection: Connection, given: HandOver) -> Owner:
    scope = SCOPE_OF[given.post]
    match scope:
        case Scope.ENROLLMENT:
            return Owner(enrollment_id=enrollment_id_of(connection, given.place))
        case Scope.AGENCY:
            return Owner(agency_id=_agency_id(connection, given.place))
        case Scope.REGION:
            return Owner(region=_region(program_in_force(connection).policy, given.place))
        case Scope.PROGRAM:
            return Owner()
        case _:
            assert_never(scope)


def _touch(connection: Connection, owner: Owner, today: date) -> None:
    """Make due whatever hears of the post, before its seats are read: a sweep that holds a case must be done."""
    e = ENROLLMENT.c
    told = select(e.id).join(AGENCY, AGENCY.c.id == e.agency_id)
    for column, value in zip((e.id, e.agency_id, AGENCY.c.region), owner, strict=True):
        told = told if value is None else told.where(column == value)
    touch(connection, connection.scalars(told).all(), today)


def _agency_id(connection: Connection, code: str) -> int:
    found = ids_by_code(connection, AGENCY, [code])
    if code in found:
        return found[code]
    e = ENROLLMENT.c
    of_enrollment = select(e.agency_id).where(e.id == enrollment_id_of(connection, code))
    return int(connection.execute(of_enrollment).scalar_one())


def _region(policy: Policy, code: str) -> str:
    known = {region.code for region in policy.regions}
    if code not in known:
        raise Refused.one("region", f'"{code}" is none.', nearest(code, known))
    return code


def _holder(connection: Connection, owner: Owner, given: HandOver) -> Row[Any] | None:
    """Return the seat of whoever is in the post on the day, or last came into it later."""
    a = ASSIGNMENT.c
    of = [
        column.is_(None) if value is None else column == value
        for column, value in zip((a.enrollment_id, a.agency_id, a.region), owner, strict=True)
    ]
    return connection.execute(
        select(ASSIGNMENT)
        .where(a.post == given.post, *of, a.until.is_(None) | (a.until >= given.since))
        .order_by(a.since.desc(), a.id.desc()).limit(1)
    ).first()
