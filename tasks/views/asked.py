"""What somebody was not told, asked about a case on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, Engine, select

from models.rules.budget import monday_of
from models.rules.explaining.view import Outcome, Sentence
from models.rules.policy import Policy
from models.rules.spanish import say
from models.rules.why_not import REASONS, Asked, Away, Mailed, why_not
from models.rules.words import TAKEN, Language, NoticeState, Post, Subject
from models.schema import ABSENCE, ASSIGNMENT, EMAIL, NOTICE, OF_A_CASE, PERSON, same
from tasks.answers.absences import away_on, stand_ins
from tasks.answers.people import person_id_of
from tasks.answers.snoozing import seats_of
from tasks.store.cases import IDS
from tasks.store.database import reading
from tasks.views.past import known_on
from tasks.views.waiting import waits
from tasks.weekly.deciding import TEMPLATE as WEEKLY


def not_told(
    engine: Engine, codes: tuple[str, str], day: date, *, language: Language = Language.EN
) -> list[Sentence]:
    """Say which rules could have told a person of an enrollment on a day, and why each did or did not.

    Whoever stood in for somebody who was away is told as such, and so is somebody whose mail went to a deputy.

    Raises:
        Refused: a code is nobody's or no enrollment's, with the nearest.
    """
    enrollment, person = codes
    with reading(engine) as connection:
        person_id = person_id_of(connection, person)
        key, _, case, program = known_on(connection, enrollment, day)
        asked = _asked(connection, person, (person_id, key), day=day)
        if asked.every_post:
            more = waits(connection, key, day, policy=program.policy, language=language)
            more += _weeklies(connection, (person_id, person), day, language=language)
        else:
            more = _terms(connection, (person_id, key), policy=program.policy, language=language)
    return [*why_not(case, program, day, asked=asked, language=language), *more]


def _asked(connection: Connection, person: str, keys: tuple[int, int], *, day: date) -> Asked:
    person_id, enrollment_id = keys
    standing_in = stand_ins(connection, away_on(connection, day), day)
    mine = standing_in.get(person_id)
    absent = [each for each, deputy in standing_in.items() if deputy.id == person_id]
    others = [*absent, *([mine.id] if mine is not None else [])]
    codes = {row.id: row.code for row in connection.execute(_CODES, {"ids": others})}
    instead_of = {codes[each]: _posts(connection, (each, enrollment_id), day) for each in absent}
    b = ABSENCE.c
    return Asked(
        person, _posts(connection, (person_id, enrollment_id), day), _mailed(connection, enrollment_id),
        away=[Away(*row) for row in connection.execute(select(b.since, b.until).where(b.person_id == person_id))],
        deputy=codes[mine.id] if mine is not None else None,
        instead_of={code: posts for code, posts in instead_of.items() if posts},
    )


def _weeklies(
    connection: Connection, reader: tuple[int, str], day: date, *, language: Language
) -> Iterator[Sentence]:
    """Say what became of the mails about all that somebody holds, of the week of a day."""
    n, m, (person_id, person) = NOTICE.c, EMAIL.c, reader
    rows = connection.execute(
        select(n.rule, n.anchor_on, n.state, n.reason, m.day, m.reference).outerjoin(EMAIL, m.id == n.email_id)
        .where(
            same(n.subject_kind, Subject.PERSON), n.subject_id == person_id, n.template == WEEKLY,
            n.anchor_on == monday_of(day), n.decided_on <= day,
        )
        .order_by(n.id)
    )
    for row in rows:
        held_back = row.state in {NoticeState.SUPPRESSED, NoticeState.CANCELLED}
        became = "decided, and waiting for the working hours of whoever holds the post"
        if held_back:
            became = REASONS[row.reason]
        elif row.day is not None:
            became = "in email {mail} of {on}"
        became = say(language, became, mail=row.reference, on=row.day)
        text = say(language, '"{rule}" of the week of {monday}, about all that {person} holds: {became}.',
                   rule=row.rule, monday=row.anchor_on, person=person, became=became)
        yield Sentence(row.rule, Outcome.HELD_BACK if held_back else Outcome.SAID, row.anchor_on, text)


_CODES = select(PERSON.c.id, PERSON.c.code).where(PERSON.c.id.in_(IDS))


def _posts(connection: Connection, keys: tuple[int, int], day: date) -> frozenset[Post]:
    return frozenset(seat.post for seat in seats_of(connection, keys, day))


def _mailed(connection: Connection, enrollment_id: int) -> dict[int, Mailed]:
    n, m = NOTICE.c, EMAIL.c
    rows = connection.execute(
        select(n.id, m.day, m.reference, PERSON.c.code).join(EMAIL, m.id == n.email_id)
        .join(PERSON, PERSON.c.id == m.person_id)
        .where(OF_A_CASE, n.subject_id == enrollment_id, m.state.in_(TAKEN))
    )
    return {row.id: Mailed(row.day, row.reference, row.code) for row in rows}


def _terms(
    connection: Connection, keys: tuple[int, int], *, policy: Policy, language: Language
) -> list[Sentence]:
    """Say when somebody was in a post of the case itself, if ever."""
    person_id, enrollment_id = keys
    a = ASSIGNMENT.c
    rows = connection.execute(
        select(a.post, a.since, a.until).where(a.person_id == person_id, a.enrollment_id == enrollment_id)
        .order_by(a.since)
    ).all()
    found = []
    for row in rows:
        ended, going_on = "They held {post} from {since} to {until}.", "They hold {post} from {since} on."
        post = policy.posts[row.post].text(language)
        text = say(language, ended if row.until else going_on, post=post, since=row.since, until=row.until)
        found.append(Sentence("posts", Outcome.STANDS, row.since, text))
    return found
