"""Drawn policies and drawn lives under them, for laws: what is known, what is recorded late, and ways to sweep them.

What is drawn from is built once and not at each draw: hypothesis looks a strategy through before it is first drawn
from, which for a life takes as long as to draw it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cache
from itertools import accumulate, product
from typing import NamedTuple

from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.case import Case, ClockChange, Fact, Program, Seat, Site, Snooze, Standing
from models.rules.decide import decide
from models.rules.decision import Advance, Decision, Telling
from models.rules.forecast.compiling import compiled
from models.rules.forecast.fitting import fit
from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.outlook import Outlook
from models.rules.log import State, replayed, taking_back
from models.rules.words import Change, EscalationState, NoticeState, Post, Status
from tests.building import Numbers, case, day, quick_policy

HORIZON = 115
NAMES = (
    "accreditation_manager_trained",
    "kickoff_visit",
    "gap_report_accepted",
    "directives_issued",
    "staff_oriented",
    "mock_passed",
    "findings_fixed",
    "readiness_confirmed",
    "remote_review_passed",
    "site_visit_done",
    "site_report_filed",
    "decision_favourable",
    "visit",
)
OWED = (
    "status_report_filed",
    "annual_review_done",
    "contacts_confirmed",
    "calea_notified",
    "handover_done",
    "bridging_document_filed",
)
COUNTS = ("mandatory_in_compliance", "others_in_compliance")
IN_ORDER = (*NAMES[:5], *COUNTS, *NAMES[5:11])
AGAIN = ("decision_deferred", "remote_review_passed", "site_visit_done", "site_report_filed")
DECISIONS = ("decision_favourable", "decision_conditional", "decision_not_awarded", "decision_deferred")
ENDS = ("withdrawn", "removed", "lapsed")
TRACKS = ("law_enforcement_tier1", "law_enforcement_advanced", "communications", "academy")
DAYS = st.integers(-10, HORIZON)

# Few enough that a run meets a policy again and need not parse it again, and every one of them another story.
POLICIES = [
    Numbers(
        *numbers, misfire=("coalesce", "catch_up", 2)[index % 3], working_days=index % 5 < 3,
        first_days=index % 4 // 3 * 2,
    )
    for index, numbers in enumerate(product((6, 10, 15), (0, 3), (1, 7), ((1, 1), (5, 2), (1, 0)), (0, 15)))
]


class Void(NamedTuple):
    """A fact that turns out to be wrong, by its number, and what it should have been; None where it was nothing."""

    wrong: int
    right: Fact | None


Arrival = Fact | Void | ClockChange | Snooze | int
"""What a person records: a fact, that one is wrong, a change of dates, a snooze, an acknowledgement for some days."""


@dataclass(slots=True)
class Lived(Case):
    """A case that remembers its steps, as the store does: what rested on a wrong fact is taken back by them."""

    log: tuple[Advance, ...] = ()


class Life(NamedTuple):
    """A case as it is known on day 0, the program it lives under, and what is recorded later, by day."""

    case: Lived
    program: Program
    later: dict[date, list[Arrival]]


@cache
def quick_outlook() -> Outlook:
    """Return what a fit makes of a quick program without a history; one of another pace serves all of them."""
    policy = quick_policy(Numbers(10, 0, 7, (1, 0), 0))
    return compiled(Forecaster(policy, fit([], policy, day(0))), fit=1)


def no_outlook() -> None:
    return None


FORECASTS: tuple[Callable[[], Outlook | None], ...] = (no_outlook, quick_outlook)


LIVE_FROM = st.just(day(-10)) | st.none() | st.integers(-10, HORIZON).map(day)
POLICY, FORECAST = st.sampled_from(POLICIES), st.sampled_from(FORECASTS)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    live_from = draw(LIVE_FROM)
    policy = quick_policy(draw(POLICY))
    return Program(policy, 1, live_from, draw(FORECAST)())


YES_OR_NO, NOUGHT_OR_ONE, UP_TO_TWO = st.booleans(), st.integers(0, 1), st.integers(0, 2)
BEGIN = st.sampled_from((IN_ORDER, ("reassessment_agreed", *NAMES[9:11])))
DECISION, LONGEST = st.sampled_from(DECISIONS), st.sampled_from((4, 15))
OTHER = st.sampled_from((*NAMES, *DECISIONS, *OWED, "reassessment_agreed"))
OTHER_FACTS = st.lists(st.tuples(OTHER, DAYS), max_size=8)
COUNTED = st.lists(st.tuples(st.sampled_from(COUNTS), DAYS, st.integers(0, 400)), max_size=4)
ENDINGS = st.lists(st.tuples(st.sampled_from(ENDS), DAYS), max_size=1)


@cache
def gap(longest: int) -> st.SearchStrategy[int]:
    return st.integers(0, longest)


@cache
def gaps_of(longest: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(gap(longest), max_size=most)


@st.composite
def many_facts(draw: st.DrawFn) -> list[Fact]:
    """Draw the lifecycle's own facts in order, up to some point, and any others beside them."""
    begin = draw(BEGIN)
    course = [*begin, *AGAIN * draw(UP_TO_TWO), draw(DECISION)]
    longest = draw(LONGEST)
    gaps = draw(gaps_of(longest, len(course)))
    if draw(YES_OR_NO):
        gaps += [draw(gap(longest))] * (len(course) - len(gaps))
    on_days = accumulate(gaps)
    rows = [(name, on, 400 if name in COUNTS else None) for name, on in zip(course, on_days, strict=False)]
    rows += [(name, on, None) for name, on in draw(OTHER_FACTS)]
    rows += draw(COUNTED)
    rows += [(name, on, None) for name, on in draw(ENDINGS)[draw(NOUGHT_OR_ONE) :]]
    return [Fact(i, name, day(on), value) for i, (name, on, value) in enumerate(rows, 1)]


PERSON = st.integers(1, 3)
TERMS = st.lists(st.tuples(st.sampled_from(Post), DAYS, st.none() | st.integers(0, 90)), max_size=10)
UNREACHED = st.dictionaries(PERSON, st.integers(-10, 0).map(day), max_size=2)


@st.composite
def many_seats(draw: st.DrawFn) -> list[Seat]:
    rows = draw(TERMS)
    always = [(post, -10, None) for post in Post if draw(YES_OR_NO)]
    people = [draw(PERSON) for _ in (*rows, *always)]
    unreached = draw(UNREACHED)
    return [
        Seat(i, post, day(since), None if lasts is None else day(since + lasts), person, unreached.get(person))
        for i, ((post, since, lasts), person) in enumerate(zip((*rows, *always), people, strict=True), 1)
    ]


EXTENSION = st.integers(1, 3).map(lambda months: ClockChange(0, Change.EXTENSION, months))
CORRECTION = st.integers(-20, 20).map(lambda on: ClockChange(0, Change.CORRECTION, anchor_on=day(on)))
HOLD = DAYS.map(lambda on: ClockChange(0, Change.HOLD, on=day(on)))
RESUME = DAYS.map(lambda on: ClockChange(0, Change.RESUME, on=day(on)))
UNDO = st.integers(1, 4).map(lambda number: ClockChange(0, Change.UNDO, undoes=number))
CHANGE = EXTENSION | CORRECTION | HOLD | RESUME | UNDO


def numbered(changes: Iterable[ClockChange], after: int = 0) -> list[ClockChange]:
    """Return changes with the numbers that a store gives them in the order of recording."""
    return [change._replace(id=number) for number, change in enumerate(changes, after + 1)]


RULES = (
    "status_report", "bridging_document", "duty_missed", "stage_target", "window_closes", "limit", "stall", "overstay",
    "window_at_risk", "vacant_expert",
)


SNOOZED_RULE, SEAT_NUMBER = st.sampled_from(RULES), st.integers(1, 12)
SNOOZED_ON, SNOOZED_FOR = st.integers(0, HORIZON), st.integers(0, 30)


@st.composite
def snoozes(draw: st.DrawFn) -> Snooze:
    """Draw a snooze of some rule by one of the first seats, whether it is of the rule or not."""
    since, days = draw(SNOOZED_ON), draw(SNOOZED_FOR)
    return Snooze(draw(SNOOZED_RULE), draw(SEAT_NUMBER), day(since), day(since + days))


VOIDED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=3)
"""Which facts are wrong, and how many days after its own one each turns out."""
NAME, EARLIER = st.sampled_from(NAMES), st.integers(0, 15)


def right(draw: st.DrawFn, wrong: Fact, number: int) -> Fact | None:
    """Draw what a wrong fact should have been: nothing, another day, another milestone."""
    if draw(YES_OR_NO):
        return None
    name = wrong.milestone if draw(YES_OR_NO) else draw(NAME)
    value = wrong.value if name == wrong.milestone else None
    return Fact(number, name, wrong.on - timedelta(days=draw(EARLIER)), value)


CYCLE, TRACK = st.sampled_from((1, 1, 2)), st.sampled_from(TRACKS)
MANDATORY = st.none() | st.integers(0, 50)
SITE = st.none() | st.builds(Site, st.just("A1"), st.just("CMX"), st.booleans())
DELAY = st.none() | st.integers(0, 20)
FACTS, SEATS, SNOOZES, PROGRAMS = many_facts(), many_seats(), st.lists(snoozes(), max_size=4), programs()
KNOWN_CHANGES, MOVES = st.lists(CHANGE, max_size=2), st.lists(st.tuples(DAYS, CHANGE), max_size=4)
ANSWERED = st.lists(st.tuples(DAYS, st.integers(1, 30)), max_size=2)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    cycle = draw(CYCLE)
    built = case(
        "onboarding" if cycle == 1 else "maintenance", cycle=cycle, track=draw(TRACK), mandatory=draw(MANDATORY),
        site=draw(SITE),
    )
    known: list[Fact] = []
    later: dict[date, list[Arrival]] = defaultdict(list)
    facts = draw(FACTS)
    for fact in facts:
        delay = draw(DELAY)
        if delay is None:
            known.append(fact)
        else:
            later[fact.on + timedelta(days=delay)].append(fact)
    changes = numbered(draw(KNOWN_CHANGES))
    moved = sorted(draw(MOVES), key=lambda pair: pair[0])
    for (on, _), change in zip(moved, numbered((each for _, each in moved), len(changes)), strict=True):
        later[day(on)].append(change)
    for on, days in draw(ANSWERED):
        later[day(on)].append(days)
    asleep = draw(SNOOZES)
    for snooze in asleep[2:]:
        later[snooze.since].append(snooze)
    for number, (wrong, after) in enumerate(draw(VOIDED) if facts else ()):
        fact = facts[wrong % len(facts)]
        later[fact.on + timedelta(days=after)].append(Void(fact.id, right(draw, fact, len(facts) + 1 + number)))
    whole = replace(built, facts=known, seats=draw(SEATS), changes=changes, snoozes=asleep[:2])
    return Life(lived_of(whole), draw(PROGRAMS), dict(later))


FEW = POLICIES[::23]
QUICK = st.builds(
    lambda numbers, foreseen: Program(quick_policy(numbers), 1, day(-10), FORECASTS[foreseen]()),
    st.sampled_from(FEW), st.integers(0, 1),
)
"""Programs of few policies, for laws that are tried so often that parsing would cost more than deciding."""
OTHERS = st.lists(
    st.tuples(st.sampled_from((*NAMES, *COUNTS, *OWED, *DECISIONS, "withdrawn")), DAYS, st.integers(0, 400)), max_size=6
)
POST, LEFT_ON, CHANGES = st.sampled_from(Post), st.integers(-5, HORIZON), st.lists(CHANGE, max_size=3)


@st.composite
def courses(draw: st.DrawFn) -> Life:
    """Draw a life that is known whole on day 0, at a fifth of the cost of `lives`."""
    cycle = draw(CYCLE)
    begin, stage = (IN_ORDER, "onboarding") if cycle == 1 else (("reassessment_agreed", *NAMES[9:12]), "maintenance")
    on_days = accumulate(draw(gaps_of(12, len(begin))))
    rows = [(name, on, 400) for name, on in zip(begin, on_days, strict=False)] + draw(OTHERS)
    facts = [Fact(i, name, day(on), value if name in COUNTS else None) for i, (name, on, value) in enumerate(rows, 1)]
    leaves = draw(POST), draw(LEFT_ON)
    seats = [
        Seat(number, post, day(-10), day(leaves[1]) if post is leaves[0] else None, number)
        for number, post in enumerate(Post, 1)
    ]
    whole = case(stage, cycle=cycle, track=draw(TRACK), site=Site("A1", "CMX"))
    whole = replace(whole, facts=facts, seats=seats, changes=numbered(draw(CHANGES)))
    return Life(lived_of(whole), draw(QUICK), {})


def lived_of(whole: Case) -> Lived:
    """Return a case that remembers its steps from now on."""
    return Lived(**{each.name: getattr(whole, each.name) for each in fields(whole) if each.name != "log"})


def every_day() -> Iterator[date]:
    return map(day, range(HORIZON + 1))


Swept = list[tuple[date, Decision]]
LONG_AGO = day(-1000)


def swept(life: Life, days: Iterable[date]) -> tuple[Lived, Swept]:
    """Sweep on the given days."""
    current: Lived = life.case
    decisions: Swept = []
    before = LONG_AGO
    for today in days:
        current, decision = looked_at(current, life, (before, today))
        before = today
        decisions.append((today, decision))
        if current.status is not Status.OPEN:
            break
    return current, decisions


def swept_when_due(life: Life) -> tuple[Lived, Swept]:
    """Sweep on day 0, on each day that the decision before asked for, and when something is recorded."""
    current: Lived = life.case
    decisions: Swept = []
    before, today = LONG_AGO, day(0)
    while today <= day(HORIZON):
        current, decision = looked_at(current, life, (before, today))
        before = today
        decisions.append((today, decision))
        looks = [on for on in (decision.next_review_on, *life.later) if on is not None and on > today]
        if current.status is not Status.OPEN or not looks:
            break
        today = min(looks)
    return current, decisions


def looked_at(current: Lived, life: Life, between: tuple[date, date]) -> tuple[Lived, Decision]:
    """Decide, and send what is pending, as a delivery would."""
    heard, decision = decided(current, life, between)
    after = apply(heard, decision)
    assert isinstance(after, Lived)
    gone = [n._replace(state=NoticeState.SENT) if n.state is NoticeState.PENDING else n for n in after.said]
    return replace(after, said=gone), decision


def decided(current: Case, life: Life, between: tuple[date, date]) -> tuple[Lived, Decision]:
    """Hear what was recorded since the last look, and decide."""
    before, today = between
    assert isinstance(current, Lived)
    for on in sorted(on for on in life.later if before < on <= today):
        for arrival in life.later[on]:
            current = recorded(current, arrival, on, start=state_of(life.case))
    decision = decide(current, life.program, today)
    return replace(current, log=(*current.log, *decision.advances)), decision


def state_of(case: Case) -> State:
    return State(case.stage, case.stage_entered_on, case.stage_seq, case.status, case.reentered_on)


def recorded(current: Lived, arrival: Arrival, on: date, *, start: State) -> Lived:
    match arrival:
        case Fact():
            return replace(current, facts=[*current.facts, arrival])
        case Void():
            return voided(current, arrival, start)
        case ClockChange():
            return replace(current, changes=[*current.changes, arrival])
        case Snooze():
            return replace(current, snoozes=[*current.snoozes, arrival])
        case int():
            until = on + timedelta(days=arrival)
            return replace(current, standings=[_acknowledged(standing, until) for standing in current.standings])


def voided(current: Lived, given: Void, start: State) -> Lived:
    """Void a fact that is on record, and take back what rested on it."""
    left = [fact for fact in current.facts if fact.id != given.wrong]
    if len(left) == len(current.facts):
        return current
    current = replace(current, facts=left if given.right is None else [*left, given.right])
    back = taking_back(start, current.log, frozenset({given.wrong}))
    if back is None:
        return current
    log = (*current.log, back)
    state = replayed(start, log)
    return replace(
        current, log=log, stage=state.stage, stage_entered_on=state.entered_on, stage_seq=state.seq,
        status=state.status, reentered_on=state.reentered_on,
    )


def _acknowledged(standing: Standing, until: date) -> Standing:
    if standing.state is EscalationState.CLOSED:
        return standing
    return standing._replace(state=EscalationState.ACKNOWLEDGED, acknowledged_until=until)


def tellings(decisions: Swept) -> list[Telling]:
    return [telling for _, decision in decisions for telling in decision.tellings]


def advances(decisions: Swept) -> list[Advance]:
    return [advance for _, decision in decisions for advance in decision.advances]


def effects(decision: Decision) -> list[object]:
    return [
        *decision.advances,
        *decision.tellings,
        *decision.cancellings,
        *decision.revived,
        *decision.opened,
        *decision.moved,
        *decision.closed,
    ]
