"""Thousands of schedules of the delivery, and a few of the bugs that they must find."""

from __future__ import annotations

import pytest

from tests.simulated.mutants import MUTANTS, found_by
from tests.simulated.schedules import broken_by

BLOCKS = 6
SCHEDULES = 3000
QUICKLY_FOUND = (
    "no claim: read, send, then write", "no fence: a doubt may be resolved twice", "a lapsed claim is sent again",
    "retry on 5xx", "an email in doubt is merged into another that waits",
    "what was not taken does not release its notices",
)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_schedule_loses_a_notice_or_sends_one_twice(block: int) -> None:
    size = SCHEDULES // BLOCKS
    assert broken_by(range(block * size, (block + 1) * size)) == {}


def test_an_answer_is_as_old_as_its_question() -> None:
    # A run sleeps for a day with "the log cannot be read" in hand, of the minute in which the doubt began.
    assert broken_by(range(24_129, 24_130)) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(20))
def test_a_hundred_thousand_schedules_keep_the_promise(block: int) -> None:
    assert broken_by(range(block * 5000, (block + 1) * 5000)) == {}


@pytest.mark.parametrize("name", QUICKLY_FOUND)
def test_a_bug_is_found_within_a_few_schedules(name: str) -> None:
    assert found_by(name, 300) is not None


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_every_bug_is_found(name: str) -> None:
    assert found_by(name) is not None
