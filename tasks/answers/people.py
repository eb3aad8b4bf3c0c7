"""People by the codes that operators type."""

from __future__ import annotations

from sqlalchemy import Connection

from models.rules.errors import Refused
from models.schema import PERSON
from tasks.store.lookups import Speller, ids_by_code


def person_id_of(connection: Connection, code: str, place: str = "person") -> int:
    """Return the id of the person with a code.

    Raises:
        Refused: nobody has it, with the nearest code.
    """
    found = ids_by_code(connection, PERSON, [code])
    if code not in found:
        raise Refused.one(place, f'nobody has the code "{code}".', Speller(connection, PERSON).near(code))
    return found[code]
