"""Facts voided and corrected: the stage is worked out anew, the log only grows, what went out is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from models.rules.clock import standing
from models.rules.errors import Refused
from models.rules.words import NoticeState, Risk, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, MILESTONE, NOTICE, STAGE_CHANGE
from models.tables import Enrollment, Milestone, StageChange
from tasks.operations.asked import Because
from tasks.operations.deadlines import hold, undo
from tasks.operations.effect import Effect, rehearsed
from tasks.operations.facts import Right, Wrong, correct_fact, void_fact
from tasks.store.cases import named_cases
from tasks.store.database import reading, transaction
from tasks.store.records import NewEnrollment, NewFact, enroll, record_facts
from tasks.sweep import sweep
from tests.building import case, day, program
from tests.storing import NOW, everything, install, rows_of

CODE = "A1/law_enforcement_tier1"
TODAY = day(80)
BECAUSE = Because("wrong_agency", TODAY, actor="P1", reference="OF-9")
ONBOARDED = (NewFact(CODE, "accreditation_manager_trained", day(20)), NewFact(CODE, "kickoff_visit", day(30)))
KICKOFF = Wrong(CODE, "kickoff_visit", day(30))


def onboarded(engine: Engine, *more: NewFact, today: date = TODAY) -> Engine:
    """Store two cases; the first has left its first stage, on facts that it was given."""
    install(engine, program().policy, [case(), replace(case(), id=2)])
    with transaction(engine) as connection:
        record_facts(connection, [*ONBOARDED, *more], today)
    sweep(today)
    return engine


@pytest.fixture
def advanced(store: Engine) -> Engine:
    return onboarded(store)


@pytest.fixture
def quick(lite: Engine) -> Engine:
    """The same on SQLite alone, for what no database has a say in."""
    return onboarded(lite)


def done(engine: Engine, act: Callable[[Connection], Effect]) -> Effect:
    with transaction(engine) as connection:
        return act(connection)


def voided(connection: Connection, wrong: Wrong, because: Because) -> Effect:
    """Void a fact that no other enrollment shares."""
    (effect,) = void_fact(connection, wrong, because)
    return effect


def stands(engine: Engine, number: int = 1) -> tuple[str, date, Status, int]:
    e = ENROLLMENT.c
    with reading(engine) as connection:
        row = connection.execute(
            select(e.stage, e.stage_entered_on, e.status, e.stage_seq).where(e.id == number)
        ).one()
    return row.stage, row.stage_entered_on, row.status, row.stage_seq


def log(engine: Engine) -> list[tuple[int, str, str, date, int | None]]:
    s = STAGE_CHANGE.c
    with reading(engine) as connection:
        rows = connection.execute(
            select(s.seq, s.from_stage, s.to_stage, s.changed_on, s.takes_back).where(s.enrollment_id == 1)
            .order_by(s.seq)
        )
        return [tuple(row) for row in rows]


def test_a_step_whose_evidence_is_gone_is_taken_back_by_the_log_itself(advanced: Engine) -> None:
    assert stands(advanced) == ("gap_analysis", day(30), Status.OPEN, 1)
    effect = done(advanced, lambda c: voided(c, KICKOFF, BECAUSE))
    assert effect.stage == ("gap_analysis", "onboarding")
    assert stands(advanced) == ("onboarding", day(0), Status.OPEN, 2)
    assert log(advanced) == [
        (1, "onboarding", "gap_analysis", day(30), None), (2, "gap_analysis", "onboarding", day(0), 1),
    ]
    with reading(advanced) as connection:
        kept = connection.execute(select(MILESTONE).where(MILESTONE.c.milestone == "kickoff_visit")).one()
    assert (kept.voided_by, kept.void_reason, kept.void_reference) == ("P1", "wrong_agency", "OF-9")


def test_recorded_again_it_is_as_if_it_had_never_been_voided(advanced: Engine) -> None:
    before = stands(advanced)
    done(advanced, lambda c: voided(c, KICKOFF, BECAUSE))
    with transaction(advanced) as connection:
        assert record_facts(connection, ONBOARDED, TODAY) == 1, "what is void is not there; what is valid is"
    sweep(TODAY)
    assert stands(advanced)[:3] == before[:3]
    assert [step[0] for step in log(advanced)] == [1, 2, 3]


def test_other_evidence_lets_the_stage_be_left_again_the_same_day(lite: Engine) -> None:
    onboarded(lite, NewFact(CODE, "kickoff_visit", day(40)))
    effect = done(lite, lambda c: voided(c, KICKOFF, BECAUSE))
    assert effect.stage == ("gap_analysis", "gap_analysis")
    assert stands(lite) == ("gap_analysis", day(40), Status.OPEN, 3)


def test_a_fact_that_led_to_nothing_takes_nothing_back(quick: Engine) -> None:
    with transaction(quick) as connection:
        record_facts(connection, [NewFact(CODE, "visit", day(70))], TODAY)
    done(quick, lambda c: voided(c, Wrong(CODE, "visit", day(70)), BECAUSE))
    assert len(rows_of(quick, StageChange)) == 1


def test_what_was_not_sent_is_cancelled_and_what_was_sent_is_listed(advanced: Engine) -> None:
    later = day(95)
    sweep(later)
    n = NOTICE.c
    here = (n.subject_id == 1) & (n.rule == "stage_target")
    email = {
        "id": 1, "person_id": 1, "day": TODAY, "kind": "digest", "state": "sent", "reference": "R", "address": "a",
        "subject": "s", "text": "t", "html": "h", "attempt": 1, "claimed_at": NOW,
    }
    with transaction(advanced) as connection:
        connection.execute(insert(EMAIL).values(**email))
        connection.execute(
            update(NOTICE).where(here, n.post == "sme_1", n.state == NoticeState.PENDING)
            .values(state=NoticeState.SENT, email_id=1)
        )
    effect = done(advanced, lambda c: voided(c, KICKOFF, BECAUSE._replace(today=later)))
    assert {(w.rule, w.occurrence, w.post) for w in effect.went_out} == {("stage_target", "gap_analysis:30", "sme_1")}
    mine = {(w.occurrence, w.post, w.why) for w in effect.cancelled if w.rule == "stage_target"}
    assert mine == {("gap_analysis:30", post, "stage_left") for post in ("accreditation_manager", "sme_2")}


def test_a_case_that_a_wrong_fact_had_ended_is_open_again(advanced: Engine) -> None:
    with transaction(advanced) as connection:
        record_facts(connection, [NewFact(CODE, "withdrawn", day(75))], TODAY)
    sweep(TODAY)
    assert stands(advanced) == ("gap_analysis", day(75), Status.WITHDRAWN, 2)
    effect = done(advanced, lambda c: voided(c, Wrong(CODE, "withdrawn", day(75)), BECAUSE))
    assert effect.status == (Status.WITHDRAWN, Status.OPEN)
    assert stands(advanced) == ("gap_analysis", day(30), Status.OPEN, 3)
    assert effect.risk is Risk.ON_TRACK
    assert effect.next_review_on is not None
    assert effect.next_review_on > TODAY
    revived = {(w.rule, w.post) for w in effect.revived} | {(w.rule, w.post) for w in effect.decided}
    sweep(day(130))
    assert {row[2] for row in everything(advanced)["Notice"] if NoticeState.PENDING in row} >= {w for w, _ in revived}


def test_a_fact_on_the_wrong_agency_moves_to_the_right_one(advanced: Engine) -> None:
    right = Right(enrollment="A2")
    with transaction(advanced) as connection:
        first, second = correct_fact(connection, KICKOFF, right, because=BECAUSE)
    assert (first.enrollment, first.stage) == (CODE, ("gap_analysis", "onboarding"))
    assert (second.enrollment, second.stage) == ("A2/law_enforcement_tier1", ("onboarding", "onboarding"))
    with reading(advanced) as connection:
        rows = connection.execute(
            select(MILESTONE.c.enrollment_id, MILESTONE.c.corrects_id, MILESTONE.c.recorded_by, MILESTONE.c.voided_by)
            .where(MILESTONE.c.milestone == "kickoff_visit").order_by(MILESTONE.c.id)
        ).all()
    assert [row[0] for row in rows] == [1, 2]
    assert rows[1].corrects_id is not None
    assert (rows[1].recorded_by, rows[1].voided_by) == ("P1", None)


def test_a_corrected_day_moves_the_step_that_it_made(advanced: Engine) -> None:
    with transaction(advanced) as connection:
        (effect,) = correct_fact(connection, KICKOFF, Right(occurred_on=day(50)), because=BECAUSE)
    assert effect.stage == ("gap_analysis", "gap_analysis")
    assert stands(advanced) == ("gap_analysis", day(50), Status.OPEN, 3)


def test_a_dry_run_says_the_same_and_leaves_nothing_behind(advanced: Engine) -> None:
    before = everything(advanced) | {"facts": rows_of(advanced, Milestone)}
    with rehearsed(advanced, dry_run=True) as connection:
        seen = voided(connection, KICKOFF, BECAUSE)
    assert everything(advanced) | {"facts": rows_of(advanced, Milestone)} == before
    assert done(advanced, lambda c: voided(c, KICKOFF, BECAUSE)) == seen


REFUSED: dict[str, tuple[Wrong, Right | None, str]] = {
    "not on record": (KICKOFF._replace(milestone="kickof_visit"), None, 'Did you mean "kickoff_visit"?'),
    "on another day": (KICKOFF._replace(occurred_on=day(31)), None, "On record: 2020-01-31."),
    "another reference": (KICKOFF._replace(reference="X"), None, 'Say which: "".'),
    "of nobody": (KICKOFF._replace(enrollment="A9"), None, "enrollment: "),
    "no news": (KICKOFF, Right(), "says so already. Say what it should have been."),
    "after today": (KICKOFF, Right(occurred_on=day(81)), "is after today"),
    "before the agreement": (KICKOFF, Right(occurred_on=day(-1)), "is before the agreement"),
    "no milestone": (KICKOFF, Right(milestone="nothing"), "is no milestone"),
    "there already": (
        KICKOFF, Right(milestone="accreditation_manager_trained", occurred_on=day(20)), "has accreditation_manager",
    ),
}


def _act(connection: Connection, wrong: Wrong, right: Right | None) -> None:
    if right is None:
        voided(connection, wrong, BECAUSE)
    else:
        correct_fact(connection, wrong, right, because=BECAUSE)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(quick: Engine, name: str) -> None:
    wrong, right, said = REFUSED[name]
    before = everything(quick) | {"facts": rows_of(quick, Milestone)}
    with pytest.raises(Refused) as refused, transaction(quick) as connection:
        _act(connection, wrong, right)
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1
    assert everything(quick) | {"facts": rows_of(quick, Milestone)} == before


def test_two_alike_are_told_apart_by_their_reference(quick: Engine) -> None:
    visits = [NewFact(CODE, "visit", day(70), reference=name) for name in ("A", "B")]
    with transaction(quick) as connection:
        record_facts(connection, visits, TODAY)
    wrong = Wrong(CODE, "visit", day(70))
    with pytest.raises(Refused, match=r'no reference was given\. Say which: "A", "B"'):
        done(quick, lambda c: voided(c, wrong, BECAUSE))
    done(quick, lambda c: voided(c, wrong._replace(reference="A"), BECAUSE))
    with reading(quick) as connection:
        left = connection.scalars(
            select(MILESTONE.c.reference).where(MILESTONE.c.milestone == "visit", MILESTONE.c.voided_at.is_(None))
        ).all()
    assert left == ["B"]


AWARDED = [
    ("accreditation_manager_trained", 20), ("kickoff_visit", 30), ("gap_report_accepted", 60),
    ("directives_issued", 100), ("staff_oriented", 100), ("mandatory_in_compliance", 150, 400),
    ("others_in_compliance", 150, 400), ("mock_passed", 200), ("findings_fixed", 200), ("readiness_confirmed", 200),
    ("remote_review_passed", 220), ("site_visit_done", 240), ("site_report_filed", 240), ("decision_favourable", 300),
]
DECIDED = Wrong(CODE, "decision_favourable", day(300))


@pytest.fixture
def awarded(store: Engine) -> Engine:
    install(store, program().policy, [case(facts=AWARDED)])
    sweep(day(400))
    assert stands(store)[2] is Status.AWARDED
    assert len(rows_of(store, Enrollment)) == 2, "the award opened the next cycle"
    return store


def test_an_award_that_was_wrong_takes_the_cycle_along_that_it_had_opened(awarded: Engine) -> None:
    effect = done(awarded, lambda c: voided(c, DECIDED, BECAUSE._replace(today=day(400))))
    assert effect.stage == ("accredited", "commission_review")
    assert effect.status == (Status.AWARDED, Status.OPEN)
    assert len(rows_of(awarded, Enrollment)) == 1
    with transaction(awarded) as connection:
        record_facts(connection, [NewFact(CODE, "decision_favourable", day(390))], day(400))
    sweep(day(600))
    assert stands(awarded)[2] is Status.AWARDED
    assert len(rows_of(awarded, Enrollment)) == 2


def test_an_award_whose_next_cycle_is_at_work_is_not_voided(awarded: Engine) -> None:
    second = f"{CODE}/2"
    with transaction(awarded) as connection:
        record_facts(connection, [NewFact(second, "visit", day(400))], day(400))
    with pytest.raises(Refused, match=r"its award opened A1/law_enforcement_tier1/2, which has 1 fact\."):
        done(awarded, lambda c: voided(c, DECIDED, BECAUSE._replace(today=day(400))))


def test_what_is_void_of_the_next_cycle_keeps_no_award_and_stays_on_record(awarded: Engine) -> None:
    """A fact that moved its stage, and a moved date: both were taken back before the award is."""
    second, today = f"{CODE}/2", day(400)
    why = BECAUSE._replace(today=today)
    with transaction(awarded) as connection:
        record_facts(connection, [NewFact(second, "reassessment_agreed", day(390))], today)
    sweep(today)
    done(awarded, lambda c: hold(c, second, today, because=why))
    with pytest.raises(Refused, match=r"which has 1 fact, 1 moved date, 1 stage change\."):
        done(awarded, lambda c: voided(c, DECIDED, why))
    done(awarded, lambda c: undo(c, second, 1, because=why))
    done(awarded, lambda c: voided(c, Wrong(second, "reassessment_agreed", day(390)), why))
    done(awarded, lambda c: voided(c, DECIDED, why))
    assert stands(awarded)[2] is Status.OPEN
    assert len(rows_of(awarded, Enrollment)) == 1
    with reading(awarded) as connection:
        m = MILESTONE.c
        wrong = select(m.enrollment_id, m.void_reason).where(m.milestone == "reassessment_agreed")
        (agreed,) = connection.execute(wrong)
        assert tuple(agreed) == (1, "wrong_agency")
        (case_,) = named_cases(connection, [1])
        assert standing(case_.changes) == []


BRIDGE = "bridging_document_filed"
ADVANCED = "A1/law_enforcement_advanced"


def held(engine: Engine) -> dict[str, list[date]]:
    """Return on which days each enrollment has the bridging document, as far as it is valid."""
    m, e = MILESTONE.c, ENROLLMENT.c
    with reading(engine) as connection:
        rows = connection.execute(
            select(e.track, e.agency_id, m.occurred_on).join(ENROLLMENT, e.id == m.enrollment_id)
            .where(m.milestone == BRIDGE, m.voided_at.is_(None)).order_by(m.occurred_on)
        ).all()
    found: dict[str, list[date]] = {}
    for row in rows:
        found.setdefault(f"A{row.agency_id}/{row.track}", []).append(row.occurred_on)
    return found


def test_what_is_recorded_of_an_agency_stands_in_each_of_its_open_enrollments(advanced: Engine) -> None:
    """Recorded once, by hand or by file; voided and corrected once too, each enrollment told."""
    with transaction(advanced) as connection:
        connection.execute(update(AGENCY).values(kind="law_enforcement"))
        enroll(connection, [NewEnrollment("A1", "law_enforcement_advanced", day(40))], TODAY)
        assert record_facts(connection, [NewFact(CODE, BRIDGE, day(70), reference="B-1")], TODAY) == 1
        record_facts(connection, [NewFact(CODE, BRIDGE, day(35), reference="B-0")], TODAY)
        record_facts(connection, [NewFact(CODE, "visit", day(70))], TODAY)
    assert held(advanced) == {CODE: [day(35), day(70)], ADVANCED: [day(70)]}, "what precedes its agreement is not its"
    assert len(rows_of(advanced, Milestone)) == len(ONBOARDED) + 4, "a visit is of one enrollment"
    wrong = Wrong(ADVANCED, BRIDGE, day(70))
    with transaction(advanced) as connection:
        effects = correct_fact(connection, wrong, Right(occurred_on=day(71)), because=BECAUSE)
    assert {effect.enrollment for effect in effects} == {CODE, ADVANCED}
    assert held(advanced) == {CODE: [day(35), day(71)], ADVANCED: [day(71)]}
    with transaction(advanced) as connection:
        effects = void_fact(connection, wrong._replace(occurred_on=day(71)), BECAUSE)
    assert [effect.enrollment for effect in effects] == [ADVANCED, CODE]
    assert held(advanced) == {CODE: [day(35)]}
