"""A date that was moved: the next letter about the case says from when to when and why, once to each reader."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from models.rules.letter import Moved
from models.rules.words import Language
from models.schema import PERSON
from tasks.mail.deliver import deliver
from tasks.mail.letters.gathering import gather
from tasks.mail.letters.parcels import Parcel, Rules
from tasks.mail.rendering import render
from tasks.mail.senders.folder import FolderSender
from tasks.operations.asked import Because
from tasks.operations.deadlines import Extension, extend, hold, resume, undo
from tasks.store.clock import Watch, set_clock
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tests.building import case, day, program
from tests.storing import install

CODE = "A1/law_enforcement_tier1"
TODAY, NEXT, LAST = day(1000), day(1006), day(1066)
"""Days on which the experts hear of the limit, and 90 and 30 days before the window closes."""
OLD, NEW = date(2023, 1, 1), date(2024, 1, 1)
LONGER = Extension(CODE, 12, requester="P1", approver="P1", staff=40)


def noon(on: date) -> datetime:
    return datetime.combine(on, time(18), UTC)


@pytest.fixture
def told(store: Engine, tmp_path: Path) -> Engine:
    """A case whose people were written to before anything moved."""
    install(store, program().policy, [case("proofs", 900, facts=[("visit", 990)])])
    with transaction(store) as connection:
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City"))
    mailed(store, TODAY, tmp_path)
    return store


def mailed(engine: Engine, on: date, folder: Path) -> None:
    at_noon(engine, on)
    done = deliver(engine, FolderSender(folder), Watch(lambda: noon(on), lambda: 0.0, "here"))
    assert done.sent


def at_noon(engine: Engine, on: date) -> None:
    with transaction(engine) as connection:
        set_clock(connection, noon(on))
    sweep(on)


def letters(engine: Engine, on: date, language: Language = Language.EN) -> list[Parcel]:
    at_noon(engine, on)
    with transaction(engine) as connection:
        connection.execute(update(PERSON).values(language=language))
    with reading(engine) as connection:
        return gather(connection, noon(on), Rules(timedelta(days=3), 500)).parcels


def moved(parcels: list[Parcel]) -> set[Moved]:
    assert parcels
    return {each for parcel in parcels for item in parcel.letter.items for each in item.moved}


def because(on: date, reason: str = "late_proofs") -> Because:
    return Because(reason, on)


def test_the_next_letter_says_from_when_to_when_a_date_moved_and_why_and_the_one_after_it_no_more(
    told: Engine, tmp_path: Path
) -> None:
    with transaction(told) as connection:
        set_clock(connection, noon(TODAY + timedelta(days=1)))
        extend(connection, LONGER, because(TODAY + timedelta(days=1)))
    why = ("an extension was granted (insufficient or late proofs)",)
    assert moved(letters(told, NEXT)) == {Moved("limit", OLD, NEW, why)}
    mailed(told, NEXT, tmp_path)
    assert moved(letters(told, LAST)) == set()


SAID = {
    Language.EN: "New limit: moved from January 1, 2023 to January 1, 2024, because an extension was granted"
    " (insufficient or late proofs)",
    Language.ES_MX: "Nueva fecha límite: pasó del 1 de enero de 2023 al 1 de enero de 2024, porque se otorgó una"
    " prórroga (pruebas insuficientes o tardías)",
}


def test_both_parts_say_it_in_the_readers_language(told: Engine) -> None:
    with transaction(told) as connection:
        extend(connection, LONGER, because(TODAY))
    for language, sentence in SAID.items():
        message = render(letters(told, NEXT, language)[0].letter)
        assert sentence in " ".join(message.text.split())
        label, value = sentence.split(": ", 1)
        assert label in message.html
        assert value in message.html


def test_a_hold_tells_a_target_that_rests_and_its_end_the_new_one(told: Engine) -> None:
    since, on = TODAY + timedelta(days=1), TODAY + timedelta(days=4)
    with transaction(told) as connection:
        set_clock(connection, noon(since))
        hold(connection, CODE, since, because=because(since, "closure"))
    paused = "it was put on hold (agency closed)"
    (rests,) = moved(letters(told, NEXT))
    assert (rests.clock, rests.after, rests.why) == ("stage_target", None, (paused,))
    with transaction(told) as connection:
        resume(connection, CODE, on, because=because(NEXT, "work_resumed"))
    (again,) = moved(letters(told, NEXT))
    assert (again.before, again.after) == (rests.before, (rests.before or date.min) + timedelta(days=3))
    assert again.why == (paused, "the hold ended (work resumed)")


def test_what_was_moved_back_is_no_news(told: Engine) -> None:
    with transaction(told) as connection:
        extend(connection, LONGER, because(TODAY))
        undo(connection, CODE, 1, because=because(TODAY, "decision_reversed"))
    assert moved(letters(told, NEXT)) == set()
