"""What an operator names, looked up: the enrollment, the people, the reason. Each is refused in one sentence."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from models.rules.case import Case, Program
from models.rules.errors import Refused, nearest
from models.rules.words import Status
from models.schema import AGENCY
from tasks.operations.effect import bring_to_today
from tasks.store.lookups import Enrolled, Speller, Trouble, enrolled_by_agency, locate
from tasks.store.programs import program_in_force


class Because(NamedTuple):
    """Why something is changed and who changes it: codes only, since a run form keeps what is typed in clear.

    `reason` is one of the program's reasons, `reference` a document's number, `actor` whoever records it, on `today`.
    """

    reason: str
    today: date
    actor: str = "operator"
    reference: str = ""


class Asked(NamedTuple):
    """A case that an operator named, locked and brought to today."""

    code: str
    case: Case
    program: Program
    because: Because


def enrolled_of(connection: Connection, code: str) -> Enrolled:
    """Return the enrollment that `AGENCY`, `AGENCY/track` or `AGENCY/track/cycle` names.

    Raises:
        Refused: it names none (with the nearest good name), or more than one.
    """
    found = locate(enrolled_by_agency(connection, [code.partition("/")[0]]), code, Speller(connection, AGENCY))
    if isinstance(found, Trouble):
        raise Refused.one("enrollment", *found)
    return found


def asked(connection: Connection, code: str, because: Because) -> Asked:
    """Return the case that is to be changed, locked and brought to today.

    Raises:
        Refused: the enrollment or the reason is unknown.
    """
    enrolled, program = enrolled_of(connection, code), program_in_force(connection)
    require_reason(program, because.reason)
    return Asked(enrolled.code, bring_to_today(connection, enrolled.id, because.today), program, because)


def require_reason(program: Program, code: str) -> None:
    """Refuse a reason that the program does not list."""
    if code not in program.policy.reasons:
        what = f'"{code}" is none of the program\'s reasons.'
        raise Refused.one("reason", what, nearest(code, program.policy.reasons))


def require_open(given: Asked, remedy: str) -> None:
    """Refuse what only an open case can have."""
    case = given.case
    if case.status is not Status.OPEN:
        what = f"{given.code} is {case.status} since {case.stage_entered_on}: its clock has stopped."
        raise Refused.one("enrollment", what, remedy)
