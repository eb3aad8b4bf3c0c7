"""What somebody was not told, asked about a case on a day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, Engine, select

from models.rules.explain import Outcome, Sentence
from models.rules.why_not import Asked, Mailed, why_not
from models.rules.words import TAKEN
from models.schema import ASSIGNMENT, EMAIL, NOTICE, OF_A_CASE
from tasks.answers.people import person_id_of
from tasks.answers.snoozing import seats_of
from tasks.store.database import reading
from tasks.views.past import known_on
from tasks.views.waiting import waits


def not_told(engine: Engine, codes: tuple[str, str], day: date) -> list[Sentence]:
    """Say which rules could have told a person of an enrollment on a day, and why each did or did not.

    Raises:
        Refused: a code is nobody's or no enrollment's, with the nearest.
    """
    enrollment, person = codes
    with reading(engine) as connection:
        person_id = person_id_of(connection, person)
        key, _, case, program = known_on(connection, enrollment, day)
        seats = seats_of(connection, (person_id, key), day)
        asked = Asked(person, frozenset(seat.post for seat in seats), _mailed(connection, (person_id, key)))
        terms = waits(connection, key, day) if seats else _terms(connection, (person_id, key))
    return [*why_not(case, program, day, asked=asked), *terms]


def _mailed(connection: Connection, given: tuple[int, int]) -> dict[int, Mailed]:
    person_id, enrollment_id = given
    n, m = NOTICE.c, EMAIL.c
    rows = connection.execute(
        select(n.id, m.day, m.reference).join(EMAIL, m.id == n.email_id)
        .where(OF_A_CASE, n.subject_id == enrollment_id, m.person_id == person_id, m.state.in_(TAKEN))
    )
    return {row.id: Mailed(row.day, row.reference) for row in rows}


def _terms(connection: Connection, given: tuple[int, int]) -> list[Sentence]:
    """Say when somebody was in a post of the case itself, if ever."""
    person_id, enrollment_id = given
    a = ASSIGNMENT.c
    rows = connection.execute(
        select(a.post, a.since, a.until).where(a.person_id == person_id, a.enrollment_id == enrollment_id)
        .order_by(a.since)
    ).all()
    return [
        Sentence("posts", Outcome.STANDS, row.since,
                 f"They held {row.post.replace('_', ' ')} from {row.since} {f'to {row.until}' if row.until else 'on'}.")
        for row in rows
    ]
