"""What becomes of an email, as tables and laws: no clock that jumps and no number of failures strands or doubles it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.delivery import (
    Answer,
    Doubt,
    Look,
    Moment,
    Times,
    after_attempt,
    begin_vigil,
    is_due,
    put_off,
    resolve,
)
from models.rules.words import EmailState, Finding, OnUnknown, Outcome

NOW = datetime(2024, 3, 4, 9, tzinfo=UTC)
TIMES = Times()
MISSING = Answer(Finding.MISSING)
BECOMES: dict[Outcome | None, tuple[EmailState, int, bool]] = {
    Outcome.SENT: (EmailState.SENT, 2, False),
    Outcome.REFUSED: (EmailState.DEAD, 3, False),
    Outcome.DEFERRED: (EmailState.PENDING, 3, True),
    Outcome.PAUSED: (EmailState.PENDING, 2, False),
    Outcome.BARRED: (EmailState.PENDING, 2, False),
    Outcome.UNKNOWN: (EmailState.UNKNOWN, 2, False),
    None: (EmailState.PENDING, 2, False),
}


@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_every_outcome_has_its_state_and_only_what_failed_counts_and_waits(outcome: Outcome | None) -> None:
    upcoming = after_attempt(outcome, 2, now=NOW, times=TIMES, draw=0.5)
    assert (upcoming.state, upcoming.failures, upcoming.next_at is not None) == BECOMES[outcome]


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_a_wait_is_never_longer_than_its_cap_however_often_it_failed(failures: int, draw: float) -> None:
    upcoming = put_off(failures, now=NOW, times=TIMES, draw=draw)
    assert upcoming.next_at is not None
    assert NOW <= upcoming.next_at <= NOW + TIMES.backoff_cap


@given(st.integers(0, 40), st.floats(0, 1), st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_a_clock_that_jumps_keeps_nothing_waiting_for_longer_than_the_longest_wait(
    failures: int, draw: float, jump: timedelta
) -> None:
    until, now = put_off(failures, now=NOW, times=TIMES, draw=draw).next_at, NOW + jump
    assert is_due(until, now, TIMES.horizon) or is_due(until, now + TIMES.horizon, TIMES.horizon)


@given(st.lists(st.floats(0, 4000), max_size=12), st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_what_a_log_lacks_is_sent_again_only_long_after_the_doubt_and_after_a_second_look(
    gaps: list[float], jump: timedelta
) -> None:
    steady, missed = 100.0, None
    vigil = begin_vigil(Moment(NOW, "here", steady))
    for gap in gaps:
        steady += gap
        found = resolve(Doubt(vigil, OnUnknown.RESEND), MISSING, Moment(NOW + jump, "here", steady), times=TIMES)
        waited = timedelta(seconds=steady - 100.0)
        if found.state is EmailState.PENDING:
            assert missed is not None
            assert timedelta(seconds=steady - missed) >= TIMES.recheck
            assert waited >= TIMES.settle
            return
        assert found.state is EmailState.UNKNOWN
        if missed is None and waited >= TIMES.settle:
            missed = steady
        assert missed is None or timedelta(seconds=steady - missed) < TIMES.recheck
        vigil = found.vigil


@pytest.mark.parametrize("machine", ["there", "here"])
def test_a_machine_that_is_new_or_that_counts_anew_waits_from_the_beginning(machine: str) -> None:
    doubt = Doubt({"here": Look(90_000.0, 91_000.0)}, OnUnknown.RESEND)
    found = resolve(doubt, MISSING, Moment(NOW, machine, 5.0), times=TIMES)
    assert (found.state, found.vigil[machine]) == (EmailState.UNKNOWN, Look(5.0))


@pytest.mark.parametrize(
    ("policy", "again", "state"),
    [
        (OnUnknown.RESEND, 0, EmailState.PENDING), (OnUnknown.RESEND, 1, EmailState.PENDING),
        (OnUnknown.RESEND, 2, EmailState.HELD), (OnUnknown.HOLD, 0, EmailState.HELD),
    ],
)
def test_without_a_log_the_rules_decide_and_nobody_sends_a_third_time(
    policy: OnUnknown, again: int, state: EmailState
) -> None:
    doubt = Doubt(begin_vigil(Moment(NOW, "here", 0.0)), policy, again)
    later = Moment(NOW, "here", TIMES.settle.total_seconds())
    assert resolve(doubt, Answer(Finding.NO_LOG), later, times=TIMES).state is state
