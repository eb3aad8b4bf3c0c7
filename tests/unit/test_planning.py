"""Planning backward: what each conference asks for by when, what missing one costs, and where the list ends."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.case import Case, ClockChange, Fact, Seat
from models.rules.decide import decide
from models.rules.errors import Refused
from models.rules.fees import Price
from models.rules.planning import Outlook, Slot, outlook
from models.rules.policy.checks import parse_policy
from models.rules.words import Change, Post, Status
from tests.building import CREW, case, day, document, program, program_with

PATH = [stage.code for stage in program().policy.path if stage.next is not None]
ENOUGH = 400
ONE_DAY = timedelta(days=1)
FALL, SPRING = date(2022, 11, 12), date(2023, 3, 18)  # the last before the limit of day 1096, and the first after it


def slot_on(found: Outlook, on: date) -> Slot:
    return next(slot for slot in found.slots if slot.on == on)


def last_safe_days(found: Outlook, on: date) -> dict[str, date]:
    return {step.step: slot_on(found, on).last_safe(step) for leg in found.legs for step in leg.steps}


def test_every_step_has_its_last_safe_day_back_from_the_conference() -> None:
    # Law Enforcement Tier 1: 45 days before the hearing, 15 of remote review, 91 of mock assessment, 244, 244, 91.
    safe = last_safe_days(outlook(case(), program(), day(10)), FALL)
    before = {step: (FALL - on).days for step, on in safe.items()}
    assert before == {
        "decision_favourable": 0,
        "site_visit_done": 45, "site_report_filed": 45,
        "remote_review_passed": 45 + 42,
        "findings_fixed": 87 + 15, "readiness_confirmed": 87 + 15,
        "mock_passed": 45 + 90,
        "mandatory_in_compliance": 102 + 91, "others_in_compliance": 102 + 91,
        "directives_issued": 193 + 244, "staff_oriented": 193 + 244,
        "gap_report_accepted": 437 + 244,
        "kickoff_visit": 681 + 91, "accreditation_manager_trained": 681 + 91,
    }


def test_a_step_done_too_early_does_not_count() -> None:
    found = outlook(case("mock_assessment", 640), program(), day(700))
    early = {
        step.step: (FALL - on).days for leg in found.legs for step in leg.steps
        if (on := slot_on(found, FALL).not_before(step))
    }
    assert early == {"mock_passed": 45 + 150, "remote_review_passed": 45 + 70}


def test_what_is_on_record_is_no_step_and_binds_nothing() -> None:
    done = case("mock_assessment", 640, facts=[("mock_passed", 650), ("site_visit_done", 660)])
    safe = last_safe_days(outlook(done, program(), day(700)), FALL)
    assert "mock_passed" not in safe
    assert (FALL - safe["remote_review_passed"]).days == 45 + 15, "its lead is to a visit that was made"


def test_a_post_to_be_filled_is_a_step() -> None:
    found = outlook(case(seats=[]), program(), day(10))
    assert {step.step for step in found.legs[0].steps} >= {"post:sme_1", "post:accreditation_manager"}


# today, the stage entered on day 400 and left on its target 644 -> the nearest conference, that on course
REACHED = [
    (500, "2022-03-19", "2022-07-30"),  # leave by day 615
    (615, "2022-03-19", "2022-07-30"),
    (616, "2022-07-30", "2022-07-30"),  # leave by day 748
    (748, "2022-07-30", "2022-07-30"),
    (749, "2022-11-12", "2022-11-12"),
    (854, "2023-03-18", "2023-03-18"),
]


@pytest.mark.parametrize(("today", "nearest", "on_course"), REACHED)
def test_a_conference_is_reached_until_the_last_safe_day_has_passed(today: int, nearest: str, on_course: str) -> None:
    found = outlook(case("proofs", 400), program(), day(today))
    assert found.nearest is not None
    assert found.on_course is not None
    assert (str(found.nearest.on), str(found.on_course.on)) == (nearest, on_course)
    assert found.nearest.leave_by >= day(today)


def test_the_report_lies_before_the_commission_for_its_lead() -> None:
    entered = (FALL - day(0)).days - 44
    found = outlook(case("commission_review", entered), program(), day(entered + 1))
    assert found.nearest is not None
    assert found.nearest.on == SPRING


SLIPS: dict[str, tuple[list[ClockChange], int | None, date, tuple[date, int, Price]]] = {
    "within the limit it costs days": ([], 30, date(2022, 7, 30), (FALL, 105, Price(0, 0))),
    "past the limit it costs an extension": ([], 30, FALL, (SPRING, 126, Price(4_007_50, 4_007_50))),
    "of an unknown staff the range is told": ([], None, FALL, (SPRING, 126, Price(2_966_25, 6_982_50))),
    "with an extension already bought it costs days": (
        [ClockChange(1, Change.EXTENSION, 12)], 30, FALL, (SPRING, 126, Price(0, 0))
    ),
}


@pytest.mark.parametrize(("changes", "staff", "missed", "cost"), SLIPS.values(), ids=SLIPS)
def test_what_missing_a_conference_costs(
    changes: list[ClockChange], staff: int | None, missed: date, cost: tuple[date, int, Price]
) -> None:
    found = outlook(case("proofs", 400, changes=changes, staff=staff), program(), day(500))
    assert found.slip(slot_on(found, missed)) == cost


def test_the_last_conferences_inside_window_and_limit() -> None:
    extended = case("proofs", 400, changes=[ClockChange(1, Change.EXTENSION, 12)])
    found = outlook(extended, program(), day(500))
    assert found.last_in_window is not None
    assert found.last_in_limit is not None
    assert (found.last_in_window.on, found.last_in_limit.on) == (FALL, date(2023, 11, 11))


def test_a_year_past_the_limit_is_counted_from_the_original_anchor() -> None:
    """Two years after 29 February 2016 is 28 February 2018, and four years after it 29 February 2020."""
    last = program_with(conferences=[{"on": date(2020, 2, 29), "name": "leap"}])
    leap = case("commission_review", track="academy", agreement_on=date(2016, 2, 29), stage_entered_on=date(2018, 3, 1))
    (slot,) = outlook(leap, last, date(2019, 6, 1)).slots
    assert slot.extension_years == 2


def test_after_the_last_listed_conference_nothing_is_guessed() -> None:
    found = outlook(case("proofs", 400), program(), date(2028, 6, 1))
    assert found.slots == ()
    assert (found.nearest, found.on_course, found.last_in_window) == (None, None, None)
    assert found.listed_until == date(2028, 11, 11)
    last = outlook(case("proofs", 400), program(), date(2028, 5, 1)).slots[-1]
    assert outlook(case("proofs", 400), program(), date(2028, 5, 1)).slip(last) is None


def test_a_program_without_conferences_plans_to_its_own_deadlines() -> None:
    iso = program("iso9001")
    found = outlook(case("application", track="quality_management"), iso, day(10))
    assert [slot.name for slot in found.slots] == ["limit"]
    assert found.listed_until is None


def test_a_case_that_ended_reaches_nothing() -> None:
    ended = case("proofs", 400, status=Status.WITHDRAWN)
    assert outlook(ended, program(), day(500)).slots == ()


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, date]:
    entered = draw(st.integers(0, 1200))
    track = draw(st.sampled_from(sorted(program().policy.tracks)))
    months = draw(st.lists(st.sampled_from((6, 12)), max_size=2))
    changes = [ClockChange(i, Change.EXTENSION, n) for i, n in enumerate(months, 1)]
    built = case(draw(st.sampled_from(PATH)), entered, track=track, changes=changes)
    return built, day(entered + draw(st.integers(0, 900)))


@given(cases(), st.integers(0, 30))
def test_done_on_its_last_safe_days_a_case_is_awarded_at_that_conference(drawn: tuple[Case, date], pick: int) -> None:
    start, today = drawn
    found = outlook(start, program(), today)
    assume(found.slots)
    slot = found.slots[pick % len(found.slots)]
    assert _awarded_on(start, found, slot) == slot.award_on


@given(cases(), st.integers(0, 30))
def test_a_day_later_in_any_one_step_before_the_hearing_is_too_late(drawn: tuple[Case, date], pick: int) -> None:
    """The last step before the commission has no slack: a day later, and it is the next conference."""
    start, today = drawn
    assume(start.stage != PATH[-1])
    found = outlook(start, program(), today)
    assume(found.slots)
    slot = found.slots[pick % len(found.slots)]
    late = _awarded_on(start, found, slot, late="site_report_filed")
    assert late is None or late > slot.award_on


def _awarded_on(start: Case, found: Outlook, slot: Slot, late: str | None = None) -> date | None:
    done = [
        Fact(number, step.step, slot.last_safe(step) + (ONE_DAY if step.step == late else timedelta()), ENOUGH)
        for number, step in enumerate((step for leg in found.legs for step in leg.steps), 1)
    ]
    seats = [Seat(number, Post(post), start.agreement_on) for number, post in enumerate(CREW, 1)]
    decision = decide(replace(start, facts=done, seats=seats), program(), slot.on + timedelta(days=200))
    return next((step.on for step in decision.advances if step.status is Status.AWARDED), None)


@given(cases())
def test_the_earlier_a_stage_the_earlier_it_is_left_and_a_day_later_reaches_no_more(drawn: tuple[Case, date]) -> None:
    start, today = drawn
    found = outlook(start, program(), today)
    leaves = [leg.leave for leg in found.legs]
    assert leaves == sorted(leaves, reverse=True)
    assert all(slot.leave_by >= today for slot in found.slots)
    later = outlook(start, program(), today + ONE_DAY)
    assert {slot.on for slot in later.slots} <= {slot.on for slot in found.slots}


def _with_leads(*leads: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(document()) | {"leads": list(leads)}


MOCK = {"milestone": "mock_passed", "before": "site_visit_done", "at_least_days": 90}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown milestone": (_with_leads(MOCK | {"milestone": "mock_pased"}), r"leads\[0\]", 'mean "mock_passed"'),
    "against the order of the stages": (
        _with_leads(MOCK | {"milestone": "site_visit_done", "before": "mock_passed"}), "not an earlier one", "Swap them"
    ),
    "what no gate asks for": (_with_leads(MOCK | {"milestone": "visit"}), "no gate asks for", "Name it in the gate"),
    "at most less than at least": (_with_leads(MOCK | {"at_most_days": 89}), "at_most_days: is 89", "Swap or correct"),
    "longer than the limit": (_with_leads(MOCK | {"at_least_days": 700}), "a track's whole limit", "at most 672"),
    "twice": (_with_leads(MOCK, MOCK | {"at_least_days": 91}), "twice", "Keep one"),
}


@pytest.mark.parametrize(("tables", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_leads_that_cannot_be_kept_are_refused(tables: dict[str, Any], what: str, remedy: str) -> None:
    with pytest.raises(Refused, match=what) as refusal:
        parse_policy(tables)
    assert remedy in str(refusal.value)
