"""Whom a notice reaches today: whoever holds its post, the next contact, or whoever stands in for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, or_, select

from models.rules.case import Program
from models.rules.words import NEXT_CONTACTS, SCOPE_OF, EmailKind, Post, Scope
from models.schema import ASSIGNMENT, PERSON
from tasks.mail.letters.parcels import Gathered
from tasks.store.cases import IDS, WIDE

_A = ASSIGNMENT.c
_HOLDERS = (
    select(
        _A.id.label("seat"), _A.post, _A.enrollment_id, _A.agency_id, _A.region, _A.since,
        PERSON.c.id, PERSON.c.given_names, PERSON.c.surname, PERSON.c.second_surname, PERSON.c.email, PERSON.c.language,
        PERSON.c.time_zone, PERSON.c.undeliverable_since, PERSON.c.code.label("person_code"),
    )
    .join(PERSON, PERSON.c.id == _A.person_id)
    .where(
        _A.since <= bindparam("today"),
        or_(_A.until.is_(None), _A.until >= bindparam("today")),
    )
    .order_by(_A.since, _A.id)
)
# Three queries and not one with OR: each is served by an index of its own.
_OF_ENROLLMENTS, _OF_AGENCIES = _HOLDERS.where(_A.enrollment_id.in_(IDS)), _HOLDERS.where(_A.agency_id.in_(IDS))
_OF_REST = _HOLDERS.where(WIDE)

Place = tuple[Post, int | str | None]


class Seated(NamedTuple):
    """The seat by which somebody gets a notice, who holds it, and whether it is the reader's and the notice's own."""

    seat: int
    holder: Row[Any]
    own: bool


Groups = dict[tuple[Row[Any], EmailKind], list[Row[Any]]]


class Reach(NamedTuple):
    """Who holds which post and who stands in for whom; where to note who cannot be reached, and who is by which seat.

    A person who is away and has nobody to stand in is written to themselves: mail waits where they will find it.
    """

    holders: Mapping[Place, Row[Any]]
    stand_ins: Mapping[int, Row[Any]]
    gathered: Gathered
    seats: dict[int, Seated]


def grouped(program: Program, rows: Sequence[Row[Any]], reach: Reach) -> Groups:
    """Put notices together by person and kind of email, and note the seat by which each reaches its reader."""
    people: dict[int, Row[Any]] = {}
    groups: dict[tuple[int, EmailKind], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        holder = _reached(row, reach.holders)
        if holder is None:
            reach.gathered.nobody.append(row.id)
        else:
            # Where nobody stands in, mail waits where its reader will find it.
            person = reach.stand_ins.get(holder.id, holder)
            people[person.id] = person
            reach.seats[row.id] = Seated(holder.seat, holder, person is holder and holder.post == row.post)
            # What the week before had no email left for joins the digest.
            kind = kind_of(program, row.rule) if row.waits_until is None else EmailKind.DIGEST
            groups[person.id, kind].append(row)
    return {(people[number], kind): found for (number, kind), found in groups.items()}


def _reached(row: Row[Any], holders: Mapping[Place, Row[Any]]) -> Row[Any] | None:
    """Return who is written to: whoever holds the post, or the next contact where mail does not reach the holder."""
    holder = holders.get(_place(row, row.post))
    if holder is None or holder.undeliverable_since is None:
        return holder
    others = (holders.get(_place(row, post)) for post in NEXT_CONTACTS[row.post])
    return next((other for other in others if other is not None and other.undeliverable_since is None), None)


def kind_of(program: Program, rule: str) -> EmailKind:
    """Return the kind of email that carries a rule's notices: escalations travel apart from the day's digest."""
    return EmailKind.ESCALATION if rule in program.escalations else EmailKind.DIGEST


def holders_of(connection: Connection, rows: Sequence[Row[Any]], today: date) -> dict[Place, Row[Any]]:
    """Return who holds the posts of what some notices are about, and those of regions and the program."""
    asked: tuple[tuple[Select[Any], list[int]], ...] = (
        (_OF_ENROLLMENTS, [row.subject_id for row in rows]), (_OF_AGENCIES, [row.agency_id for row in rows]),
        (_OF_REST, []),
    )
    # Ordered by `since`: where two hold one post, the one who came last is written to.
    return {
        (row.post, row.enrollment_id or row.agency_id or row.region): row
        for query, ids in asked
        for row in connection.execute(query, {"today": today, "ids": list(set(ids))})
    }


def _place(row: Row[Any], post: Post) -> Place:
    owner: dict[Scope, int | str | None] = {
        Scope.ENROLLMENT: row.subject_id, Scope.AGENCY: row.agency_id, Scope.REGION: row.region, Scope.PROGRAM: None,
    }
    return post, owner[SCOPE_OF[post]]
