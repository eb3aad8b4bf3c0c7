"""Snoozes: what came due meanwhile is held back with its reason, and told when the snooze ends if it still holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.rules.apply import apply
from models.rules.case import Case, Snooze
from models.rules.explain import explain
from models.rules.explaining.view import Outcome
from models.rules.words import Post, Reason
from tests.building import case, crew, day, number, on, program, said, standing, words

TARGET = 61  # onboarding's budget, begun on day 0


def asleep(rule: str, given: Case, since: int, until: int, post: Post = Post.SME_1) -> Case:
    seat = next(seat for seat in given.seats if seat.post is post)
    return replace(given, snoozes=[*given.snoozes, Snooze(rule, seat.id, day(since), day(until))])


def told(given: Case, today: int, rule: str) -> list[str]:
    return [f"{post}: {what}" for _, _, post, what in words(on(today, given), rule)]


def test_what_comes_due_is_held_back_for_whoever_asked_and_for_nobody_else() -> None:
    given = asleep("stage_target", case(), 20, 40)
    assert told(given, 31, "stage_target") == ["accreditation_manager: pending", "sme_1: snoozed", "sme_2: pending"]
    assert told(given, 41, "stage_target") == ["accreditation_manager: pending", "sme_1: pending", "sme_2: pending"]


def test_it_is_told_on_the_day_after_and_once() -> None:
    given = asleep("stage_target", case(), 20, 40)
    decision = on(31, given)
    assert number(decision.next_review_on) == 41
    then = apply(given, decision)
    assert on(40, then).revived == []
    (back,) = on(41, then).revived
    assert next(notice for notice in then.said if notice.id == back).key.post is Post.SME_1
    again = apply(then, on(41, then))
    assert on(41, again).revived == on(42, again).revived == []


def test_only_the_nearest_of_what_was_held_back_is_told() -> None:
    given = asleep("stage_target", case(), 20, 55)
    then = apply(given, on(31, given))
    then = apply(then, on(54, then))
    held = [notice for notice in then.said if notice.reason is Reason.SNOOZED]
    assert [notice.key.occurrence for notice in held] == ["onboarding:30", "onboarding:7"]
    (back,) = on(56, then).revived
    assert back == held[1].id


def test_what_still_waits_to_be_mailed_is_taken_back() -> None:
    pending = said("stage_target", "onboarding:30", TARGET)
    given = asleep("stage_target", case(said=[pending]), 32, 40)
    (cancelling,) = on(32, given).cancellings
    assert cancelling == (pending.id, Reason.SNOOZED)
    then = apply(given, on(32, given))
    assert on(40, then).revived == []
    assert on(41, then).revived == [pending.id]


def test_nothing_is_told_that_lost_its_meaning_meanwhile() -> None:
    given = asleep("stage_target", case(), 20, 60)
    then = apply(given, on(31, given))
    moved = replace(then, stage="gap_analysis", stage_entered_on=day(50), stage_seq=1)
    assert on(61, moved).revived == []


def test_a_successor_is_not_silenced_by_whoever_was_there_before() -> None:
    given = case(seats=[*crew(without=["sme_1"]), ("sme_1", 0, 35), ("sme_1", 36)])
    given = asleep("stage_target", given, 20, 60)
    decision = on(31, given)
    assert "sme_1: snoozed" in told(given, 31, "stage_target")
    assert number(decision.next_review_on) == 36
    assert len(on(36, apply(given, decision)).revived) == 1


def test_where_two_hold_a_post_the_one_who_is_written_to_decides() -> None:
    given = case(seats=[*crew(), ("sme_1", 5)])
    first, last = [seat for seat in given.seats if seat.post is Post.SME_1]
    for seat, what in ((first, "pending"), (last, "snoozed")):
        asked = replace(given, snoozes=[Snooze("stage_target", seat.id, day(20), day(40))])
        assert f"sme_1: {what}" in told(asked, 31, "stage_target")


@pytest.mark.parametrize(("rung", "expected"), [(0, "snoozed"), (1, "snoozed"), (2, "pending")])
def test_the_last_rung_of_a_ladder_cannot_be_put_off(rung: int, expected: str) -> None:
    ladder = program().escalations["stall"].ladder
    post, today = ladder[rung].to[0], 200
    up = standing("stall", "onboarding", 0, rung=rung, rung_on=today - 2 * ladder[rung].wait.days)
    given = asleep("stall", case(standings=[up]), 100, 300, post)
    assert f"{post}: {expected}" in told(given, today, "stall")


def test_an_escalation_that_is_put_off_climbs_on() -> None:
    given = asleep("stall", asleep("stall", case(), 50, 300), 50, 300, Post.SME_2)
    decision = on(60, given)
    assert told(given, 60, "stall") == ["sme_1: snoozed", "sme_2: snoozed"]
    then = apply(given, decision)
    assert told(then, 71, "stall") == []
    assert told(then, 72, "stall") == ["regional_manager: pending"]


def test_what_was_put_off_of_a_rung_is_told_while_the_escalation_still_stands_on_it() -> None:
    for until, back in ((70, 1), (80, 0)):
        given = asleep("stall", case(), 50, until)
        then = apply(given, on(60, given))
        then = apply(then, on(until, then))
        stalls = {notice.id for notice in then.said if notice.key.rule == "stall"}
        assert len(stalls.intersection(on(until + 1, then).revived)) == back


def test_why_tells_of_it() -> None:
    given = asleep("stage_target", case(), 20, 40)
    (sentence,) = [s for s in explain(given, program(), day(31)) if s.outcome is Outcome.SNOOZED]
    assert "first subject matter expert until 2020-02-10" in sentence.text
    assert any("snoozed" in s.text for s in explain(given, program(), day(31)) if s.outcome is Outcome.HELD_BACK)
