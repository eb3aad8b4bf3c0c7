"""Whoever is away is stood in for: the deputy, or the deputy's deputy, gets the mail, says so, and may answer it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from models.rules.errors import Refused
from models.rules.words import Language, Purpose
from models.schema import ABSENCE, ANSWER_LINK, ASSIGNMENT, EMAIL, ESCALATION, NOTICE, PERSON
from tasks.answers.absences import Absence, end_absence, note_absence
from tasks.answers.desk import Answered, answer
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.store.clock import set_clock, stopped
from tasks.store.database import transaction
from tasks.sweep import sweep
from tasks.views.asked import not_told
from tests.building import case, crew, day, program
from tests.desk_server import rows, tokens_of
from tests.storing import NOW, install

TUESDAY = day(62)
AFTERNOON = datetime(TUESDAY.year, TUESDAY.month, TUESDAY.day, 16, tzinfo=UTC)
DEPUTIES = {2: 3, 3: 4, 4: 2}
"""P2 is first expert; the chain leads back to them."""


@pytest.fixture
def stalled(store: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A case that stalled, not yet mailed about."""
    monkeypatch.setenv("ACREDITA_DESK_URL", "https://desk.example.org")
    install(store, program().policy, [case(seats=crew())])
    same = {"surname": "Paz", "language": Language.EN, "time_zone": "UTC", "recorded_at": NOW}
    with transaction(store) as connection:
        for n in DEPUTIES:
            person = {"id": n, "code": f"P{n}", "given_names": f"Eva{n}", "email": f"p{n}@example.org"}
            connection.execute(insert(PERSON), same | person)
        connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.post == "sme_1").values(person_id=2))
        for person_id, deputy in DEPUTIES.items():
            connection.execute(update(PERSON).where(PERSON.c.id == person_id).values(deputy_id=deputy))
        set_clock(connection, AFTERNOON)
    sweep(TUESDAY)
    return store


def away(engine: Engine, *people: str, since: date = TUESDAY, until: date = TUESDAY) -> None:
    with transaction(engine) as connection:
        for person in people:
            note_absence(connection, Absence(person, since, until), day(60))


def mailed(engine: Engine, folder: Path) -> dict[str, str]:
    """Deliver, and return the text of the escalations by their readers' codes; P1 holds every other post."""
    deliver(engine, FolderSender(folder), stopped(AFTERNOON))
    query = select(PERSON.c.code, EMAIL.c.text).join(PERSON, PERSON.c.id == EMAIL.c.person_id)
    found = rows(engine, query.where(EMAIL.c.kind == "escalation", PERSON.c.id != 1))
    return {code: " ".join(text.split()) for code, text in found}


@pytest.mark.parametrize(
    ("absent", "reader"),
    [((), "P2"), (("P3",), "P2"), (("P2",), "P3"), (("P2", "P3"), "P4"), (("P2", "P3", "P4"), "P2")],
)
def test_mail_goes_to_the_first_of_the_chain_who_is_there(
    stalled: Engine, tmp_path: Path, absent: tuple[str, ...], reader: str
) -> None:
    away(stalled, *absent)
    (found,) = mailed(stalled, tmp_path / "mail").items()
    assert found[0] == reader
    assert ("standing in for Eva2 Paz" in found[1]) == (reader != "P2")


@pytest.mark.parametrize(("since", "until"), [(day(50), day(61)), (day(63), day(70))])
def test_an_absence_counts_on_its_days(stalled: Engine, tmp_path: Path, since: date, until: date) -> None:
    with transaction(stalled) as connection:
        note_absence(connection, Absence("P2", since, until), day(50))
    assert set(mailed(stalled, tmp_path / "mail")) == {"P2"}


@pytest.mark.parametrize("since", [day(61), TUESDAY, day(63)])
def test_whoever_is_back_early_gets_their_mail(stalled: Engine, tmp_path: Path, since: date) -> None:
    with transaction(stalled) as connection:
        note_absence(connection, Absence("P2", since, day(90)), day(60))
        assert end_absence(connection, "P2", TUESDAY) == 1
        with pytest.raises(Refused, match="P2: is not away"):
            end_absence(connection, "P2", TUESDAY)
    assert set(mailed(stalled, tmp_path / "mail")) == {"P2"}
    kept = [(since, day(61))] if since < TUESDAY else []
    assert rows(stalled, select(ABSENCE.c.since, ABSENCE.c.until)) == kept


def test_who_stands_in_for_the_director_is_written_to(stalled: Engine, tmp_path: Path) -> None:
    """The director is offered run forms, filled in with the reader's own code: the deputy's."""
    with transaction(stalled) as connection:
        for post, holder in (("sme_1", 1), ("director", 2)):
            connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.post == post).values(person_id=holder))
        connection.execute(update(NOTICE).where(NOTICE.c.post == "sme_1").values(post="director"))
    away(stalled, "P2")
    assert set(mailed(stalled, tmp_path / "mail")) == {"P3"}


def test_a_deputy_whom_mail_does_not_reach_is_no_deputy(stalled: Engine, tmp_path: Path) -> None:
    away(stalled, "P2")
    with transaction(stalled) as connection:
        gone = {"undeliverable_since": day(1), "undeliverable_by": "bounce"}
        connection.execute(update(PERSON).where(PERSON.c.id == 3).values(**gone))
    assert set(mailed(stalled, tmp_path / "mail")) == {"P2"}


def test_whoever_stands_in_may_take_the_case_but_not_put_the_post_off(stalled: Engine, tmp_path: Path) -> None:
    away(stalled, "P2")
    mailed(stalled, tmp_path / "mail")
    tokens = tokens_of(stalled, "P3", "escalation")
    assert set(tokens) == {Purpose.ACKNOWLEDGE, Purpose.DONE}
    assert rows(stalled, select(ANSWER_LINK.c.holder_id).where(ANSWER_LINK.c.person_id == 3).distinct()) == [(2,)]
    given = {"choice": "meeting_agreed", "day": str(day(70))}
    assert answer(stalled, tokens[Purpose.ACKNOWLEDGE], given).answered is Answered.DONE
    x = ESCALATION.c
    assert rows(stalled, select(x.acknowledged_by).where(x.rule == "stall")) == [("P3",)]


def test_why_not_knows_who_stood_in(stalled: Engine, tmp_path: Path) -> None:
    def asked(person: str, on: date = TUESDAY, language: Language = Language.EN) -> str:
        return "\n".join(each.text for each in not_told(stalled, ("A1", person), on, language=language))

    away(stalled, "P2")
    said = asked("P2")
    assert "P2 was away on 2020-03-03: mail for these posts was for P3, who stood in." in said
    assert "decided, and waiting for the working hours of P3, who stands in" in said
    mailed(stalled, tmp_path / "mail")
    assert "told to P3 on 2020-03-03, in email " in asked("P2")
    assert ", who stood in for P2." in asked("P2", TUESDAY + timedelta(days=1)), "back since"
    said = asked("P3")
    assert "P3 stood in on 2020-03-03 for P2, first subject matter expert: mail for these posts was for P3." in said
    assert '"stall" did tell P3 on 2020-03-03' in said
    assert "P3 held no post of this case" in asked("P3", TUESDAY + timedelta(days=1))
    spanish = asked("P2", language=Language.ES_MX)
    assert "P2 estaba ausente el 2020-03-03: el correo de estos cargos era para P3, en suplencia." in spanish
    assert "se dijo a P3 el 2020-03-03, en el correo " in spanish


def test_why_not_says_that_nobody_could_stand_in(stalled: Engine) -> None:
    away(stalled, "P2", "P3", "P4")
    (said,) = [each.text for each in not_told(stalled, ("A1", "P2"), TUESDAY) if "away" in each.text]
    assert said == "P2 was away on 2020-03-03, and nobody could stand in: mail was for them all the same."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Absence("P9", day(60), day(70)), 'nobody has the code "P9"'),
        (Absence("P2", day(60), day(59)), "until: 2020-02-29 is not between"),
        (Absence("P2", day(50), day(59)), "until: 2020-02-29 is not between"),
        (Absence("P2", day(60), day(500)), "until: 2021-05-15 is not between"),
        (Absence("P1", day(60), day(70)), "P1: has no deputy"),
    ],
)
def test_an_absence_that_cannot_be_is_refused(stalled: Engine, given: Absence, said: str) -> None:
    with pytest.raises(Refused, match=said), transaction(stalled) as connection:
        note_absence(connection, given, day(60))
