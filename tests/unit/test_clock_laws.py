"""The laws of the clock: what a hold, an extension and an undo may move, and what the log makes of a voided fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.case import Case, ClockChange, Fact, Program, Said
from models.rules.clock import clocks, days_after, holds
from models.rules.decide import decide
from models.rules.decision import Advance
from models.rules.log import State, replayed, resting_on, taking_back
from models.rules.words import Change, NoticeState, Status
from tests.building import case, day
from tests.lives import (
    HORIZON,
    QUICK,
    TRACKS,
    Life,
    courses,
    lived_of,
    many_facts,
    numbered,
    swept,
    swept_when_due,
)
from tests.trying import promised

HELD = st.tuples(st.integers(0, 90), st.integers(0, 60))


@promised
@given(
    QUICK, st.sampled_from(TRACKS), st.integers(0, 11), st.integers(0, HORIZON),
    st.lists(st.tuples(st.sampled_from((Change.EXTENSION, Change.CORRECTION)), st.integers(1, 20)), max_size=1),
    st.lists(HELD, min_size=1, max_size=2), st.integers(-30, 400),
)
def test_a_hold_of_n_days_moves_the_internal_target_by_n_and_nothing_else(
    program: Program, track: str, stage: int, entered: int, moved: list[tuple[Change, int]],
    pauses: list[tuple[int, int]], after: int,
) -> None:
    """However often it is held and whatever else moved; nothing else is its window, its limit and its anchor."""
    plan = program.plan(track, 1)
    names = [name for name, each in plan.stages.items() if each.stage.next is not None]
    held = case(names[stage % len(names)], entered, track=track)
    changes = [
        ClockChange(0, kind, months=number if kind is Change.EXTENSION else None, anchor_on=day(-number))
        for kind, number in moved
    ]
    today, first, last = day(entered + after), held.stage_entered_on, held.stage_entered_on
    for start, length in pauses:
        before = clocks(replace(held, changes=numbered(changes)), plan, today)
        since = max(last, first + timedelta(days=start % ((before.stage_target - first).days + 1)))
        last = since + timedelta(days=length)
        changes += [ClockChange(0, Change.HOLD, on=since), ClockChange(0, Change.RESUME, on=last)]
        then = clocks(replace(held, changes=numbered(changes)), plan, today)
        assert then.stage_target - before.stage_target == timedelta(days=length)
        assert then._replace(stage_target=before.stage_target) == before


# Limits pass on days 60 and 91 where nothing moved them: then their ladder has just begun to be climbed.
SOME_DAY = st.integers(0, HORIZON) | st.integers(61, 75) | st.integers(92, 106)


@promised
@given(courses(), SOME_DAY, st.integers(1, 24), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_an_extension_and_its_undo_leave_the_same_dates_and_the_same_notices_to_come(
    life: Life, today: int, months: int, apart: tuple[int, int]
) -> None:
    """Looked at some days before and some days after: what stood goes on as if nothing had been."""
    now, later = day(today), day(today + apart[1])
    lived, _ = swept(life, map(day, sorted({0, max(today - apart[0], 0)})))
    bare: Case = replace(lived, said=_still_pending(lived.said))
    if bare.status is Status.OPEN:
        bare = apply(bare, decide(bare, life.program, now))
    if bare.status is not Status.OPEN:
        return
    number = max((change.id for change in bare.changes), default=0) + 1
    extended = replace(bare, changes=[*bare.changes, ClockChange(number, Change.EXTENSION, months)])
    extended = apply(extended, decide(extended, life.program, now))
    undone = replace(extended, changes=[*extended.changes, ClockChange(number + 1, Change.UNDO, undoes=number)])
    undone = apply(undone, decide(undone, life.program, now))
    plan = life.program.plan(bare.track, bare.cycle)
    assert clocks(undone, plan, now) == clocks(bare, plan, now)
    # What spoke of the longer limit alone was decided and cancelled in between, and that is kept.
    assert _to_come(undone) == _to_come(bare)
    assert _course(undone, life, on=later) == _course(bare, life, on=later)


def _still_pending(said: Sequence[Said]) -> list[Said]:
    """Return what was said with every other notice still waiting for its mail."""
    return [
        notice._replace(state=NoticeState.PENDING) if notice.state is NoticeState.SENT and notice.id % 2 else notice
        for notice in said
    ]


def _to_come(case: Case) -> set[object]:
    return {notice.key for notice in case.said if notice.state is NoticeState.PENDING}


def _course(current: Case, life: Life, *, on: date) -> list[tuple[object, ...]]:
    """Return what will be said on a later day, if nothing happens."""
    _, decisions = swept(life._replace(case=lived_of(current)), [on])
    return sorted(
        (str(today), telling.key, str(telling.state))
        for today, decision in decisions for telling in decision.tellings
    )


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


@promised
@given(courses(), st.permutations(range(24)), st.integers(0, HORIZON))
def test_the_order_of_recording_the_facts_of_one_day_does_not_matter(
    life: Life, order: list[int], today: int
) -> None:
    rows = list(life.case.facts)
    shuffled = [rows[number] for number in order if number < len(rows)] + rows[len(order):]
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


@given(courses(), many_facts(), st.data())
def test_a_fact_voided_and_recorded_again_gives_what_was_and_the_log_replayed_gives_the_stored_state(
    life: Life, facts: list[Fact], data: st.DataObject
) -> None:
    whole = replace(life.case, facts=facts)
    lived, decisions = swept_when_due(life._replace(case=whole, later={}))
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
