"""What one person holds, read for their mail of the week: the cases, what happened to them since, what stands open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, or_, select

from models.rules.case import Case, Program
from models.rules.naming import enrollment_code
from models.rules.reporting.weeks import pair_of
from models.rules.words import OF_THE_PROGRAM, Post, Section
from models.schema import AGENCY, CHANGE, ENROLLMENT, ESCALATION, MILESTONE, PERSON, STAGE_CHANGE
from tasks.store.cases import IDS, named_cases
from tasks.store.lookups import chunks
from tasks.store.rows import by_case, rows_of
from tasks.weekly.whole import Whole, whole_of

_E, _X, _M, _S, _C = ENROLLMENT.c, ESCALATION.c, MILESTONE.c, STAGE_CHANGE.c, CHANGE.c
SINCE: Any = bindparam("since")
AT: Any = bindparam("at")
_NAMES = select(_E.id, AGENCY.c.code, AGENCY.c.name, AGENCY.c.region, _E.track, _E.cycle).join(
    AGENCY, AGENCY.c.id == _E.agency_id
).where(_E.id.in_(IDS))
_STEPS = (
    select(_S.enrollment_id, _S.decided_on, _S.from_stage, _S.to_stage, _S.status)
    .where(_S.enrollment_id.in_(IDS), _S.takes_back.is_(None), _S.decided_on >= SINCE).order_by(_S.decided_on, _S.seq)
)
_FACTS = (
    select(_M.enrollment_id, _M.recorded_at, _M.occurred_on, _M.milestone)
    .where(
        _M.enrollment_id.in_(IDS), _M.voided_at.is_(None), _M.occurred_on <= bindparam("today"),
        or_(_M.recorded_at >= AT, _M.occurred_on >= SINCE),
    )
    .order_by(_M.occurred_on, _M.id)
)
_ESCALATIONS = (
    select(_X.enrollment_id, _X.rule, _X.occurrence, _X.anchor_on, _X.opened_on, _X.closed_on, _X.closing)
    .where(_X.enrollment_id.in_(IDS), or_(_X.opened_on >= SINCE, _X.closed_on >= SINCE)).order_by(_X.opened_on, _X.id)
)
_CHANGES = (
    select(_C.enrollment_id, _C.recorded_at, _C.kind)
    .where(_C.enrollment_id.in_(IDS), _C.recorded_at >= AT).order_by(_C.id)
)
_PEOPLE = select(PERSON.c.id, PERSON.c.given_names, PERSON.c.surname).where(PERSON.c.id.in_(IDS))


class Held(NamedTuple):
    """One open case that somebody holds: what it is called, where it is, and the posts by which they hold it."""

    case: Case
    code: str
    agency: str
    region: str
    posts: frozenset[Post]


class Happened(NamedTuple):
    """What was recorded of some cases since a day, each kind as rows by case."""

    steps: Mapping[int, Sequence[Row[Any]]]
    facts: Mapping[int, Sequence[Row[Any]]]
    escalations: Mapping[int, Sequence[Row[Any]]]
    changes: Mapping[int, Sequence[Row[Any]]]


# Whether a row of each kind tells of something from a day on, as the queries above ask for the earliest of several.
_IS_NEW: tuple[Callable[[Row[Any], date], bool], ...] = (
    lambda step, since: step.decided_on >= since,
    lambda fact, since: fact.recorded_at.date() >= since or fact.occurred_on >= since,
    lambda raised, since: raised.opened_on >= since or (raised.closed_on is not None and raised.closed_on >= since),
    lambda change, since: change.recorded_at.date() >= since,
)


class Desk(NamedTuple):
    """What one person holds on a day, and what happened from the day `since` on.

    `whole` and `people`, by id, are there where a section tells of them.
    """

    program: Program
    held: tuple[Held, ...]
    happened: Happened
    since: date
    today: date
    whole: Whole | None = None
    people: Mapping[int, str] = MappingProxyType({})
    reader: str = ""


class Desks:
    """The desks of several people, read together: people of one region share most of their cases.

    `since` is the earliest day from which any of them is told what happened.
    """

    def __init__(
        self, connection: Connection, program: Program, ids: Iterable[int], *, since: date, today: date,
        sections: Collection[Section],
    ) -> None:
        """Read them, and what the `sections` that are to be told need beside."""
        self._program, self._today = program, today
        wanted = sorted(set(ids))
        self._cases = {case.id: case for some in chunks(wanted) for case in named_cases(connection, some)}
        self._names = {row.id: row for row in rows_of(connection, _NAMES, wanted)}
        asked = {"since": since, "at": datetime.combine(since, time(), UTC), "today": today}
        queries = (_STEPS, _FACTS, _ESCALATIONS, _CHANGES)
        self._happened = Happened(*(by_case(rows_of(connection, query, wanted, **asked)) for query in queries))
        self._whole = whole_of(connection, program, today) if OF_THE_PROGRAM.intersection(sections) else None
        self._people: dict[int, str] = {}
        if Section.PAIRS in sections:
            pairs = {person for case in self._cases.values() for person in pair_of(case, today)}
            self._people = {
                row.id: f"{row.given_names} {row.surname}" for row in rows_of(connection, _PEOPLE, sorted(pairs))
            }

    def of(self, holding: Mapping[int, frozenset[Post]], since: date) -> Desk:
        """Return the desk of somebody who holds some cases, with what happened to these from a day on."""
        held = [self._held(number, posts) for number, posts in sorted(holding.items())]
        happened = Happened(
            *({number: [row for row in rows.get(number, ()) if is_new(row, since)] for number in holding}
              for rows, is_new in zip(self._happened, _IS_NEW, strict=True))
        )
        return Desk(self._program, tuple(held), happened, since, self._today, self._whole, self._people)

    def _held(self, number: int, posts: frozenset[Post]) -> Held:
        name = self._names[number]
        code = enrollment_code(name.code, name.track, name.cycle)
        return Held(self._cases[number], code, name.name, name.region, posts)
