"""An award opens the next cycle on both databases: in the same transaction, once, with the experts who are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from models.rules.apply import next_case
from models.rules.case import Case, Program, Seat
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.words import Cycle, Post, Status
from models.schema import ASSIGNMENT, ENROLLMENT
from models.tables import Enrollment, StageChange
from tasks import sweep as sweeping
from tasks.store.cases import Written, named_cases, write
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tasks.views.reports import portfolio, status
from tests.building import case, crew, day, program
from tests.storing import NOW, install, rows_of

HEARING = date(2021, 3, 20)
"""The first listed conference after the site visit of these cases."""
TODAY = date(2021, 3, 22)


def at_the_hearing(number: int, **more: Any) -> Case:
    """A case before the commission since 1 January 2021, its decision favourable."""
    entered = (date(2021, 1, 1) - day(0)).days
    built = case("commission_review", entered, facts=[("decision_favourable", entered + 78)], **more)
    return replace(built, id=number, mandatory=100)


def opened(engine: Engine) -> list[tuple[Any, ...]]:
    e = ENROLLMENT.c
    columns = (e.agency_id, e.track, e.cycle, e.agreement_on, e.stage, e.stage_entered_on, e.stage_seq, e.mandatory)
    with reading(engine) as connection:
        query = select(*columns, e.status).where(e.cycle > 1).order_by(e.agency_id)
        return [tuple(row) for row in connection.execute(query)]


def test_an_award_opens_the_next_cycle_counted_from_the_award_and_it_is_swept_at_once(store: Engine) -> None:
    install(store, program().policy, [at_the_hearing(1), at_the_hearing(2)])
    tally = sweep(TODAY)
    assert (tally.due, tally.advances, tally.failed) == (4, 2, 0)
    new = ("law_enforcement_tier1", 2, HEARING, "maintenance", HEARING, 0, 100, Status.OPEN)
    assert opened(store) == [(1, *new), (2, *new)]
    with reading(store) as connection:
        looked_at = connection.scalars(select(ENROLLMENT.c.next_review_on).where(ENROLLMENT.c.cycle == 2)).all()
    assert all(on is not None and on > TODAY for on in looked_at)
    assert sweep(TODAY).due == 0


def test_what_the_store_opens_is_what_the_pure_function_says(store: Engine) -> None:
    """The pair goes on, from the award on; who left before it does not, who is to leave or to come does."""
    before, after = (HEARING - day(0)).days, (TODAY - day(0)).days
    seats = [*crew(without=["sme_1", "sme_2"]), ("sme_1", 0, before - 1), ("sme_1", before + 9), ("sme_2", 5, after)]
    given = at_the_hearing(1, seats=seats)
    install(store, program().policy, [given])
    sweep(TODAY)
    said = next_case(given, decide(given, program(), TODAY), 2)
    assert said is not None
    with reading(store) as connection:
        (stored,) = named_cases(connection, [2])
    assert (stored.agreement_on, stored.stage, stored.cycle) == (said.agreement_on, said.stage, said.cycle)
    assert posts(stored.seats) == posts(said.seats)
    assert (Post.SME_1, day(before + 9), None) in posts(stored.seats)
    assert (Post.SME_2, HEARING, TODAY) in posts(stored.seats)
    assert len([seat for seat in stored.seats if seat.post is Post.SME_1]) == 1


def posts(seats: Sequence[Seat]) -> list[tuple[Any, ...]]:
    return sorted(((seat.post, seat.since, seat.until) for seat in seats), key=repr)


def test_a_crash_after_the_award_was_written_opens_nothing_and_the_next_sweep_opens_it_once(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(store, program().policy, [at_the_hearing(1)])

    def dies(connection: Connection, decisions: Sequence[Decision], given: tuple[int, date]) -> Written:
        write(connection, decisions, given)
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(sweeping, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            sweep(TODAY)
    assert (opened(store), rows_of(store, StageChange)) == ([], [])
    for _ in range(2):
        sweep(TODAY)
    assert len(opened(store)) == 1


def test_a_cycle_that_was_enrolled_by_hand_is_left_as_it_is(store: Engine) -> None:
    install(store, program().policy, [at_the_hearing(1)])
    by_hand = {
        "agency_id": 1, "track": "law_enforcement_tier1", "cycle": 2, "agreement_on": day(9), "stage": "maintenance",
        "stage_entered_on": day(9), "stage_seq": 0, "status": Status.OPEN, "risk": "on_track",
        "next_review_on": day(9), "recorded_at": NOW,
    }
    named = {"person_id": 1, "post": Post.SME_1, "enrollment_id": 2, "since": day(9), "recorded_at": NOW}
    with transaction(store) as connection:
        connection.execute(insert(ENROLLMENT), [by_hand])
        connection.execute(insert(ASSIGNMENT), [named])
    sweep(TODAY)
    (row,) = opened(store)
    assert row[3] == day(9)
    with reading(store) as connection:
        (stored,) = named_cases(connection, [2])
    assert [seat.since for seat in stored.seats if seat.post is Post.SME_1] == [day(9)], "the one named by hand"


def test_the_accredited_are_counted_apart(lite: Engine) -> None:
    install(lite, program().policy, [at_the_hearing(1), replace(case(), id=2)])
    sweep(TODAY)
    with reading(lite) as connection:
        now = portfolio(connection, program())
        later = portfolio(connection, program(), Cycle.REACCREDITATION)
        today = status(connection, program(), TODAY)
    assert (now.open, now.ended, later.open, later.ended) == (1, {Status.AWARDED: 1}, 1, {})
    assert [code for code, _ in later.stages] == ["maintenance", "site_assessment", "commission_review"]
    assert (today.open, today.accredited) == (1, 1)


def test_a_program_whose_awards_open_nothing_opens_nothing(lite: Engine) -> None:
    policy = program().policy.model_copy(update={"reaccreditation": None, "reminders": (), "escalations": ()})
    install(lite, policy, [at_the_hearing(1)])
    assert sweep(TODAY).due == 1
    assert len(rows_of(lite, Enrollment)) == 1


def test_the_hearing_of_year_four_opens_the_cycle_after_it() -> None:
    given = replace(at_the_hearing(1), cycle=2, agreement_on=date(2017, 3, 18))
    decision = decide(given, Program(program().policy, 1), TODAY)
    assert decision.next_cycle is not None
    assert (decision.next_cycle.cycle, decision.next_cycle.award_on) == (3, HEARING)
    assert decide(replace(given, status=Status.AWARDED), program(), TODAY).next_cycle is None, "it was opened before"
