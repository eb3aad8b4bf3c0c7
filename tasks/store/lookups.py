"""Codes that people type, led to what they name: in sets, with the nearest good name where they lead nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, RowMapping, Table, and_, bindparam, exists, func, select

from models.rules.errors import nearest
from models.rules.intake.cells import near
from models.rules.naming import enrollment_code
from models.rules.words import Change, Status
from models.schema import AGENCY, CHANGE, ENROLLMENT, PERSON

CHUNK = 5000
"""How many keys one query asks for: well under the number of parameters that either database takes."""
_GUESSES = 20
_NEIGHBOURS = 1000


class Enrolled(NamedTuple):
    """An enrollment as an agency's code leads to it. `facts_from` is the first day that a fact of it can have."""

    id: int
    code: str
    track: str
    cycle: int
    facts_from: date
    is_open: bool

    def shares(self, on: date) -> bool:
        """Whether what is recorded of the agency on a day stands in this enrollment too."""
        return self.is_open and self.facts_from <= on


class Trouble(NamedTuple):
    """Why a name leads nowhere, and what to do; the place is the caller's to know."""

    what: str
    remedy: str


class Speller:
    """Finds the nearest good code of a table. It looks a few times and no more: a file can hold a million slips."""

    def __init__(self, connection: Connection, target: Table) -> None:
        self._connection, self._target, self._left = connection, target, _GUESSES

    def near(self, code: str, more: Iterable[str] = ()) -> str:
        """Say which code was probably meant, of the stored ones and `more`."""
        self._left -= 1
        if self._left < 0:
            return "Correct the code, or import what it names first."
        codes = self._target.c.code
        query = select(codes).order_by(codes).limit(_NEIGHBOURS)
        same_start = func.lower(codes).startswith(code[:2].lower(), autoescape=True)
        known = {*self._connection.scalars(query.where(same_start)), *more} or set(self._connection.scalars(query))
        return near(code, known) if known else "None is known yet: import it first."


def chunks(rows: Collection[Any]) -> Iterator[list[Any]]:
    """Cut rows into pieces that one query can ask for."""
    given = list(rows)
    return (given[start : start + CHUNK] for start in range(0, len(given), CHUNK))


CODES: BindParameter[Any] = bindparam("codes", expanding=True)
_BY_CODE = {target: select(target).where(target.c.code.in_(CODES)) for target in (AGENCY, PERSON)}
_E = ENROLLMENT.c
_UNDO = CHANGE.alias("taken_back")
_UNDONE = exists().where(_UNDO.c.undoes_id == CHANGE.c.id)
_STANDS = and_(CHANGE.c.enrollment_id == _E.id, CHANGE.c.kind == Change.CORRECTION, ~_UNDONE)
_CORRECTED = select(func.min(CHANGE.c.anchor_on)).where(_STANDS).scalar_subquery()
LAST_CORRECTION = select(CHANGE.c.anchor_on).where(_STANDS).order_by(CHANGE.c.id.desc()).limit(1).scalar_subquery()
"""The agreement's day by the last correction that stands, of each row of a query on enrollments."""
_ENROLLED_COLUMNS = select(
    AGENCY.c.code, _E.id, _E.track, _E.cycle, _E.agreement_on, _E.status, _CORRECTED.label("corrected")
).join(ENROLLMENT, _E.agency_id == AGENCY.c.id)
_ENROLLED = _ENROLLED_COLUMNS.where(AGENCY.c.code.in_(CODES)).order_by(_E.id)


def stored_by_code(connection: Connection, target: Table, codes: Collection[str]) -> dict[str, RowMapping]:
    """Read agencies or people by their codes; an unknown code is left out."""
    found: dict[str, RowMapping] = {}
    for some in chunks(codes):
        found |= {row["code"]: row for row in connection.execute(_BY_CODE[target], {"codes": some}).mappings()}
    return found


def ids_by_code(connection: Connection, target: Table, codes: Collection[str]) -> dict[str, int]:
    """Return the ids of agencies or people by their codes."""
    found: dict[str, int] = {}
    for some in chunks(codes):
        query = select(target.c.code, target.c.id).where(target.c.code.in_(CODES))
        found |= {row.code: row.id for row in connection.execute(query, {"codes": some})}
    return found


def enrolled_by_agency(connection: Connection, codes: Collection[str]) -> dict[str, list[Enrolled]]:
    """Read the enrollments of agencies by the agencies' codes; an agency that is not enrolled is left out."""
    found: dict[str, list[Enrolled]] = defaultdict(list)
    for some in chunks(codes):
        for row in connection.execute(_ENROLLED, {"codes": some}):
            found[row.code].append(_enrolled(*row))
    return found


_OWN = ENROLLMENT.alias("own")
_SIBLINGS = (
    _ENROLLED_COLUMNS.add_columns(_OWN.c.id.label("own"))
    .join(_OWN, _OWN.c.agency_id == _E.agency_id)
    .where(_OWN.c.id.in_(bindparam("ids", expanding=True)), _OWN.c.id != _E.id)
    .order_by(_E.id)
)


def siblings(connection: Connection, ids: Collection[int]) -> dict[int, list[Enrolled]]:
    """Read the other enrollments of the same agency, open or not; one that is alone is left out."""
    found: dict[int, list[Enrolled]] = defaultdict(list)
    for some in chunks(ids):
        for *row, own in connection.execute(_SIBLINGS, {"ids": some}):
            found[own].append(_enrolled(*row))
    return found


def _enrolled(agency: str, key: int, *rest: Any) -> Enrolled:
    track, cycle, agreement, status, corrected = rest
    first = min(agreement, corrected or agreement)
    return Enrolled(key, enrollment_code(agency, track, cycle), track, cycle, first, status is Status.OPEN)


def locate(found: Mapping[str, Sequence[Enrolled]], code: str, speller: Speller) -> Enrolled | Trouble:
    """Find the enrollment that a code names among those that were read, or say why it names none."""
    agency, _, rest = code.partition("/")
    track, _, cycle = rest.partition("/")
    mine = found.get(agency, ())
    if not mine:
        return Trouble(f'"{agency}" is no enrolled agency.', speller.near(agency))
    fits = [e for e in mine if track in {"", e.track} and cycle in {"", str(e.cycle)}]
    if len(fits) > 1:  # an agency alone means what is still open of it; a name that we print means what it names
        fits = [e for e in fits if (e.code == code if track else e.is_open)] or fits
    if len(fits) == 1:
        return fits[0]
    if fits:
        return Trouble(f'"{code}" names {len(fits)} enrollments.', f"Say which: {', '.join(e.code for e in fits)}.")
    return Trouble(f'"{code}" is no enrollment.', nearest(code, (e.code for e in mine)))
