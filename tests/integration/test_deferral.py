"""A decision that is deferred, lived through on both databases: sent back, awarded later, every past day as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import Engine, select

from models.rules.explaining.view import Outcome
from models.rules.log import State, replayed
from models.rules.words import Status
from models.schema import ENROLLMENT
from tasks.store.clock import set_clock
from tasks.store.database import reading, transaction
from tasks.store.log import log_of
from tasks.store.programs import current_program
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tasks.views.chronicle import chronicle, explanation
from tests.building import DAY_0, case, day, program
from tests.storing import install

CODE = "A1/law_enforcement_tier1"
JULY, NOVEMBER = day(570), day(682)
"""Two conferences of 2021 that follow each other."""
ENOUGH = 400
TO_THE_COMMISSION = {
    "accreditation_manager_trained": 20, "kickoff_visit": 30, "gap_report_accepted": 80, "directives_issued": 150,
    "staff_oriented": 150, "mandatory_in_compliance": 380, "others_in_compliance": 380, "mock_passed": 400,
    "findings_fixed": 440, "readiness_confirmed": 440, "remote_review_passed": 450, "site_visit_done": 500,
    "site_report_filed": 510,
}
ONCE_MORE = {"remote_review_passed": 590, "site_visit_done": 632, "site_report_filed": 634}


def recorded(engine: Engine, facts: dict[str, int], today: date) -> None:
    """Live a day: what is recorded carries its stamp, and is swept."""
    new = [
        NewFact(CODE, name, day(number), ENOUGH if name.endswith("_in_compliance") else None)
        for name, number in facts.items()
    ]
    with transaction(engine) as connection:
        set_clock(connection, datetime.combine(today, time(18), UTC))
        record_facts(connection, new, today)
    assert sweep(today).sent_back == ("decision_deferred" in facts)


@pytest.fixture
def awarded(store: Engine) -> Engine:
    """A case that was deferred in July, did again what was asked, and was decided on in November."""
    install(store, program().policy, [case()])
    recorded(store, TO_THE_COMMISSION, day(512))
    assert stands(store)[0] == "commission_review"
    recorded(store, {"decision_deferred": 570}, JULY)
    assert stands(store) == ("remote_review", JULY, Status.OPEN, JULY)
    recorded(store, ONCE_MORE, day(640))
    assert stands(store) == ("commission_review", day(634), Status.OPEN, JULY)
    recorded(store, {"decision_favourable": 660}, day(661))
    assert stands(store)[0] == "commission_review", "favourable, it takes effect at the conference"
    recorded(store, {}, NOVEMBER)
    return store


def stands(engine: Engine) -> tuple[str, date, Status, date | None]:
    e = ENROLLMENT.c
    with reading(engine) as connection:
        row = connection.execute(
            select(e.stage, e.stage_entered_on, e.status, e.reentered_on).where(e.id == 1)
        ).one()
    return row.stage, row.stage_entered_on, row.status, row.reentered_on


def test_it_is_awarded_at_the_conference_after_the_deferral(awarded: Engine) -> None:
    assert stands(awarded) == ("accredited", NOVEMBER, Status.AWARDED, JULY)


def test_the_log_replayed_gives_the_stored_state(awarded: Engine) -> None:
    with reading(awarded) as connection:
        steps = [step for _, step in log_of(connection, 1, current_program(awarded))]
    state = replayed(State("onboarding", DAY_0), steps)
    assert (state.stage, state.entered_on, state.status, state.reentered_on) == stands(awarded)
    assert [step.again for step in steps].count(True) == 1
    assert steps[-1].seq == len(steps)


PAST = [
    (569, "commission_review", 510, None),
    (570, "remote_review", 570, JULY),
    (639, "remote_review", 570, JULY),  # done, and not yet recorded
    (640, "commission_review", 634, JULY),
    (681, "commission_review", 634, JULY),
]


def test_every_past_day_tells_the_state_of_that_day(awarded: Engine) -> None:
    for number, stage, entered, reentered in PAST:
        then = chronicle(awarded, CODE, day(number)).case
        assert (then.stage, then.stage_entered_on, then.reentered_on) == (stage, day(entered), reentered), number
        assert then.status is Status.OPEN


def test_why_before_the_deferral_knows_of_none_and_plans_to_its_conference(awarded: Engine) -> None:
    before, after = chronicle(awarded, CODE, day(569)), chronicle(awarded, CODE, day(571))
    assert [found.plan.nearest and found.plan.nearest.on for found in (before, after)] == [JULY, NOVEMBER]
    facts = {fact.milestone for fact in before.case.facts}
    assert "decision_deferred" not in facts
    told = " ".join(sentence.text for sentence in explanation(awarded, CODE, day(569)))
    assert "remote review" not in told
    (waits,) = [each.text for each in explanation(awarded, CODE, day(571)) if each.outcome is Outcome.WAITS]
    assert waits.endswith("remote review passed."), "the one of before the deferral opens nothing"
