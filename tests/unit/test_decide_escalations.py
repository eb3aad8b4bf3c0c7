"""Escalations: each opens on its day, climbs a ladder, waits while acknowledged, and closes when its cause is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.rules.apply import apply
from models.rules.case import Case, ClockChange, Program, Seat
from models.rules.words import Change, Closing, EscalationState, NoticeState, Post, Reason
from tasks.journal import What, moves_of
from tests.building import (
    ONBOARDED,
    case,
    crew,
    day,
    facts,
    number,
    on,
    program,
    program_with,
    said,
    seats,
    standing,
    words,
)

DEADLINE = 1096

# rule, case, the first day on which it stands, its key (occurrence, anchor), who is told first
OPENINGS: dict[str, tuple[str, dict[str, Any], int, tuple[str, int], set[str]]] = {
    "nothing since the agreement": ("stall", {}, 60, ("onboarding", 0), {"sme_1", "sme_2"}),
    "nothing since the last visit": ("stall", {"facts": [("visit", 25)]}, 85, ("onboarding", 25), {"sme_1", "sme_2"}),
    "entering a stage is activity": (
        "stall",
        {"stage": "gap_analysis", "entered": 100},
        175,
        ("gap_analysis", 100),
        {"sme_1", "sme_2"},
    ),
    "too long in a stage, visits or not": (
        "overstay",
        {"facts": [("visit", n) for n in (40, 80, 110)]},
        120,
        ("onboarding", 0),
        {"sme_1", "sme_2"},
    ),
    # 91 days of commission review do not fit between day 976 and a deadline 30 days off: at risk from the start.
    "entered too late to make the window": (
        "window_at_risk",
        {"stage": "commission_review", "entered": 976},
        976,
        ("commission_review", DEADLINE),
        {"sme_1", "sme_2", "accreditation_manager"},
    ),
    "still there after the last safe day": (
        "window_at_risk",
        {"stage": "commission_review", "entered": 900},
        DEADLINE - 29,
        ("commission_review", DEADLINE),
        {"sme_1", "sme_2", "accreditation_manager"},
    ),
    "the day after the limit": (
        "limit_passed",
        {"stage": "commission_review", "entered": 1000},
        DEADLINE + 1,
        ("passed", DEADLINE),
        {"regional_manager", "accreditation_manager"},
    ),
    "nobody ever named": ("vacant_expert", {"seats": crew(without=["sme_2"])}, 7, ("sme_2", 0), {"regional_manager"}),
    "an expert who left": (
        "vacant_expert",
        {"seats": [*crew(without=["sme_2"]), ("sme_2", 0, 19)]},
        27,
        ("sme_2", 20),
        {"regional_manager"},
    ),
    "a manager who left in the cycle before": (
        "vacant_manager",
        {"seats": [*crew(without=["accreditation_manager"]), ("accreditation_manager", -400, -300)]},
        7,
        ("accreditation_manager", 0),
        {"head", "sme_1", "sme_2"},
    ),
    "a manager who left": (
        "vacant_manager",
        {"seats": [*crew(without=["accreditation_manager"]), ("accreditation_manager", 0, 19)]},
        27,
        ("accreditation_manager", 20),
        {"head", "sme_1", "sme_2"},
    ),
}


@pytest.mark.parametrize(("rule", "more", "opens", "key", "told"), OPENINGS.values(), ids=OPENINGS)
def test_each_cause_opens_an_escalation_on_its_day(
    rule: str, more: dict[str, Any], opens: int, key: tuple[str, int], told: set[str]
) -> None:
    stalled = case(**more)
    if opens > more.get("entered", 0):
        before = on(opens - 1, stalled)
        assert rule not in {s.rule for s in before.opened}
        assert before.next_review_on is not None
        assert before.next_review_on <= day(opens)
    decision = on(opens, stalled)
    (opened,) = [s for s in decision.opened if s.rule == rule]
    assert (opened.occurrence, number(opened.anchor_on), opened.rung, number(opened.rung_on)) == (*key, 1, opens)
    assert {post for _, _, post, _ in words(decision, rule)} == told
    assert {occurrence for _, occurrence, _, _ in words(decision, rule)} == {f"{key[0]}/1.0"}


# the case -> no escalation of the rule on the day
QUIET: dict[str, tuple[str, dict[str, Any], int]] = {
    "a visit ended the stall": ("stall", {"facts": [("visit", 59)]}, 60),
    "a stage without overstay days": ("overstay", {"stage": "directives"}, 419),
    "a post filled within its days of grace": (
        "vacant_expert",
        {"seats": [*crew(without=["sme_2"]), ("sme_2", 0, 3), ("sme_2", 9)]},
        10,
    ),
    "a handover without a gap": (
        "vacant_expert",
        {"seats": [*crew(without=["sme_2"]), ("sme_2", 0, 3), ("sme_2", 4)]},
        40,
    ),
    "the limit itself": ("limit_passed", {"stage": "commission_review", "entered": 1000}, DEADLINE),
    "an extended limit": (
        "limit_passed",
        {"stage": "commission_review", "entered": 1000, "changes": [ClockChange(1, Change.EXTENSION, 6)]},
        DEADLINE + 1,
    ),
    "the case ended": ("stall", {"facts": [("withdrawn", 59)]}, 70),
}


@pytest.mark.parametrize(("rule", "more", "today"), QUIET.values(), ids=QUIET)
def test_no_cause_no_escalation(rule: str, more: dict[str, Any], today: int) -> None:
    assert rule not in {s.rule for s in on(today, case(**more)).opened}


def lived(life: Case, days: range, given: Program | None = None) -> tuple[Case, list[tuple[int, str, str]]]:
    """Sweep every day; return the case at the end, and (day, occurrence, post) of all that could go out for `stall`."""
    told = []
    for today in days:
        decision = on(today, life, given)
        told += [
            (today, t.key.occurrence, t.key.post.value)
            for t in decision.tellings
            if t.key.rule == "stall" and t.state is NoticeState.PENDING
        ]
        life = apply(life, decision)
    return life, told


def test_an_escalation_climbs_and_repeats_so_often_and_no_more() -> None:
    _, told = lived(case("commission_review"), range(900))
    first = 180  # commission review stalls after 180 days
    # Rungs after 10 and 20 working days, repeats after 20, 30 and 45: each longer than the one before.
    director = [222, 250, 293, 357]
    assert told == [
        (first, "commission_review/1.0", "sme_1"),
        (first, "commission_review/1.0", "sme_2"),
        (first + 14, "commission_review/2.0", "regional_manager"),
        *((on_day, f"commission_review/3.{n}", "director") for n, on_day in enumerate(director)),
    ]


def test_a_rung_with_nobody_on_it_is_skipped_at_once_and_says_so() -> None:
    alone = case(seats=[("director", 0)])
    decision = on(60, alone)
    empty = [move.facts for move in moves_of(alone, decision) if move.what is What.EMPTY]
    assert [(each["rung"], each["posts"]) for each in empty if each["rule"] == "stall"] == [
        ("1", "sme_1, sme_2"), ("2", "regional_manager"),
    ]
    assert words(decision, "stall") == [
        ("stall", "onboarding/1.0", "sme_1", "no_recipient"),
        ("stall", "onboarding/1.0", "sme_2", "no_recipient"),
        ("stall", "onboarding/2.0", "regional_manager", "no_recipient"),
        ("stall", "onboarding/3.0", "director", "pending"),
    ]
    (opened,) = [s for s in decision.opened if s.rule == "stall"]
    assert (opened.rung, opened.rung_on) == (3, day(60))


def test_a_rung_with_one_of_two_is_not_skipped() -> None:
    decision = on(60, case(seats=crew(without=["sme_1"])))
    assert "stall" not in {move.facts["rule"] for move in moves_of(case(), decision) if move.what is What.EMPTY}
    assert words(decision, "stall") == [
        ("stall", "onboarding/1.0", "sme_1", "no_recipient"),
        ("stall", "onboarding/1.0", "sme_2", "pending"),
    ]


def test_a_ladder_with_nobody_at_all_ends_at_its_top_and_repeats() -> None:
    _, told = lived(case("commission_review", seats=[]), range(900))
    assert told == []
    life, _ = lived(case("commission_review", seats=[]), range(400))
    (stall,) = [s for s in life.standings if s.rule == "stall"]
    assert (stall.rung, stall.repeat) == (3, 3)


def test_before_live_it_climbs_in_silence() -> None:
    given = replace(program(), live_from=day(70))
    life, told = lived(case(), range(90), given)
    assert told == [(72, "onboarding/2.0", "regional_manager")]
    assert {n.state for n in life.said if n.key.occurrence == "onboarding/1.0"} == {NoticeState.SUPPRESSED}


# acknowledged until -> the day of the next rung, which was due on day 72
@pytest.mark.parametrize(("until", "climbs"), [(68, 72), (71, 72), (72, 73), (100, 101)])
def test_acknowledged_it_waits_until_the_day_after(until: int, climbs: int) -> None:
    waiting = standing(
        "stall", "onboarding", 0, rung_on=60, state=EscalationState.ACKNOWLEDGED, acknowledged_until=day(until)
    )
    life = case(standings=[waiting])
    held = on(climbs - 1, life)
    assert words(held, "stall") == []
    assert held.moved == []
    (moved,) = on(climbs, life).moved
    assert (moved.state, moved.rung, moved.acknowledged_until) == (EscalationState.OPEN, 2, None)


EXTENDED = {"changes": [ClockChange(1, Change.EXTENSION, 6)]}
# what stands, the case today -> why it closes
CLOSINGS: dict[str, tuple[Any, dict[str, Any], int, Closing | None]] = {
    "nothing changed": (standing("stall", "onboarding", 0, rung_on=60), {}, 65, None),
    "a visit": (standing("stall", "onboarding", 0, rung_on=60), {"facts": [("visit", 64)]}, 65, Closing.ACTIVITY),
    "the stage was left": (
        standing("overstay", "onboarding", 0, rung_on=120),
        {"facts": ONBOARDED},
        125,
        Closing.STAGE_LEFT,
    ),
    "the post was filled": (
        standing("vacant_expert", "sme_2", 0, rung_on=7),
        {"seats": [*crew(without=["sme_2"]), ("sme_2", 9)]},
        9,
        Closing.FILLED,
    ),
    "the limit moved": (
        standing("limit_passed", "passed", DEADLINE, rung_on=1097),
        {"stage": "commission_review", "entered": 1000, **EXTENDED},
        1100,
        Closing.DEADLINE_MOVED,
    ),
    "the next stage fits": (
        standing("window_at_risk", "directives", DEADLINE, rung_on=600),
        {"stage": "commission_review", "entered": 640},
        650,
        Closing.RECOVERED,
    ),
    "the policy has no such rule any more": (
        standing("old_rule", "onboarding", 0, rung_on=60),
        {},
        65,
        Closing.RULE_DROPPED,
    ),
    "the case ended": (
        standing("stall", "onboarding", 0, rung_on=60),
        {"facts": [("withdrawn", 64)]},
        65,
        Closing.CASE_ENDED,
    ),
}


@pytest.mark.parametrize(("stood", "more", "today", "why"), CLOSINGS.values(), ids=CLOSINGS)
def test_an_escalation_closes_when_its_cause_is_gone(
    stood: Any, more: dict[str, Any], today: int, why: Closing | None
) -> None:
    assert [c.reason for c in on(today, case(**more, standings=[stood])).closed] == ([why] if why else [])


def test_closed_it_stays_closed_and_takes_its_pending_word_along() -> None:
    pending = said("stall", "onboarding/1.0", 0)
    life = case(facts=[("visit", 64)], standings=[standing("stall", "onboarding", 0, rung_on=60)], said=[pending])
    decision = on(65, life)
    assert [c.reason for c in decision.cancellings] == [Reason.ESCALATION_CLOSED]
    again = on(66, apply(life, decision))
    assert (again.closed, again.cancellings, again.moved) == ([], [], [])


def test_when_its_cause_returns_it_opens_again_on_the_next_rung() -> None:
    shut = {"state": EscalationState.CLOSED, "closed_on": day(1097)}
    closed = standing("limit_passed", "passed", DEADLINE, rung_on=1097, **shut)
    life = case("commission_review", 1000, standings=[closed])
    decision = on(1100, life)
    (moved,) = [s for s in decision.moved if s.rule == "limit_passed"]
    assert (moved.state, moved.rung, moved.rung_on) == (EscalationState.OPEN, 1, day(1100))
    assert words(decision, "limit_passed") == [], "rung 1 was told before; the next has its days again"
    climbed = on(1114, apply(life, decision))
    assert words(climbed, "limit_passed") == [("limit_passed", "passed/2.0", "director", "pending")]


def test_what_closing_had_cancelled_is_revived_when_it_opens_again() -> None:
    life = case("commission_review", 1000)
    life = apply(life, on(1097, life))
    extended = replace(life, changes=[ClockChange(1, Change.EXTENSION, 6)])
    extended = apply(extended, on(1098, extended))
    passed = [n for n in extended.said if n.key.rule == "limit_passed"]
    assert {n.state for n in passed} == {NoticeState.CANCELLED}
    undone = replace(extended, changes=[])
    assert set(on(1099, undone).revived) >= {n.id for n in passed}


def test_a_new_stall_is_another_escalation() -> None:
    life, _ = lived(case(), range(62))
    life.facts = facts([("visit", 62)])
    life, _ = lived(life, range(62, 130))
    assert sorted((number(s.anchor_on), s.state.value) for s in life.standings if s.rule == "stall") == [
        (0, "closed"),
        (62, "open"),
    ]


def test_two_empty_posts_are_two_stories() -> None:
    both = case(seats=crew(without=["sme_1", "sme_2"]))
    decision = on(7, both)
    assert [word[1:3] for word in words(decision, "vacant_expert")] == [
        ("sme_1/1.0", "regional_manager"),
        ("sme_2/1.0", "regional_manager"),
    ]


def test_a_word_of_one_empty_post_does_not_overtake_that_of_another() -> None:
    """Both go to the regional manager by the same rule: the second must not cancel the first, still unsent."""
    life = case(seats=[*crew(without=["sme_1", "sme_2"]), ("sme_2", 0, 1)])
    life = apply(life, on(7, life))
    decision = on(9, life)
    assert words(decision, "vacant_expert") == [("vacant_expert", "sme_2/1.0", "regional_manager", "pending")]
    assert decision.cancellings == []


def test_a_higher_rung_overtakes_the_unsent_word_to_the_same_post() -> None:
    ladder = [{"to": ["director"], "after_days": 0}, {"to": ["director"], "after_days": 5}]
    given = program_with(escalations=[{"rule": "stall", "notice": "stall", "cause": "inactivity", "ladder": ladder}])
    life = apply(case(), on(60, case(), given))
    stall = {notice.id for notice in life.said if notice.key.rule == "stall"}
    assert [c.reason for c in on(65, life, given).cancellings if c.notice_id in stall] == [Reason.SUPERSEDED]


def test_a_seat_that_ends_is_looked_at_on_the_day_after() -> None:
    leaving = case(seats=[*crew(without=["director"]), ("director", 0, 12)])
    assert number(on(5, leaving).next_review_on) == 13
    assert seats([("director", 0, 12)])[0].held(day(12))


def test_a_seat_until_the_last_day_there_is_never_ends() -> None:
    for_good = Seat(9, Post.DIRECTOR, day(0), date.max)
    held = replace(case(), seats=[*case(seats=crew(without=["director"])).seats, for_good])
    assert number(on(5, held).next_review_on) == 30


def test_on_a_shorter_ladder_it_stands_on_its_top_and_repeats() -> None:
    ladder = [{"to": ["sme_1"], "after_days": 0}]
    stall = {"rule": "stall", "notice": "stall", "cause": "inactivity", "repeat_days": 45, "repeats": 3}
    given = program_with(escalations=[stall | {"ladder": ladder}])
    life = case(standings=[standing("stall", "onboarding", 0, rung_on=60, rung=3)])
    assert words(on(105, life, given), "stall") == [("stall", "onboarding/1.1", "sme_1", "pending")]
    assert [s.rung for s in apply(life, on(70, life, given)).standings] == [1]


def test_what_waits_for_a_post_that_the_ladder_dropped_is_cancelled() -> None:
    ladder = [{"to": ["sme_2"], "after_days": 0}]
    given = program_with(escalations=[{"rule": "stall", "notice": "stall", "cause": "inactivity", "ladder": ladder}])
    life = apply(case(), on(60, case()))
    life.said = [n for n in life.said if n.key.rule == "stall"]
    told = {n.id: n.key.post.value for n in life.said}
    cancelled = [(told[c.notice_id], c.reason) for c in on(60, life, given).cancellings]
    assert cancelled == [("sme_1", Reason.RULE_DROPPED)]
