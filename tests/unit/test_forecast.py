"""The forecast's model: what it learns, what it says with little to learn from, and what it must never say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.case import Case, Fact, Program
from models.rules.forecast.backtest import backtest
from models.rules.forecast.compiling import compiled
from models.rules.forecast.fitting import Fit, fit
from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.journeys import Count, End, Extension, Journey, Leg, as_known, deadline
from models.rules.forecast.judging import judge, pooled
from models.rules.forecast.pacing import StagePace, days_ahead, moved
from models.rules.forecast.progress import Counted, Progress, reached
from models.rules.gates import dossier
from models.rules.policy import Policy
from models.rules.risk import days_gained
from models.rules.words import Clock, Status
from tests.benchmarks.forecast.laws import draw, reference, seeds
from tests.building import program

DAY = date(2021, 1, 1)
AGREED = date(2020, 1, 1)


def policy() -> Policy:
    return reference()[0]


def journey(number: int = 1, stage: str = "onboarding", **more: object) -> Journey:
    """Build an enrollment that stands in a stage since DAY - 30 unless told otherwise."""
    built: dict[str, Any] = {
        "id": number, "agency": number, "kind": "academy", "region": "centre", "track": "academy",
        "agreement_on": AGREED, "stage": stage, "entered": DAY - timedelta(days=30),
    }
    return Journey(**(built | more))


def through(number: int, days: dict[str, int], **more: object) -> Journey:
    """Build an enrollment that has left stages after so many days each, and stands in the next."""
    legs, entered = [], AGREED
    for stage, lasted in days.items():
        legs.append(Leg(stage, entered, entered + timedelta(days=lasted), entered + timedelta(days=lasted)))
        entered = legs[-1].left
    path = [stage.code for stage in policy().path]
    after = path[path.index(legs[-1].stage) + 1] if legs else path[0]
    return journey(number, after, entered=entered, legs=tuple(legs), **more)


@cache
def known() -> tuple[Journey, ...]:
    return tuple(as_known(draw("closure", 1), DAY))


@cache
def learned() -> Forecaster:
    return Forecaster(policy(), fit(known(), policy(), DAY))


@cache
def cold() -> Forecaster:
    return Forecaster(policy(), fit([], policy(), DAY))


def chances(forecaster: Forecaster, journeys: list[Journey], day: date = DAY, months: int = 36) -> list[float]:
    paces = forecaster.paces(journeys)
    places = [forecaster.place(each, day, paces) for each in journeys]
    ends = [AGREED + timedelta(days=round(months * 30.44))] * len(journeys)
    return [float(chance) for chance in forecaster.chances(places, ends, day)]


def test_without_a_history_the_fit_is_the_prior_and_says_so() -> None:
    found = fit([], policy(), DAY)
    forecasting = policy().forecast
    assert forecasting is not None
    assert found.exits_a_month == pytest.approx(forecasting.exits_a_month)
    assert found.agency_spread == forecasting.agency_spread
    assert {each.data for each in (*found.stages.values(), *found.tracks.values())} == {0.0}
    days = {stage.code: stage.expected_days for stage in policy().path[:-1]}
    assert found.medians["law_enforcement_tier1"] == pytest.approx(days)


def test_a_history_outweighs_the_prior_the_more_of_it_there_is() -> None:
    slow = [through(n, {"onboarding": 100 + n}, agency=n) for n in range(1, 41)]
    some, many = fit(slow[:6], policy(), DAY), fit(slow, policy(), DAY)
    prior = fit([], policy(), DAY).medians["academy"]["onboarding"]
    assert prior < some.medians["academy"]["onboarding"] < many.medians["academy"]["onboarding"]
    assert many.medians["academy"]["onboarding"] == pytest.approx(120, rel=0.12)
    assert 0 < some.stages["onboarding"].data < many.stages["onboarding"].data < 1
    assert some.stages["onboarding"].finished == 6


def test_stages_that_are_not_over_yet_count_as_longer_than_they_have_lasted() -> None:
    over = [through(n, {"onboarding": 48}) for n in range(1, 9)]
    waiting = [journey(n, entered=DAY - timedelta(days=200)) for n in range(9, 17)]
    assert (
        fit([*over, *waiting], policy(), DAY).medians["academy"]["onboarding"]
        > fit(over, policy(), DAY).medians["academy"]["onboarding"]
    )


def test_days_on_hold_are_not_days_that_a_stage_took() -> None:
    plain = [through(n, {"onboarding": 48})._replace(entered=DAY) for n in range(1, 9)]
    long = Leg("onboarding", AGREED, AGREED + timedelta(days=148), DAY, rested=100)
    held = [each._replace(legs=(long,)) for each in plain]
    assert fit(held, policy(), DAY) == fit(plain, policy(), DAY)


def test_an_agency_that_was_slow_before_is_given_less_chance_and_one_that_was_fast_more() -> None:
    days = {"onboarding": 48, "gap_analysis": 72, "directives": 193}
    fast, usual, slow = ({stage: round(n * k) for stage, n in days.items()} for k in (0.6, 1, 1.7))
    three = [through(n, each)._replace(entered=DAY) for n, each in enumerate((fast, usual, slow), 1)]
    one, other, third = chances(cold(), three)
    assert one > other + 0.03
    assert other > third + 0.03


def test_one_stage_that_took_years_says_little_more_than_one_that_took_far_too_long() -> None:
    usual = StagePace(median=100, spread=0.28, known=25, tells=True)
    long, endless = moved(0, usual, 300), moved(0, usual, 30_000)
    assert long < endless < 1.1 * long
    assert moved(0.3, usual._replace(tells=False), 300) == 0.3


def test_whoever_enrolls_again_brings_the_pace_of_the_time_before() -> None:
    slow = through(1, {"onboarding": 200, "gap_analysis": 300})
    again = journey(2, agency=1, agreement_on=DAY)
    paces = cold().paces([again, slow])
    assert paces[2] == paces[1] > 0


@pytest.mark.parametrize("of", [learned, cold], ids=["learned", "cold"])
def test_chances_are_chances_and_never_fall_with_more_days(of: Callable[[], Forecaster]) -> None:
    tables = of().tables
    for curves in (tables.ready, tables.kept):
        assert np.isfinite(curves).all()
        assert (curves >= 0).all()
        assert (curves <= 1 + 1e-5).all()
        assert (np.diff(curves, axis=-1) >= -1e-6).all()
    assert (tables.kept <= tables.ready + 1e-6).all()
    assert np.isfinite(tables.days_to).all()
    assert (np.diff(tables.days_to, axis=-1) >= 0).all()


@given(
    st.integers(0, 900), st.sampled_from([s.code for s in program().policy.path[:-1]]), st.floats(-1, 1),
    st.integers(1, 400),
)
def test_as_days_go_by_and_nothing_happens_the_chance_only_falls(
    spent: int, stage: str, pace: float, later: int
) -> None:
    forecaster, end = cold(), AGREED + timedelta(days=1096)
    entered = DAY - timedelta(days=spent)
    there = journey(1, stage, entered=entered)
    both = []
    for day in (DAY, DAY + timedelta(days=later)):
        place = forecaster.place(there, day, {1: pace})
        both.append(float(forecaster.chances([place], [end], day)[0]))
    # Who has stayed so long has not left so far: that is worth the exits of the days gone by, and no more.
    assert both[1] <= both[0] * (1 + forecaster.fit.exits_a_month * later / 30) + 0.02


def test_no_conference_between_today_and_the_deadline_is_no_chance() -> None:
    (chance,) = chances(cold(), [journey(1, "commission_review", entered=DAY - timedelta(days=60))], months=13)
    assert chance == 0
    assert cold().last_slot(DAY + timedelta(days=10), DAY) is None


def test_a_program_without_conferences_is_forecast_to_its_deadline() -> None:
    plain = program("iso9001").policy.model_copy(update={"forecast": policy().forecast})
    forecaster = Forecaster(plain, fit([], plain, DAY))
    assert forecaster.last_slot(DAY + timedelta(days=10), DAY) == DAY + timedelta(days=10)
    assert forecaster.wait == 1


LONG_AGO = AGREED - timedelta(days=3000)
BAD = {
    "nothing": [],
    "one that just began": [journey(entered=DAY)],
    "one that ended at once": [journey(entered=AGREED, end=End(Status.WITHDRAWN, AGREED, AGREED))],
    "all of one stage, none over": [journey(n) for n in range(1, 30)],
    "nobody ever stayed": [journey(n, entered=AGREED, end=End(Status.REMOVED, DAY, DAY)) for n in range(1, 30)],
    "no time at all": [through(n, dict.fromkeys(["onboarding", "gap_analysis"], 0)) for n in range(1, 9)],
    "a stage for ever": [journey(n, entered=LONG_AGO, agreement_on=LONG_AGO) for n in range(1, 9)],
    "all awards on a conference, and nothing else": [
        journey(n, "accredited", entered=date(2020, 11, 14), legs=(
            Leg("commission_review", date(2020, 9, 1), date(2020, 11, 14), date(2020, 11, 14)),
        ), end=End(Status.AWARDED, date(2020, 11, 14), date(2020, 11, 14)))
        for n in range(1, 12)
    ],
    "a stage that the policy no longer has": [
        journey(n, "elsewhere", legs=(Leg("long_gone", AGREED, DAY, DAY),)) for n in range(1, 9)
    ],
}


def sane(found: Fit) -> bool:
    numbers = [found.agency_spread, found.exits_a_month, *(d for t in found.medians.values() for d in t.values())]
    return bool(np.isfinite(numbers).all() and min(numbers) > 0)


@pytest.mark.parametrize("name", BAD)
def test_little_or_strange_history_gives_a_wide_answer_and_no_nonsense(name: str) -> None:
    forecaster = Forecaster(policy(), fit(BAD[name], policy(), DAY))
    assert sane(forecaster.fit)
    asked = journey(99, "directives")
    (chance,) = chances(forecaster, [asked])
    assert 0 <= chance <= 1
    assert forecaster.knows(asked)
    quantiles = forecaster.tables.quantiles(forecaster.asked([forecaster.place(asked, DAY, {99: 0.0})]))[0]
    assert quantiles[2] > 1.3 * quantiles[0], "an interval, not a point"


@settings(max_examples=15)
@given(st.sets(st.integers(0, 81), min_size=1), st.dates(date(2016, 9, 1), date(2024, 1, 1)))
def test_any_part_of_a_history_on_any_day_can_be_fitted(some: set[int], day: date) -> None:
    journeys = list(as_known((each for n, each in enumerate(draw("shocks", 3)) if n in some), day))
    assert sane(fit(journeys, policy(), day))


def test_the_order_of_a_history_does_not_matter() -> None:
    one, other = fit(known(), policy(), DAY), fit(known()[::-1], policy(), DAY)
    for track, days in one.medians.items():
        assert other.medians[track] == pytest.approx(days, rel=1e-3)


def test_a_backtest_knows_nothing_of_what_came_after_its_day() -> None:
    """Cut off what came later, and every forecast of what was decided before is the same."""
    until, some = date(2018, 6, 1), draw("closure", 2)[:25]
    whole = backtest(some, policy(), until=until, look_days=181)
    cut = backtest(list(as_known(some, until)), policy(), until=until, look_days=181)
    for clock, found in cut.items():
        assert found.watched
        assert set(found.watched) <= set(whole[clock].watched)


def test_an_empty_past_is_a_backtest_of_nothing() -> None:
    for found in backtest([], policy(), until=DAY).values():
        assert judge(found.judged) is None
        assert found.watched == ()


def test_a_day_can_be_seen_with_what_was_known_later() -> None:
    """A history that was imported whole: on its own days nothing of it was known."""
    left = DAY - timedelta(days=40)
    legs = (Leg("onboarding", AGREED, left, DAY + timedelta(days=9)),
            Leg("gap_analysis", left, DAY + timedelta(days=5), DAY + timedelta(days=9)))
    imported = journey(1, "directives", legs=legs, entered=legs[-1].left,
                       end=End(Status.WITHDRAWN, DAY + timedelta(days=6), DAY + timedelta(days=9)))
    (then,) = as_known([imported], DAY)
    assert (then.legs, then.stage, then.entered) == ((), "onboarding", AGREED)
    (now,) = as_known([imported], DAY, DAY + timedelta(days=9))
    assert (now.legs, now.stage, now.entered, now.end) == (legs[:1], "gap_analysis", left, None)
    assert next(as_known([imported], DAY + timedelta(days=9))) == imported


def test_a_deadline_moves_with_its_extensions() -> None:
    extended = journey(1, extensions=(Extension(12, DAY),))
    assert deadline(extended, policy(), Clock.LIMIT) == date(2023, 1, 1)
    (before,) = as_known([extended], DAY - timedelta(days=1))
    assert deadline(before, policy(), Clock.LIMIT) == date(2022, 1, 1)
    assert deadline(extended, policy(), Clock.WINDOW_UNTIL) == date(2023, 1, 1)


@pytest.mark.nightly
def test_cohorts_that_were_held_out_are_forecast_better_than_by_either_rule() -> None:
    cohorts = [backtest(draw("closure", s), policy(), until=date(2030, 1, 1)) for s in list(seeds("held_out"))[:8]]
    verdict = judge(pooled([cohort[Clock.WINDOW_UNTIL].judged for cohort in cohorts]))
    assert verdict is not None
    assert verdict.against_days_left > 0.25
    assert verdict.against_base_rate > 0.3
    assert verdict.error < 0.07


def counted(share: float, on: date, journey: Journey) -> Journey:
    """Return a journey of whose standards this share was seen in compliance on a day."""
    shares = policy().stage["proofs"].gate.shares
    asked = {each.count: policy().asked_for(each, journey.track, journey.own) for each in shares}
    counts = tuple(Count(Counted(on, name, round(share * number)), on) for name, number in asked.items())
    return journey._replace(counts=(*journey.counts, *counts))


IN_PROOFS = journey(1, "proofs", entered=DAY - timedelta(days=120))


def test_standards_counted_at_visits_move_the_forecast_either_way_and_the_last_count_tells() -> None:
    on = DAY - timedelta(days=5)
    some = [counted(share, on, IN_PROOFS) for share in (0.2, 0.5, 0.9)]
    behind, about, ahead = (chances(cold(), [each], months=28)[0] for each in some)
    (uncounted,) = chances(cold(), [IN_PROOFS], months=28)
    assert behind < uncounted - 0.03
    assert uncounted + 0.03 < ahead
    assert behind < about < ahead
    again = counted(0.9, DAY, counted(0.2, on, IN_PROOFS))
    assert chances(cold(), [again], months=28)[0] > uncounted


def test_a_share_that_was_there_when_the_stage_was_entered_is_no_progress_in_it() -> None:
    before = counted(0.7, IN_PROOFS.entered, IN_PROOFS)
    on = DAY - timedelta(days=5)
    from_seven, from_the_start = (chances(cold(), [counted(0.75, on, each)], months=28) for each in (before, IN_PROOFS))
    assert from_seven < from_the_start


def test_counts_are_nothing_to_a_policy_that_says_nothing_of_them_and_after_their_stage() -> None:
    terms = policy().forecast
    assert terms is not None
    silent = policy().model_copy(update={"forecast": terms.model_copy(update={"visits": None})})
    there = counted(0.1, DAY, IN_PROOFS)
    assert chances(Forecaster(silent, cold().fit), [there]) == chances(Forecaster(silent, cold().fit), [IN_PROOFS])
    later = journey(1, "mock_assessment")
    assert chances(cold(), [counted(0.1, DAY, later)]) == chances(cold(), [later])


@given(st.floats(0, 2), st.integers(5, 2000), st.floats(-0.6, 0.6))
def test_the_more_was_counted_the_sooner_and_no_count_says_nonsense(share: float, days: int, pace: float) -> None:
    proofs = cold().stage_paces["academy"]["proofs"]
    there = [reached([Counted(DAY, "a", round(100 * s))], {"a": 100}, entered=AGREED, begun=0.15) for s in (share, 1)]
    less, all_of_it = (
        days_ahead(pace, proofs, Progress(each.done, days), spread=0.9) for each in there if each is not None
    )
    assert -4000 < less <= all_of_it < 4000


def test_a_case_and_its_journey_are_as_far_ahead_by_the_same_count() -> None:
    entered, on = DAY - timedelta(days=120), DAY - timedelta(days=5)
    facts = [("mandatory_in_compliance", on, 90), ("others_in_compliance", on, 9)]
    own = (100, 60)
    case = Case(
        1, "academy", "proofs", entered, 3, Status.OPEN, AGREED, *own,
        facts=[Fact(n, name, day, value) for n, (name, day, value) in enumerate(facts, 1)],
    )
    there = Program(policy(), 1, outlook=compiled(cold()))
    mine = journey(1, "proofs", entered=entered, own=own, counts=tuple(
        Count(Counted(day, name, value), day) for name, day, value in facts
    ))
    gained = days_gained(case, there, dossier(case, there, DAY))
    assert gained == (entered + timedelta(days=120) - cold().place(mine, DAY, {1: 0.0}).since).days != 0
