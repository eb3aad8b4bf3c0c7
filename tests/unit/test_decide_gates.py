"""Stage changes: which facts open a gate, on which day it opened, and how an enrollment ends."""

from __future__ import annotations

from typing import Any

import pytest

from models.rules.apply import apply
from models.rules.gates import dossier, gate_state
from tests.building import ONBOARDED, case, crew, day, number, on, program

GAP = ("gap_report_accepted", 80)
DIRECTIVES = [("directives_issued", 200), ("staff_oriented", 210)]
ALL_PROOFS = [("mandatory_in_compliance", 300, 128), ("others_in_compliance", 310, 44)]
DECIDED = ("decision_favourable", 500)
# The conferences around: 2021-03-20 is day 444, 2021-07-24 day 570, 2021-11-13 day 682.
MARCH, JULY, NOVEMBER = 444, 570, 682

# stage, entered, what is known, today -> stage, entered on
STAGES: dict[str, tuple[str, int, dict[str, Any], int, tuple[str, int]]] = {
    "nothing recorded": ("onboarding", 0, {}, 40, ("onboarding", 0)),
    "one fact of two": ("onboarding", 0, {"facts": ONBOARDED[:1]}, 40, ("onboarding", 0)),
    "left on the day of the last fact": ("onboarding", 0, {"facts": ONBOARDED}, 40, ("gap_analysis", 30)),
    "a fact of today counts": ("onboarding", 0, {"facts": ONBOARDED}, 30, ("gap_analysis", 30)),
    "a fact of tomorrow does not": ("onboarding", 0, {"facts": ONBOARDED}, 29, ("onboarding", 0)),
    "the first of two equal facts counts": (
        "onboarding",
        0,
        {"facts": [*ONBOARDED, ("kickoff_visit", 25)]},
        40,
        ("gap_analysis", 25),
    ),
    "an empty post keeps the gate shut": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": crew(without=["sme_2"])},
        40,
        ("onboarding", 0),
    ),
    "the last post filled opens it": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": [*crew(without=["sme_2"]), ("sme_2", 38)]},
        40,
        ("gap_analysis", 38),
    ),
    "a post left before the stage began is empty": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": [*crew(without=["sme_2"]), ("sme_2", -90, -1)]},
        40,
        ("onboarding", 0),
    ),
    "a post left before the last fact is filled by the next holder": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": [*crew(without=["sme_2"]), ("sme_2", 0, 29), ("sme_2", 36)]},
        40,
        ("gap_analysis", 36),
    ),
    "posts held one after the other are never held together": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": [*crew(without=["sme_1", "sme_2"]), ("sme_1", 0, 34), ("sme_2", 35)]},
        40,
        ("onboarding", 0),
    ),
    "a post filled tomorrow does not": (
        "onboarding",
        0,
        {"facts": ONBOARDED, "seats": [*crew(without=["sme_2"]), ("sme_2", 41)]},
        40,
        ("onboarding", 0),
    ),
    "a fact older than the stage: left on the day it was entered": (
        "gap_analysis",
        90,
        {"facts": [GAP]},
        90,
        ("directives", 90),
    ),
    "several stages in one go": (
        "onboarding",
        0,
        {"facts": [*ONBOARDED, GAP, *DIRECTIVES]},
        250,
        ("proofs", 210),
    ),
    "several, and no further than the facts": (
        "onboarding",
        0,
        {"facts": [*ONBOARDED, *DIRECTIVES]},
        250,
        ("gap_analysis", 30),
    ),
    "all shares reached": ("proofs", 210, {"facts": ALL_PROOFS}, 320, ("mock_assessment", 310)),
    "one mandatory standard short": (
        "proofs",
        210,
        {"facts": [("mandatory_in_compliance", 300, 127), ALL_PROOFS[1]]},
        320,
        ("proofs", 210),
    ),
    "80 % of 55 others is 44, not 43": (
        "proofs",
        210,
        {"facts": [ALL_PROOFS[0], ("others_in_compliance", 310, 43)]},
        320,
        ("proofs", 210),
    ),
    "the first count that is enough sets the day": (
        "proofs",
        210,
        {"facts": [*ALL_PROOFS, ("others_in_compliance", 290, 30), ("others_in_compliance", 315, 50)]},
        320,
        ("mock_assessment", 310),
    ),
    "the enrollment's own applicable numbers override the track's": (
        "proofs",
        210,
        {
            "facts": [("mandatory_in_compliance", 300, 100), ("others_in_compliance", 300, 8)],
            "mandatory": 100,
            "other": 10,
        },
        320,
        ("mock_assessment", 300),
    ),
    "none applicable: a count of nought is enough": (
        "proofs",
        210,
        {"facts": [("mandatory_in_compliance", 300, 128), ("others_in_compliance", 305, 0)], "other": 0},
        320,
        ("mock_assessment", 305),
    ),
    "a decision waits for its conference": (
        "commission_review",
        520,
        {"facts": [DECIDED]},
        569,
        ("commission_review", 520),
    ),
    "and takes effect on its day": ("commission_review", 520, {"facts": [DECIDED]}, JULY, ("accredited", JULY)),
    "45 days before the commission are enough": (
        "commission_review",
        JULY - 45,
        {"facts": [DECIDED]},
        NOVEMBER,
        ("accredited", JULY),
    ),
    "44 are not: the next conference": (
        "commission_review",
        JULY - 44,
        {"facts": [DECIDED]},
        NOVEMBER,
        ("accredited", NOVEMBER),
    ),
    "a decision on the day of the conference counts": (
        "commission_review",
        520,
        {"facts": [("decision_favourable", JULY)]},
        NOVEMBER,
        ("accredited", JULY),
    ),
    "one on the day after moves to the next": (
        "commission_review",
        520,
        {"facts": [("decision_favourable", JULY + 1)]},
        NOVEMBER,
        ("accredited", NOVEMBER),
    ),
    "no conference listed any more": (
        "commission_review",
        3500,
        {"facts": [DECIDED]},
        5000,
        ("commission_review", 3500),
    ),
}


@pytest.mark.parametrize(("stage", "entered", "known", "today", "expected"), STAGES.values(), ids=STAGES)
def test_a_stage_is_left_on_the_day_its_gate_opened(
    stage: str, entered: int, known: dict[str, Any], today: int, expected: tuple[str, int]
) -> None:
    decision = on(today, case(stage, entered, **known))
    assert (decision.stage, number(decision.stage_entered_on)) == expected


def test_every_stage_change_names_its_evidence_and_follows_the_one_before() -> None:
    first, second = on(85, case(facts=[*ONBOARDED, GAP])).advances
    assert (first.seq, first.from_stage, first.to_stage) == (1, "onboarding", "gap_analysis")
    assert (first.evidence.facts, first.evidence.seats) == ((1, 2), (1, 3, 4))
    assert (second.seq, second.from_stage, second.to_stage) == (2, "gap_analysis", "directives")
    assert second.evidence.facts == (3,)


@pytest.mark.parametrize(
    ("stage", "known", "missing"),
    [
        (
            "onboarding",
            {"seats": crew(without=["sme_1"])},
            ("accreditation_manager_trained", "kickoff_visit", "post:sme_1"),
        ),
        ("proofs", {"facts": ALL_PROOFS[:1]}, ("others_in_compliance",)),
        ("commission_review", {"facts": [DECIDED]}, ("conference:2030-03-16",)),
    ],
)
def test_a_shut_gate_says_what_it_waits_for(stage: str, known: dict[str, Any], missing: tuple[str, ...]) -> None:
    shut = case(stage, 3682 if stage == "commission_review" else 0, **known)
    assert gate_state(shut, program(), dossier(shut, program(), day(3700))).missing == missing


FILED = [("remote_review_passed", 450), ("site_visit_done", 500), ("site_report_filed", 510)]
DEFERRED = ("decision_deferred", JULY)
ONCE_MORE = [("remote_review_passed", 590), ("site_visit_done", 630), ("site_report_filed", 634)]
# what is recorded of a case that entered commission review on day 510, today -> stage, entered on, status
DECISIONS: dict[str, tuple[list[Any], int, tuple[str, int, str]]] = {
    "with conditions: an award like any other": (
        [("decision_conditional", 560)], JULY, ("accredited", JULY, "awarded")
    ),
    "deferred: back in the remote review, and no older fact opens its gate": (
        [DEFERRED], NOVEMBER, ("remote_review", JULY, "open")
    ),
    "one stage further with what is new": ([DEFERRED, ONCE_MORE[0]], NOVEMBER, ("site_assessment", 590, "open")),
    "a fact of the day of the deferral is not new": (
        [DEFERRED, ("remote_review_passed", JULY)], NOVEMBER, ("remote_review", JULY, "open")
    ),
    "all done again: before the commission again": (
        [DEFERRED, *ONCE_MORE], NOVEMBER - 1, ("commission_review", 634, "open")
    ),
    "and awarded at the next conference": (
        [DEFERRED, *ONCE_MORE, ("decision_favourable", 670)], NOVEMBER, ("accredited", NOVEMBER, "awarded")
    ),
    "deferred a second time": (
        [DEFERRED, *ONCE_MORE, ("decision_deferred", NOVEMBER)], 700, ("remote_review", NOVEMBER, "open")
    ),
    "the deferral of a conference outweighs what was favourable before it": (
        [("decision_favourable", 560), DEFERRED], NOVEMBER, ("remote_review", JULY, "open")
    ),
    "not awarded: the end": ([("decision_not_awarded", JULY)], NOVEMBER, ("commission_review", JULY, "not_awarded")),
    "two of one day: the one that the policy lists first": (
        [("decision_not_awarded", JULY), DEFERRED], NOVEMBER, ("remote_review", JULY, "open")
    ),
    "in whatever order they were recorded": (
        [DEFERRED, ("decision_not_awarded", JULY)], NOVEMBER, ("remote_review", JULY, "open")
    ),
    "a verdict from before the stage is none": (
        [("decision_deferred", 505)], NOVEMBER, ("commission_review", 510, "open")
    ),
    "withdrawn after a deferral": ([DEFERRED, ("withdrawn", 600)], NOVEMBER, ("remote_review", 600, "withdrawn")),
    "an end of before the deferral, recorded late, stands": (
        [DEFERRED, ("withdrawn", JULY - 1)], NOVEMBER, ("commission_review", JULY - 1, "withdrawn")
    ),
}


@pytest.mark.parametrize(("rows", "today", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_a_decision_does_what_the_policy_says(rows: list[Any], today: int, expected: tuple[str, int, str]) -> None:
    start = case("commission_review", 510, facts=[*FILED, *rows])
    decision = on(today, start)
    assert (decision.stage, number(decision.stage_entered_on), decision.status.value) == expected
    again = on(today, apply(start, decision))
    assert again.advances == [], "doing it and asking again changes nothing"
    assert (decision.next_review_on is None) == (decision.status.value != "open")


def test_a_return_names_its_verdict_and_is_remembered() -> None:
    decision = on(NOVEMBER, case("commission_review", 510, facts=[*FILED, DEFERRED, ONCE_MORE[0]]))
    assert [(step.from_stage, step.to_stage, step.again) for step in decision.advances] == [
        ("commission_review", "remote_review", True), ("remote_review", "site_assessment", False)
    ]
    assert [step.evidence.facts for step in decision.advances] == [(4,), (5,)]
    assert decision.reentered_on == day(JULY)


# what is known, today -> status, ended on
ENDS: dict[str, tuple[list[Any], int, tuple[str, int]]] = {
    "withdrawn": ([("withdrawn", 100)], 100, ("withdrawn", 100)),
    "removed": ([("removed", 100)], 130, ("removed", 100)),
    "not before its day": ([("withdrawn", 100)], 99, ("open", 0)),
    "the earliest of two ends": ([("lapsed", 90), ("withdrawn", 100)], 130, ("lapsed", 90)),
    "recorded late, before the stage began: on the day it began": ([("withdrawn", 510)], 530, ("withdrawn", 520)),
    "withdrawn before the award": ([DECIDED, ("withdrawn", JULY - 1)], NOVEMBER, ("withdrawn", JULY - 1)),
    "withdrawn on the day of the award: the award stands": (
        [DECIDED, ("withdrawn", JULY)],
        NOVEMBER,
        ("awarded", JULY),
    ),
    "withdrawn after the award: too late": ([DECIDED, ("withdrawn", JULY + 1)], NOVEMBER, ("awarded", JULY)),
    "a decision after the end is ignored": (
        [("withdrawn", 530), ("decision_favourable", 540)],
        NOVEMBER,
        ("withdrawn", 530),
    ),
}


@pytest.mark.parametrize(("rows", "today", "expected"), ENDS.values(), ids=ENDS)
def test_an_enrollment_ends_once_on_the_first_end(rows: list[Any], today: int, expected: tuple[str, int]) -> None:
    entered = 520 if any(name == "decision_favourable" or on_ > 500 for name, on_ in rows) else 0
    decision = on(today, case("commission_review" if entered else "onboarding", entered, facts=rows))
    ended = decision.advances[-1].on if decision.advances else day(0)
    assert (decision.status.value, number(ended)) == expected
    assert (decision.next_review_on is None) == (decision.status.value != "open")
    assert decision.status.value == "open" or (decision.tellings, decision.opened, decision.risk.value) == (
        [],
        [],
        "ended",
    )


def test_an_end_stays_in_the_stage_it_happened_in() -> None:
    (end,) = on(120, case(facts=[("withdrawn", 100)])).advances
    assert (end.from_stage, end.to_stage, end.evidence.facts) == ("onboarding", "onboarding", (1,))
    assert on(60, case(facts=[*ONBOARDED, ("withdrawn", 45)])).stage == "gap_analysis"
