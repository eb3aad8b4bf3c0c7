"""What another version of a program moves: the days still to come, by the rules that planned them, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.rules.case import Case, Program
from models.rules.projection import moved_days, planned_days
from tests.building import case, day, document, on, program, program_with, words

IN_PROOFS = case("proofs", 400)
"""Its target is day 644; people are reminded of it 30 and 7 days before."""


def closed(*days: date, **more: Any) -> Program:
    return program_with(closures=[{"name": "extra", "since": each, "until": each} for each in days], **more)


def test_a_closed_day_moves_the_reminder_that_fell_on_it_and_no_other() -> None:
    (moved,) = moved_days(IN_PROOFS, program(), closed(day(637)), today=day(500))
    assert (moved.rule, moved.occurrence, moved.before, moved.after) == (
        "stage_target", "proofs:7", day(637), day(636)
    )


def test_what_has_come_due_does_not_move() -> None:
    assert list(moved_days(IN_PROOFS, program(), closed(day(637)), today=day(637))) == []


def test_the_same_program_moves_nothing() -> None:
    assert list(moved_days(IN_PROOFS, program(), program_with(), today=day(500))) == []


def test_grace_in_working_days_moves_what_opens_a_ladder() -> None:
    rules = [
        each | ({"grace_days": 3, "grace_in_working_days": True} if each["cause"] == "overdue" else {})
        for each in deepcopy(document()["escalations"])
    ]
    before = program_with(escalations=rules)
    in_the_grace = date(2023, 1, 2) + timedelta(days=1)
    found = moved_days(IN_PROOFS, before, closed(in_the_grace, escalations=rules), today=day(500))
    assert {each.occurrence for each in found if each.after > each.before} == {"passed"}


@given(days=st.integers(0, 240), off=st.integers(1, 300))
def test_a_reminder_is_told_on_the_day_that_is_planned_for_it(days: int, off: int) -> None:
    its: Case = IN_PROOFS
    here = closed(day(400 + off))
    today = day(401 + days)
    planned = {key for key, planned in planned_days(its, here, today).items() if planned == today}
    planned = {key for key in planned if key[0] == "stage_target"}
    told = {(rule, occurrence) for rule, occurrence, _, state in words(on(401 + days, its, here)) if state == "pending"}
    assert planned <= told
