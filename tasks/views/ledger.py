"""The ledger: every notice that was decided, with what became of it, why, by which rule and policy, on which facts."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, assert_never

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from models.rules.errors import Refused
from models.rules.naming import enrollment_code
from models.rules.words import EmailState, NoticeState, Reason, Subject
from models.schema import AGENCY, ASSIGNMENT, EMAIL, ENROLLMENT, NOTICE, OF_A_CASE, PERSON, same
from tasks.answers.people import person_id_of
from tasks.mail.outbox.parked import FREE
from tasks.store.records import enrollment_id_of

_N, _E, _A, _M, _P = NOTICE.c, ENROLLMENT.c, ASSIGNMENT.c, EMAIL.c, PERSON.c
FULL_WIDTH = tuple(chr(ord(sign) + 0xFEE0) for sign in "=+-@")
FORMULA = (*"=+-@\t\r", *FULL_WIDTH)
"""What a spreadsheet takes for a formula where a cell begins with it."""


class Entry(NamedTuple):
    """A notice as it is accounted for. `person` was written to, or else held the post when it was decided."""

    notice: int
    decided_on: date
    planned_for: date
    enrollment: str
    rule: str
    occurrence: str
    counted_from: date
    post: str
    person: str
    outcome: str
    reason: str
    mailed_on: date | None
    reference: str
    policy_version: int
    facts: str


class Wanted(NamedTuple):
    """Which notices: of a person, of an enrollment, decided since a day; all where nothing is named."""

    person_id: int | None = None
    enrollment_id: int | None = None
    since: date | None = None


def wanted_by(
    connection: Connection, *, person: str | None = None, enrollment: str | None = None, since: date | None = None
) -> Wanted:
    """Return what an operator names by codes.

    Raises:
        Refused: a code is nobody's or no enrollment's.
    """
    return Wanted(
        None if person is None else person_id_of(connection, person),
        None if enrollment is None else enrollment_id_of(connection, enrollment), since,
    )


def _in_post(person: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Whether an assignment is one of the notice's post, at its place, on the day it was decided."""
    region = or_(_A.region.is_(None), _A.region == AGENCY.c.region)
    wide = and_(_A.enrollment_id.is_(None), _A.agency_id.is_(None), region)
    there = or_(_A.enrollment_id == _N.subject_id, _A.agency_id == _E.agency_id, wide)
    held = and_(
        _A.post == _N.post, _A.since <= _N.decided_on, or_(_A.until.is_(None), _A.until >= _N.decided_on), there
    )
    return held if person is None else and_(person, held)


_HOLDER = (
    select(_P.code).join(ASSIGNMENT, _A.person_id == _P.id).where(_in_post())
    .order_by(_A.since.desc(), _A.id.desc()).limit(1).correlate(NOTICE, ENROLLMENT, AGENCY).scalar_subquery()
)
_READER, _ABOUT = PERSON.alias("reader"), PERSON.alias("about")


def _query(wanted: Wanted) -> Select[Any]:
    query = (
        select(
            _N.id, _N.decided_on, _N.planned_for, AGENCY.c.code, _E.track, _E.cycle, _N.rule, _N.occurrence,
            _N.anchor_on, _N.post, _READER.c.code.label("reader"), _HOLDER.label("holder"),
            _ABOUT.c.code.label("about"), _N.state, _N.reason, _N.waits_until, FREE.label("is_free"),
            _M.state.label("email_state"), _M.day, _M.reference, _N.policy_version_id, _N.facts,
        )
        .select_from(NOTICE)
        .outerjoin(ENROLLMENT, OF_A_CASE & (_E.id == _N.subject_id))
        .outerjoin(AGENCY, AGENCY.c.id == _E.agency_id)
        .outerjoin(_ABOUT, same(_N.subject_kind, Subject.PERSON) & (_ABOUT.c.id == _N.subject_id))
        .outerjoin(EMAIL, _M.id == _N.email_id)
        .outerjoin(_READER, _READER.c.id == _M.person_id)
        .order_by(_N.decided_on, _N.id)
    )
    if wanted.enrollment_id is not None:
        query = query.where(OF_A_CASE, _N.subject_id == wanted.enrollment_id)
    if wanted.since is not None:
        query = query.where(_N.decided_on >= wanted.since)
    if wanted.person_id is not None:
        # A mail of the week is about its reader, whatever they hold.
        in_post = select(_A.id).where(_in_post(_A.person_id == wanted.person_id)).correlate(NOTICE, ENROLLMENT, AGENCY)
        unmailed = and_(
            _N.email_id.is_(None), or_(_ABOUT.c.id == wanted.person_id, and_(OF_A_CASE, in_post.exists()))
        )
        query = query.where(or_(_M.person_id == wanted.person_id, unmailed))
    return query


def ledger(connection: Connection, wanted: Wanted) -> Iterator[Entry]:
    """Yield what is accounted for, in the order of deciding."""
    yield from (_entry(row) for row in connection.execute(_query(wanted)))


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id, row.decided_on, row.planned_for,
        "" if row.code is None else enrollment_code(row.code, row.track, row.cycle), row.rule,
        row.occurrence, row.anchor_on, row.post.value, row.reader or row.about or row.holder or "",
        _outcome(row.state, row.reason, row.email_state), _why(row), row.day,
        row.reference or "", row.policy_version_id, json.dumps(row.facts, ensure_ascii=False, sort_keys=True),
    )


def _why(row: Row[Any]) -> str:
    """Name why a notice did not go out, or does not yet."""
    if row.reason is not None:
        return str(row.reason.value)
    if row.state is not NoticeState.PENDING:
        return ""
    if not row.is_free:
        return "parked"
    return "" if row.waits_until is None else f"over_budget until {row.waits_until}"


def _outcome(state: NoticeState, reason: Reason | None, email: EmailState | None) -> str:
    """Name what became of a notice in one word that an operator reads."""
    match state:
        case NoticeState.PENDING:
            return "waiting"
        case NoticeState.CLAIMED:
            return "in doubt" if email in {EmailState.UNKNOWN, EmailState.HELD} else "on its way"
        case NoticeState.SENT:
            return email.value if email in {EmailState.DELIVERED, EmailState.BOUNCED} else "sent"
        case NoticeState.SUPPRESSED:
            return "failed" if reason is Reason.UNDELIVERABLE else "held back"
        case NoticeState.CANCELLED:
            return "cancelled"
        case _:
            assert_never(state)


def safe_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1"), safe_cell("plain"), safe_cell(None)
    ("'=1+1", 'plain', '')
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def write_csv(entries: Iterable[Entry], path: Path) -> int:
    """Write entries to a file that spreadsheets open as it is meant: UTF-8 with its mark, every cell quoted and safe.

    Raises:
        Refused: the file cannot be written.
    """
    count = 0
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(Entry._fields)
            for count, entry in enumerate(entries, 1):  # noqa: B007 - it is the answer
                writer.writerow([safe_cell(value) for value in entry])
    except OSError as error:
        remedy = "Name a file in a folder that exists."
        raise Refused.one(str(path), f"cannot be written ({error.strerror}).", remedy) from None
    return count
