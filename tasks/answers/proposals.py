"""What readers report and an operator settles: a fact that happened, or that they left a post.

A proposal changes nothing by itself. Confirmed, it becomes what an operator would have recorded, by the same functions
and in the same transaction, with the reader as the one who reported it.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from models.rules.errors import Refused
from models.rules.letter import clean_header
from models.rules.naming import enrollment_code
from models.rules.words import ProposalState, Proposed
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, PERSON, PROPOSAL
from tasks.answers.seats import Leaving, leave
from tasks.store.records import NewFact, add_rows, record_facts

LONGEST_NOTE = 300
_P, _E, _A = PROPOSAL.c, ENROLLMENT.c, ASSIGNMENT.c


class FactProposal(NamedTuple):
    """A milestone that somebody says was reached."""

    person_id: int
    enrollment_id: int
    milestone: str
    occurred_on: date
    value: int | None = None
    note: str = ""


class LeftProposal(NamedTuple):
    """A seat that somebody says they left; the last day in it, and who follows, in words."""

    person_id: int
    assignment_id: int
    occurred_on: date
    note: str = ""


def propose(connection: Connection, given: FactProposal | LeftProposal) -> None:
    """Store a proposal for an operator; the note is cut and made fit for one line."""
    kind = Proposed.FACT if isinstance(given, FactProposal) else Proposed.LEFT
    row = given._asdict() | {"note": clean_header(given.note)[:LONGEST_NOTE]}
    add_rows(connection, PROPOSAL, [row | {"kind": kind, "state": ProposalState.OPEN}])


_PROPOSALS = (
    select(
        _P.id, _P.kind, _P.milestone, _P.occurred_on, _P.value, _P.note, _P.state, _P.assignment_id, _P.settled_by,
        _P.settled_on,
        PERSON.c.code.label("person"), _A.post, _A.region, AGENCY.c.code, _E.track, _E.cycle,
    )
    .join(PERSON, PERSON.c.id == _P.person_id)
    .outerjoin(ASSIGNMENT, _A.id == _P.assignment_id)
    .outerjoin(ENROLLMENT, (_E.id == _P.enrollment_id) | (_E.id == _A.enrollment_id))
    .outerjoin(AGENCY, (AGENCY.c.id == _E.agency_id) | (AGENCY.c.id == _A.agency_id))
    .order_by(_P.id)
)


class Listed(NamedTuple):
    """A proposal as an operator reads it: codes, dates and the reader's own words."""

    id: int
    person: str
    place: str
    what: str
    on: date
    note: str
    state: ProposalState
    settled_by: str | None
    settled_on: date | None


def proposals(connection: Connection, *, every: bool = False) -> list[Listed]:
    """List the proposals that wait for an operator, or every one there ever was."""
    query = _PROPOSALS if every else _PROPOSALS.where(_P.state == ProposalState.OPEN)
    return [_listed(row) for row in connection.execute(query)]


def _listed(row: Row[Any]) -> Listed:
    what = f"left {row.post}" if row.kind is Proposed.LEFT else row.milestone
    if row.value is not None:
        what += f" = {row.value}"
    return Listed(
        row.id, row.person, _place_of(row), what, row.occurred_on, row.note, row.state, row.settled_by, row.settled_on
    )


def _place_of(row: Row[Any]) -> str:
    if row.track is not None:
        return enrollment_code(row.code, row.track, row.cycle)
    return str(row.code or row.region or "")


class Settlement(NamedTuple):
    """An operator's word on a proposal. `successor` follows in a post that was left."""

    proposal: int
    confirmed: bool
    operator: str
    successor: str | None = None


def settle(connection: Connection, given: Settlement, today: date) -> Listed:
    """Confirm a proposal, which records what it says, or refuse it; each once.

    Raises:
        Refused: there is no such open proposal, or what it says cannot be recorded, with the reason.
    """
    row = connection.execute(_PROPOSALS.where(_P.id == given.proposal)).first()
    if row is None:
        raise Refused.one("proposal", f"{given.proposal} is none.", "`acredita proposals` lists them.")
    state = ProposalState.CONFIRMED if given.confirmed else ProposalState.REFUSED
    settled = connection.execute(
        update(PROPOSAL)
        .where(_P.id == given.proposal, _P.state == ProposalState.OPEN)
        .values(state=state, settled_by=given.operator, settled_on=today)
    )
    if settled.rowcount == 0:
        what = f"{given.proposal} was {row.state} by {row.settled_by} on {row.settled_on}."
        raise Refused.one("proposal", what, "Nothing needs to be done.")
    if given.confirmed:
        _carry_out(connection, (row, given.successor), today)
    return _listed(row)


def _carry_out(connection: Connection, given: tuple[Row[Any], str | None], today: date) -> None:
    row, successor = given
    if row.kind is Proposed.FACT:
        fact = NewFact(_place_of(row), row.milestone, row.occurred_on, value=row.value, recorded_by=row.person)
        record_facts(connection, [fact], today)
        return
    leave(connection, Leaving(row.assignment_id, row.occurred_on, successor), today)

