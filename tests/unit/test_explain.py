"""explain: every rule answers, and what it announces is what decide then does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.case import Case
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.explain import explain
from models.rules.explaining.view import Outcome, Sentence
from models.rules.why_not import Asked, why_not
from models.rules.words import EscalationState, Language, Post, Status
from tests.building import ONBOARDED, case, crew, day, document, on, program, program_with
from tests.lives import HORIZON, Life, lives, swept

AHEAD = {Outcome.OPENS, Outcome.NEXT, Outcome.WOULD_OPEN, Outcome.REVIEW}


def texts(life: Case, today: int) -> dict[tuple[str, Outcome], str]:
    return {(s.rule, s.outcome): s.text for s in explain(life, program(), day(today))}


def test_where_it_stands_and_what_it_waits_for() -> None:
    told = texts(case(facts=ONBOARDED[:1], seats=crew(without=["sme_2"])), 40)
    assert told["stage", Outcome.STANDS] == (
        "It stands in onboarding since 2020-01-01, 40 days of 61 expected, and is at risk while vacant_expert stands."
    )
    assert told["gate", Outcome.STANDS] == "On record to leave it: accreditation manager trained on 2020-01-21."
    assert told["gate", Outcome.WAITS] == "To leave it, it waits for kick-off visit, a second subject matter expert."
    assert told["limit", Outcome.CLOCK] == "The limit is 2023-01-01, 1056 days from now."
    assert told["review", Outcome.REVIEW] == "It is looked at again on 2020-02-24, or when something is recorded."


def test_how_far_a_share_has_come() -> None:
    told = texts(case("proofs", 200, facts=[("mandatory_in_compliance", 250, 100)]), 260)
    assert "100 of 128 mandatory standards in compliance, 0 of 44 other" in told["gate", Outcome.STANDS]


def test_a_stage_left_today_names_its_facts() -> None:
    told = texts(case(facts=ONBOARDED), 30)
    assert told["stage", Outcome.ADVANCES] == (
        "It left onboarding for gap analysis on 2020-01-31: accreditation manager trained on 2020-01-21,"
        " kick-off visit on 2020-01-31."
    )


def test_what_was_said_what_was_held_back_and_what_is_next() -> None:
    life = apply(case(), on(31, case()))
    told = explain(replace(life), program(), day(54))
    (later,) = [s.text for s in told if (s.rule, s.outcome) == ("stage_target", Outcome.SAID)]
    (sooner,) = [s.text for s in told if (s.rule, s.outcome) == ("stage_target", Outcome.CANCELLED)]
    assert later == (
        '"stage_target" 7 days before 2020-03-02, to accreditation manager, first subject matter expert,'
        " second subject matter expert: pending."
    )
    assert sooner.endswith("second subject matter expert: cancelled (superseded).")
    silent = explain(case(), replace(program(), live_from=None), day(31))
    assert [s.text for s in silent if s.outcome is Outcome.HELD_BACK] == [
        (
            '"stage_target" 30 days before 2020-03-02, to accreditation manager, first subject matter expert,'
            " second subject matter expert: suppressed (before live)."
        )
    ]


def test_an_escalation_says_why_how_far_and_what_next() -> None:
    life = apply(case(), on(60, case()))
    told = texts(life, 65)
    assert told["stall", Outcome.ESCALATED] == (
        '"stall" stands since 2020-03-01: nothing on record since 2020-01-01; rung 1 of 3 since 2020-03-01,'
        " the next step is on 2020-03-13."
    )
    assert told["overstay", Outcome.WOULD_OPEN] == (
        '"overstay" would open on 2020-04-30 if nothing happens: in onboarding since 2020-01-01.'
    )
    assert told["vacant_expert", Outcome.SILENT].endswith("its posts are held and nobody is to leave.")
    life.facts = case(facts=[("visit", 66)]).facts
    assert texts(life, 66)["stall", Outcome.CLOSED] == '"stall", open since 2020-03-01, closes on 2020-03-07: activity.'


def test_an_ended_case_is_told_in_two_sentences() -> None:
    told = explain(case(facts=[("withdrawn", 50)]), program(), day(60))
    assert [s.outcome for s in told] == [Outcome.ADVANCES, Outcome.ENDED]
    assert told[1].text == "It is withdrawn since 2020-02-20, in onboarding; no rule reads it."


def test_a_post_that_the_policy_dropped_is_told_by_its_code() -> None:
    posts = {post: label for post, label in document()["posts"].items() if post != "operator"}
    reports = document()["reports"]
    reports = reports | {"quarterly": reports["quarterly"] | {"to": ["director"]}}
    later = program_with(posts=posts, reports=reports)
    told = why_not(case(), later, day(40), asked=Asked("P1", [Post.OPERATOR], {}))
    assert told[0].text == "P1 was operator on 2020-02-10."


def test_nothing_is_announced_that_whoever_is_known_to_leave_before_will_not_owe() -> None:
    seats = [*crew(), ("accreditation_manager", 40, None, 2)]
    stays = explain(case(seats=seats), program(), day(40))
    seats[-1] = ("accreditation_manager", 40, 42, 2)
    leaves = explain(case(seats=seats), program(), day(40))
    announced = [
        {s.rule: s.outcome for s in said if s.rule in {"contacts", "handover", "change_unfinished"}}
        for said in (stays, leaves)
    ]
    assert announced == [
        {"contacts": Outcome.NEXT, "handover": Outcome.NEXT, "change_unfinished": Outcome.WOULD_OPEN},
        {"contacts": Outcome.WAITS, "handover": Outcome.WAITS, "change_unfinished": Outcome.SILENT},
    ]
    assert any(s.text.endswith("has no cause: nothing is owed that could be late.") for s in leaves)


@given(lives(), st.integers(0, HORIZON))
def test_it_never_disagrees_with_decide(life: Life, number: int) -> None:
    today = day(number)
    stored, _ = swept(life, map(day, range(0, number, 9)))
    told = explain(stored, life.program, today)
    spanish = explain(stored, life.program, today, language=Language.ES_MX)
    assert [s[:3] for s in spanish] == [s[:3] for s in told], "the same findings in either language"
    decision = decide(stored, life.program, today)
    then = apply(stored, decision)
    if then.status is not Status.OPEN:
        assert told[len(decision.advances)].outcome is Outcome.ENDED
        return
    assert [s.on for s in told if s.outcome is Outcome.REVIEW] == [decision.next_review_on]
    assert all(s.on is not None and s.on > today for s in told if s.outcome in AHEAD and s.rule != "review")
    assert all(decision.next_review_on is not None and decision.next_review_on <= on_ for on_ in _steps(told))
    escalated = sorted(s.rule for s in told if s.outcome is Outcome.ESCALATED)
    assert escalated == sorted(s.rule for s in then.standings if s.state is not EscalationState.CLOSED)
    rules = {s.rule for s in told}
    assert rules >= {*life.program.reminders, *life.program.duties, *life.program.escalations}, "every rule answers"
    for sentence in told:
        _announced(sentence, then, (life, today))


def _steps(told: list[Sentence]) -> list[date]:
    return [s.on for s in told if s.outcome in AHEAD | {Outcome.ESCALATED} and s.rule != "review" and s.on is not None]


def _announced(sentence: Sentence, then: Case, given: tuple[Life, date]) -> None:
    """What was announced for a day happens on it, if nobody does anything and the stage is still the same."""
    life, today = given
    if sentence.on is None or sentence.outcome not in AHEAD or sentence.rule == "review":
        return
    known = [fact for fact in then.facts if fact.on <= today]
    quiet = replace(then, facts=known, seats=[seat for seat in then.seats if seat.since <= today])
    decision = decide(quiet, life.program, sentence.on)
    if sentence.outcome is Outcome.OPENS:
        # A gate may also wait for a post that somebody is named for from a later day.
        assert [step.on for step in decision.advances][:1] == [sentence.on] or len(quiet.seats) < len(then.seats)
    elif decision.stage == then.stage and decision.status is Status.OPEN:
        # Or because of whoever is named for a later day: a term that is renewed then goes on.
        if not _happened(sentence, decision, then):
            decision = decide(replace(then, facts=known), life.program, sentence.on)
        assert _happened(sentence, decision, then)


def _happened(sentence: Sentence, decision: Decision, then: Case) -> bool:
    if sentence.outcome is Outcome.WOULD_OPEN:
        return sentence.rule in {s.rule for s in (*decision.opened, *decision.moved)}
    # A deadline that was moved and moved back finds its words said: once is once.
    known = [n.key for n in then.said if n.key.rule == sentence.rule]
    told = [t.key for t in decision.tellings if t.key.rule == sentence.rule and t.planned_for == sentence.on]
    days = {f"{(key.anchor_on - sentence.on).days}" for key in known if sentence.on is not None}
    return bool(told) or any(key.occurrence.rpartition(":")[2] in days for key in known)
