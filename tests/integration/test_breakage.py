"""What was broken once, between the parts: two at a time, far days, tables that grow."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from models.rules.decide import decide
from models.rules.errors import Refused
from models.rules.words import EscalationState
from models.schema import ESCALATION
from tasks.cases import START, due_cases, write
from tasks.database import reading, transaction
from tasks.deliver import deliver
from tasks.operations import Acknowledgement, acknowledge
from tasks.programs import program_in_force
from tasks.senders import FolderSender
from tasks.sweep import sweep
from tests.building import case, crew, day, program
from tests.storing import install

GOOD = Acknowledgement("A1", "stall", "P1", day(90))


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


@pytest.mark.parametrize("until", [day(60 + 367), date.max])
def test_nobody_is_put_off_for_ever(lite: Engine, until: date) -> None:
    install(lite, program().policy, [case()])
    sweep(day(60))
    with pytest.raises(Refused, match=r"until: .* more than 366 days ahead"):
        acknowledged(lite, GOOD._replace(until=until), day(60))


class _Once(FolderSender):
    """Like a provider: what was sent twice arrives twice."""

    idempotent = False


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


def test_no_statement_of_a_sweep_or_a_delivery_walks_through_a_table_that_grows(lite: Engine, tmp_path: Path) -> None:
    install(lite, program().policy, [case()])
    with plans(lite) as found:
        sweep(day(70))
        for hour in (16, 17):
            deliver(lite, _Once(tmp_path), datetime(2020, 3, 11, hour, tzinfo=UTC))
        acknowledged(lite, GOOD, day(70))
        sweep(day(91))
    small = ("SCAN installation", "SCAN assignment USING INDEX ix_assignment_wide")
    walks = {s: plan for s, plan in found.items() for step in plan if step.startswith("SCAN") and step not in small}
    assert walks == {}
    assert len(found) > 25
