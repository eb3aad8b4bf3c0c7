"""What is due on a day, cut into stretches of equal length in the order of what is due: parts that nobody shares."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, bindparam, func, select, tuple_

from models.schema import ENROLLMENT
from tasks.store.cases import START, Cursor

_E = ENROLLMENT.c
_ORDER = (_E.next_review_on, _E.id)
_DUE = _E.next_review_on <= bindparam("today")
_COUNTED = select(func.count()).where(_DUE)
_NUMBERED = (
    select(*_ORDER, func.row_number().over(order_by=_ORDER).label("place"), func.count().over().label("due"))
    .where(_DUE)
    .subquery()
)
_N = _NUMBERED.c
# The last row of each stretch: where place * parts / due reaches the next whole number.
_ENDS = (
    select(_N.next_review_on, _N.id)
    .where((_N.place * bindparam("parts")) % _N.due < bindparam("parts"))
    .order_by(_N.place)
)
_LEFT = _COUNTED.where(tuple_(*_ORDER) <= tuple_(bindparam("day"), bindparam("id")))

_NTH = (
    select(*_ORDER)
    .where(_DUE, tuple_(*_ORDER) > tuple_(bindparam("day"), bindparam("id")))
    .order_by(*_ORDER)
    .offset(bindparam("before"))
    .limit(1)
)


def due_count(connection: Connection, today: date, until: tuple[date, int] | None = None) -> int:
    """Count what is due on a day, to its end or up to and with a key."""
    if until is None:
        return connection.scalar(_COUNTED, {"today": today}) or 0
    return connection.scalar(_LEFT, {"today": today, "day": until[0], "id": until[1]}) or 0


def stretches(connection: Connection, today: date, parts: int) -> list[Cursor]:
    """Cut what is due into at most so many stretches; what becomes due later lies behind the last, or in none."""
    ends = [(row.next_review_on, row.id) for row in connection.execute(_ENDS, {"today": today, "parts": parts})]
    starts = [(START.day, START.id), *ends]
    return [Cursor(*start, end) for start, end in zip(starts, ends, strict=False)]


def place_after(connection: Connection, today: date, given: tuple[Cursor, int]) -> Cursor | None:
    """Return the place behind so many cases due after another place; None where there are no more than those."""
    cursor, size = given
    wanted = {"today": today, "day": cursor.day, "id": cursor.id, "before": size - 1}
    last = connection.execute(_NTH, wanted).first()
    return None if last is None else Cursor(last.next_review_on, last.id)
