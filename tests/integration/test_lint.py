"""Lint over a roster: each thing that keeps somebody from being told, and none where nothing does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from models.rules.lint import Finding, Severity
from models.rules.words import Language
from models.schema import ASSIGNMENT, ENROLLMENT, PERSON
from tasks.store.database import reading, transaction
from tasks.store.programs import current_program
from tasks.views.lint import lint_roster
from tests.building import case, crew, day, program
from tests.storing import NOW, install

TODAY = day(100)
_A, _P = ASSIGNMENT.c, PERSON.c
POSTS = ("accreditation_manager", "head", "sme_1", "sme_2", "regional_manager", "director")


@pytest.fixture
def sound(store: Engine) -> Engine:
    """Two cases whose posts are held by a person each."""
    install(store, program().policy, [replace(case(seats=crew()), id=n) for n in (1, 2)])
    same = {"given_names": "Eva", "surname": "Paz", "language": Language.EN, "time_zone": "UTC", "recorded_at": NOW}
    with transaction(store) as connection:
        for number, post in enumerate(POSTS, 2):
            row = same | {"id": number, "code": f"P{number}", "email": f"p{number}@example.org"}
            connection.execute(insert(PERSON), row)
            connection.execute(update(ASSIGNMENT).where(_A.post == post).values(person_id=number))
    return store


def findings(engine: Engine) -> list[Finding]:
    here = current_program(engine)
    with reading(engine) as connection:
        return lint_roster(connection, here, TODAY)


def test_a_sound_roster_has_no_finding(sound: Engine) -> None:
    assert findings(sound) == []


Change = Callable[[Connection], Any]


def person(number: int, **values: Any) -> Change:
    return lambda connection: connection.execute(update(PERSON).where(_P.id == number).values(**values))


def leave(post: str, enrollment: int | None = None) -> Change:
    where = _A.post == post
    if enrollment is not None:
        where &= (_A.enrollment_id == enrollment) | (_A.agency_id == enrollment)
    return lambda connection: connection.execute(update(ASSIGNMENT).where(where).values(until=day(50)))


def take(post: str, number: int) -> Change:
    return lambda connection: connection.execute(update(ASSIGNMENT).where(_A.post == post).values(person_id=number))


ODD: list[tuple[list[Change], Severity, str, str]] = [
    ([person(4, email="nobody")], Severity.ERROR, "person P4", "has no address that mail can be sent to"),
    ([person(4, given_names=" ")], Severity.ERROR, "person P4", "has no name"),
    ([person(4, time_zone="Mars/Olympus")], Severity.ERROR, "person P4", 'no known zone ("Mars/Olympus")'),
    (
        [person(4, undeliverable_since=day(90), undeliverable_by="bounce")], Severity.ERROR, "person P4",
        "has an address that mail came back from",
    ),
    (
        [person(4, deputy_id=5), person(5, deputy_id=6), person(6, deputy_id=5)], Severity.ERROR, "person P5",
        "stands in for themselves: P5 > P6 > P5",
    ),
    ([take("regional_manager", 4)], Severity.WARNING, "person P4", "is expert and regional manager of A1/"),
    ([take("sme_2", 4)], Severity.WARNING, "person P4", "is expert and the other expert of A1/"),
    (
        [leave("accreditation_manager", 1), leave("head", 1)], Severity.ERROR, "agency A1",
        "has nobody who can be written to",
    ),
    ([person(2, email="-"), person(3, email="-")], Severity.ERROR, "agency A2", "has nobody who can be written to"),
    (
        [leave("sme_1", 1), leave("sme_2", 1)], Severity.WARNING, 'escalation "stall"',
        "rung 1 tells nobody in 1 open cases, which have no sme 1 nor sme 2: A1/law_enforcement_tier1",
    ),
    ([leave("director")], Severity.ERROR, 'escalation "stall"', "rung 3 tells nobody in 2 open cases"),
    (
        [lambda connection: connection.execute(update(ENROLLMENT).values(agreement_on=day(3650)))], Severity.WARNING,
        "conferences", "before the time of 2 open cases does: A1/law_enforcement_tier1, A2/law_enforcement_tier1",
    ),
]


@pytest.mark.parametrize(("changes", "severity", "place", "what"), ODD, ids=[each[3][:30] for each in ODD])
def test_what_keeps_somebody_from_being_told_is_found(
    sound: Engine, changes: list[Change], severity: Severity, place: str, what: str
) -> None:
    with transaction(sound) as connection:
        for change in changes:
            change(connection)
    fitting = [each for each in findings(sound) if each.place == place and what in each.what]
    assert [each.severity for each in fitting] == [severity]
    assert fitting[0].remedy


def test_whoever_holds_no_post_and_whatever_ended_is_left_alone(sound: Engine) -> None:
    with transaction(sound) as connection:
        connection.execute(update(PERSON).where(_P.id == 1).values(email="nobody"))
        leave("director")(connection)
        ended = {"status": "withdrawn", "ended_on": day(90), "next_review_on": None}
        connection.execute(update(ENROLLMENT).values(**ended))
        assert connection.scalar(select(_A.id).where(_A.person_id == 1)) is None
    assert findings(sound) == []
