"""The laws of decide, over drawn policies and drawn lives: what no table of cases could ever list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.clock import clocks
from models.rules.case import Case, ClockChange, Fact, Program, Seat
from models.rules.decide import decide
from models.rules.decision import Advance, Decision, Telling
from models.rules.words import Change, EscalationState, NoticeState, Post, Status
from tests.building import case, day, quick_policy

HORIZON = 130
NAMES = ("accreditation_manager_trained", "kickoff_visit", "gap_report_accepted", "directives_issued", "staff_oriented",
         "mock_passed", "findings_fixed", "readiness_confirmed", "remote_review_passed", "site_visit_done",
         "site_report_filed", "decision_favourable", "visit")
COUNTS = ("mandatory_in_compliance", "others_in_compliance")
IN_ORDER = (*NAMES[:5], *COUNTS, *NAMES[5:])
ENDS = ("withdrawn", "removed", "lapsed")
TRACKS = ("law_enforcement_tier1", "law_enforcement_advanced", "communications", "academy")
DAYS = st.integers(-10, HORIZON)

NUMBERS = st.fixed_dictionaries({
    "pace": st.integers(6, 15), "grace_days": st.integers(0, 5), "rung_days": st.integers(1, 9),
    "repeat_days": st.integers(1, 12), "repeats": st.integers(0, 3), "margin": st.integers(0, 20),
})


Arrival = Fact | ClockChange | int
"""What a person records on some day: a fact, a change of the deadline, or an acknowledgement for so many days."""


class Life(NamedTuple):
    """A case as it is known on day 0, the program it lives under, and what is recorded later, by day."""

    case: Case
    program: Program
    later: dict[date, list[Arrival]]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    live_from = draw(st.just(day(-10)) | st.none() | st.integers(-10, HORIZON).map(day))
    return Program(quick_policy(draw(NUMBERS)), 1, live_from)


@st.composite
def many_facts(draw: st.DrawFn) -> list[Fact]:
    """Draw the lifecycle's own facts in order, up to some point, and any others beside them."""
    gaps = draw(st.lists(st.integers(0, 15), max_size=len(IN_ORDER)))
    on_days = accumulate(gaps)
    rows = [(name, on, 400 if name in COUNTS else None) for name, on in zip(IN_ORDER, on_days, strict=False)]
    rows += [(name, on, None) for name, on in draw(st.lists(st.tuples(st.sampled_from(NAMES), DAYS), max_size=8))]
    rows += draw(st.lists(st.tuples(st.sampled_from(COUNTS), DAYS, st.integers(0, 400)), max_size=4))
    rows += [(name, on, None) for name, on in draw(st.lists(st.tuples(st.sampled_from(ENDS), DAYS), max_size=1))[draw(st.integers(0, 1)):]]
    return [Fact(i, name, day(on), value) for i, (name, on, value) in enumerate(rows, 1)]


@st.composite
def many_seats(draw: st.DrawFn) -> list[Seat]:
    rows = draw(st.lists(st.tuples(st.sampled_from(Post), DAYS, st.none() | st.integers(0, 90)), max_size=10))
    always = [(post, -10, None) for post in Post if draw(st.booleans())]
    return [
        Seat(i, post, day(since), None if lasts is None else day(since + lasts))
        for i, (post, since, lasts) in enumerate([*rows, *always], 1)
    ]


CHANGE = st.builds(ClockChange, st.just(Change.EXTENSION), st.integers(1, 3), st.none()) | st.builds(
    ClockChange, st.just(Change.CORRECTION), st.none(), st.integers(-20, 20).map(day)
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    built = case(track=draw(st.sampled_from(TRACKS)), mandatory=draw(st.none() | st.integers(0, 50)))
    known, later = [], defaultdict(list)
    for fact in draw(many_facts()):
        delay = draw(st.none() | st.integers(0, 20))
        if delay is None:
            known.append(fact)
        else:
            later[fact.on + timedelta(days=delay)].append(fact)
    for on, arrival in draw(st.lists(st.tuples(DAYS.map(day), CHANGE | st.integers(1, 30)), max_size=3)):
        later[on].append(arrival)
    whole = replace(built, facts=known, seats=draw(many_seats()), changes=draw(st.lists(CHANGE, max_size=1)))
    return Life(whole, draw(programs()), dict(later))


def every_day() -> Iterator[date]:
    return map(day, range(HORIZON + 1))


Swept = list[tuple[date, Decision]]
LONG_AGO = day(-1000)


def swept(life: Life, days: Iterable[date]) -> tuple[Case, Swept]:
    """Sweep on the given days."""
    current, decisions, before = life.case, [], LONG_AGO
    for today in days:
        current, decision = looked_at(current, life, (before, today))
        before = today
        decisions.append((today, decision))
        if current.status is not Status.OPEN:
            break
    return current, decisions


def swept_when_due(life: Life) -> tuple[Case, Swept]:
    """Sweep on day 0, on each day that the decision before asked for, and when something is recorded."""
    current, decisions, before, today = life.case, [], LONG_AGO, day(0)
    while today <= day(HORIZON):
        current, decision = looked_at(current, life, (before, today))
        before = today
        decisions.append((today, decision))
        looks = [on for on in (decision.next_review_on, *life.later) if on is not None and on > today]
        if current.status is not Status.OPEN or not looks:
            break
        today = min(looks)
    return current, decisions


def looked_at(current: Case, life: Life, between: tuple[date, date]) -> tuple[Case, Decision]:
    """Decide, and send what is pending, as a delivery would."""
    heard, decision = decided(current, life, between)
    current = apply(heard, decision)
    gone = [n._replace(state=NoticeState.SENT) if n.state is NoticeState.PENDING else n for n in current.said]
    return replace(current, said=gone), decision


def decided(current: Case, life: Life, between: tuple[date, date]) -> tuple[Case, Decision]:
    """Hear what was recorded since the last look, and decide."""
    before, today = between
    for on in sorted(on for on in life.later if before < on <= today):
        for arrival in life.later[on]:
            current = recorded(current, arrival, on)
    return current, decide(current, life.program, today)


def recorded(current: Case, arrival: Arrival, on: date) -> Case:
    if isinstance(arrival, Fact):
        return replace(current, facts=[*current.facts, arrival])
    if isinstance(arrival, ClockChange):
        return replace(current, changes=[*current.changes, arrival])
    until = on + timedelta(days=arrival)
    return replace(current, standings=[
        s if s.state is EscalationState.CLOSED
        else s._replace(state=EscalationState.ACKNOWLEDGED, acknowledged_until=until) for s in current.standings
    ])


def tellings(decisions: Swept) -> list[Telling]:
    return [telling for _, decision in decisions for telling in decision.tellings]


def advances(decisions: Swept) -> list[Advance]:
    return [advance for _, decision in decisions for advance in decision.advances]


def effects(decision: Decision) -> list[object]:
    return [*decision.advances, *decision.tellings, *decision.cancellings, *decision.opened, *decision.moved, *decision.closed]


@given(lives(), st.lists(st.integers(0, HORIZON), min_size=1, max_size=8, unique=True))
def test_doing_what_is_due_leaves_nothing_due(life: Life, days: list[int]) -> None:
    current = life.case
    for today in map(day, sorted(days)):
        decision = decide(current, life.program, today)
        current = apply(current, decision)
        if current.status is not Status.OPEN:
            assert decision.next_review_on is None
            return
        again = decide(current, life.program, today)
        assert effects(again) == []
        assert again.next_review_on == decision.next_review_on
        assert again.next_review_on is None or again.next_review_on > today


@given(lives(), st.integers(0, HORIZON))
def test_the_same_day_twice_is_the_same(life: Life, today: int) -> None:
    assert decide(life.case, life.program, day(today)) == decide(life.case, life.program, day(today))


@given(lives(), st.integers(0, HORIZON), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(life: Life, today: int, random: object) -> None:
    lived, _ = swept(life, map(day, range(0, today, 7)))
    assume(lived.status is Status.OPEN)
    shuffled = replace(lived)
    for name in ("facts", "seats", "said", "standings"):
        rows = list(getattr(lived, name))
        random.shuffle(rows)  # type: ignore[attr-defined]
        setattr(shuffled, name, rows)
    one, other = (decide(each, life.program, day(today)) for each in (lived, shuffled))
    assert sorted(map(repr, effects(one))) == sorted(map(repr, effects(other)))
    assert (one.stage, one.status, one.risk, one.next_review_on) == (other.stage, other.status, other.risk, other.next_review_on)


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_no_key_is_told_twice_whatever_days_are_swept(life: Life, days: set[int]) -> None:
    _, decisions = swept(life, map(day, sorted(days)))
    assert [key for key, times in Counter(t.key for t in tellings(decisions)).items() if times > 1] == []


@given(lives())
def test_sweeping_on_review_days_only_equals_sweeping_every_day(life: Life) -> None:
    daily, told_daily = swept(life, every_day())
    lazy, told_lazy = swept_when_due(life)
    assert [repr(t) for t in tellings(told_lazy)] == [repr(t) for t in tellings(told_daily)]
    assert advances(told_lazy) == advances(told_daily)
    assert (lazy.stage, lazy.status, lazy.standings) == (daily.stage, daily.status, daily.standings)
    assert risks(told_lazy) == risks(told_daily)


def recorded_in_time(life: Life) -> Life:
    """Return the life in which every fact is known on its day."""
    late = [arrival for arrivals in life.later.values() for arrival in arrivals if isinstance(arrival, Fact)]
    return life._replace(case=replace(life.case, facts=[*life.case.facts, *late]), later={})


def risks(decisions: Swept) -> list[tuple[date, str]]:
    """Return each day on which the risk became another."""
    changes: list[tuple[date, str]] = []
    for today, decision in decisions:
        if not changes or changes[-1][1] != decision.risk:
            changes.append((today, decision.risk))
    return changes


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_a_stage_is_never_entered_before_the_one_before(life: Life, days: set[int]) -> None:
    _, decisions = swept(life, map(day, sorted(days)))
    entered = [life.case.stage_entered_on, *(advance.on for advance in advances(decisions))]
    assert entered == sorted(entered)
    assert all(advance.on <= today for today, decision in decisions for advance in decision.advances)


@given(lives(), st.sets(st.integers(0, HORIZON)))
def test_replaying_the_advances_gives_the_stored_state(life: Life, days: set[int]) -> None:
    stored, decisions = swept(life, map(day, sorted(days)))
    state = (life.case.stage, life.case.stage_entered_on, life.case.stage_seq, life.case.status)
    for step in advances(decisions):
        assert (step.from_stage, step.seq) == (state[0], state[2] + 1)
        state = (step.to_stage, step.on, step.seq, step.status)
    assert state == (stored.stage, stored.stage_entered_on, stored.stage_seq, stored.status)


@given(lives(), st.sets(st.integers(0, HORIZON)), st.integers(0, HORIZON))
def test_days_missed_change_no_stage(life: Life, days: set[int], last: int) -> None:
    """Whoever looked when: what was recorded in time has led to the same stages on the same dates."""
    life = recorded_in_time(life)
    seldom, some = swept(life, map(day, sorted({d for d in days if d < last} | {last})))
    daily, every = swept(life, map(day, range(last + 1)))
    assert advances(some) == advances(every)
    assert (seldom.stage, seldom.status) == (daily.stage, daily.status)


@given(lives(), st.sets(st.integers(0, HORIZON), min_size=1))
def test_nothing_pending_speaks_of_a_deadline_that_moved_or_of_a_case_that_ended(life: Life, days: set[int]) -> None:
    current, today, before = life.case, LONG_AGO, LONG_AGO
    for today in map(day, sorted(days)):
        current = apply(*decided(current, life, (before, today)))
        before = today
        if current.status is not Status.OPEN:
            break
    pending = [notice.key for notice in current.said if notice.state is NoticeState.PENDING]
    if current.status is not Status.OPEN:
        assert pending == []
        return
    dates = clocks(current, life.program.plan(current.track))
    standing = {(s.rule, s.anchor_on) for s in current.standings if s.state is not EscalationState.CLOSED}
    for key in pending:
        rule = life.program.reminders.get(key.rule)
        assert (key.rule, key.anchor_on) in standing if rule is None else key.anchor_on == dates.read(rule.clock)
