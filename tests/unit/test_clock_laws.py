"""The laws of the clock: what a hold, an extension and an undo may move, and what the log makes of a voided fact."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.case import Case, ClockChange, Fact
from models.rules.clock import clocks, days_after, holds
from models.rules.decide import decide
from models.rules.decision import Advance
from models.rules.log import State, replayed, resting_on, taking_back
from models.rules.words import Change, Clock, NoticeState, Status
from tests.building import day
from tests.lives import HORIZON, Life, every_day, lives, many_facts, swept

INTERNAL = Clock.STAGE_TARGET


@given(lives(), st.integers(0, HORIZON), st.integers(0, 60), st.integers(0, 60))
def test_a_hold_of_n_days_moves_the_internal_target_by_n_and_nothing_else(
    life: Life, entered: int, start: int, length: int
) -> None:
    bare = replace(life.case, stage_entered_on=day(entered), changes=[])
    plan, today = life.program.plan(bare.track, bare.cycle), day(1000)
    before = clocks(bare, plan, today)
    since = day(entered) + timedelta(days=start)
    assume(since <= before.stage_target)
    pause = [
        ClockChange(1, Change.HOLD, on=since), ClockChange(2, Change.RESUME, on=since + timedelta(days=length)),
    ]
    after = clocks(replace(bare, changes=pause), plan, today)
    assert after.stage_target - before.stage_target == timedelta(days=length)
    assert after[:3] == before[:3]


@given(lives(), st.integers(0, HORIZON), st.integers(1, 24))
def test_an_extension_and_its_undo_leave_the_same_dates_and_the_same_notices_to_come(
    life: Life, today: int, months: int
) -> None:
    lived, _ = swept(life, map(day, range(0, today, 7)))
    assume(lived.status is Status.OPEN)
    bare = apply(lived, decide(lived, life.program, day(today)))
    assume(bare.status is Status.OPEN)
    number = max((change.id for change in bare.changes), default=0) + 1
    extended = replace(bare, changes=[*bare.changes, ClockChange(number, Change.EXTENSION, months)])
    extended = apply(extended, decide(extended, life.program, day(today)))
    undone = replace(extended, changes=[*extended.changes, ClockChange(number + 1, Change.UNDO, undoes=number)])
    undone = apply(undone, decide(undone, life.program, day(today)))
    plan = life.program.plan(bare.track, bare.cycle)
    assert clocks(undone, plan, day(today)) == clocks(bare, plan, day(today))
    # What spoke of the longer limit alone was decided and cancelled in between, and that is kept.
    assert _to_come(undone) == _to_come(bare)


def _to_come(case: Case) -> set[object]:
    return {notice.key for notice in case.said if notice.state is NoticeState.PENDING}


PAUSES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 40)), max_size=6)


@given(PAUSES, st.integers(0, 250), st.integers(0, 90))
def test_no_day_of_rest_counts_and_every_other_does(pauses: list[tuple[int, int]], anchor: int, days: int) -> None:
    rows = [
        row
        for number, (since, length) in enumerate(pauses)
        for row in (
            ClockChange(2 * number, Change.HOLD, on=day(since)),
            ClockChange(2 * number + 1, Change.RESUME, on=day(since + length)),
        )
    ]
    known = holds(rows)
    on = days_after(day(anchor), days, known)
    between = [day(anchor) + timedelta(days=n) for n in range((on - day(anchor)).days)]
    resting = [each for each in between if any(pause.since <= each < pause.until for pause in known)]
    assert len(between) - len(resting) == days
    assert not any(pause.since <= on < pause.until for pause in known), "no date falls on a day of rest"


@given(lives(), st.randoms(use_true_random=False), st.integers(0, HORIZON))
def test_the_order_of_recording_the_facts_of_one_day_does_not_matter(life: Life, random: object, today: int) -> None:
    rows = list(life.case.facts)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, which the strategy does not say
    again = [fact._replace(id=number) for number, fact in enumerate(shuffled, 1)]
    one, other = (
        decide(replace(life.case, facts=facts), life.program, day(today)) for facts in (rows, again)
    )
    assert [_plain(step) for step in one.advances] == [_plain(step) for step in other.advances]
    assert sorted(map(repr, one.tellings)) == sorted(map(repr, other.tellings))
    assert (one.stage, one.status, one.risk, one.next_review_on) == (
        other.stage, other.status, other.risk, other.next_review_on
    )


def _plain(step: Advance) -> tuple[object, ...]:
    """Return a step without the numbers of its facts, which the order of recording gives."""
    return step[:5]


@given(lives(), many_facts(), st.data())
def test_a_fact_voided_and_recorded_again_gives_what_was_and_the_log_replayed_gives_the_stored_state(
    life: Life, facts: list[Fact], data: st.DataObject
) -> None:
    whole = replace(life.case, facts=facts)
    lived, decisions = swept(life._replace(case=whole, later={}), every_day())
    log = [step for _, decision in decisions for step in decision.advances]
    assume(facts)
    wrong = data.draw(st.sampled_from(facts))
    start, today = _state(whole), day(HORIZON)
    back = taking_back(start, log, frozenset({wrong.id}))
    without = replace(lived, facts=[fact for fact in facts if fact.id != wrong.id])
    if back is not None:
        assert resting_on(log, frozenset({wrong.id}))[0].seq == back.takes_back
        log = [*log, back]
        state = replayed(start, log)
        without = replace(
            without, stage=state.stage, stage_entered_on=state.entered_on, stage_seq=state.seq, status=state.status,
            reentered_on=state.reentered_on,
        )
        assert without.status is Status.OPEN
    taken, longer = _decided(without, log, life, today=today)
    assert replayed(start, longer) == _state(taken)
    # As a correction does it: recorded again before anything is decided without it.
    again = replace(without, facts=[*without.facts, wrong])
    recorded, log = _decided(again, log, life, today=today)
    assert replayed(start, log) == _state(recorded)
    assert (recorded.stage, recorded.stage_entered_on, recorded.status) == (
        lived.stage, lived.stage_entered_on, lived.status
    )


def _decided(case: Case, log: list[Advance], life: Life, *, today: date) -> tuple[Case, list[Advance]]:
    if case.status is not Status.OPEN:
        return case, log
    decision = decide(case, life.program, today)
    return apply(case, decision), [*log, *decision.advances]


def _state(case: Case) -> State:
    return State(case.stage, case.stage_entered_on, case.stage_seq, case.status, case.reentered_on)
