"""What an operator does to deadlines: what it moves, what it says and cancels, what is refused, what is shown first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, update

from models.rules.errors import Refused
from models.rules.words import Change, Clock, NoticeState, Reason
from models.schema import AGENCY, CHANGE, EMAIL, ENROLLMENT, NOTICE
from models.tables import DeadlineChange
from tasks.operations.asked import Because
from tasks.operations.deadlines import Extension, correct_agreement, extend, hold, resume, undo
from tasks.operations.effect import Effect, rehearsed
from tasks.operations.facts import Wrong, void_fact
from tasks.store.database import reading, transaction
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tasks.views.chronicle import chronicle
from tests.building import case, day, program
from tests.storing import NOW, everything, install, rows_of

CODE = "A1/law_enforcement_tier1"
LIMIT = date(2023, 1, 1)
TODAY = day(1000)
"""96 days before the limit: its second warning is out, and the case is overdue for everything else."""
LONGER = Extension(CODE, 12, requester="P1", approver="P1", staff=40)


def because(today: date = TODAY, reason: str = "late_proofs") -> Because:
    return Because(reason, today, reference="OF-7")


def installed(engine: Engine, entered: int = 900) -> Engine:
    install(engine, program().policy, [case("proofs", entered, facts=[("visit", 990)])])
    sweep(TODAY)
    return engine


@pytest.fixture
def late(store: Engine) -> Engine:
    return installed(store)


@pytest.fixture
def quick(lite: Engine) -> Engine:
    """The same on SQLite alone, for what no database has a say in."""
    return installed(lite)


Act = Callable[[Connection], Effect]


def done(engine: Engine, act: Act) -> Effect:
    with transaction(engine) as connection:
        return act(connection)


def told(engine: Engine, rule: str) -> dict[tuple[date, str], NoticeState]:
    """Return what a rule said to the first expert, by the date it counts from and how many days before."""
    n = NOTICE.c
    with reading(engine) as connection:
        rows = connection.execute(select(n.anchor_on, n.occurrence, n.state).where(n.rule == rule, n.post == "sme_1"))
        return {(row.anchor_on, row.occurrence): row.state for row in rows}


def test_an_extension_moves_the_limit_with_its_cost_and_cancels_what_was_pending_of_the_old_one(late: Engine) -> None:
    assert told(late, "limit")[LIMIT, "120"] is NoticeState.PENDING
    effect = done(late, lambda c: extend(c, LONGER, because()))
    assert [(m.clock, m.before, m.after) for m in effect.dates] == [(Clock.LIMIT, LIMIT, date(2024, 1, 1))]
    assert {(w.rule, w.occurrence, w.why) for w in effect.cancelled} == {("limit", "120", "deadline_moved")}
    assert len(effect.cancelled) == 4, "manager, head and the pair"
    assert told(late, "limit")[LIMIT, "120"] is NoticeState.CANCELLED
    with reading(late) as connection:
        row = connection.execute(select(CHANGE)).mappings().one()
    # 35 % of 11,450.00, the initial fee of 25 to 199 staff
    assert (row["cost_cents"], row["currency"], row["limit_on"]) == (4_007_50, "USD", date(2024, 1, 1))
    assert (row["requester"], row["approver"], row["actor"], row["reason"]) == ("P1", "P1", "operator", "late_proofs")


def test_its_undo_restores_the_date_and_revives_what_the_move_had_cancelled(late: Engine) -> None:
    before = told(late, "limit")
    done(late, lambda c: extend(c, LONGER, because()))
    effect = done(late, lambda c: undo(c, CODE, 1, because=because(reason="decision_reversed")))
    assert [(m.before, m.after) for m in effect.dates] == [(date(2024, 1, 1), LIMIT)]
    assert len(effect.revived) == 4
    assert told(late, "limit") == before
    assert [row[1] for row in rows_of(late, DeadlineChange)] == [Change.EXTENSION, Change.UNDO], "both stay on record"


def test_what_went_out_stays_out_and_is_listed(late: Engine) -> None:
    with transaction(late) as connection:
        connection.execute(
            update(NOTICE).where(NOTICE.c.rule == "limit", NOTICE.c.state == NoticeState.PENDING)
            .values(state=NoticeState.SENT, email_id=_email(connection))
        )
    effect = done(late, lambda c: extend(c, LONGER, because()))
    assert effect.cancelled == ()
    assert {(w.rule, w.occurrence, w.why) for w in effect.went_out} == {("limit", "120", "sent")}


def _email(connection: Connection) -> int:
    row = {
        "person_id": 1, "day": TODAY, "kind": "digest", "state": "sent", "reference": "R", "address": "a",
        "subject": "s", "text": "t", "html": "h", "attempt": 1, "claimed_at": NOW,
    }
    connection.execute(EMAIL.insert().values(id=1, **row))
    return 1


def test_a_resume_moves_the_internal_target_by_the_days_of_the_hold_and_nothing_else(late: Engine) -> None:
    done(late, lambda c: hold(c, CODE, TODAY, because=because(reason="closure")))
    effect = done(late, lambda c: resume(c, CODE, day(1030), because=because(day(1030), "work_resumed")))
    assert effect.what == f"resumed on {day(1030)}, after 30 days"
    # On the day of the resume the target stands where the hold had moved it, day by day, until yesterday.
    assert [(m.clock, m.after) for m in effect.dates] == [(Clock.STAGE_TARGET, day(900 + 244 + 30))]
    sweep(day(1144))
    assert set(told(late, "stage_target")) == {(day(1174), "proofs:30")}


def test_an_undone_hold_was_never_there(late: Engine) -> None:
    sweep(day(1114))
    before = told(late, "stage_target")
    assert before == {(day(1144), "proofs:30"): NoticeState.PENDING}
    done(late, lambda c: hold(c, CODE, day(1050), because=because(day(1114), "closure")))
    assert told(late, "stage_target") == {(day(1144), "proofs:30"): NoticeState.CANCELLED}
    done(late, lambda c: undo(c, CODE, 1, because=because(day(1114), "entered_in_error")))
    assert told(late, "stage_target") == before


def test_a_correction_of_the_agreement_moves_window_and_limit(late: Engine) -> None:
    effect = done(late, lambda c: correct_agreement(c, CODE, day(31), because=because(reason="wrong_date")))
    assert {(m.clock, m.after) for m in effect.dates} == {
        (Clock.WINDOW_FROM, date(2022, 2, 1)), (Clock.WINDOW_UNTIL, date(2023, 2, 1)), (Clock.LIMIT, date(2023, 2, 1)),
        (Clock.CYCLE_START, date(2020, 2, 1)),
    }


def test_a_first_stage_that_was_entered_with_the_agreement_moves_along_until_it_is_left(store: Engine) -> None:
    install(store, program().policy, [case(facts=[("kickoff_visit", 30)])])
    sweep(day(40))
    given = because(day(40), "wrong_date")
    effect = done(store, lambda c: correct_agreement(c, CODE, day(9), because=given))
    assert Clock.STAGE_TARGET in {moved.clock for moved in effect.dates}
    assert entered(store) == day(9)
    assert chronicle(store, CODE, None).case.stage_entered_on == day(9)
    done(store, lambda c: undo(c, CODE, 1, because=given))
    assert entered(store) == day(0)
    done(store, lambda c: correct_agreement(c, CODE, day(9), because=given))
    with transaction(store) as connection:
        record_facts(connection, [NewFact(CODE, "accreditation_manager_trained", day(40))], day(40))
    sweep(day(40))
    done(store, lambda c: correct_agreement(c, CODE, day(8), because=given))
    assert entered(store) == day(40), "the second stage was entered by its facts"
    wrong = Wrong(CODE, "kickoff_visit", day(30))
    done(store, lambda c: void_fact(c, wrong, given)[0])
    assert entered(store) == day(8), "back in the first, it was entered with the agreement as corrected"


def entered(engine: Engine) -> date | None:
    with reading(engine) as connection:
        return connection.scalar(select(ENROLLMENT.c.stage_entered_on))


def test_a_dry_run_says_the_same_and_leaves_nothing_behind(late: Engine) -> None:
    before = everything(late) | {"changes": rows_of(late, DeadlineChange)}
    with rehearsed(late, dry_run=True) as connection:
        seen = extend(connection, LONGER, because())
    assert everything(late) | {"changes": rows_of(late, DeadlineChange)} == before
    assert done(late, lambda c: extend(c, LONGER, because())) == seen


HOLD: Act = lambda c: hold(c, CODE, day(900), because=because())  # noqa: E731 - a table of acts
REFUSED: dict[str, tuple[list[Act], Act, str]] = {
    "nobody approved it": (
        [], lambda c: extend(c, LONGER._replace(approver=None), because()),
        "approver: nobody approved the extension. Name the code of the person who did.",
    ),
    "an approver who is nobody": (
        [], lambda c: extend(c, LONGER._replace(approver="P9"), because()), 'approver: nobody has the code "P9".',
    ),
    "a requester who is nobody": (
        [], lambda c: extend(c, LONGER._replace(requester="P9"), because()), 'requester: nobody has the code "P9".',
    ),
    "no months": ([], lambda c: extend(c, LONGER._replace(months=0), because()), "months: 0 extends nothing."),
    "a limit before today": (
        [], lambda c: extend(c, LONGER._replace(months=1), because(day(1200))),
        "months: 1 months more end on 2023-02-01, before today, 2023-04-15. Extend by 4 or more.",
    ),
    "a fee that nobody can know": (
        [], lambda c: extend(c, LONGER._replace(staff=None), because()),
        "staff: of A1/law_enforcement_tier1 is not known, and the fee depends on it: from 2,966.25 to 6,982.50 USD.",
    ),
    "a reason that is none": (
        [], lambda c: extend(c, LONGER, because(reason="late_proof")), 'Did you mean "late_proofs"?',
    ),
    "an enrollment that is none": ([], lambda c: hold(c, "A9", TODAY, because=because()), "enrollment: "),
    "the agreement's own day": (
        [], lambda c: correct_agreement(c, CODE, day(0), because=because()), "is 2020-01-01 already.",
    ),
    "an agreement after today": (
        [], lambda c: correct_agreement(c, CODE, day(1001), because=because()), "is after today",
    ),
    "an agreement after a fact": (
        [], lambda c: correct_agreement(c, CODE, day(991), because=because()), 'is after "visit" of 2022-09-17',
    ),
    "an agreement before the program": (
        [], lambda c: correct_agreement(c, CODE, date(2015, 11, 30), because=because()), "before the program began",
    ),
    "a second open hold": ([HOLD], HOLD, "is on hold since 2022-06-19. Resume it first."),
    "a hold before the agreement": (
        [], lambda c: hold(c, CODE, day(-1), because=because()), "is before the agreement, 2020-01-01.",
    ),
    "a hold far ahead": ([], lambda c: hold(c, CODE, day(1400), because=because()), "more than 366 days ahead."),
    "a hold inside an earlier one": (
        [HOLD, lambda c: resume(c, CODE, day(950), because=because())], HOLD, "is before 2022-08-08, the end of its",
    ),
    "a resume without a hold": (
        [], lambda c: resume(c, CODE, TODAY, because=because()), "has no hold that is open. Nothing needs to be done.",
    ),
    "a second resume": (
        [HOLD, lambda c: resume(c, CODE, day(950), because=because())],
        lambda c: resume(c, CODE, TODAY, because=because()), "no hold that is open; its last hold ends on 2022-08-08.",
    ),
    "a resume before the hold": (
        [HOLD], lambda c: resume(c, CODE, day(899), because=because()), "is before 2022-06-19, the first day",
    ),
    "an undo of what is not there": (
        [HOLD], lambda c: undo(c, CODE, 7, because=because()), "has no change 7. Changes that stand: 1 (hold).",
    ),
    "an undo of what is undone": (
        [HOLD, lambda c: undo(c, CODE, 1, because=because())], lambda c: undo(c, CODE, 1, because=because()),
        "change: 1 was undone by 2. Nothing needs to be done.",
    ),
    "an undo of an undo": (
        [HOLD, lambda c: undo(c, CODE, 1, because=because())], lambda c: undo(c, CODE, 2, because=because()),
        "change: 2 is an undo, of 1. Record the change itself again.",
    ),
    "an undo of what a later one builds on": (
        [HOLD, lambda c: resume(c, CODE, day(950), because=because())], lambda c: undo(c, CODE, 1, because=because()),
        "change: 1 cannot be undone: 2, a resume, builds on it. Undo 2 first.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(quick: Engine, name: str) -> None:
    first, act, said = REFUSED[name]
    for each in first:
        done(quick, each)
    before = everything(quick) | {"changes": rows_of(quick, DeadlineChange)}
    with pytest.raises(Refused) as refused:
        done(quick, act)
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1
    assert all(refused.value.problems[0])
    assert everything(quick) | {"changes": rows_of(quick, DeadlineChange)} == before


ENDED: dict[str, Act] = {
    "extend": lambda c: extend(c, LONGER, because()),
    "correct": lambda c: correct_agreement(c, CODE, day(1), because=because()),
    "hold": HOLD,
    "resume": lambda c: resume(c, CODE, TODAY, because=because()),
    "undo": lambda c: undo(c, CODE, 1, because=because()),
}


@pytest.mark.parametrize("name", ENDED)
def test_the_clock_of_an_ended_case_has_stopped(quick: Engine, name: str) -> None:
    with transaction(quick) as connection:
        record_facts(connection, [NewFact(CODE, "withdrawn", day(995))], TODAY)
    sweep(TODAY)
    with pytest.raises(Refused, match="is withdrawn since 2022-09-22: its clock has stopped"):
        done(quick, ENDED[name])


def test_the_agencys_own_staff_decides_the_fee(quick: Engine) -> None:
    with transaction(quick) as connection:
        connection.execute(update(AGENCY).values(staff=1500))
    done(quick, lambda c: extend(c, LONGER._replace(staff=None, months=13), because()))
    with reading(quick) as connection:
        assert connection.scalar(select(CHANGE.c.cost_cents)) == 2 * 6_982_50, "a second year is begun"


def test_a_program_without_fees_extends_without_a_price(lite: Engine) -> None:
    second = program("iso9001")
    code = next(iter(second.policy.tracks))
    one = case(second.policy.start, track=code, seats=[])
    install(lite, second.policy, [one])
    given = Extension("A1", 6, requester="P1", approver="P1")
    done(lite, lambda c: extend(c, given, Because("client_request", day(10))))
    with reading(lite) as connection:
        row: dict[str, Any] = dict(connection.execute(select(CHANGE)).mappings().one())
    assert (row["cost_cents"], row["currency"]) == (None, None)


def test_a_case_on_hold_is_told_nothing_of_its_own_targets_and_all_of_the_limit(store: Engine) -> None:
    installed(store, entered=300)
    done(store, lambda c: hold(c, CODE, TODAY, because=because(reason="closure")))
    for number in range(1001, 1090, 7):
        sweep(day(number))
    rested = {"stage_target", "stall", "overstay"}
    n = NOTICE.c
    with reading(store) as connection:
        said = {tuple(row) for row in connection.execute(select(n.rule, n.state).where(n.decided_on > TODAY))}
        held = connection.execute(select(n.rule, n.reason).where(n.decided_on <= TODAY, n.rule.in_(rested))).all()
    assert not {rule for rule, _ in said} & rested
    assert ("limit", NoticeState.PENDING) in said
    reasons = {(row.rule, row.reason) for row in held}
    assert ("overstay", Reason.ON_HOLD) in reasons
    assert None not in {reason for _, reason in reasons}, "nothing of it is left to go out"
