"""What a forecast is judged by, and the cohorts that it is judged on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.rules.forecast.backtest import half_years
from models.rules.forecast.journeys import as_known
from models.rules.forecast.judging import (
    Judged,
    Watched,
    by_days_left,
    by_forecast,
    days_left_rule,
    judge,
    pooled,
    skill,
)
from models.rules.words import Status
from tests.benchmarks.forecast.laws import Pauses, document, draw, seeds

LAWS = sorted(document()["laws"])


def judged(*rows: tuple[float, int, int]) -> Judged:
    return Judged(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)))


def test_a_forecast_that_knew_saves_all_of_either_rules_score() -> None:
    verdict = judge(judged((1, 100, 1), (0, 100, 0), (1, 300, 1), (0, 50, 0)))
    assert verdict is not None
    assert (verdict.brier, verdict.against_days_left, verdict.against_base_rate, verdict.error) == (0, 1, 1, 0)


def test_days_left_never_gives_more_chance_to_fewer_days_and_equal_days_an_equal_one() -> None:
    some = judged((0, 10, 1), (0, 10, 0), (0, 20, 0), (0, 30, 1), (0, 30, 1), (0, 40, 0))
    assert days_left_rule(some) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3])


def test_the_base_rate_scores_against_itself_nothing() -> None:
    half = judged(*((0.5, n, n % 2) for n in range(10)))
    verdict = judge(half)
    assert verdict is not None
    assert verdict.against_base_rate == 0
    assert [(b.number, b.said, b.came) for b in verdict.bins] == [(10, 0.5, 0.5)]


def test_what_was_said_too_boldly_is_an_error_weighted_by_how_often() -> None:
    verdict = judge(pooled([judged((0.95, 1, 1), (0.95, 2, 0)), judged(*((0.05, 3, 0) for _ in range(8)))]))
    assert verdict is not None
    assert verdict.error == pytest.approx((2 * 0.45 + 8 * 0.05) / 10)


def test_nothing_to_judge_is_no_verdict_and_a_perfect_rule_cannot_be_beaten() -> None:
    empty = np.array([])
    assert judge(Judged(empty, empty, empty)) is None
    assert skill(0, 0) == 0
    assert skill(0.1, 0) == -np.inf


WATCHED = [
    Watched(missed=True, days_left=(90, 60, 30), chance=(0.9, 0.4, 0.1)),
    Watched(missed=True, days_left=(90, 60, 30), chance=(0.9, 0.8, 0.7)),
    Watched(missed=False, days_left=(90, 60), chance=(0.4, 0.8)),
    Watched(missed=False, days_left=(90,), chance=(0.9,)),
]


def test_a_forecast_warns_at_the_first_look_that_gives_too_little_chance() -> None:
    assert by_forecast(WATCHED, below=0.5) == (2, 1, 2, 30.0)


def test_days_left_warn_of_everybody_who_is_still_open_then() -> None:
    assert by_days_left(WATCHED, alarms=2) == (2, 0, 2, 30.0)
    assert by_days_left(WATCHED, alarms=3) == (3, 1, 2, 60.0)
    assert by_days_left(WATCHED, alarms=0) == (0, 0, 2, 0.0)
    assert by_days_left([], alarms=3) == (0, 0, 0, 0.0)


def test_work_waits_out_a_closure_and_goes_on_slowly_in_a_shock() -> None:
    closed = Pauses(((date(2020, 3, 1), date(2020, 3, 31), 1e-9),))
    assert closed.elapse(date(2020, 2, 20), 9) == date(2020, 2, 29)
    assert closed.elapse(date(2020, 2, 20), 20) == date(2020, 4, 11)
    assert closed.elapse(date(2020, 3, 15), 5) == date(2020, 4, 6)
    slow = Pauses(((date(2020, 3, 1), date(2020, 3, 31), 0.5),))
    assert slow.elapse(date(2020, 2, 20), 20) == date(2020, 3, 21)


@pytest.mark.parametrize("law", LAWS)
def test_the_same_seed_draws_the_same_cohort_and_every_journey_holds_together(law: str) -> None:
    cohort = draw(law, 1)
    assert cohort == draw(law, 1)
    assert cohort != draw(law, 2)
    assert len(cohort) == 82
    for journey in cohort:
        assert journey.end is not None
        days = [journey.agreement_on, *(day for leg in journey.legs for day in (leg.entered, leg.left)), journey.end.on]
        assert days == sorted(days)


def test_a_past_day_shows_nothing_of_what_came_later() -> None:
    cohort = draw("closure", 1)
    for day in half_years(cohort, date(2022, 1, 1)):
        for known in as_known(cohort, day):
            assert all(leg.left <= day for leg in known.legs)
            assert known.entered <= day
            assert known.end is None or known.end.on <= day


def test_the_seeds_held_out_are_fifty_and_none_of_them_was_seen() -> None:
    assert len(seeds("held_out")) == 50
    assert not set(seeds("held_out")) & set(seeds("seen"))
    assert {j.end.status for j in draw("shocks", 1) if j.end} == {Status.AWARDED, Status.WITHDRAWN}
