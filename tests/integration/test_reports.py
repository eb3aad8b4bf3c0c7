"""Reports from a real database: totals that can be counted again, as they were known, and words where nothing is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from models.rules.errors import Refused
from models.rules.policy import Policy
from models.rules.reporting.glances import Glance, Place
from models.rules.reporting.measures import Seen
from models.rules.reporting.quarters import Quarter
from models.rules.words import Language, Risk, Status
from models.schema import AGENCY, ENROLLMENT, MILESTONE
from tasks.forecasting import make_fit
from tasks.operations.asked import Because
from tasks.reports.publishing import folder_for, last_quarter, publish_weekly
from tasks.reports.quarterly import Asked, Quarterly, quarterly
from tasks.reports.quarterly_page import _indicators, write_report
from tasks.reports.reasons import file_report, give_reasons
from tasks.reports.tables import Table
from tasks.reports.weekly import _arcs, weekly
from tasks.reports.weekly_page import weekly_page
from tasks.reports.wording import Wording
from tasks.store import clock
from tasks.store.database import transaction
from tasks.sweep import sweep
from tasks.views.chronicle import chronicle
from tests.building import ONBOARDED, case, crew, day, program
from tests.storing import install

TODAY = date(2020, 5, 20)
FIRST, SECOND = Quarter(2020, 1), Quarter(2020, 2)


def policy() -> Policy:
    """Return the reference program as if it had begun on day 0, with groups of two large enough."""
    reports = program().policy.reports
    assert reports is not None
    return program().policy.model_copy(
        update={"began_on": day(0), "reports": reports.model_copy(update={"fewest_in_a_group": 2})}
    )


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not every machine has one, and printing takes a second."""
    monkeypatch.setenv("PATH", str(tmp_path))


@contextmanager
def living_on(engine: Engine, on: date) -> Iterator[None]:
    with transaction(engine) as connection:
        clock.set_clock(connection, datetime.combine(on, time(18), UTC))
    yield


@pytest.fixture
def kept(lite: Engine) -> Engine:
    """Four cases: two left the first stage on day 30, one has no second expert, one is alone in its region."""
    cases = [
        case(facts=ONBOARDED), replace(case(facts=ONBOARDED), id=2),
        replace(case(seats=crew(without=["sme_2"])), id=3), replace(case(), id=4),
    ]
    install(lite, policy(), cases)
    with transaction(lite) as connection:
        connection.execute(update(AGENCY).values(kind="academy"))
        connection.execute(update(AGENCY).where(AGENCY.c.id == 4).values(region="west"))
    for number in (31, 62, 80):
        with living_on(lite, day(number)):
            sweep(day(number))
    with living_on(lite, TODAY):
        sweep(TODAY)
    return lite


def table(found: Quarterly, name: str) -> Table:
    return next(each for each in (*found.tables(), *found.rows()) if each.name == name)


def rows(found: Quarterly, name: str) -> list[dict[str, Any]]:
    one = table(found, name)
    return [dict(zip(one.columns, row, strict=True)) for row in one.rows]


def test_every_total_can_be_counted_again_from_the_single_cases(kept: Engine) -> None:
    found = quarterly(kept, Asked(FIRST))
    cases, stays = rows(found, "enrollments"), rows(found, "stays")
    for row in rows(found, "stages"):
        stage = row["stage"]
        assert row["standing"] == sum(each["stage"] == stage for each in cases if each["status"] == "open")
        assert row["finished"] == sum(each["stage"] == stage and each["on"] for each in stays)
        assert row["reached"] == row["standing"] + row["finished"], "nobody ended on the way"
    whole = rows(found, "risk")[-1]
    for risk in ("on_track", "at_risk", "overdue"):
        assert whole[risk] == sum(each["risk"] == risk for each in cases)
    figures = {row["indicator"]: row["actual"] for row in rows(found, "indicators")}
    assert figures["agencies_enrolled"] == len({each["agency"] for each in cases}) == 4
    assert figures["posts_filled"] == 100 * sum(not each["vacant"] for each in cases) / len(cases) == 75
    one_by_one = rows(found, "escalations_one_by_one")
    assert one_by_one
    for row in rows(found, "escalations"):
        mine = [each for each in one_by_one if each["rule"] == row["rule"]]
        assert (row["open"], row["answered"]) == (
            sum(not each["closed_on"] for each in mine), sum(bool(each["answered_on"]) for each in mine)
        )


def test_a_risk_is_the_one_that_why_tells_of_that_day_with_a_fit_and_without(kept: Engine) -> None:
    make_fit(kept, TODAY)
    sweep(TODAY)
    for asked in (Asked(FIRST, as_of=day(80), known_on=day(80)), Asked(SECOND)):
        told = rows(quarterly(kept, asked), "enrollments")
        on = asked.as_of or TODAY
        assert {row["enrollment"]: row["risk"] for row in told} == {
            row["enrollment"]: chronicle(kept, str(row["enrollment"]), on).risk for row in told
        }


def test_a_fit_that_was_made_in_an_evening_is_of_that_day_where_the_agency_is(kept: Engine) -> None:
    with transaction(kept) as connection:
        connection.execute(update(AGENCY).values(time_zone="America/Mexico_City"))
        clock.set_clock(connection, datetime.combine(day(81), time(3), UTC))  # still day 80 in Mexico City
    make_fit(kept, day(80))
    told = rows(quarterly(kept, Asked(FIRST, as_of=day(80))), "enrollments")
    assert {row["risk"] for row in told[2:]} == {"at_risk"}, "one has no expert, and one is late by the fit alone"
    for row in told:
        assert row["risk"] == chronicle(kept, str(row["enrollment"]), day(80)).risk


def test_a_region_too_small_to_be_told_apart_is_counted_with_others(kept: Engine) -> None:
    told = {row["group"]: row["open"] for row in rows(quarterly(kept, Asked(FIRST)), "risk")}
    assert told["others"] == told["all"] == 4, "one alone would be known, and so would who is left"
    assert "west" not in told


def test_figures_are_those_that_were_known_then(kept: Engine) -> None:
    asked = Asked(FIRST, as_of=day(80), known_on=day(80))
    before = quarterly(kept, asked)
    tables = [each.as_csv() for each in (*before.tables(), *before.rows())]
    with transaction(kept) as connection:
        connection.execute(insert(MILESTONE), [
            {"enrollment_id": 1, "milestone": name, "occurred_on": day(79), "reference": "late", "recorded_by": "test",
             "recorded_at": datetime.combine(TODAY, time(12), UTC)}
            for name in ("visit", "gap_report_accepted")
        ])
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 1).values(next_review_on=TODAY))
    sweep(TODAY)
    after = quarterly(kept, asked)
    assert [each.as_csv() for each in (*after.tables(), *after.rows())] == tables
    later = quarterly(kept, Asked(FIRST, as_of=day(80)))
    standing = {row["stage"]: row["standing"] for row in rows(later, "stages")}
    assert (standing["gap_analysis"], standing["directives"]) == (1, 1), "known by today, it had left on day 79"
    assert rows(later, "enrollments")[0]["last_visit_on"] == day(79)


def test_a_quarter_before_the_program_says_so_in_every_part(kept: Engine, tmp_path: Path) -> None:
    found = quarterly(kept, Asked(Quarter(2019, 2)))
    write_report(found, tmp_path / "r", list(Language))
    page = (tmp_path / "r" / "report.html").read_text()
    assert "The program began on 1 Jan 2020" in page
    assert page.count('class="empty"') == 5, "words in the place of every plot"
    assert "<svg" not in page
    assert page.count("<h2>") == 9, "no part is missing"
    assert not (tmp_path / "r" / "plots").exists()
    assert "El programa inició el 1 ene 2020" in (tmp_path / "r" / "informe.html").read_text()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(Quarter(2020, 3)), "quarter: 2020Q3 has not begun. Name 2020Q2 or an earlier one."),
        (Asked(FIRST, as_of=date(2020, 4, 1)), "--as-of: 2020-04-01 does not lie in 2020Q1."),
        (Asked(SECOND, as_of=date(2020, 6, 1)), "--as-of: 2020-06-01 has not come yet."),
        (Asked(FIRST, known_on=date(2020, 6, 1)), "--known-on: 2020-06-01 has not come yet."),
    ],
)
def test_days_that_nobody_can_look_from_are_refused(kept: Engine, asked: Asked, said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        quarterly(kept, asked)


def test_a_program_without_indicators_is_told_what_to_add(lite: Engine) -> None:
    install(lite, program("iso9001").policy, [replace(case("application"), track="iso9001")])
    with living_on(lite, TODAY), pytest.raises(Refused, match=r"reports.*Add reports\.toml"):
        quarterly(lite, Asked(FIRST))


def test_both_languages_tell_the_same_figures_and_no_person(kept: Engine, tmp_path: Path) -> None:
    written = write_report(quarterly(kept, Asked(FIRST)), tmp_path / "r", list(Language), rows=True)
    assert written.without == ["no PDF: no Chromium was found here; the page prints from any browser"]
    english, spanish = ((tmp_path / "r" / f"{name}.html").read_text() for name in ("report", "informe"))
    figures = [re.findall(r'<td[^>]*class="n"><span>([^<]*)', page) for page in (english, spanish)]
    assert figures[0] == figures[1] != []
    for page in (english, spanish):
        assert "Ana" not in page
        assert "A1/law_enforcement_tier1" not in page, "no single case"
        assert page.count("<svg") == 2 * page.count("<figure") > 0, "for a page and for a phone"
    assert {path.suffix for path in written.paths} == {".csv", ".html", ".png", ".svg"}
    assert (tmp_path / "r-rows" / "enrollments.csv").is_file()
    assert not any("rows" in str(path.relative_to(tmp_path / "r")) for path in (tmp_path / "r").rglob("*"))


def test_a_table_is_written_for_a_spreadsheet_and_no_cell_is_a_formula() -> None:
    hostile = Table("t", ("a", "b"), [("=1+1", -1.5), ("+x", 10), ("-x", None), ("@x", date(2020, 1, 1))])
    read = list(csv.reader(io.StringIO(hostile.as_csv())))
    assert read == [["a", "b"], ["'=1+1", "-1.5"], ["'+x", "10"], ["'-x", ""], ["'@x", "2020-01-01"]]


def test_a_reason_is_told_from_the_day_it_was_recorded_in_the_readers_language(kept: Engine) -> None:
    why = Because("", TODAY, actor="P1", reference="D-7")
    with transaction(kept) as connection:
        give_reasons(connection, FIRST, indicator="cases_visited", reasons=["funding"], why=why)
        give_reasons(connection, FIRST, indicator="cases_visited", reasons=["emergency", "funding"], why=why)
        with pytest.raises(Refused, match='Did you mean "cases_visited"'):
            give_reasons(connection, FIRST, indicator="case_visited", reasons=["funding"], why=why)
        with pytest.raises(Refused, match='Did you mean "funding"'):
            give_reasons(connection, FIRST, indicator="cases_visited", reasons=["fundin"], why=why)
    found = quarterly(kept, Asked(FIRST))
    told = {row["indicator"]: row["reasons"] for row in rows(found, "indicators")}
    assert told["cases_visited"] == "emergency funding"
    earlier = quarterly(kept, Asked(FIRST, known_on=date(2020, 5, 19)))
    assert {row["reasons"] for row in rows(earlier, "indicators")} == {""}
    words = [cell.text for line in _indicators(found, Wording(Language.ES_MX)).rows for cell in line.cells]
    assert [text for text in words if "pandemia o emergencia, presupuesto" in text]


def test_a_report_is_handed_in_once_and_after_its_quarter(kept: Engine) -> None:
    assert last_quarter(kept) == FIRST
    with transaction(kept) as connection:
        with pytest.raises(Refused, match="Name a day after 2020-03-31 and until 2020-05-20"):
            file_report(connection, FIRST, date(2020, 3, 31), actor="P1")
        file_report(connection, FIRST, date(2020, 4, 29), actor="P1")
        with pytest.raises(Refused, match="was handed in on 2020-04-29"):
            file_report(connection, FIRST, TODAY, actor="P1")


def test_the_week_tells_what_there_is_and_says_in_words_where_there_is_nothing(kept: Engine, tmp_path: Path) -> None:
    done = publish_weekly(kept, (day(80), None), languages=list(Language), out=tmp_path / "w")
    found = done.found
    by_name = {each.name: each for each in found.tables()}
    assert {(row[0], row[2]) for row in by_name["vacant"].rows} == {("A3/law_enforcement_tier1", "sme_2")}
    assert [row[1:3] for row in by_name["regions"].rows if row[0] == "west"] == [(1, 0)]
    assert sum(row[1] for row in by_name["pairs"].rows) == 4
    assert found.conference is not None
    for name in ("report", "informe"):
        assert (tmp_path / "w" / f"{name}.html").read_text().count("<h2>") == 11, name
    assert {path.name for path in done.files.paths} >= {"report.html", "vacant.csv", "windows.svg", "funnel.png"}


def test_a_week_without_cases_or_conferences_has_every_part(lite: Engine) -> None:
    install(lite, policy().model_copy(update={"conferences": ()}), [case()])
    with living_on(lite, TODAY), transaction(lite) as connection:
        connection.execute(insert(MILESTONE), {
            "enrollment_id": 1, "milestone": "withdrawn", "occurred_on": day(10), "reference": "", "recorded_by": "t",
            "recorded_at": datetime.combine(day(10), time(12), UTC),
        })
    sweep(TODAY)
    told = weekly_page(weekly(lite), Wording(Language.EN)).page
    assert told.count("<h2>") == 11
    assert "No agency is on its way to a first award" in told
    assert "None: every post is held." in told
    assert told.count('class="empty"') == 1, "words in the place of the awards that nobody will have"
    with pytest.raises(Refused, match="has not come yet"):
        weekly(lite, as_of=date(2020, 5, 21))


def test_a_government_that_lacks_one_kind_is_told_with_the_case_that_would_complete_it() -> None:
    kinds = list(program().policy.kinds)
    place = Place("A1/t", "A1", "-", kinds[0], "centre", "G")
    whole = Glance(
        1, place, "t", 1, day(0), "proofs", day(9), Status.AWARDED, Risk.ENDED, day(99), day(99), (), (), {}
    )
    other = whole._replace(id=2, place=place._replace(kind=kinds[1]))
    third = whole._replace(id=3, place=place._replace(kind=kinds[2]), status=Status.OPEN, risk=Risk.AT_RISK)
    elsewhere = whole._replace(id=4, place=place._replace(government="H"))
    (found,) = list(_arcs(Seen(day(99), day(1), [whole, other, third, elsewhere], ()), program()))
    assert found == ("G", tuple(kinds[:2]), kinds[2], third)
    assert list(_arcs(Seen(day(99), day(1), [whole, elsewhere], ()), program())) == []


def test_another_look_at_the_same_quarter_overwrites_nothing(tmp_path: Path) -> None:
    looks = [{}, {"as_of": date(2020, 3, 20)}, {"known_on": date(2020, 5, 19)}]
    folders = [folder_for("2020Q1", None, **look) for look in looks]
    assert [folder.name for folder in folders] == ["2020Q1", "2020Q1-as-of-2020-03-20", "2020Q1-known-on-2020-05-19"]
    assert folder_for("2020Q1", tmp_path, known_on=date(2020, 5, 19)) == tmp_path
