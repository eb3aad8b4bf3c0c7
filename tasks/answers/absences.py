"""Who is away, until when, and who stands in for them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select, update

from models.rules.errors import Refused
from models.rules.standing_in import stand_in
from models.schema import ABSENCE, PERSON
from tasks.answers.people import person_id_of
from tasks.store.cases import IDS
from tasks.store.records import add_rows

LONGEST_ABSENCE = timedelta(days=366)
_B, _P = ABSENCE.c, PERSON.c
_DEPUTIES = select(_P.id, _P.deputy_id).where(_P.id.in_(IDS), _P.deputy_id.is_not(None))
_PEOPLE = select(
    _P.id, _P.given_names, _P.surname, _P.second_surname, _P.email, _P.language, _P.time_zone, _P.undeliverable_since,
    _P.code.label("person_code"),
).where(_P.id.in_(IDS))


class Absence(NamedTuple):
    """Somebody who is away from a day to a day, both included."""

    person: str
    since: date
    until: date


def note_absence(connection: Connection, given: Absence, today: date) -> None:
    """Let whoever stands in for a person get their mail while they are away.

    Raises:
        Refused: the person is unknown or has no deputy, or the days are over, turned round or more than a year.
    """
    person_id = person_id_of(connection, given.person)
    if not max(today, given.since) <= given.until <= given.since + LONGEST_ABSENCE:
        what = f"{given.until} is not between {max(today, given.since)} and a year after {given.since}."
        raise Refused.one("until", what, "Correct the days.")
    if connection.scalar(select(_P.deputy_id).where(_P.id == person_id)) is None:
        what = "has no deputy: their mail would have nobody to go to."
        raise Refused.one(given.person, what, "Import the person with one, or hand their posts over.")
    add_rows(connection, ABSENCE, [{"person_id": person_id, "since": given.since, "until": given.until}])


def end_absence(connection: Connection, person: str, today: date) -> int:
    """Let a person get their mail themselves again from today on; return how many absences that ended.

    An absence that has not begun yet never will. What somebody answered in their place meanwhile stands.

    Raises:
        Refused: the person is unknown, or neither away nor about to be.
    """
    mine = (_B.person_id == person_id_of(connection, person), _B.until >= today)
    dropped = connection.execute(delete(ABSENCE).where(*mine, _B.since >= today)).rowcount
    ended = connection.execute(update(ABSENCE).where(*mine).values(until=today - timedelta(days=1))).rowcount
    if not dropped + ended:
        raise Refused.one(person, "is not away, and no absence is planned.", "There is nothing to end.")
    return dropped + ended


def away_on(connection: Connection, day: date) -> set[int]:
    """Return who is away on a day."""
    # By the end of an absence: those that are over, which add up, are not walked through.
    return set(connection.scalars(select(_B.person_id).where(_B.until >= day, _B.since <= day)))


def stand_ins(connection: Connection, people: Collection[int], today: date) -> dict[int, Row[Any]]:
    """Return who stands in today for those of these people who are away; whoever has nobody there is left out."""
    away = away_on(connection, today)
    missing = away.intersection(people)
    if not missing:
        return {}
    deputies: dict[int, int] = {}
    ask = missing
    while ask:
        found = {row.id: row.deputy_id for row in connection.execute(_DEPUTIES, {"ids": sorted(ask)})}
        deputies |= found
        ask = {each for each in found.values() if each in away} - deputies.keys()
    by_person = {each: stand_in(each, deputies, away) for each in missing}
    wanted = sorted({each for each in by_person.values() if each is not None})
    rows = {row.id: row for row in connection.execute(_PEOPLE, {"ids": wanted})}
    there = {each: rows[other] for each, other in by_person.items() if other is not None}
    return {each: row for each, row in there.items() if row.undeliverable_since is None}
