"""What an operator does to an escalation: what is refused, what it changes, and what it does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select

from models.rules.errors import Refused
from models.rules.words import EscalationState, NoticeState
from models.schema import ENROLLMENT, ESCALATION, NOTICE
from tasks.operations.escalations import Acknowledgement, acknowledge
from tasks.store.database import reading, transaction
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tests.building import case, day, program
from tests.storing import everything, install

STALLED = day(60)
"""Nothing was heard for 60 days: the stall escalation opens, and its second rung is due 14 days later."""
CODE = "A1/law_enforcement_tier1"
GOOD = Acknowledgement(CODE, "stall", "P1", day(90), "work_under_way")


def stall(engine: Engine) -> Engine:
    install(engine, program().policy, [case()])
    sweep(STALLED)
    assert escalation(engine)["state"] is EscalationState.OPEN
    return engine


@pytest.fixture
def stalled(store: Engine) -> Engine:
    return stall(store)


@pytest.fixture
def quick(lite: Engine) -> Engine:
    """The same on SQLite alone, for what no database has a say in."""
    return stall(lite)


def escalation(engine: Engine, rule: str = "stall") -> dict[str, Any]:
    with reading(engine) as connection:
        query = select(ESCALATION).where(ESCALATION.c.rule == rule)
        return dict(connection.execute(query).mappings().one())


def acknowledged(engine: Engine, given: Acknowledgement = GOOD, today: date = STALLED) -> int:
    with transaction(engine) as connection:
        return acknowledge(connection, given, today)


def told(engine: Engine, rule: str = "stall") -> set[tuple[str, str]]:
    with reading(engine) as connection:
        query = select(NOTICE.c.occurrence, NOTICE.c.post, NOTICE.c.state).where(NOTICE.c.rule == rule)
        return {(row.occurrence, row.post.value) for row in connection.execute(query) if row.state in {
            NoticeState.PENDING, NoticeState.SENT
        }}


def test_it_is_noted_with_who_when_and_until(stalled: Engine) -> None:
    before = escalation(stalled)
    assert acknowledged(stalled) == before["id"]
    after = escalation(stalled)
    assert {name: value for name, value in after.items() if before[name] != value} == {
        "state": EscalationState.ACKNOWLEDGED, "acknowledged_by": "P1", "acknowledged_on": STALLED,
        "acknowledged_until": day(90), "acknowledged_reason": "work_under_way",
    }


def test_the_case_is_looked_at_again_at_once(stalled: Engine) -> None:
    acknowledged(stalled)
    with reading(stalled) as connection:
        assert connection.scalar(select(ENROLLMENT.c.next_review_on)) == STALLED


def test_it_does_not_climb_before_the_day_and_climbs_on_after_it(stalled: Engine) -> None:
    first = told(stalled)
    acknowledged(stalled)
    for number in (60, 74, 80, 89):
        sweep(day(number))
        assert told(stalled) == first
        assert escalation(stalled)["rung"] == 1
    for number in range(90, 106):
        sweep(day(number))
    assert {post for _, post in told(stalled) - first} >= {"regional_manager"}
    assert escalation(stalled)["rung"] >= 2
    assert escalation(stalled)["state"] is EscalationState.OPEN


def test_without_it_the_same_case_climbs(stalled: Engine) -> None:
    sweep(day(74))
    assert escalation(stalled)["rung"] == 2


def test_it_can_be_prolonged_by_somebody_else(stalled: Engine) -> None:
    acknowledged(stalled)
    sweep(day(70))
    acknowledged(stalled, GOOD._replace(until=day(120)), day(70))
    sweep(day(100))
    found = escalation(stalled)
    assert (found["rung"], found["acknowledged_on"], found["acknowledged_until"]) == (1, day(70), day(120))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": STALLED}, "until: 2020-03-01 is not after today, 2020-03-01. Name a day ahead."),
        ({"until": day(1)}, "until: 2020-01-02 is not after today"),
        ({"person": "P2"}, 'person: nobody has the code "P2". Known names: P1.'),
        ({"rule": "stal"}, 'no open escalation "stal". Did you mean "stall"?'),
        ({"rule": "limit_passed"}, 'has no open escalation "limit_passed".'),
        ({"enrollment": "A2"}, "enrollment: "),
        ({"enrollment": "A1/academy"}, "enrollment: "),
        ({"enrollment": "A1/law_enforcement_tier1/2"}, "enrollment: "),
        ({"enrollment": ""}, "enrollment: "),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(
    quick: Engine, changed: dict[str, Any], said: str
) -> None:
    before = everything(quick)
    with pytest.raises(Refused) as refused:
        acknowledged(quick, GOOD._replace(**changed))
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1
    assert all(refused.value.problems[0])
    assert everything(quick) == before


def test_what_is_closed_cannot_be_acknowledged(stalled: Engine) -> None:
    with transaction(stalled) as connection:
        record_facts(connection, [NewFact(CODE, "visit", STALLED)], STALLED)
    sweep(STALLED)
    assert escalation(stalled)["state"] is EscalationState.CLOSED
    with pytest.raises(Refused, match="no open escalation"):
        acknowledged(stalled)
