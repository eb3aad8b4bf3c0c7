"""Working days: of a country, a region, an agency, a person; and no holiday brings a date nearer than it may be."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from dateutil.easter import easter as easter_of_dateutil  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from models.rules.calendars import Calendar, easter
from models.rules.case import Site
from models.rules.errors import Refused
from models.rules.policy.checks import parse_policy
from tasks.store.holidays import fill
from tests.building import case, document, number, on, program, program_with
from tests.trying import promised

WEEKDAYS = frozenset(range(5))
DAYS = st.dates(date(2016, 1, 1), date(2040, 12, 31))
HOLIDAYS = st.lists(DAYS, max_size=12) | st.lists(st.dates(date(2024, 1, 1), date(2024, 2, 28)), max_size=40)
NEAR = st.dates(date(2023, 12, 1), date(2024, 3, 31)) | DAYS
WEEKS = st.frozensets(st.integers(0, 6), min_size=1)


@promised
@given(WEEKS, HOLIDAYS, HOLIDAYS, NEAR, st.integers(0, 40))
def test_a_holiday_makes_nothing_counted_forward_earlier_nor_backward_later(
    weekdays: frozenset[int], off: list[date], more: list[date], day: date, count: int
) -> None:
    """More holidays than there are: of none, of a country's, of an agency's own beside them."""
    few, many = (Calendar(weekdays, dict.fromkeys(days, "holiday")) for days in (off, off + more))
    assert many.plus(day, count) >= few.plus(day, count) >= day + timedelta(days=count)
    assert many.after(day) >= few.after(day) >= day
    assert many.before(day) <= few.before(day) <= day


@given(WEEKS, HOLIDAYS, NEAR, st.integers(0, 40))
def test_what_is_rolled_or_counted_falls_on_a_working_day_with_none_between(
    weekdays: frozenset[int], off: list[date], day: date, count: int
) -> None:
    calendar = Calendar(weekdays, dict.fromkeys(off, "holiday"))
    before, after, later = calendar.before(day), calendar.after(day), calendar.plus(day, count)
    assert calendar.works(before)
    assert calendar.works(after)
    assert calendar.before(before) == before
    between = [before + timedelta(days=n) for n in range(1, (day - before).days + 1)]
    between += [day + timedelta(days=n) for n in range((after - day).days)]
    assert not any(calendar.works(each) for each in between)
    counted = [day + timedelta(days=n) for n in range(1, (later - day).days + 1)]
    assert sum(calendar.works(each) for each in counted) == count


@given(WEEKS, HOLIDAYS, NEAR, st.integers(0, 30))
def test_rolling_keeps_the_order_of_days(weekdays: frozenset[int], off: list[date], day: date, apart: int) -> None:
    calendar, later = Calendar(weekdays, dict.fromkeys(off, "holiday")), day + timedelta(days=apart)
    assert calendar.before(day) <= calendar.before(later)
    assert calendar.after(day) <= calendar.after(later)


def test_easter_is_where_the_church_has_it() -> None:
    assert [easter(year) for year in range(1900, 2200)] == [easter_of_dateutil(year) for year in range(1900, 2200)]


def with_closures(*closures: dict[str, Any]) -> Any:
    return program_with(closures=list(closures))


PLACE, ELSEWHERE = Site("JAL-ACA-01", "JAL"), Site("SON-ACA-01", "SON")
# a closure -> the days in it that are closed at the place, and elsewhere
CLOSED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "everybody's": ({"since": date(2023, 5, 4), "until": date(2023, 5, 5)}, ["2023-05-04"], ["2023-05-05"]),
    "of an entity": ({"since": date(2023, 5, 4), "until": date(2023, 5, 4), "entities": ["JAL"]}, ["2023-05-04"], []),
    "of a region": ({"since": date(2023, 5, 4), "until": date(2023, 5, 4), "regions": ["west"]}, ["2023-05-04"], []),
    "an agency's own": (
        {"since": date(2023, 5, 4), "until": date(2023, 5, 4), "agencies": ["JAL-ACA-01"]}, ["2023-05-04"], []
    ),
    "Holy Week": ({"easter": [-3, -2], "calendars": ["MX"]}, ["2023-04-06", "2023-04-07"], ["2024-03-28"]),
    "the year's end": (
        {"yearly": {"since": "12-20", "until": "01-06"}}, ["2023-12-20", "2024-01-05"], ["2024-12-31", "2025-01-06"]
    ),
    "known, and not observed": ({"easter": [-3], "observed": False}, [], []),
}


@pytest.mark.parametrize(("closure", "here", "there"), CLOSED.values(), ids=CLOSED)
def test_a_closure_is_of_the_places_that_it_names(closure: dict[str, Any], here: list[str], there: list[str]) -> None:
    given = with_closures({"name": "closed", **closure})
    for place, days in ((PLACE, here), (ELSEWHERE, there)):
        assert not any(given.calendar_of(place).works(date.fromisoformat(each)) for each in days)
    local = {"entities", "regions", "agencies"} & closure.keys() or not closure.get("observed", True)
    assert given.calendar_of(ELSEWHERE).works(date(2023, 5, 4) if local else date(2023, 5, 3))
    assert given.calendars.of_person("America/Mexico_City").works(date(2023, 5, 3))


def test_the_holidays_are_those_of_the_law_the_change_of_government_included() -> None:
    here = program().calendar_of(PLACE)
    assert [here.works(date(year, 10, 1)) for year in (2024, 2025, 2030)] == [False, True, False]
    assert [(day.day, name) for day, name in here.off_days(date(2024, 9, 13), date(2024, 9, 21))] == [
        (14, ""), (15, ""), (16, "Independence Day"), (21, ""),
    ]
    assert here.until == date(2040, 12, 31)


def test_a_person_keeps_the_calendar_of_the_zone_they_live_in() -> None:
    of_person = program().calendars.of_person
    independence = {"America/Chicago": date(2024, 7, 4), "America/Tijuana": date(2024, 9, 16)}
    worked = [[of_person(zone).works(day) for day in independence.values()] for zone in independence]
    assert worked == [[False, True], [True, False]]


def test_a_reminder_is_planned_for_a_working_day_of_its_agency_and_its_key_does_not_know() -> None:
    """Day 31, thirty days before the stage's target, is a Saturday; the Friday before it the agency is closed."""
    closed = with_closures(
        {"name": "festival", "since": date(2020, 1, 30), "until": date(2020, 1, 31), "agencies": ["JAL-ACA-01"]}
    )
    decided = {}
    for name, site in (("here", PLACE), ("there", ELSEWHERE)):
        decided[name] = on(30, case(site=site), closed).tellings
    planned = {name: {number(t.planned_for) for t in tellings} for name, tellings in decided.items()}
    assert planned == {"here": {28}, "there": {30}}
    assert [t.key for t in decided["here"]] == [t.key for t in decided["there"]]
    assert number(on(20, case(site=PLACE), closed).next_review_on) == 28


def test_days_of_grace_may_be_working_days() -> None:
    rule = {
        "rule": "empty", "notice": "vacant_post", "cause": "vacancy", "posts": ["sme_1"], "grace_days": 5,
        "grace_in_working_days": True, "ladder": [{"to": ["director"], "after_days": 0}],
    }
    given = program_with(escalations=[rule], reminders=[])
    # Empty from Thursday, day 1: the fifth working day after it is Thursday, day 8.
    left = case(seats=[("sme_1", -10, 0), ("sme_2", -10), ("director", -10)])
    assert [len(on(today, left, given).opened) for today in (7, 8)] == [0, 1]
    assert number(on(1, left, given).next_review_on) == 8


MX = {"since": date(2015, 12, 1), "until": date(2040, 12, 31)}
FESTIVAL = {"name": "festival", "since": date(2023, 5, 4), "until": date(2023, 5, 5)}


def _tables(**changed: Any) -> dict[str, Any]:
    return deepcopy(document()) | changed


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown calendar": (_tables(calendar="MEX"), 'calendar: names the unknown calendar "MEX"', 'Did you mean "MX"'),
    "unknown calendar of an entity": (
        _tables(entities=document()["entities"] | {"JAL": document()["entities"]["JAL"] | {"calendar": "UX"}}),
        r"entities\.JAL\.calendar", "Known names: MX, US",
    ),
    "ends before it begins": (
        _tables(calendars={"MX": MX | {"until": date(2015, 1, 1)}}, closures=[]), "ends on 2015-01-01, before", "Swap"
    ),
    "unknown zone": (
        _tables(calendars={"MX": MX | {"zones": ["America/Tijuanna"]}}), '"America/Tijuanna" is no time zone', "IANA"
    ),
    "a zone in two calendars": (
        _tables(calendars={name: MX | {"zones": ["America/Chicago"]} for name in ("MX", "US")}), "two claim the zone",
        "one calendar",
    ),
    "a holiday twice": (
        _tables(calendars={"MX": MX | {"holidays": [{"on": date(2023, 5, 1), "name": n} for n in "ab"]}}),
        "2023-05-01 stands here twice", "Keep one",
    ),
    "a holiday outside its calendar": (
        _tables(calendars={"MX": MX | {"holidays": [{"on": date(2041, 5, 1), "name": "a"}]}}),
        "2041-05-01 lies outside the calendar", "reach it",
    ),
    "closures that overlap": (
        _tables(closures=[FESTIVAL, FESTIVAL | {"name": "fair", "since": date(2023, 5, 5), "until": date(2023, 5, 9)}]),
        '"fair" begins on 2023-05-05, while "festival" lasts until 2023-05-05', "Join them",
    ),
    "a closure that ends before it begins": (
        _tables(closures=[FESTIVAL | {"until": date(2023, 5, 3)}]), r"closures\[0\]\.until", "Swap or correct"
    ),
    "a closure without an end": (_tables(closures=[{"name": "x", "since": date(2023, 5, 4)}]), "lacks", "Give both"),
    "a closure without days": (_tables(closures=[{"name": "x"}]), "in none or several ways", "or yearly, or easter"),
    "a closure of a season": (
        _tables(closures=[FESTIVAL | {"until": date(2023, 9, 4)}]), "longer than 92 days", "on hold instead"
    ),
    "a closure outside the program": (
        _tables(closures=[FESTIVAL | {"since": date(1999, 5, 4), "until": date(1999, 5, 5)}]),
        "outside every calendar", "let a calendar reach them",
    ),
    "a closure of nowhere": (
        _tables(closures=[FESTIVAL | {"entities": ["JALISCO"]}]), r"closures\[0\]\.entities", 'Did you mean "JAL"'
    ),
    "a day that no year has": (
        _tables(closures=[{"name": "x", "yearly": {"since": "02-30", "until": "03-01"}}]), "closures",
        "Correct the value",
    ),
    "closures without a calendar": (
        {name: table for name, table in document().items() if name != "calendar"} | {"closures": [FESTIVAL]},
        "calendar: is missing", "that they add to",
    ),
    "working days of grace for a stall": (
        _tables(escalations=[document()["escalations"][0] | {"grace_days": 3, "grace_in_working_days": True}]),
        r"escalations\[0\]\.grace_in_working_days", "Leave it out",
    ),
    "a conference twice": (
        _tables(conferences=[*document()["conferences"], document()["conferences"][0]]),
        'conferences: "2016-03-19" stands here twice', "Keep one",
    ),
}


@pytest.mark.parametrize(("tables", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_calendar_that_cannot_be_is_refused(tables: dict[str, Any], what: str, remedy: str) -> None:
    with pytest.raises(Refused, match=what) as refusal:
        parse_policy(tables)
    assert remedy in str(refusal.value)


def test_a_country_of_which_no_holidays_are_known_is_refused() -> None:
    (problem,) = fill({"calendars": {"XX": MX | {"country": "XX"}}})
    assert "calendars.XX.country" in str(problem)
    assert "list [[calendars.XX.holidays]] yourself" in problem.remedy


def test_own_holidays_are_kept_beside_those_of_the_country() -> None:
    own = {"on": date(2023, 1, 1), "name": "our own"}
    tables = {"calendars": {"MX": MX | {"country": "MX", "holidays": [own]}}}
    assert list(fill(tables)) == []
    found = tables["calendars"]["MX"]["holidays"]
    assert isinstance(found, list)
    assert [each["name"] for each in found if each["on"] == date(2023, 1, 1)] == ["our own"]
    assert len(found) > 100
