"""The plan to the conference where people read it: in what `show` prints, and in what mail says of window and limit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from rich.console import Console
from sqlalchemy import Engine, insert, update

from deployments.printing_case import SHOWN, SPANISH, CasePrinter
from models.rules.letter import Item
from models.rules.words import Clock, Language, Risk, Status
from models.schema import AGENCY, PERSON, STAGE_CHANGE
from tasks.mail.letters.gathering import gather
from tasks.mail.letters.parcels import Parcel, Rules
from tasks.mail.rendering import render
from tasks.operations.asked import Because
from tasks.operations.deadlines import Extension, extend
from tasks.store.clock import set_clock
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tasks.views.chronicle import chronicle
from tests.building import case, day, program
from tests.storing import NOW, install

CODE = "A1/law_enforcement_tier1"
TODAY = date(2022, 7, 5)
"""180 days before the end of window and limit, both on 1 January 2023; the hearing of July is out of reach."""
FALL = date(2022, 11, 12)
"""The last hearing within the limit: 102 days before it the mock assessment is behind the case, at the latest."""
EXTENSION = "USD 4,007.50"


def late(engine: Engine, stage: str = "mock_assessment", entered: int = 860) -> Engine:
    install(engine, program().policy, [case(stage, entered, stage_seq=1)])
    step = {
        "enrollment_id": 1, "seq": 1, "from_stage": "onboarding", "to_stage": stage, "status": Status.OPEN,
        "changed_on": day(entered), "decided_on": day(entered), "evidence": {}, "policy_version_id": 1,
    }
    with transaction(engine) as connection:
        connection.execute(update(AGENCY).values(staff=30))
        connection.execute(insert(STAGE_CHANGE).values(recorded_at=NOW, **step))
    sweep(TODAY)
    return engine


def letters(engine: Engine, language: Language) -> list[Parcel]:
    with transaction(engine) as connection:
        connection.execute(update(PERSON).values(language=language))
    now = datetime(TODAY.year, TODAY.month, TODAY.day, 16, tzinfo=UTC)
    with reading(engine) as connection:
        return gather(connection, now, Rules(timedelta(days=3), 500)).parcels


def items(parcels: list[Parcel]) -> list[Item]:
    return [item for parcel in parcels for item in parcel.letter.items]


def test_show_prints_the_plan_with_last_safe_days_and_the_cost_of_a_miss(store: Engine) -> None:
    late(store)
    console = Console(width=100, record=True)
    CasePrinter(chronicle(store, CODE, TODAY), Language.EN).print_plan(console)
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert f"2022-11-12 2022 fall window, limit 2022-08-02 126 days, {EXTENSION}" in lines
    assert "2023-03-18 2023 spring on course neither 2022-12-06 133 days" in lines
    assert "mock assessment passed 2022-06-30" in lines, "45 + 90 days before the hearing"
    assert "site visit done 2022-09-28" in lines


def test_show_says_that_no_listed_conference_can_be_reached(lite: Engine) -> None:
    console = Console(width=100, record=True)
    CasePrinter(chronicle(late(lite), CODE, date(2028, 9, 1)), Language.EN).print_plan(console)
    assert console.export_text().strip() == "no listed conference can be reached; the list ends on 2028-11-11"


@pytest.mark.parametrize("language", Language)
def test_what_is_said_of_the_window_and_the_limit_names_the_conference_and_the_cost(
    lite: Engine, language: Language
) -> None:
    told = [item for item in items(letters(late(lite), language)) if item.rule in {"limit", "window_closes"}]
    assert {item.rule for item in told} == {"limit", "window_closes"}
    for item in told:
        assert (item.aimed_on, item.leave_by, item.slip_days, item.slip_cost) == (
            FALL, date(2022, 8, 2), 126, EXTENSION
        )


SAID = {
    Language.EN: (
        "Conference still within reach: November 12, 2022, if the stage is completed by August 2, 2022",
        "Cost of missing it: 126 days more and an extension of USD 4,007.50",
    ),
    Language.ES_MX: (
        "Audiencia que aún puede alcanzarse: 12 de noviembre de 2022, si la etapa concluye a más tardar el 2 de agosto",
        "Costo de perderla: 126 días más y prórroga de USD 4,007.50",
    ),
}


@pytest.mark.parametrize("language", Language)
def test_both_parts_of_a_mail_say_it_in_the_readers_language(lite: Engine, language: Language) -> None:
    carrying = [
        parcel for parcel in letters(late(lite), language) if any(item.rule == "limit" for item in parcel.letter.items)
    ]
    assert carrying
    message = render(carrying[0].letter)
    text = " ".join(message.text.split())
    for sentence in SAID[language]:
        assert sentence in text
    assert EXTENSION in message.html


def test_a_reminder_of_the_stages_own_target_says_nothing_of_it(lite: Engine) -> None:
    told = [item for item in items(letters(late(lite, "proofs", 700), Language.EN)) if item.rule == "stage_target"]
    assert told
    assert {item.aimed_on for item in told} == {None}


def test_show_prints_the_whole_clock_with_the_days_that_were_skipped_and_its_versions(lite: Engine) -> None:
    engine = late(lite, "proofs", 700)
    with transaction(engine) as connection:
        set_clock(connection, datetime.combine(TODAY, time(16), UTC))
        extend(connection, Extension(CODE, 12, requester="P1", approver="P1"), Because("late_proofs", TODAY))
    said = {}
    for language in Language:
        console = Console(width=100, record=True)
        CasePrinter(chronicle(engine, CODE, TODAY, language=language), language)(console)
        said[language] = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert any(line.startswith("2024-01-01 limit ") and "12 months of extension" in line for line in said[Language.EN])
    assert "2023-12-22 limit 7 days before 2024-01-01 Christmas Day 2023-12-25, 2 weekend days" in said[Language.EN]
    assert any("limit 2023-01-01 2024-01-01" in line for line in said[Language.EN]), "the version before and after"
    assert any("fecha límite 2023-01-01 2024-01-01" in line for line in said[Language.ES_MX])
    assert any("prórroga de 12 meses:" in line for line in said[Language.ES_MX])


def test_every_word_of_show_has_both_languages() -> None:
    """Whatever state a case is in: a word that Spanish lacks would stop the page."""
    asked = {*Status, *Risk, *Clock, *(name.removesuffix("_on") for names in SHOWN.values() for name in names), *SHOWN}
    assert {word.replace("_", " ") for word in asked} <= SPANISH.keys()
