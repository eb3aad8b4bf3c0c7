"""Reminders: due from their day on, the nearest only, once, and never for a deadline that has moved or a stage left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.rules.apply import apply
from models.rules.case import Case, ClockChange, Said
from models.rules.words import Change, NoticeState, Reason, Risk
from tests.building import case, day, number, on, program, said, words

TARGET = 61  # onboarding's budget, begun on day 0
WINDOW = LIMIT = 1096  # 36 months after 2020-01-01
SIX_MORE = 1277  # 42 months
EXTENSION = ClockChange(1, Change.EXTENSION, 6)
CORRECTION = ClockChange(2, Change.CORRECTION, anchor_on=day(31))

# rule, deadline, days before
THRESHOLDS = [
    ("stage_target", TARGET, 30),
    ("stage_target", TARGET, 7),
    ("window_closes", WINDOW, 365),
    ("window_closes", WINDOW, 180),
    ("window_closes", WINDOW, 90),
    ("window_closes", WINDOW, 30),
    ("limit", LIMIT, 180),
    ("limit", LIMIT, 7),
]


def in_time(today: int) -> Case:
    """A case that entered its stage not long ago, so that only what is asked about comes due."""
    return case("onboarding" if today < TARGET else "commission_review", 0 if today < TARGET else today - 30)


@pytest.mark.parametrize(("rule", "deadline", "before"), THRESHOLDS)
def test_a_reminder_is_due_on_its_day_and_not_the_day_before(rule: str, deadline: int, before: int) -> None:
    on_day = number(program().calendar_of(None).before(day(deadline - before)))
    assert on_day is not None
    early = on(on_day - 1, in_time(on_day))
    assert not [t for t in early.tellings if t.key.rule == rule and t.planned_for == day(on_day)]
    assert early.next_review_on is not None
    assert early.next_review_on <= day(on_day)
    due = [t for t in on(on_day, in_time(on_day)).tellings if t.planned_for == day(on_day) and t.key.rule == rule]
    assert {t.state for t in due} == {NoticeState.PENDING}
    assert {t.key.anchor_on for t in due} == {day(deadline)}
    assert {t.facts["late"] for t in due} == {0}
    late = [t for t in on(on_day + 1, in_time(on_day)).tellings if t.planned_for == day(on_day) and t.key.rule == rule]
    assert [t.key for t in late] == [t.key for t in due], "dueness is from the day on, not on it"
    assert {t.facts["late"] for t in late} == {1}


def test_each_post_of_a_rule_is_told_once() -> None:
    decision = on(31, case())
    assert words(decision) == [
        ("stage_target", "onboarding:30", post, "pending") for post in ("accreditation_manager", "sme_1", "sme_2")
    ]
    assert on(31, apply(case(), decision)).tellings == []


def test_after_downtime_only_the_nearest_threshold_goes_out() -> None:
    told = on(1010, case("commission_review", 1000)).tellings
    window = [
        (t.key.occurrence, t.reason, t.facts["late"])
        for t in told
        if t.key.rule == "window_closes" and t.key.post == "sme_1"
    ]
    assert window == [("365", Reason.SUPERSEDED, 280), ("180", Reason.SUPERSEDED, 94), ("90", None, 4)]


@pytest.mark.parametrize(
    ("live_from", "expected"),
    [(None, "before_live"), (31, "before_live"), (30, "pending"), (0, "pending")],
    ids=["never live", "due the day before", "due on the day", "live before"],
)
def test_what_was_due_before_live_is_decided_and_held_back(live_from: int | None, expected: str) -> None:
    given = replace(program(), live_from=None if live_from is None else day(live_from))
    assert {word[3] for word in words(on(40, case(), given))} == {expected}


def test_a_stage_without_the_rule_is_not_reminded() -> None:
    assert words(on(14, case("remote_review", 0)), "stage_target") == []


def test_the_same_target_date_of_two_stages_gives_two_occurrences() -> None:
    entered = TARGET - 91  # gap analysis lasts 91 days: the same target
    lives = (case(), case("gap_analysis", entered, agreement_on=day(-100)))
    first, second = ([t.key for t in on(54, life).tellings if t.key.rule == "stage_target"] for life in lives)
    assert {key.anchor_on for key in first + second} == {day(TARGET)}
    assert set(first).isdisjoint(second)


# rows of deadline_change -> the limit's and the window's reminder dates
CLOCKS: dict[str, tuple[list[ClockChange], int, int]] = {
    "none": ([], LIMIT, WINDOW),
    "an extension moves the limit and not the window": ([EXTENSION], SIX_MORE, WINDOW),
    "extensions add up": ([EXTENSION, EXTENSION], 1461, WINDOW),
    "a correction moves both": ([CORRECTION], 1127, 1127),
    "the last correction counts": ([CORRECTION, ClockChange(3, Change.CORRECTION, anchor_on=day(0))], LIMIT, WINDOW),
    "a correction and an extension": ([CORRECTION, EXTENSION], 1308, 1127),
}


@pytest.mark.parametrize(("changes", "limit", "window"), CLOCKS.values(), ids=CLOCKS)
def test_reminders_follow_the_changes_of_their_clock(changes: list[ClockChange], limit: int, window: int) -> None:
    told = on(1120, case("commission_review", 1110, changes=changes)).tellings
    anchors = {
        rule: {number(t.key.anchor_on) for t in told if t.key.rule == rule} for rule in ("limit", "window_closes")
    }
    assert anchors == {"limit": {limit} if limit - 180 <= 1120 else set(), "window_closes": {window}}


def test_an_extension_gives_new_occurrences_to_the_rule_that_reads_it_and_to_no_other() -> None:
    before = case("commission_review", 1060)
    told = on(1066, before)
    extended = replace(apply(before, told), changes=[EXTENSION])
    again = on(1100, extended)
    assert {t.key.rule for t in again.tellings if t.key.rule in {"limit", "window_closes"}} == {"limit"}
    assert {number(t.key.anchor_on) for t in again.tellings if t.key.rule == "limit"} == {SIX_MORE}


# what is pending, the case today -> the reason it is cancelled
CANCELLED: dict[str, tuple[dict[str, Any], int, tuple[Any, ...], Reason | None]] = {
    "still true": ({}, 40, ("stage_target", "onboarding:30", TARGET), None),
    "the stage was left": (
        {"stage": "gap_analysis", "entered": 38},
        40,
        ("stage_target", "onboarding:30", TARGET),
        Reason.STAGE_LEFT,
    ),
    "the stage was left for one that the rule does not cover": (
        {"stage": "remote_review", "entered": 38},
        40,
        ("stage_target", "onboarding:30", TARGET),
        Reason.STAGE_LEFT,
    ),
    "the limit was moved": (
        {"changes": [EXTENSION]},
        1000,
        ("limit", "120", LIMIT),
        Reason.DEADLINE_MOVED,
    ),
    "the window was not": (
        {"stage": "commission_review", "entered": 990, "changes": [EXTENSION]},
        920,
        ("window_closes", "180", WINDOW),
        None,
    ),
    "overtaken by a nearer word": (
        {"stage": "commission_review", "entered": 1000},
        1070,
        ("window_closes", "90", WINDOW),
        Reason.SUPERSEDED,
    ),
    "the policy has no such rule any more": ({}, 40, ("old_rule", "30", TARGET), Reason.RULE_DROPPED),
    "the rule has no such threshold any more": ({}, 990, ("limit", "150", LIMIT), Reason.RULE_DROPPED),
    "the rule does not tell that post any more": (
        {"stage": "commission_review", "entered": 990},
        920,
        ("window_closes", "180", WINDOW, "head"),
        Reason.RULE_DROPPED,
    ),
    "the case ended": (
        {"facts": [("withdrawn", 39)]},
        40,
        ("stage_target", "onboarding:30", TARGET),
        Reason.CASE_ENDED,
    ),
}


@pytest.mark.parametrize(("more", "today", "pending", "reason"), CANCELLED.values(), ids=CANCELLED)
def test_a_pending_reminder_that_lost_its_meaning_is_cancelled_with_the_reason(
    more: dict[str, Any], today: int, pending: tuple[Any, ...], reason: Reason | None
) -> None:
    decision = on(today, case(**more, said=[said(*pending)]))
    assert [c.reason for c in decision.cancellings] == ([reason] if reason else [])


def test_a_deadline_moved_back_revives_what_the_move_had_cancelled_and_not_what_went_out() -> None:
    """Told on day 1036 that 60 days are left; the limit is corrected by mistake, and corrected back."""
    life = case("commission_review", 1030)
    life = apply(life, on(1036, life))
    gone = [n._replace(state=NoticeState.SENT) if n.key.post == "head" else n for n in life.said]
    moved = replace(life, said=gone, changes=[CORRECTION])
    moved = apply(moved, on(1037, moved))
    assert {n.state for n in moved.said if limit_60(n)} == {NoticeState.SENT, NoticeState.CANCELLED}
    back = replace(moved, changes=[CORRECTION, ClockChange(3, Change.CORRECTION, anchor_on=day(0))])
    decision = on(1038, back)
    assert not [t for t in decision.tellings if t.key.rule == "limit"]
    revived = [n for n in apply(back, decision).said if limit_60(n)]
    assert sorted((n.key.post.value, n.state.value) for n in revived) == [
        ("accreditation_manager", "pending"),
        ("head", "sent"),
        ("sme_1", "pending"),
        ("sme_2", "pending"),
    ]
    assert on(1038, apply(back, decision)).revived == []


def limit_60(notice: Said) -> bool:
    return notice.key.rule == "limit" and notice.key.occurrence == "60" and notice.key.anchor_on == day(LIMIT)


def test_what_went_out_is_not_cancelled() -> None:
    sent = said("limit", "120", LIMIT)._replace(state=NoticeState.SENT)
    assert on(1000, case(said=[sent], changes=[EXTENSION])).cancellings == []


# today -> risk. Commission review: 91 days; margin 30; both deadlines on day 1096.
RISKS = [
    (900, 890, Risk.ON_TRACK),
    (1066, 970, Risk.ON_TRACK),
    (1067, 970, Risk.AT_RISK),
    (1096, 970, Risk.AT_RISK),
    (1097, 970, Risk.OVERDUE),
    (980, 976, Risk.AT_RISK),
]


@pytest.mark.parametrize(("today", "entered", "risk"), RISKS)
def test_the_risk_is_read_from_the_nearest_deadline(today: int, entered: int, risk: Risk) -> None:
    assert on(today, case("commission_review", entered)).risk is risk


def test_next_review_is_the_first_day_on_which_something_can_change() -> None:
    # Onboarding from day 0: the target's 30 days before, a Friday for a Saturday; its 7 days before; stall on day 60.
    assert [number(on(today, case()).next_review_on) for today in (0, 29, 30, 53, 54, 59)] == [30, 30, 54, 54, 60, 60]
    awaited = case(facts=[("visit", 10)], seats=[])
    assert number(on(3, awaited).next_review_on) == 7, "an empty post is escalated after its days of grace"
    assert number(on(8, awaited).next_review_on) == 10, "a fact dated later is read on its day"
    assert isinstance(on(0, case()).next_review_on, date)
