"""Which open cases somebody holds by a post: of the case itself, of its agency, of its region, or of the program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select

from models.rules.words import SCOPE_OF, Post, Scope, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT
from tasks.store.cases import IDS, WIDE

_A, _E = ASSIGNMENT.c, ENROLLMENT.c
_OPEN = _E.status == Status.OPEN
_SEATS = select(_A.person_id, _A.post, _E.id).select_from(ASSIGNMENT)
_REACH: dict[Scope, Select[Any]] = {
    Scope.ENROLLMENT: _SEATS.join(ENROLLMENT, _E.id == _A.enrollment_id).where(_OPEN),
    Scope.AGENCY: _SEATS.join(ENROLLMENT, _E.agency_id == _A.agency_id).where(_OPEN),
    Scope.REGION: (
        _SEATS.join(AGENCY, AGENCY.c.region == _A.region).join(ENROLLMENT, _E.agency_id == AGENCY.c.id)
        .where(_OPEN, WIDE)
    ),
    # The program's own posts hold every open case.
    Scope.PROGRAM: _SEATS.join(ENROLLMENT, _OPEN).where(WIDE, _A.region.is_(None)),
}

Holdings = Mapping[int, Mapping[int, frozenset[Post]]]
"""By person, the open cases that they hold, each with the posts by which they do."""


_HELD = (_A.since <= bindparam("today"), or_(_A.until.is_(None), _A.until >= bindparam("today")))


@lru_cache(maxsize=64)
def _seats(posts: tuple[Post, ...]) -> list[Select[Any]]:
    """Return one query for each scope that some posts have: the same every day, and built once."""
    by_scope: dict[Scope, list[Post]] = defaultdict(list)
    for post in posts:
        by_scope[SCOPE_OF[post]].append(post)
    return [_REACH[scope].where(_A.post.in_(mine), *_HELD) for scope, mine in by_scope.items()]


@lru_cache(maxsize=64)
def _people(posts: tuple[Post, ...]) -> list[Select[Any]]:
    return [query.with_only_columns(_A.person_id).distinct() for query in _seats(posts)]


def holders(connection: Connection, posts: Iterable[Post], today: date) -> list[int]:
    """Return the people, by id, who hold an open case by one of some posts."""
    found: set[int] = set()
    for query in _people(tuple(posts)):
        found.update(connection.scalars(query, {"today": today}))
    return sorted(found)


def holdings(connection: Connection, posts: Collection[Post], people: Collection[int], *, today: date) -> Holdings:
    """Return what some people hold by some posts."""
    found: dict[int, dict[int, frozenset[Post]]] = defaultdict(dict)
    given = {"today": today, "ids": sorted(people)}
    for query in _seats(tuple(posts)):
        for person, post, case in connection.execute(query.where(_A.person_id.in_(IDS)), given):
            mine = found[person]
            mine[case] = mine.get(case, frozenset()) | {post}
    return found
