"""The sweep on both databases: nothing lost and nothing twice, whatever runs twice, beside it, or dies midway."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from multiprocessing import get_context
from threading import Barrier
from typing import Any

import pytest
from freezegun import freeze_time
from sqlalchemy import Connection, Engine, insert, select, text, update

from models.rules.apply import apply
from models.rules.case import Case, Program
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.errors import Refused
from models.rules.policy.checks import parse_policy
from models.rules.words import NoticeState, Status
from models.schema import table
from models.tables import DeadlineChange, Enrollment, Escalation, Incident, Notice, StageChange, Sweep
from tasks import sweep as sweeping
from tasks.journal import Journal
from tasks.store.cases import Cursor, Written, write
from tasks.store.database import reading, transaction
from tasks.store.programs import current_program, put_in_force
from tasks.sweep import BatchResult, day_to_sweep, rehearse, sweep, sweep_batch
from tests.building import CREW, ONBOARDED, case, crew, day, document, program, program_with
from tests.storing import LIVE, NOW, due_on, everything, install, rows_of

TODAY = day(60)


def some_cases() -> list[Case]:
    """Twelve cases: some advance, some are reminded, some stall, one has nobody, one is gone."""
    lives: list[dict[str, Any]] = [
        {"facts": ONBOARDED},
        {},
        {"facts": [("visit", 50)]},
        {"seats": crew(without=["sme_1", "sme_2"])},
        {"facts": [("withdrawn", 40)]},
        {"facts": [*ONBOARDED, ("gap_report_accepted", 45)]},
    ]
    return [replace(case(**life), id=number) for number, life in enumerate([*lives, *lives], 1)]


@pytest.fixture
def stocked(store: Engine) -> Engine:
    install(store, program().policy, some_cases())
    return store


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 5)


@pytest.fixture(scope="module")
def expected() -> dict[str, int]:
    """What the pure function says of the same cases."""
    decisions = [decide(each, program(), TODAY) for each in some_cases()]
    return {
        "advances": sum(len(d.advances) for d in decisions),
        "escalations": sum(len(d.opened) for d in decisions),
        "notices": sum(t.state is NoticeState.PENDING for d in decisions for t in d.tellings),
    }


def test_a_sweep_writes_what_decide_says(stocked: Engine, expected: dict[str, int]) -> None:
    tally = sweep(TODAY)
    assert (tally.due, tally.failed) == (12, 0)
    assert {name: getattr(tally, name) for name in expected} == expected
    assert min(expected.values()) > 0
    stored = rows_of(stocked, Enrollment)
    assert len([row for row in stored if Status.WITHDRAWN in row]) == 2
    assert len(rows_of(stocked, StageChange)) == expected["advances"]
    assert len(rows_of(stocked, Escalation)) == expected["escalations"]


def test_what_is_read_back_is_what_apply_says(stocked: Engine) -> None:
    """The store and the value agree day after day, so that laws proved on values hold on rows."""
    lives = some_cases()
    for number in (31, 54, 60, 74, 91, 104):
        lives = [
            life if life.status is not Status.OPEN else apply(life, decide(life, program(), day(number)))
            for life in lives
        ]
        sweep(day(number))
    keys = sorted((life.id, *n.key, n.state) for life in lives for n in life.said)
    told = table(Notice).c
    with reading(stocked) as connection:
        stored = connection.execute(
            select(told.subject_id, told.rule, told.occurrence, told.anchor_on, told.post, told.state)
        ).all()
    assert sorted(tuple(row) for row in stored) == keys
    climbed = sorted(
        (s.rule, s.occurrence, s.anchor_on, s.state, s.rung, s.repeat) for life in lives for s in life.standings
    )
    rows = rows_of(
        stocked,
        Escalation,
        without={
            "enrollment_id",
            "opened_on",
            "rung_on",
            "acknowledged_by",
            "acknowledged_on",
            "acknowledged_until",
            "acknowledged_reason",
            "closed_on",
            "closing",
        },
    )
    assert sorted(rows) == climbed


def test_a_correction_taken_back_revives_the_notice_in_the_store(stocked: Engine) -> None:
    def corrected(to: date, today: date) -> list[NoticeState]:
        row = {
            "enrollment_id": 2,
            "kind": "correction",
            "anchor_on": to,
            "reason": "-",
            "actor": "-",
            "recorded_at": NOW,
        }
        with transaction(stocked) as connection:
            connection.execute(insert(table(DeadlineChange)), [row])
            connection.execute(
                update(table(Enrollment)).where(table(Enrollment).c.id == 2).values(next_review_on=today)
            )
        sweep(today)
        told = table(Notice).c
        with reading(stocked) as connection:
            query = select(told.state).where(
                told.subject_id == 2, told.rule == "window_closes", told.occurrence == "365"
            )
            return list(connection.scalars(query.where(told.anchor_on == date(2023, 1, 1))))

    window_opens = day(731)
    sweep(window_opens)
    assert set(corrected(day(9), window_opens)) == {NoticeState.CANCELLED}
    assert set(corrected(day(0), window_opens)) == {NoticeState.PENDING}


def test_the_same_day_twice_is_the_same(stocked: Engine) -> None:
    sweep(TODAY)
    before = everything(stocked)
    again = sweep(TODAY)
    assert (again.due, again.advances, again.notices, again.escalations) == (0, 0, 0, 0)
    assert everything(stocked) == before


def test_made_due_again_on_the_same_day_it_still_is_the_same(stocked: Engine) -> None:
    sweep(TODAY)
    before = everything(stocked)
    with transaction(stocked) as connection:
        connection.execute(
            update(table(Enrollment)).where(table(Enrollment).c.status == Status.OPEN).values(next_review_on=TODAY)
        )
    assert sweep(TODAY).due == 10
    assert everything(stocked) == before


def test_two_sweeps_at_once_are_one(stocked: Engine, expected: dict[str, int]) -> None:
    together = Barrier(2)

    def run(_: int) -> tuple[int, int]:
        together.wait()
        tally = sweep(TODAY)
        return tally.due, tally.notices

    with ThreadPoolExecutor(2) as both:
        tallies = list(both.map(run, range(2)))
    assert sum(due for due, _ in tallies) == 12
    assert sum(notices for _, notices in tallies) == expected["notices"]
    assert due_on(stocked, TODAY) == 0
    once = everything(stocked)
    assert len(set(map(repr, once["Notice"]))) == len(once["Notice"])
    assert len(once["StageChange"]) == expected["advances"]


def test_two_sweeps_at_once_write_the_rows_of_one(stocked: Engine) -> None:
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: sweep(TODAY), range(2)))
    concurrent = everything(stocked)
    for name in ("notice", "escalation", "stage_change"):
        with transaction(stocked) as connection:
            connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own words
    with transaction(stocked) as connection:
        connection.execute(
            update(table(Enrollment)).values(
                stage="onboarding",
                stage_entered_on=day(0),
                stage_seq=0,
                status="open",
                ended_on=None,
                next_review_on=day(0),
            )
        )
    sweep(TODAY)
    assert everything(stocked) == concurrent


def test_a_crash_between_batches_loses_nothing(stocked: Engine, expected: dict[str, int]) -> None:
    done: list[Cursor | None] = []

    def dies(as_of: date, after: Cursor) -> BatchResult:
        if done:
            raise KeyboardInterrupt
        result = sweep_batch.fn(as_of, after)
        done.append(result[1])
        return result

    with pytest.raises(KeyboardInterrupt):
        sweep(TODAY, dies)
    assert due_on(stocked, TODAY) == 7
    sweep(TODAY)
    assert len(rows_of(stocked, StageChange)) == expected["advances"]
    assert sum(NoticeState.PENDING in row for row in rows_of(stocked, Notice)) == expected["notices"]


def _dies_in_the_second_batch(engine: Engine) -> None:
    """Sweep in a process of its own that ends, without a word, after it wrote and before it commits."""
    engine.dispose(close=False)
    batches: list[Written] = []

    def dies(connection: Connection, decisions: Sequence[Decision], given: tuple[int, date]) -> Written:
        batches.append(write(connection, decisions, given))
        if len(batches) == 2:
            os._exit(9)
        return batches[-1]

    pytest.MonkeyPatch().setattr(sweeping, "write", dies)
    sweep(TODAY)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_dies_inside_a_batch_leaves_nothing_half_written(
    stocked: Engine, expected: dict[str, int]
) -> None:
    stocked.dispose()
    dying = get_context("fork").Process(target=_dies_in_the_second_batch, args=(stocked,))
    dying.start()
    dying.join(30)
    assert dying.exitcode == 9
    assert due_on(stocked, TODAY) == 7, "the first batch is whole, the second never happened"
    assert {row[0] for row in rows_of(stocked, Escalation)} <= set(range(1, 6))
    sweep(TODAY)
    assert len(rows_of(stocked, StageChange)) == expected["advances"]
    assert len(rows_of(stocked, Escalation)) == expected["escalations"]
    assert sum(NoticeState.PENDING in row for row in rows_of(stocked, Notice)) == expected["notices"]


def test_a_case_that_cannot_be_decided_stops_only_itself(stocked: Engine) -> None:
    with transaction(stocked) as connection:
        connection.execute(text("UPDATE enrollment SET track = 'unheard_of' WHERE id = 2"))
    tally = sweep(TODAY)
    assert (tally.due, tally.failed) == (12, 1)
    assert due_on(stocked, TODAY) == 1
    assert rows_of(stocked, Incident) == [("enrollment 2", "could not be decided: KeyError", 1)]
    sweep(TODAY)
    assert rows_of(stocked, Incident) == [("enrollment 2", "could not be decided: KeyError", 2)]
    with transaction(stocked) as connection:
        connection.execute(text("UPDATE enrollment SET track = 'law_enforcement_tier1' WHERE id = 2"))
    assert sweep(TODAY).failed == 0
    assert due_on(stocked, TODAY) == 0


def test_a_case_that_cannot_be_written_stops_only_itself(stocked: Engine, expected: dict[str, int]) -> None:
    """Its log is ahead of it: the step it is to take is there already, and the database refuses a second."""
    ahead = {
        "enrollment_id": 1,
        "seq": 1,
        "from_stage": "onboarding",
        "to_stage": "gap_analysis",
        "status": "open",
        "changed_on": day(1),
        "decided_on": day(1),
        "evidence": {},
        "policy_version_id": 1,
        "recorded_at": NOW,
    }
    with transaction(stocked) as connection:
        connection.execute(insert(table(StageChange)), [ahead])
    tally = sweep(TODAY)
    assert (tally.due, tally.failed, tally.advances) == (12, 1, expected["advances"] - 1)
    assert rows_of(stocked, Incident) == [("enrollment 1", "could not be written: IntegrityError", 1)]
    assert due_on(stocked, TODAY) == 1


def test_a_new_policy_makes_every_open_case_due_once(stocked: Engine) -> None:
    sweep(TODAY)
    assert due_on(stocked, TODAY) == 0
    assert not put_in_force(stocked, program().policy), "the same policy changes nothing"
    assert due_on(stocked, TODAY) == 0
    later = parse_policy(document() | {"risk_margin_days": 31})
    assert put_in_force(stocked, later, LIVE)
    assert due_on(stocked, TODAY) == 10
    before = everything(stocked)["Notice"]
    assert sweep(TODAY).due == 10
    assert due_on(stocked, TODAY) == 0
    assert everything(stocked)["Notice"] == before


def test_a_policy_that_lacks_a_stage_somebody_stands_in_is_refused(stocked: Engine) -> None:
    other = parse_policy(document("iso9001"))
    with pytest.raises(Refused, match='this database belongs to "mexico", not "iso9001"'):
        put_in_force(stocked, other)
    renamed = parse_policy(document("iso9001") | {"code": "mexico"})
    with pytest.raises(Refused, match='stages: lack "onboarding", in which 12 enrollments stand'):
        put_in_force(stocked, renamed)
    assert current_program(stocked).policy.code == "mexico"


# as_of -> the refusal, at noon in the program's zone on TODAY, the day before last having been swept
REFUSALS = [(TODAY + timedelta(days=1), "is after today"), (TODAY - timedelta(days=3), "is before the last sweep")]


@pytest.mark.parametrize(("as_of", "words"), REFUSALS)
def test_a_live_sweep_refuses_the_future_and_the_past(stocked: Engine, as_of: date, words: str) -> None:
    sweep(TODAY - timedelta(days=2))
    with freeze_time(f"{TODAY}T18:00:00Z"), pytest.raises(Refused, match=words):
        day_to_sweep(stocked, as_of)


@pytest.mark.parametrize(
    ("now", "today"),
    [
        ("2020-03-01T18:00:00Z", date(2020, 3, 1)),
        ("2020-03-02T07:59:00Z", date(2020, 3, 1)),
        ("2020-03-02T08:00:00Z", date(2020, 3, 2)),
    ],
)
def test_today_is_the_day_that_has_begun_wherever_the_program_has_agencies(lite: Engine, now: str, today: date) -> None:
    put_in_force(lite, program().policy)
    with freeze_time(now):
        assert day_to_sweep(lite, None) == today


def test_every_sweep_leaves_its_tally(lite: Engine) -> None:
    install(lite, program().policy, some_cases())
    sweep(TODAY)
    assert [row[:2] for row in rows_of(lite, Sweep)] == [(TODAY, 12)]


@pytest.fixture
def certified() -> tuple[Program, Case]:
    """A client of the second program, its certificate issued on day 200."""
    rows = [
        ("application_accepted", 20),
        ("readiness_reported", 60),
        ("audit_reported", 150),
        ("nonconformities_closed", 170),
        ("certificate_issued", 200),
    ]
    posts = [(post, 0) for post in CREW if post in {"accreditation_manager", "sme_1", "regional_manager"}]
    return program("iso9001"), case("application", track="quality_management", facts=rows, seats=posts)


def test_another_field_is_swept_and_reminded_by_the_same_code(store: Engine, certified: tuple[Program, Case]) -> None:
    second, client = certified
    install(store, second.policy, [client])
    assert sweep(day(210)).advances == 4
    assert [row[3] for row in rows_of(store, StageChange)] == [
        "stage_1_audit",
        "stage_2_audit",
        "certification_decision",
        "certified",
    ]
    assert sorted((row[1], row[2], row[6]) for row in rows_of(store, Enrollment)) == [
        ("quality_management", 1, "certified"),
        ("quality_management", 2, "surveillance"),
    ]


def test_a_list_of_conferences_that_ends_before_the_cases_do_is_said_and_refuses_nothing(lite: Engine) -> None:
    short = program_with(conferences=[{"on": day(500), "name": "last"}]).policy
    install(lite, short, [replace(case(), id=number) for number in (1, 2)])
    said = (
        f"conferences end on {day(500)}, before the time of 2 open cases does, of those that were due; "
        "`acredita lint` names them."
    )
    rehearsed, swept, again = Journal(), Journal(), Journal()
    rehearse(lite, day(1), rehearsed)
    assert sweep(day(1), journal=swept).failed == 0
    assert rehearsed.warnings == swept.warnings == [said]
    assert sweep(day(1), journal=again).due == 0
    assert again.warnings == [], "what is not due costs nothing, and says nothing"
