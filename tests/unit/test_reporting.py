"""Indicators, quarters and groups: what is counted, against what, and what is said where there is nothing to count."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.errors import Refused
from models.rules.policy.checks import parse_policy
from models.rules.policy.forecast import RiskBand
from models.rules.policy.reports import Indicator
from models.rules.reporting.glances import Glance, Place, Raised, Vacancy
from models.rules.reporting.groups import OTHERS, joined
from models.rules.reporting.indicators import row, target_on
from models.rules.reporting.measures import Seen, measured
from models.rules.reporting.quarters import Quarter, parse_quarter, quarter_of, quarters
from models.rules.words import Level, Measure, Post, Risk, Status
from tests.building import day, document, program

TODAY = day(1000)
SINCE = TODAY - timedelta(days=90)


def glance(number: int, **changed: Any) -> Glance:
    place = Place(f"A{number}/t", f"A{number}", "-", "academy", "centre", None)
    whole = Glance(
        number, place, "t", 1, day(0), "proofs", day(100), Status.OPEN, Risk.ON_TRACK, day(1096), day(1096), (), (), {}
    )
    return whole._replace(**changed)


def awarded(number: int, on: int, **changed: Any) -> Glance:
    return glance(number, status=Status.AWARDED, entered_on=day(on), risk=Risk.ENDED, **changed)


def visited(number: int, on: int) -> Glance:
    return glance(number, last_on={"visit": day(on)})


def raised(opened: int, answered: int | None) -> Raised:
    return Raised("A1/t", "centre", "stall", day(opened), 1, None if answered is None else day(answered), None, None)


def indicator(measure: Measure, **changed: object) -> Indicator:
    needs: dict[str, Any] = {"days": 14} if measure is Measure.ESCALATIONS_ANSWERED else {}
    needs |= {"days": 90, "milestone": "visit"} if measure is Measure.CASES_VISITED else {}
    label = {"es_MX": "-", "en": "-"}
    return Indicator.model_validate({
        "code": measure.value, "name": label, "measure": measure, "baseline": {"value": 0, "on": day(0)},
        "targets": [{"value": 50, "by": day(500)}, {"value": 100, "by": day(1000)}],
    } | needs | changed)


def seen(*glances: Glance, escalations: tuple[Raised, ...] = ()) -> Seen:
    return Seen(TODAY, SINCE, glances, escalations)


@pytest.mark.parametrize(
    ("measure", "glances", "value", "among"),
    [
        (Measure.AGENCIES_ENROLLED, (glance(1), glance(1, track="u"), glance(2)), 2, 2),
        (Measure.AGENCIES_ACCREDITED, (glance(1), awarded(2, 900), awarded(2, 950, track="u")), 1, 1),
        (Measure.AGENCIES_ACCREDITED, (awarded(2, 900), glance(2, cycle=2)), 1, 1),
        (Measure.AWARDS_IN_WINDOW, (awarded(1, 1096), awarded(2, 1097), glance(3)), 50, 2),
        (Measure.MONTHS_TO_AWARD, (awarded(1, 731), awarded(2, 1096), awarded(3, 1096)), 36, 3),
        (Measure.CASES_ON_TRACK, (glance(1), glance(2, risk=Risk.AT_RISK), glance(3, risk=Risk.OVERDUE)), 33.3, 3),
        (Measure.POSTS_FILLED, (glance(1), glance(2, vacant=(Vacancy(Post.SME_1, day(9)),))), 50, 2),
        (Measure.CASES_VISITED, (visited(1, 911), visited(2, 910)), 50, 2),
    ],
)
def test_a_measure_counts_what_it_says(
    measure: Measure, glances: tuple[Glance, ...], value: float, among: int
) -> None:
    assert measured(indicator(measure), seen(*glances)) == (value, among)


def test_an_escalation_counts_once_its_days_to_be_answered_ran_out_in_the_quarter() -> None:
    asked = (raised(895, 900), raised(896, 900), raised(980, 995), raised(986, 1000), raised(987, 990))
    found = measured(indicator(Measure.ESCALATIONS_ANSWERED), seen(escalations=asked))
    assert found == (66.7, 3), "day 896 to day 986: two of three were answered within fourteen days"


@pytest.mark.parametrize("measure", Measure)
def test_where_there_is_nothing_to_count_there_is_no_figure_and_no_division_by_zero(measure: Measure) -> None:
    found = row(indicator(measure), seen())
    counted = measure in {Measure.AGENCIES_ENROLLED, Measure.AGENCIES_ACCREDITED}
    assert (found.actual.value is None) == (not counted)
    assert (found.level is Level.UNKNOWN) == (not counted)
    assert (found.variance is None) == (not counted)


def test_a_target_lies_on_a_straight_line_between_two_and_stays_after_the_last() -> None:
    asked = indicator(Measure.CASES_ON_TRACK)
    told = {number: target_on(asked, day(number)) for number in (-1, 0, 250, 500, 750, 1000, 5000)}
    assert told == {-1: None, 0: 0, 250: 25, 500: 50, 750: 75, 1000: 100, 5000: 100}


@pytest.mark.parametrize(
    ("on_track", "better", "level"),
    [(100, "more", Level.LOW), (96, "more", Level.LOW), (95, "more", Level.WATCH), (86, "more", Level.WATCH),
     (85, "more", Level.HIGH), (0, "more", Level.HIGH), (0, "fewer", Level.LOW)],
)
def test_the_risk_grows_with_the_share_of_the_target_that_is_missed(on_track: int, better: str, level: Level) -> None:
    cases = [glance(number, risk=Risk.ON_TRACK if number <= on_track else Risk.AT_RISK) for number in range(1, 101)]
    asked = indicator(Measure.CASES_ON_TRACK, fewer_is_better=better == "fewer")
    assert row(asked, seen(*cases)).level is level


def test_a_target_that_fewer_is_better_for_is_met_from_below() -> None:
    quick = indicator(Measure.MONTHS_TO_AWARD, fewer_is_better=True, targets=[{"value": 30, "by": day(1)}])
    assert row(quick, seen(awarded(1, 731))).variance == 6


@pytest.mark.parametrize(("chance", "level"), [(60, Level.LOW), (59, Level.WATCH), (50, Level.WATCH), (49, Level.HIGH)])
def test_a_forecast_judges_the_risk_of_the_target_that_it_speaks_of(chance: float, level: Level) -> None:
    band = RiskBand(at_risk_below=50, recovered_from=60)
    assert row(indicator(Measure.AGENCIES_ACCREDITED), seen(), forecast=(chance, band)).level is level
    assert row(indicator(Measure.AGENCIES_ENROLLED), seen(), forecast=(chance, band)).level is Level.HIGH


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 12)), st.integers(1, 9))
def test_what_is_told_of_a_group_is_told_of_enough_or_of_all(sizes: dict[str, int], fewest: int) -> None:
    names = joined(sizes, fewest=fewest)
    together: dict[str, int] = {}
    for name, size in sizes.items():
        together[names[name]] = together.get(names[name], 0) + size
    everybody = sum(sizes.values())
    assert all(size == 0 or size >= fewest or size == everybody for size in together.values())
    assert all(names[name] in {name, OTHERS} for name in sizes)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_every_day_lies_in_its_quarter_and_a_quarter_is_read_as_it_is_written(on: date) -> None:
    found = quarter_of(on)
    assert found.since <= on <= found.until
    assert parse_quarter(str(found)) == found
    assert quarter_of(found.since - timedelta(days=1)) == found.before
    assert list(quarters(found.before, found)) == [found.before, found]
    assert found.due_on(30) == found.until + timedelta(days=30)


@pytest.mark.parametrize("text", ["2019Q5", "2019", "Q3 2019", "19Q3", "2019Q33", "0000Q1", "9999Q4", ""])
def test_a_quarter_that_is_spelled_otherwise_is_told_how(text: str) -> None:
    with pytest.raises(Refused, match=r"Write the year and Q1 to Q4, as in 2019Q3\.$"):
        parse_quarter(text)
    assert parse_quarter("2019t3") == parse_quarter("2019-Q3") == Quarter(2019, 3)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measure": "agencies_enrolled"}, 'the measure "agencies_enrolled" has no use for `days`'),
        ({"days": None}, 'the measure "cases_visited" needs `days`'),
        ({"milestone": "vist"}, 'names the unknown milestone "vist". Did you mean "visit"?'),
        ({"targets": [{"value": 1, "by": date(2015, 1, 1)}]}, "are not in order of their days"),
        ({"watch_percent": 20}, "high_percent: is below watch_percent"),
        ({"code": "posts_filled"}, 'has "posts_filled" twice'),
    ],
)
def test_an_indicator_that_cannot_be_measured_is_refused_with_its_place(changed: dict[str, object], said: str) -> None:
    tables = document()
    indicators = [dict(each) for each in tables["reports"]["indicators"]]
    visited = next(each for each in indicators if each["code"] == "cases_visited")
    visited |= changed
    with pytest.raises(Refused, match=r"reports\.indicators") as refused:
        parse_policy(tables | {"reports": tables["reports"] | {"indicators": indicators}})
    assert said in str(refused.value)


def test_a_reminder_before_the_quarter_ends_and_a_name_for_no_rule_are_refused() -> None:
    tables = document()
    owing = tables["reports"]["quarterly"] | {"days_before": [31]}
    with pytest.raises(Refused, match="Use at most 30"):
        parse_policy(tables | {"reports": tables["reports"] | {"quarterly": owing}})
    names = {"stal": {"es_MX": "-", "en": "-"}}
    with pytest.raises(Refused, match='Did you mean "stall"'):
        parse_policy(tables | {"reports": tables["reports"] | {"rule_names": names}})
    assert program().policy.reports is not None
