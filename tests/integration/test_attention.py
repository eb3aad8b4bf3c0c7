"""The cases that ask for attention, each with the conference it can still meet: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Engine, event, update

from models.rules.words import Cycle, Risk
from models.schema import ENROLLMENT
from tasks.store.database import reading, transaction
from tasks.store.programs import current_program
from tasks.sweep import sweep
from tasks.views.artifacts import portfolio_page
from tasks.views.attention import Wanting, most_at_risk
from tasks.views.reports import portfolio
from tests.building import case, crew, day, program
from tests.storing import install

TODAY = day(900)
STAGES = [("proofs", 400), ("mock_assessment", 640), ("proofs", 860), ("commission_review", 880)]


def worst(engine: Engine, today: date = TODAY, limit: int = 15) -> list[Wanting]:
    with reading(engine) as connection:
        return most_at_risk(connection, current_program(engine), today=today, limit=limit)


def stored(engine: Engine) -> Engine:
    cases = [replace(case(stage, entered, seats=crew()), id=n) for n, (stage, entered) in enumerate(STAGES, 1)]
    install(engine, program().policy, cases)
    sweep(TODAY)
    with transaction(engine) as connection:
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 2).values(risk=Risk.OVERDUE))
    return engine


def test_each_case_shows_the_next_conference_the_last_safe_day_and_what_a_miss_costs(store: Engine) -> None:
    found = worst(stored(store))
    assert [(each.code, each.risk) for each in found[:2]] == [
        ("A2/law_enforcement_tier1", Risk.OVERDUE), ("A1/law_enforcement_tier1", Risk.AT_RISK),
    ]
    mock, proofs = found[:2]
    # 45 days before the hearing the site visit, at the latest, and the mock 90 days before that.
    assert (mock.conference, mock.last_safe) == ("2022-11-12", "2022-06-30, mock assessment passed")
    assert mock.miss == "126 days, USD 2,966.25-6,982.50", "18 March 2023 is past the limit, the staff not known"
    assert (proofs.conference, proofs.miss) == ("2023-03-18", "133 days")


def test_no_more_cases_are_read_than_are_shown(lite: Engine) -> None:
    stored(lite)
    asked: list[tuple[str, Any]] = []

    def ask(*given: Any) -> None:
        asked.append((given[2], given[3]))

    event.listen(lite, "before_cursor_execute", ask)
    (one,) = worst(lite, limit=1)
    event.remove(lite, "before_cursor_execute", ask)
    assert one.code.startswith("A2/")
    assert [given for query, given in asked if "FROM milestone" in query] == [(2,)]


def test_past_the_end_of_the_list_nothing_is_guessed(lite: Engine) -> None:
    found = worst(stored(lite), date(2028, 6, 1))
    assert {each.conference for each in found if each.stage == "proofs"} == {"none of those listed until 2028-11-11"}


def test_the_portfolio_shows_them(lite: Engine) -> None:
    found = worst(stored(lite))
    here = current_program(lite)
    with reading(lite) as connection:
        counted = portfolio(connection, here), portfolio(connection, here, Cycle.REACCREDITATION)
    page = portfolio_page(here, counted, (TODAY, found, ""))
    for each in found:
        assert f"| {each.last_safe} | {each.conference} | {each.miss} |" in page


def test_nothing_at_risk_is_said(lite: Engine) -> None:
    install(lite, program().policy, [case()])
    assert worst(lite) == []
