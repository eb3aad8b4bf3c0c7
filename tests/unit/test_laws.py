"""The laws of decide, over drawn policies and drawn lives: what no table of cases could ever list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.case import Case, Fact
from models.rules.clock import clocks
from models.rules.decide import decide
from models.rules.decision import Forecast
from models.rules.duties import owed
from models.rules.log import counted, replayed
from models.rules.snoozes import silenced
from models.rules.words import EscalationState, NoticeState, Status
from tests.building import day
from tests.lives import (
    HORIZON,
    LONG_AGO,
    Life,
    Swept,
    advances,
    decided,
    effects,
    every_day,
    lives,
    state_of,
    swept,
    swept_when_due,
    tellings,
)


@given(lives(), st.lists(st.integers(0, HORIZON), min_size=1, max_size=8, unique=True))
def test_the_same_day_twice_is_the_same_and_doing_what_is_due_leaves_nothing_due(life: Life, days: list[int]) -> None:
    current: Case = life.case
    for today in map(day, sorted(days)):
        decision = decide(current, life.program, today)
        assert decide(current, life.program, today) == decision
        current = apply(current, decision)
        if current.status is not Status.OPEN:
            assert decision.next_review_on is None
            return
        again = decide(current, life.program, today)
        assert effects(again) == []
        assert again.next_review_on == decision.next_review_on
        assert again.next_review_on is None or again.next_review_on > today


@given(lives(), st.integers(0, HORIZON), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(life: Life, today: int, random: Random) -> None:
    lived, _ = swept(life, map(day, range(0, today, 7)))
    assume(lived.status is Status.OPEN)
    shuffled = replace(lived)
    for name in ("facts", "seats", "said", "standings", "snoozes"):
        rows = list(getattr(lived, name))
        random.shuffle(rows)
        setattr(shuffled, name, rows)
    one, other = (decide(each, life.program, day(today)) for each in (lived, shuffled))
    assert sorted(map(repr, effects(one))) == sorted(map(repr, effects(other)))
    assert (one.stage, one.status, one.risk, one.next_review_on) == (
        other.stage,
        other.status,
        other.risk,
        other.next_review_on,
    )


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_no_key_is_told_twice_whatever_days_are_swept(life: Life, days: set[int]) -> None:
    _, decisions = swept(life, map(day, sorted(days)))
    assert [key for key, times in Counter(t.key for t in tellings(decisions)).items() if times > 1] == []


# It decides on every day of a life, and costs as much as all other laws here.
@settings(max_examples=settings().max_examples // 2)
@given(lives())
def test_sweeping_on_review_days_only_equals_sweeping_every_day(life: Life) -> None:
    daily, told_daily = swept(life, every_day())
    lazy, told_lazy = swept_when_due(life)
    assert [repr(t) for t in tellings(told_lazy)] == [repr(t) for t in tellings(told_daily)]
    assert advances(told_lazy) == advances(told_daily)
    assert (lazy.stage, lazy.status, lazy.standings) == (daily.stage, daily.status, daily.standings)
    assert risks(told_lazy) == risks(told_daily)
    assert forecasts(told_lazy) == forecasts(told_daily)
    assert lazy.pace == daily.pace


def recorded_in_time(life: Life) -> Life:
    """Return the life in which every fact is known on its day."""
    late = [arrival for arrivals in life.later.values() for arrival in arrivals if isinstance(arrival, Fact)]
    return life._replace(case=replace(life.case, facts=[*life.case.facts, *late]), later={})


def forecasts(decisions: Swept) -> list[tuple[date, Forecast]]:
    """Return each forecast that would be stored, with its day."""
    return [(today, decision.forecast) for today, decision in decisions if decision.forecast is not None]


def risks(decisions: Swept) -> list[tuple[date, str]]:
    """Return each day on which the risk became another."""
    changes: list[tuple[date, str]] = []
    for today, decision in decisions:
        if not changes or changes[-1][1] != decision.risk:
            changes.append((today, decision.risk))
    return changes


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_replaying_the_advances_gives_the_stored_state_and_no_day_goes_back(life: Life, days: set[int]) -> None:
    stored, decisions = swept(life, map(day, sorted(days)))
    assert all(advance.on <= today for today, decision in decisions for advance in decision.advances)
    start = state = state_of(life.case)
    for number, step in enumerate(stored.log):
        assert (step.from_stage, step.seq) == (state.stage, state.seq + 1)
        if step.takes_back is None:
            assert step.on >= state.entered_on
            ends = step.status not in {Status.OPEN, Status.AWARDED}
            assert step.again == (not ends and life.program.is_return(step.from_stage, step.to_stage))
        else:
            assert step.takes_back < step.seq
            assert step.on <= state.entered_on
        state = replayed(start, stored.log[: number + 1])
    assert state == state_of(stored)


@given(lives(), st.sets(st.integers(0, HORIZON), min_size=1))
def test_no_step_that_counts_rests_on_a_fact_that_is_void(life: Life, days: set[int]) -> None:
    stored, _ = swept(life, map(day, sorted(days)))
    valid = {fact.id for fact in stored.facts}
    assert all(valid.issuperset(step.evidence.facts) for step in counted(stored.log))


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_after_a_return_no_gate_opens_by_what_is_older_and_only_a_verdict_sends_back(
    life: Life, days: set[int]
) -> None:
    stored, _ = swept(life, map(day, sorted(days)))
    facts = {fact.id: fact for fact in stored.facts}
    back = date.min
    for step in counted(stored.log):
        evidence = [facts[number] for number in step.evidence.facts]
        if step.status in {Status.OPEN, Status.AWARDED}:
            assert all(fact.on > back for fact in evidence)
        if step.again:
            back = step.on
            assert [(fact.milestone, fact.on) for fact in evidence] == [("decision_deferred", back)]


@given(lives(), st.sets(st.integers(0, HORIZON)), st.integers(0, HORIZON))
def test_days_missed_change_no_stage(life: Life, days: set[int], last: int) -> None:
    """Whoever looked when: what was recorded in time has led to the same stages on the same dates."""
    life = recorded_in_time(life)
    seldom, some = swept(life, map(day, sorted({d for d in days if d < last} | {last})))
    once, one = swept(life, [day(last)])
    assert advances(some) == advances(one)
    assert (seldom.stage, seldom.status) == (once.stage, once.status)


@given(lives(), st.sets(st.integers(0, HORIZON), min_size=1))
def test_nothing_pending_speaks_of_a_deadline_that_moved_or_of_a_case_that_ended(life: Life, days: set[int]) -> None:
    current: Case = life.case
    today = before = LONG_AGO
    for today in map(day, sorted(days)):
        current = apply(*decided(current, life, (before, today)))
        before = today
        if current.status is not Status.OPEN:
            break
    pending = [notice.key for notice in current.said if notice.state is NoticeState.PENDING]
    if current.status is not Status.OPEN:
        assert pending == []
        return
    plan = life.program.plan(current.track, current.cycle)
    dates = clocks(current, plan, today)
    owing = owed(plan.duties, current, dates, today=today)
    open_duties = {(each.duty.rule, each.name, each.due_on) for each in owing if each.done is None}
    standing = {(s.rule, s.anchor_on) for s in current.standings if s.state is not EscalationState.CLOSED}
    for key in pending:
        rule = life.program.reminders.get(key.rule)
        if key.rule in life.program.duties:
            assert (key.rule, key.occurrence.rpartition(":")[0], key.anchor_on) in open_duties
        else:
            assert (key.rule, key.anchor_on) in standing if rule is None else key.anchor_on == dates.read(rule.clock)


@given(lives(), st.sets(st.integers(0, HORIZON), min_size=1))
def test_whoever_put_a_rule_off_hears_nothing_of_it_but_its_last_rung(life: Life, days: set[int]) -> None:
    current: Case = life.case
    before = LONG_AGO
    for today in map(day, sorted(days)):
        heard, decision = decided(current, life, (before, today))
        current, before = apply(heard, decision), today
        quiet = silenced(current, today)
        for notice in current.said:
            if notice.state is NoticeState.PENDING and (notice.key.rule, notice.key.post) in quiet:
                rule = life.program.escalations[notice.key.rule]
                assert notice.key.occurrence.rpartition("/")[2].startswith(f"{len(rule.ladder)}.")
