"""What a rule says after days on which nobody looked: its policy's word, how late, and nothing whose time is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.rules.apply import apply
from models.rules.case import ClockChange, Program
from models.rules.decide import decide
from models.rules.words import Change, NoticeState, Reason
from tests.building import case, day, on, program_with

LIMIT = 1096  # day 0 and 36 months
DAYS_BEFORE = [180, 120, 60, 30, 7]
RULE = {"rule": "limit", "notice": "limit", "clock": "limit", "days_before": DAYS_BEFORE, "to": ["sme_1"]}


def under(misfire: Any, **more: Any) -> Program:
    return program_with(reminders=[RULE | {"misfire": misfire} | more], escalations=[])


def said_of(given: Program, before: int, today: int) -> dict[str, str]:
    """What is decided on a day by a service that last looked on another: by days before, pending or why not."""
    life = case("commission_review", 800)
    life = apply(life, decide(life, given, day(before)))
    decision = on(today, life, given)
    return {t.key.occurrence: (t.reason or t.state).value for t in decision.tellings}


SENT, GONE, OVER, SKIPPED = "pending", "superseded", "date_passed", "skipped"
# misfire, days down, back so many days before the limit -> what is said of the thresholds that came due meanwhile
DOWN: list[tuple[Any, int, int, dict[str, str]]] = [
    ("coalesce", 1, 60, {"60": SENT}),
    ("coalesce", 7, 55, {"60": SENT}),
    ("coalesce", 400, 12, {"180": GONE, "120": GONE, "60": GONE, "30": SENT}),
    ("coalesce", 400, -20, {"180": GONE, "120": GONE, "60": GONE, "30": GONE, "7": OVER}),
    ("catch_up", 7, 55, {"60": SENT}),
    ("catch_up", 400, 12, {"180": SENT, "120": SENT, "60": SENT, "30": SENT}),
    ("catch_up", 400, -20, {"180": OVER, "120": OVER, "60": OVER, "30": OVER, "7": OVER}),
    ({"skip_after": 5}, 1, 60, {"60": SENT}),
    ({"skip_after": 5}, 7, 55, {"60": SENT}),
    ({"skip_after": 5}, 7, 54, {"60": SKIPPED}),
    ({"skip_after": 5}, 400, 12, {"180": GONE, "120": GONE, "60": GONE, "30": SKIPPED}),
    ({"skip_after": 5}, 400, 5, {"180": GONE, "120": GONE, "60": GONE, "30": GONE, "7": SENT}),
]


@pytest.mark.parametrize(("misfire", "down", "left", "expected"), DOWN)
def test_after_downtime_the_policy_has_its_word(misfire: Any, down: int, left: int, expected: dict[str, str]) -> None:
    assert said_of(under(misfire), LIMIT - left - down, LIMIT - left) == expected


def test_what_is_said_late_says_how_late() -> None:
    told = on(LIMIT - 12, case("commission_review", 800), under("catch_up")).tellings
    assert [(t.key.occurrence, t.facts["late"]) for t in told] == [("180", 168), ("120", 108), ("60", 48), ("30", 18)]


@pytest.mark.parametrize(
    ("misfire", "today", "reason"),
    [
        ("coalesce", LIMIT, None), ("coalesce", LIMIT + 1, Reason.DATE_PASSED),
        ({"skip_after": 5}, LIMIT - 2, None), ({"skip_after": 5}, LIMIT - 1, Reason.SKIPPED),
    ],
)
def test_what_waited_for_its_mail_until_it_meant_nothing_is_cancelled(
    misfire: Any, today: int, reason: Reason | None
) -> None:
    """A delivery that is down is no excuse: the notice was decided in time, and waits seven days before the limit."""
    given = under(misfire)
    life = case("commission_review", 800)
    for looked in (LIMIT - 30, LIMIT - 7):
        life = apply(life, on(looked, life, given))
    waiting = [n for n in life.said if n.state is NoticeState.PENDING]
    decision = on(today, life, given)
    assert [c.reason for c in decision.cancellings if c.notice_id == waiting[-1].id] == ([reason] if reason else [])
    assert decision.revived == []


def test_a_threshold_that_catches_up_is_not_overtaken_by_the_next() -> None:
    given = under("catch_up")
    life = case("commission_review", 800)
    life = apply(life, on(LIMIT - 60, life, given))
    assert on(LIMIT - 30, life, given).cancellings == []
    coalesced = under("coalesce")
    life = apply(case("commission_review", 800), on(LIMIT - 60, case("commission_review", 800), coalesced))
    assert {c.reason for c in on(LIMIT - 30, life, coalesced).cancellings} == {Reason.SUPERSEDED}


def test_an_extension_gives_a_date_that_had_passed_its_words_again() -> None:
    given, life = under("coalesce"), case("commission_review", 800)
    life = apply(life, on(LIMIT + 20, life, given))
    assert {n.reason for n in life.said} == {Reason.SUPERSEDED, Reason.DATE_PASSED}
    extended = replace(life, changes=[ClockChange(1, Change.EXTENSION, 1)])
    told = on(LIMIT + 20, extended, given).tellings
    assert [(t.key.occurrence, t.reason) for t in told if t.reason is None] == [("30", None)]
