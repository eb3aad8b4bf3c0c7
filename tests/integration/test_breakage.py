"""What was broken once, between the parts: two at a time, far days, tables that grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select, update

from models.rules.decide import decide
from models.rules.errors import Refused
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from models.rules.words import Change, EscalationState, NoticeState, Post
from models.schema import AGENCY, ASSIGNMENT, CHANGE, ESCALATION, NOTICE
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.operations.asked import Because
from tasks.operations.escalations import Acknowledgement, acknowledge
from tasks.operations.facts import Wrong, void_fact
from tasks.store.cases import START, due_cases, write
from tasks.store.clock import set_clock, stopped
from tasks.store.database import reading, transaction
from tasks.store.programs import program_in_force, put_in_force
from tasks.store.records import NewFact, close_seats, record_facts
from tasks.sweep import sweep
from tasks.views.chronicle import chronicle, explanation
from tasks.views.past import case_on, known_on
from tests.building import case, crew, day, document, program
from tests.storing import install

GOOD = Acknowledgement("A1", "stall", "P1", day(90), "work_under_way")


def acknowledged(engine: Engine, given: Acknowledgement, today: date) -> None:
    with transaction(engine) as connection:
        acknowledge(connection, given, today)


def states(engine: Engine, rule: str) -> list[tuple[str, date | None]]:
    x = ESCALATION.c
    with reading(engine) as connection:
        rows = connection.execute(select(x.state, x.acknowledged_until).where(x.rule == rule).order_by(x.id))
        return [(row.state, row.acknowledged_until) for row in rows]


def test_an_acknowledgement_beside_a_sweep_waits_for_it_and_is_not_undone(store: Engine) -> None:
    """The sweep holds the case when the word comes in: neither waits for the other for ever, and the word stands."""
    install(store, program().policy, [case()])
    sweep(day(60))
    with ThreadPoolExecutor(1) as beside, transaction(store) as connection:
        cases, _ = due_cases(connection, day(74), (START, 10))
        word = beside.submit(acknowledged, store, GOOD, day(74))
        with pytest.raises(TimeoutError):
            word.result(0.3)
        current = program_in_force(connection)
        write(connection, [decide(each, current, day(74)) for each in cases], (current.version, day(74)))
        connection.commit()
        word.result(10)
    assert states(store, "stall") == [(EscalationState.ACKNOWLEDGED, day(90))]


def test_whoever_takes_a_rule_takes_all_that_is_open_of_it(lite: Engine) -> None:
    install(lite, program().policy, [case(seats=crew(without=["sme_1", "sme_2"]))])
    sweep(day(10))
    acknowledged(lite, GOOD._replace(rule="vacant_expert"), day(10))
    assert states(lite, "vacant_expert") == [(EscalationState.ACKNOWLEDGED, day(90))] * 2


@pytest.mark.parametrize("until", [day(60 + 91), date.max])
def test_nobody_is_put_off_for_ever(lite: Engine, until: date) -> None:
    install(lite, program().policy, [case()])
    sweep(day(60))
    with pytest.raises(Refused, match=r"until: .* more than 90 days ahead"):
        acknowledged(lite, GOOD._replace(until=until), day(60))


class _Once(FolderSender):
    """Like a provider: what was sent twice arrives twice."""


@contextmanager
def plans(engine: Engine) -> Iterator[dict[str, list[str]]]:
    """Collect how SQLite finds the rows of every statement that runs."""
    found: dict[str, list[str]] = {}

    def ask(connection: Any, _cursor: Any, statement: str, *rest: Any) -> None:
        given, many = rest[0], rest[2]
        if statement.startswith(("SELECT", "UPDATE", "INSERT")) and statement not in found:
            asked = connection.connection.cursor()
            asked.execute(f"EXPLAIN QUERY PLAN {statement}", given[0] if many else given)
            found[statement] = [row[3] for row in asked.fetchall()]

    event.listen(engine, "before_cursor_execute", ask)
    yield found
    event.remove(engine, "before_cursor_execute", ask)


SMALL = (
    "SCAN installation", "SCAN assignment USING INDEX ix_assignment_wide",
    "SCAN forecast_fit", "SCAN anon_1 LEFT-JOIN",  # the last row of it, found from the end
)


def walks(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the statements that walk through a table that grows."""
    return {s: plan for s, plan in found.items() for step in plan if step.startswith("SCAN") and step not in SMALL}


def test_no_statement_of_a_sweep_or_a_delivery_walks_through_a_table_that_grows(lite: Engine, tmp_path: Path) -> None:
    install(lite, program().policy, [case()])
    with plans(lite) as found:
        sweep(day(70))
        for hour in (16, 17):
            deliver(lite, _Once(tmp_path), stopped(datetime(2020, 3, 11, hour, tzinfo=UTC)))
        acknowledged(lite, GOOD, day(70))
        sweep(day(91))
    assert walks(found) == {}
    assert len(found) > 25


def test_neither_does_a_sweep_where_statistics_tell_that_one_person_holds_all_the_seats(lite: Engine) -> None:
    install(lite, program().policy, [case(seats=crew(without=["regional_manager", "director"]))])
    seats = {"person_id": "300000 300000", "agency": "100000 1", "enrollment": "200000 2"}
    with lite.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE tbl = 'assignment'")
        for index, rows in seats.items():
            stored = ("assignment", f"ix_assignment_{index}", rows)
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", stored)
        connection.commit()
    lite.dispose()
    with plans(lite) as found:
        sweep(day(70))
    assert [s for s, plan in found.items() if "SCAN assignment" in plan] == []
    assert any("FROM assignment" in statement for statement in found)


def test_neither_does_any_statement_about_one_case(lite: Engine) -> None:
    install(lite, program().policy, [case()])
    with transaction(lite) as connection:
        record_facts(connection, [NewFact("A1", "kickoff_visit", day(30))], day(60))
    with plans(lite) as found:
        chronicle(lite, "A1", day(69))
        explanation(lite, "A1", day(69))
        with transaction(lite) as connection:
            void_fact(connection, Wrong("A1", "kickoff_visit", day(30)), Because("wrong_agency", day(70)))
    assert walks(found) == {}
    assert any("milestone" in statement for statement in found)


def dropping_the_first_stage() -> Policy:
    tables = deepcopy(document())
    tables["start"] = "gap_analysis"
    tables["stages"] = [each for each in tables["stages"] if each["code"] != "onboarding"]
    tables["reminders"][0]["stages"].remove("onboarding")
    return parse_policy(tables)


@pytest.mark.parametrize("tell", [chronicle, explanation])
def test_an_ended_case_is_told_by_the_policy_it_ended_under(lite: Engine, tell: Callable[..., Any]) -> None:
    install(lite, program().policy, [case()])
    with transaction(lite) as connection:
        record_facts(connection, [NewFact("A1", "withdrawn", day(20))], day(30))
    sweep(day(30))
    put_in_force(lite, dropping_the_first_stage())
    assert "onboarding" in str(tell(lite, "A1", None))
    with pytest.raises(Refused, match="beyond every calendar"):
        tell(lite, "A1", date.max)


def test_delivery_goes_on_when_a_policy_drops_a_post_that_mail_waits_for(lite: Engine, tmp_path: Path) -> None:
    install(lite, program().policy, [case("commission_review", 900)])
    sweep(day(920))
    put_in_force(lite, parse_policy(_without_head(deepcopy(document()))))
    sweep(day(920))
    deliver(lite, FolderSender(tmp_path), stopped(datetime(2022, 7, 11, 16, tzinfo=UTC)))
    n = NOTICE.c
    with reading(lite) as connection:
        rows = connection.execute(select(n.post, n.state).where(n.state.in_([NoticeState.PENDING, NoticeState.SENT])))
        left = {(row.post, row.state) for row in rows}
    assert (Post.SME_1, NoticeState.SENT) in left
    assert not [post for post, _ in left if post is Post.HEAD]


def _without_head(tables: dict[str, Any]) -> dict[str, Any]:
    """Take a post out of a policy wherever it is named; what it alone was named for is the accreditation manager's."""
    rungs = [rung for rule in tables["escalations"] for rung in rule["ladder"]]
    for rule in [*tables["reminders"], *tables["duties"], *tables["escalations"], *rungs]:
        for name in {"to", "posts"} & rule.keys():
            rule[name] = [post for post in rule[name] if post != "head"] or ["accreditation_manager"]
    del tables["posts"]["head"]
    return tables


def test_a_past_day_is_told_without_what_was_learned_since(lite: Engine) -> None:
    install(lite, program().policy, [case()])
    sweep(day(60))
    acknowledged(lite, GOOD, day(70))
    later = {"recorded_at": datetime(2020, 4, 1, tzinfo=UTC)}
    said = dict.fromkeys(("reason", "actor", "approver", "requester"), "-")
    extension = {"enrollment_id": 1, "kind": Change.EXTENSION, "months": 6, **said}
    with transaction(lite) as connection:
        connection.execute(insert(CHANGE).values(**extension, **later))
        connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.post == Post.SME_2).values(**later))
        given = program_in_force(connection)
        then, now = (case_on(connection, 1, (given, on)) for on in (day(65), day(100)))
    assert (len(then.changes), len(now.changes)) == (0, 1)
    assert {seat.post for seat in now.seats} - {seat.post for seat in then.seats} == {Post.SME_2}
    (stalled,) = [each for each in then.standings if each.rule == "stall"]
    assert (stalled.state, stalled.acknowledged_until) == (EscalationState.OPEN, None)


def test_a_past_day_knows_nothing_of_an_end_that_was_recorded_since(lite: Engine) -> None:
    install(lite, program().policy, [case()])
    with transaction(lite) as connection:
        (seat,) = connection.scalars(select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.post == Post.SME_1))
        set_clock(connection, datetime(2020, 3, 1, 18, tzinfo=UTC))
        close_seats(connection, {seat: day(50)})
        given = program_in_force(connection)
        then, now = (case_on(connection, 1, (given, on)) for on in (day(55), day(70)))
    assert [[s.until for s in each.seats if s.post is Post.SME_1] for each in (then, now)] == [[None], [day(50)]]


def test_a_past_day_ends_at_midnight_where_the_agency_is(lite: Engine) -> None:
    """A visit recorded at eleven at night in Tijuana is of that day, though it is the next one in Mexico City."""
    install(lite, program().policy, [case()])
    late = datetime(2020, 3, 2, 7, 0, tzinfo=UTC)
    with transaction(lite) as connection:
        set_clock(connection, late)
        record_facts(connection, [NewFact("A1", "visit", day(50))], day(60))
        given = program_in_force(connection)
        known = {}
        for zone in ("America/Tijuana", "America/Mexico_City"):
            connection.execute(update(AGENCY).values(time_zone=zone))
            known[zone] = len(case_on(connection, 1, (given, date(2020, 3, 1))).facts)
            assert known_on(connection, "A1", None).day == date(2020, 3, 1 if zone == "America/Tijuana" else 2)
    assert known == {"America/Tijuana": 1, "America/Mexico_City": 0}
