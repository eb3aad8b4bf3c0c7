"""Duties: dates counted from the anchor itself, one fact for one date, a change of holder read from the seats."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from models.rules.apply import apply
from models.rules.case import Case, Fact, Program
from models.rules.clock import clocks
from models.rules.decide import decide
from models.rules.duties import Owed, changed_holder, owed
from models.rules.explain import explain
from models.rules.explaining.view import Outcome
from models.rules.policy.checks import parse_policy
from models.rules.words import Closing, NoticeState, Post, Reason, Risk, Status
from tests.building import CREW, case, crew, day, document, on, program, seats, words

LEAP, MONTH_END, AWARD = date(2020, 2, 29), date(2019, 8, 31), date(2020, 7, 31)
REPORTS = "status_report"


def accredited(award_on: date, **more: Any) -> Case:
    """An agency in its second cycle, every post held since long before the award."""
    since = (award_on - day(0)).days - 900
    given: dict[str, Any] = {"seats": [(post, since) for post in CREW], "cycle": 2} | more
    built = case("maintenance", **given)
    return replace(built, agreement_on=award_on, stage_entered_on=award_on)


def owing(life: Case, today: date, rule: str = REPORTS) -> list[Owed]:
    plan = program().plan(life.track, life.cycle)
    duties = [duty for duty in plan.duties if duty.rule == rule]
    return list(owed(duties, life, clocks(life, plan, today), today=today))


def filed(*days: date, milestone: str = "status_report_filed") -> list[Fact]:
    return [Fact(number, milestone, on_) for number, on_ in enumerate(days, 1)]


# award -> the four reports of its cycle: 30 days after each anniversary, 90 days before the visit of month 42
DATES: dict[date, list[date]] = {
    LEAP: [date(2021, 3, 30), date(2022, 3, 30), date(2023, 3, 30), date(2023, 5, 31)],
    MONTH_END: [date(2020, 9, 30), date(2021, 9, 30), date(2022, 9, 30), date(2022, 11, 30)],
    AWARD: [date(2021, 8, 30), date(2022, 8, 30), date(2023, 8, 30), date(2023, 11, 2)],
}


@pytest.mark.parametrize("award_on", DATES)
def test_status_reports_are_counted_from_the_award_itself(award_on: date) -> None:
    assert [each.due_on for each in owing(accredited(award_on), award_on)] == DATES[award_on]


def test_a_year_after_the_29th_of_february_is_the_28th_and_four_years_after_is_the_29th() -> None:
    life = accredited(LEAP)
    assert [each.due_on for each in owing(life, LEAP, "annual_review")] == [
        date(2021, 2, 28), date(2022, 2, 28), date(2023, 2, 28),
    ]
    assert clocks(life, program().plan(life.track, 2), LEAP).limit == date(2024, 2, 29)


# facts of status reports after an award on 31 July 2020 -> which of the four are done
DONE: dict[str, tuple[list[date], list[bool]]] = {
    "none": ([], [False] * 4),
    "on time": ([date(2021, 8, 15)], [True, False, False, False]),
    "too early to be this year's": ([date(2021, 6, 30)], [False] * 4),
    "on the first day that counts": ([date(2021, 7, 1)], [True, False, False, False]),
    "late, within the next year": ([date(2022, 6, 1)], [True, False, False, False]),
    "late and on time": ([date(2022, 7, 20), date(2022, 7, 21)], [True, True, False, False]),
    "twice in one year": ([date(2021, 8, 1), date(2021, 8, 2)], [True, False, False, False]),
    "the third and the fourth": ([date(2023, 8, 1), date(2023, 9, 15)], [True, True, False, False]),
}


@pytest.mark.parametrize(("facts", "done"), DONE.values(), ids=DONE)
def test_one_report_fulfils_the_earliest_date_that_is_open(facts: list[date], done: list[bool]) -> None:
    life = replace(accredited(AWARD), facts=filed(*facts))
    assert [each.done is not None for each in owing(life, date(2024, 7, 1))] == done


def test_a_report_is_asked_for_until_it_is_filed_and_never_after() -> None:
    due_on = DATES[AWARD][0]
    life = accredited(AWARD, facts=[("remote_contact", (date(2021, 7, 1) - day(0)).days)])
    asked = decide(life, program(), due_on - timedelta(days=45))
    assert words(asked, REPORTS) == [(REPORTS, "1:45", post, "pending") for post in ("accreditation_manager", "sme_1")]
    told = apply(life, asked)
    assert decide(life, program(), due_on - timedelta(days=46)).next_review_on == due_on - timedelta(days=45)
    told.facts = [*told.facts, *filed(due_on - timedelta(days=20))]
    answered = decide(told, program(), due_on - timedelta(days=14))
    assert words(answered, REPORTS) == []
    why = {c.notice_id: c.reason for c in answered.cancellings}
    assert {why[n.id] for n in told.said if n.key.occurrence == "1:45"} == {Reason.FULFILLED}


def test_an_overdue_report_climbs_raises_the_risk_and_closes_when_it_is_filed() -> None:
    due_on = DATES[AWARD][0]
    life = accredited(AWARD, facts=[("annual_review_done", (date(2021, 7, 1) - day(0)).days)])
    late = decide(life, program(), due_on + timedelta(days=1))
    assert [(s.rule, s.occurrence, s.anchor_on) for s in late.opened] == [("duty_missed", "status_report:1", due_on)]
    assert late.risk is Risk.AT_RISK
    told = apply(life, late)
    told.facts = [*told.facts, *filed(due_on + timedelta(days=5))]
    filed_late = decide(told, program(), due_on + timedelta(days=5))
    assert [closed.reason for closed in filed_late.closed] == [Closing.FULFILLED]
    assert filed_late.risk is Risk.ON_TRACK
    assert {c.reason for c in filed_late.cancellings} >= {Reason.ESCALATION_CLOSED}


def test_a_fact_that_is_voided_brings_its_duty_back() -> None:
    due_on = DATES[AWARD][0]
    soon = due_on - timedelta(days=10)
    life = accredited(AWARD)
    told = apply(life, decide(life, program(), soon))
    done = apply(replace(told, facts=filed(soon)), decide(replace(told, facts=filed(soon)), program(), soon))
    assert {n.state for n in done.said if n.key.rule == REPORTS} == {NoticeState.CANCELLED, NoticeState.SUPPRESSED}
    again = decide(replace(done, facts=[]), program(), soon)
    assert len(again.revived) == len([n for n in done.said if n.key.occurrence == "1:14"])


Held = tuple[int, int | None, int]
# seats of the head after an agreement on day 0 -> the day on which somebody took over, as day 100 sees it
CHANGES: dict[str, tuple[list[Held], int | None]] = {
    "the first and only": ([(0, None, 1)], None),
    "one after another": ([(0, 49, 1), (50, None, 2)], 50),
    "with a gap": ([(0, 39, 1), (60, None, 2)], 60),
    "a term renewed": ([(0, 49, 1), (50, None, 1)], None),
    "renewed after the change": ([(0, 29, 1), (30, 59, 2), (60, None, 2)], 30),
    "gone again": ([(0, 29, 1), (30, 80, 2)], None),
    "the newest of two": ([(0, 29, 1), (30, 59, 2), (60, None, 3)], 60),
    "still to come": ([(0, None, 1), (150, None, 2)], None),
    "nobody before": ([(20, None, 1)], None),
    "none": ([], None),
}


@pytest.mark.parametrize(("rows", "changed"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_holder_is_read_from_the_seats(rows: list[Held], changed: int | None) -> None:
    taken = seats([("head", since, until, person) for since, until, person in rows])
    for order in (taken, taken[::-1]):
        assert changed_holder(order, Post.HEAD, day(100)) == (None if changed is None else day(changed))


def with_heads(*rows: Held, **more: Any) -> Case:
    heads = [("head", since, until, person) for since, until, person in rows]
    return case(seats=[*crew(without=["head"]), *heads], **more)


def test_a_new_chief_owes_the_bridging_document_and_contacts_are_confirmed() -> None:
    told = on(50, with_heads((0, 49, 1), (50, None, 2)))
    assert {(t.key.rule, t.key.occurrence) for t in told.tellings} >= {
        ("bridging_document", "head:60"), ("contacts", "head:15"),
    }
    assert {t.key.anchor_on for t in told.tellings if t.key.rule == "bridging_document"} == {day(110)}
    assert words(on(50, with_heads((0, None, 1))), "bridging_document") == []


def test_what_a_predecessor_owed_is_owed_no_more() -> None:
    life = with_heads((0, 49, 1), (50, None, 2))
    told = apply(life, on(50, life))
    gone = replace(told, seats=with_heads((0, 49, 1), (50, 70, 2), (71, None, 3)).seats)
    newer = on(71, gone)
    dropped = {c.notice_id: c.reason for c in newer.cancellings}
    assert {dropped[n.id] for n in told.said if n.key.rule == "bridging_document"} == {Reason.HOLDER_LEFT}
    assert {t.key.anchor_on for t in newer.tellings if t.key.rule == "bridging_document"} == {day(131)}
    assert on(71, replace(told, seats=with_heads((0, 49, 1), (50, 70, 2)).seats)).tellings is not None


def test_one_confirmation_of_contacts_answers_both_changes() -> None:
    both = [*crew(without=["head", "accreditation_manager"]), ("head", 0, 49, 1), ("head", 50, None, 2)]
    both += [("accreditation_manager", 0, 54, 3), ("accreditation_manager", 55, None, 4)]
    life = case(seats=both, facts=[("contacts_confirmed", 60)])
    assert {each.name: each.done is not None for each in owing(life, day(61), "contacts")} == {
        "head": True, "accreditation_manager": True,
    }


def test_a_change_in_the_cycle_before_is_not_owed_in_this_one() -> None:
    award = (AWARD - day(0)).days
    held = [("head", award - 400, award - 31, 1), ("head", award - 30, None, 2)]
    life = replace(accredited(AWARD), seats=seats([*crew(without=["head"]), *held]))
    assert owing(life, AWARD + timedelta(days=5), "bridging_document") == []


def test_an_advanced_enrollment_beside_the_second_cycle_owes_no_reports() -> None:
    """The same agency, two enrollments: the facts and duties of one say nothing of the other."""
    beside = case(track="law_enforcement_advanced")
    reports = filed(date(2021, 8, 15))
    first, second = accredited(AWARD, id=1), replace(beside, id=2, facts=reports)
    today = date(2021, 9, 1)
    assert owing(second, today) == []
    assert [each.done for each in owing(first, today)] == [None] * 4
    told = {t.key.rule for t in decide(second, program(), today).tellings}
    assert told.isdisjoint({"status_report", "annual_review"})
    # The change of a chief is the agency's: it is owed in both, and one mail tells it once.
    headed = seats([*crew(without=["head"]), ("head", 0, 600, 1), ("head", 601, None, 2)])
    for life in (replace(first, seats=headed), replace(second, seats=headed)):
        assert [each.name for each in owing(life, day(610), "bridging_document")] == ["head"]


def test_why_tells_what_is_owed_what_was_done_and_who_is_new() -> None:
    life = replace(accredited(AWARD), facts=filed(date(2021, 8, 15)))
    told = {(s.rule, s.outcome): s.text for s in explain(life, program(), date(2021, 9, 1))}
    assert told[REPORTS, Outcome.DONE] == (
        '"status_report", Agency Status Report, 1 of 4, due 2021-08-30: done, status report filed on 2021-08-15.'
    )
    assert told["window_closes", Outcome.NOT_HERE] == '"window_closes" is not for cycle 2 of this track.'
    assert "In cycle 2, counted from the award of 2020-07-31." in told["stage", Outcome.STANDS]
    new = {(s.rule, s.outcome): s.text for s in explain(with_heads((0, 49, 1), (50, None, 2)), program(), day(51))}
    assert new["bridging_document", Outcome.WAITS].startswith(
        '"bridging_document", bridging document of the new agency head, for the new agency head since 2020-02-20, due'
    )


def test_the_surveillance_audits_of_another_field_are_the_same_machinery() -> None:
    iso = program("iso9001")
    rows = [("accreditation_manager", 0), ("sme_1", 0), ("regional_manager", 0)]
    client = replace(case("surveillance", seats=rows, track="quality_management", cycle=2), agreement_on=AWARD)
    client = replace(client, stage_entered_on=AWARD)
    told = decide(client, iso, date(2021, 7, 1))
    assert words(told, "surveillance_audit")[:2] == [
        ("surveillance_audit", "1:90", "accreditation_manager", "superseded"),
        ("surveillance_audit", "1:90", "sme_1", "superseded"),
    ]
    missed = decide(client, iso, date(2021, 8, 1))
    assert ("audit_missed", "surveillance_audit:1", date(2021, 7, 31)) in {
        (s.rule, s.occurrence, s.anchor_on) for s in missed.opened
    }
    dates = clocks(client, iso.plan("quality_management", 2), AWARD)
    assert dates.limit == date(2023, 7, 31)


def test_an_ended_case_owes_nothing() -> None:
    gone = replace(accredited(AWARD), facts=[Fact(1, "withdrawn", AWARD + timedelta(days=9))])
    decision = decide(gone, program(), AWARD + timedelta(days=400))
    assert (decision.status, decision.tellings, decision.next_cycle) == (Status.WITHDRAWN, [], None)


def test_a_duty_that_a_later_policy_drops_is_cancelled() -> None:
    due_on = DATES[AWARD][0]
    life = accredited(AWARD)
    told = apply(life, decide(life, program(), due_on - timedelta(days=45)))
    tables = deepcopy(document())
    tables["duties"] = [duty for duty in tables["duties"] if duty["rule"] != REPORTS]
    for rule in tables["escalations"]:
        rule["duties"] = [name for name in rule.get("duties", []) if name != REPORTS]
    later = decide(told, Program(parse_policy(tables), 2, date(2000, 1, 1)), due_on - timedelta(days=44))
    mine = {n.id for n in told.said if n.key.rule == REPORTS and n.state is NoticeState.PENDING}
    assert {c.notice_id: c.reason for c in later.cancellings if c.notice_id in mine} == dict.fromkeys(
        mine, Reason.RULE_DROPPED
    )
