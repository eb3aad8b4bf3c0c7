"""A synthetic cohort lived through by the real lifecycle: every count comes out of `decide`, none out of the draw."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import NamedTuple

import pytest

from models.rules.apply import apply, next_case
from models.rules.case import Case, Fact, Program, Seat
from models.rules.cohort.draw import TAKES, Cohort, Dated, draw_cohort, known_by
from models.rules.cohort.margins import Margins, parse_margins
from models.rules.dates import add_months
from models.rules.decide import decide
from models.rules.words import SCOPE_OF, EscalationState, Post, Risk, Scope, Status
from tasks.store.programs import folder_of
from tests.building import program, program_with

pytestmark = pytest.mark.xdist_group("cohort")  # each seed is lived through once

SEEDS = [1, 2, 3, 4, 5]
ABOUT_AGENCIES = ("roster", "facts", "seat_changes")
END = date(2024, 5, 31)
DEMO_DAY = date(2023, 4, 3)
WIDE = {"director", "regional_manager"}
IN_ROSTER = {
    Post.HEAD: "head_email",
    Post.SME_1: "sme1",
    Post.SME_2: "sme2",
    Post.ACCREDITATION_MANAGER: "accreditation_manager_email",
}
Name = tuple[str, str]
Seats = dict[Name, list[Seat]]
Facts = dict[tuple[str, str, int], list["Known"]]


class Known(NamedTuple):
    on: date
    fact: Fact


class Life(NamedTuple):
    """An enrollment at the end of its life here, when it ended, and how often somebody was told of what.

    `opened` is the enrollment that its award opened.
    """

    case: Case
    agency: str
    kind: str
    entity: str
    government: str
    ended_on: date | None
    risk: Risk
    told: Counter[str]
    opened: Case | None


@cache
def margins() -> Margins:
    text = (folder_of("mexico") / "synthetic" / "cohort.toml").read_text(encoding="utf-8")
    return parse_margins(tomllib.loads(text), program().policy)


@cache
def cohort(seed: int) -> Cohort:
    return draw_cohort(margins(), program().policy, seed)


def seats_of(drawn: Cohort) -> Seats:
    """Seat people as the import does: the roster's from the agreement on, then by the seat changes in their order."""
    seats: Seats = defaultdict(list)
    for known_on, row in drawn.roster:
        own, agency = (row["agency_code"], row["track"]), (row["agency_code"], "")
        filled = [post for post, column in IN_ROSTER.items() if row[column]]
        seats[own] = [Seat(0, post, known_on) for post in filled if SCOPE_OF[post] is Scope.ENROLLMENT]
        if agency not in seats:
            seats[agency] = [Seat(0, post, known_on) for post in filled if SCOPE_OF[post] is Scope.AGENCY]
    for known_on, row in drawn.seat_changes:
        assert row["on"] == str(known_on)
        _change(seats[row["agency_code"], row["track"]], (Post(row["post"]), row["change"], known_on))
    wide = [Seat(0, Post(r.row["role"]), r.known_on) for r in drawn.people if r.row["role"] in WIDE]
    return {
        (agency, track): [seat._replace(id=i, person=i) for i, seat in enumerate([*held, *seats[agency, ""], *wide], 1)]
        for (agency, track), held in list(seats.items())
        if track
    }


def _change(seats: list[Seat], change: tuple[Post, str, date]) -> None:
    post, what, on = change
    if what == TAKES:
        seats.append(Seat(0, post, on))
        return
    held = [index for index, seat in enumerate(seats) if seat.post is post and seat.until is None]
    assert len(held) == 1, "who leaves a post was in it, alone"
    seats[held[0]] = seats[held[0]]._replace(until=on)


def facts_of(drawn: Cohort) -> Facts:
    found: Facts = defaultdict(list)
    for number, (known_on, row) in enumerate(drawn.facts, 1):
        value = int(row["value"]) if row["value"] else None
        fact = Fact(number, row["milestone"], date.fromisoformat(row["occurred_on"]), value)
        found[row["agency_code"], row["track"], int(row["cycle"])].append(Known(known_on, fact))
    return found


def live(drawn: Cohort, until: date = END, given: Program | None = None) -> list[Life]:
    """Decide every enrollment on its review days only, with what was known on each."""
    seats, facts = seats_of(drawn), facts_of(drawn)
    lives = []
    for number, (agreed, row) in enumerate(drawn.roster, 1):
        name = (row["agency_code"], row["track"])
        own = [int(row[name_]) if row[name_] else None for name_ in ("applicable_mandatory", "applicable_other")]
        start = program().policy.start
        case = Case(number, name[1], start, agreed, 0, Status.OPEN, agreed, own[0], own[1], seats=seats[name])
        lives.append(_live(case, facts[*name, 1], (row, until, given or program())))
    return lives


def live_on(lives: Sequence[Life], drawn: Cohort, *, rules: Program) -> list[Life]:
    """Live through the cycles that awards opened, and those that these opened."""
    facts, found, opened = facts_of(drawn), list[Life](), list(lives)
    while opened:
        before = opened.pop()
        if before.opened is not None:
            case = before.opened
            row = dict(zip(("agency_code", "kind", "entity", "government"), before[1:5], strict=True))
            found.append(_live(case, facts[before.agency, case.track, case.cycle], (row, END, rules)))
            opened.append(found[-1])
    return found


def _live(case: Case, facts: Sequence[Known], given: tuple[dict[str, str], date, Program]) -> Life:
    row, until, rules = given
    waiting = sorted(facts, reverse=True)
    today: date | None = case.agreement_on
    told: Counter[str] = Counter()
    ended_on, risk, opened = None, Risk.ON_TRACK, None
    while today is not None and today <= until and case.status is Status.OPEN:
        while waiting and waiting[-1].on <= today:
            case = replace(case, facts=[*case.facts, waiting.pop().fact])
        decision = decide(case, rules, today)
        told.update(t.key.rule for t in decision.tellings)
        opened = next_case(case, decision, 1000 * (case.cycle + 1) + case.id)
        case, risk = apply(case, decision), decision.risk
        ended_on = decision.advances[-1].on if case.status is not Status.OPEN else None
        looks = [decision.next_review_on, waiting[-1].on if waiting else None]
        today = min((day for day in looks if day is not None), default=None)
    return Life(case, row["agency_code"], row["kind"], row["entity"], row["government"], ended_on, risk, told, opened)


@cache
def silent_program() -> Program:
    """The reference lifecycle without reminders and escalations: what is counted below does not depend on them."""
    return program_with(reminders=[], escalations=[])


@cache
def lives(seed: int) -> list[Life]:
    return live(cohort(seed), given=silent_program())


def awarded(seed: int) -> list[Life]:
    return [life for life in lives(seed) if life.case.status is Status.AWARDED]


def ended(life: Life) -> date:
    assert life.ended_on is not None
    return life.ended_on


@pytest.mark.parametrize("seed", SEEDS)
def test_the_published_totals_come_out_of_the_lifecycle(seed: int) -> None:
    agencies = {(r.row["agency_code"]) for r in cohort(seed).roster}
    assert (len(agencies), len(cohort(seed).roster)) == (82, 83)
    kinds = Counter(life.kind for life in awarded(seed))
    assert kinds == {"academy": 29, "communications": 19, "law_enforcement": 23}
    assert len({life.agency for life in awarded(seed)}) == 70
    assert len({life.entity for life in awarded(seed)}) == 27
    ends = Counter(life.case.status for life in lives(seed))
    assert ends == {Status.AWARDED: 71, Status.WITHDRAWN: 7, Status.REMOVED: 5}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_history_keeps_to_the_published_days(seed: int) -> None:
    agreements = sorted({r.row["agency_code"]: r.known_on for r in reversed(cohort(seed).roster)}.values())
    assert agreements[0].isoformat()[:7] == "2016-08"
    assert agreements[-1].isoformat()[:7] == "2021-12"
    assert sum(on < date(2019, 11, 1) for on in agreements) > 60
    awards = sorted(ended(life) for life in awarded(seed))
    assert awards[-1].isoformat()[:7] == "2023-11"
    assert 8 <= sum(on <= date(2019, 3, 31) for on in awards) <= 12
    assert set(awards) <= set(program().conferences)
    months = sorted((ended(life) - life.case.agreement_on).days / 30.44 for life in awarded(seed))
    assert 12.9 <= months[0] <= months[-1] <= 48.1
    assert 22 <= months[len(months) // 2] <= 34
    assert max(ended(life) for life in lives(seed)) <= date(2023, 12, 31)


@pytest.mark.parametrize("seed", SEEDS)
def test_some_governments_have_all_their_kinds_accredited(seed: int) -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for life in awarded(seed):
        kinds[life.government].add(life.kind)
    assert sum(len(found) == 3 for found in kinds.values()) == margins().complete_governments


@pytest.mark.parametrize("seed", SEEDS)
def test_one_agency_is_accredited_twice_in_turn(seed: int) -> None:
    by_agency: dict[str, list[Life]] = defaultdict(list)
    for life in awarded(seed):
        by_agency[life.agency].append(life)
    (twice,) = [found for found in by_agency.values() if len(found) > 1]
    first, second = sorted(twice, key=ended)
    assert (first.case.track, second.case.track) == ("law_enforcement_tier1", "law_enforcement_advanced")
    assert ended(first) < second.case.agreement_on


@pytest.mark.parametrize("seed", SEEDS)
def test_enough_is_open_on_the_day_of_the_demo(seed: int) -> None:
    known = known_by(cohort(seed), DEMO_DAY)
    now_open = [life for life in live(known, DEMO_DAY, silent_program()) if life.case.status is Status.OPEN]
    assert 15 <= len(now_open) <= 25
    assert len({life.case.stage for life in now_open}) >= 4
    assert {life.risk for life in now_open} == {Risk.ON_TRACK, Risk.AT_RISK, Risk.OVERDUE}


def test_the_demo_has_something_to_show_of_every_kind() -> None:
    known = known_by(cohort(1), DEMO_DAY)
    cases = [life.case for life in live(known, DEMO_DAY) if life.case.status is Status.OPEN]
    standing = {s.rule for case in cases for s in case.standings if s.state is not EscalationState.CLOSED}
    assert standing >= {"stall", "window_at_risk", "limit_passed", "vacant_manager"}


def test_what_becomes_known_later_changes_nothing_before() -> None:
    known = live(known_by(cohort(1), DEMO_DAY), DEMO_DAY, silent_program())
    later = {(life.agency, life.case.track): life for life in live(cohort(1), DEMO_DAY, silent_program())}
    for life in known:
        other = later[life.agency, life.case.track]
        assert (life.case.stage, life.case.status, life.risk) == (other.case.stage, other.case.status, other.risk)


def test_stalls_vacancies_and_deadlines_are_told_of_and_get_over() -> None:
    told: Counter[str] = Counter()
    open_rungs = Counter[str]()
    for life in live(cohort(1)):
        told += life.told
        open_rungs.update(s.rule for s in life.case.standings if s.state is not EscalationState.CLOSED)
    policy = program().policy
    asked = {rule.rule for rule in policy.reminders if rule.cycle.covers(1)}
    asked |= {duty.rule for duty in policy.duties if duty.cycle.covers(1)}
    told_of = {rule.rule for rule in policy.escalations if rule.cycle.covers(1)}
    # No head is drawn who leaves, and nobody whose mail comes back.
    assert set(told) == (asked | told_of) - {"bridging_document", "unreachable_contact"}
    assert not open_rungs


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_after_the_award_most_duties_are_done_and_those_whose_year_4_came_are_reaccredited(seed: int) -> None:
    policy = program().policy
    assert policy.reaccreditation is not None
    later = live_on(live(cohort(seed)), cohort(seed), rules=program())
    second = [life for life in later if life.case.cycle == 2]
    assert len(second) == 71
    limits = [add_months(life.case.agreement_on, policy.reaccreditation.limit_months) for life in second]
    over = [life for life, limit in zip(second, limits, strict=True) if limit <= END]
    assert len(over) > 10
    assert {life.case.status for life in over} == {Status.AWARDED}
    assert len(later) == 71 + sum(life.case.status is Status.AWARDED for life in later)
    facts = Counter(fact.milestone for life in later for fact in life.case.facts)
    done = facts["status_report_filed"] + facts["annual_review_done"]
    missed = {(life.case.id, s.occurrence) for life in later for s in life.case.standings if s.rule == "duty_missed"}
    assert done > 250
    assert 0.02 * done < len(missed) < 0.2 * done


def only(drawn: Cohort, agency: str) -> Cohort:
    """Return the rows of one agency, and everybody."""
    own = {name: tuple(r for r in getattr(drawn, name) if r.row["agency_code"] == agency) for name in ABOUT_AGENCIES}
    return replace(drawn, **own)


def an_award(seed: int = 1) -> Life:
    """Return one that was early enough to be followed by more conferences."""
    times = Counter(life.agency for life in lives(seed))
    once = [life for life in awarded(seed) if times[life.agency] == 1]
    return sorted(once, key=lambda life: (ended(life), life.agency))[20]


def gate_names() -> list[str]:
    gates = [stage.gate for stage in program().policy.path]
    return [name for gate in gates for name in (*gate.usual, *(share.count for share in gate.shares))]


@pytest.mark.parametrize("name", gate_names())
def test_without_one_gate_fact_the_award_is_missing(name: str) -> None:
    own = only(cohort(1), an_award().agency)
    without = replace(own, facts=tuple(r for r in own.facts if r.row["milestone"] != name))
    assert len(without.facts) < len(own.facts)
    (life,) = live(without, given=silent_program())
    assert life.case.status is Status.OPEN
    (stage,) = [s for s in program().policy.path if name in (*s.gate.usual, *(x.count for x in s.gate.shares))]
    assert life.case.stage == stage.code


def test_a_proof_moved_past_the_conference_moves_the_award_to_a_later_one() -> None:
    before = an_award()
    own = only(cohort(1), before.agency)
    name = "mandatory_in_compliance"
    whole = max(int(r.row["value"]) for r in own.facts if r.row["milestone"] == name)
    proofs = [r for r in own.facts if r.row["milestone"] == name and int(r.row["value"]) == whole]
    moved = [Dated(ended(before), r.row | {"occurred_on": str(ended(before))}) for r in proofs]
    rows = [*(r for r in own.facts if r not in proofs), *moved]
    (after,) = live(replace(own, facts=tuple(rows)), given=silent_program())
    lead = program().policy.stage["commission_review"].gate.conference_lead_days
    assert lead is not None
    assert ended(after) == min(on for on in program().conferences if (on - ended(before)).days >= lead)
