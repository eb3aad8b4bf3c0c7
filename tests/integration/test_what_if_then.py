"""Another policy over a past: what was recorded is told anew, and under the same policy the same comes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update

from models.rules.errors import Refused
from models.rules.policy import Policy
from models.rules.words import Change
from models.schema import ASSIGNMENT, CHANGE, ENROLLMENT, ESCALATION, INSTALLATION, MILESTONE
from tasks.feed import synthetic_cohort
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.operations.escalations import Acknowledgement, acknowledge
from tasks.preview import IN_FORCE, OTHER, mails_of
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import folder_of, put_in_force, read_policy
from tasks.store.recorded import HAPPENED
from tasks.store.records import NewFact, change_seats, record_facts, touch
from tasks.sweep import sweep
from tasks.what_if import Days, Synthetic, compared_over, what_if_then
from tests.building import program
from tests.on_prefect import CODE, TODAY
from tests.storing import everything

LAST = TODAY + timedelta(days=25)
PAST = Days(TODAY, LAST)


def silent() -> Policy:
    """A policy that forecasts nothing: a fit takes a second."""
    return program().policy.model_copy(update={"forecast": None, "weekly": ()})


def patient(rule: str = "stall") -> Policy:
    """The same without one escalation."""
    left = tuple(each for each in silent().escalations if each.rule != rule)
    return silent().model_copy(update={"escalations": left})


def happens(connection: Connection, day: date) -> None:
    """What people do on some days: facts, one of them voided, an extension, other experts, an escalation taken."""
    match (day - TODAY).days:
        case 1:
            taken = Acknowledgement(CODE.format(2), "stall", "P1", day + timedelta(days=20), "work_under_way")
            acknowledge(connection, taken, day)
        case 3:
            told = NewFact(CODE.format(5), "kickoff_visit", TODAY, reference="a", recorded_by="P1")
            record_facts(connection, [told], day)
        case 5:
            seat = connection.scalar(select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.enrollment_id == 1).limit(1))
            assert seat is not None
            change_seats(connection, {seat: {"until": day}})
            touch(connection, [1], day)
        case 8:
            extension = {"enrollment_id": 2, "kind": Change.EXTENSION, "months": 6, "approver": "P1", "requester": "P1"}
            more = {"reason": "-", "actor": "P1", "effective_on": day, "recorded_at": clock.now_in(connection)}
            connection.execute(insert(CHANGE), extension | more)
            touch(connection, [2], day)
        case 12:
            voided = {"voided_at": clock.now_in(connection), "voided_by": "P1", "void_reason": "-"}
            connection.execute(update(MILESTONE).where(MILESTONE.c.enrollment_id == 5).values(**voided))
            touch(connection, [5], day)


@pytest.fixture
def lived(stocked: Engine, tmp_path: Path) -> Engine:
    """A database that was lived in for some weeks."""
    put_in_force(stocked, silent())
    sender = FolderSender(tmp_path / "mail", durable=False)
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(live_from=TODAY))
    day = TODAY
    while day <= LAST:
        with transaction(stocked) as connection:
            clock.set_clock(connection, datetime.combine(day, time(12), UTC))
            happens(connection, day)
        sweep(day)
        deliver(stocked, sender, clock.stopped(datetime.combine(day, time(23, 50), UTC)))
        day += timedelta(days=1)
    return stocked


def opened(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        rows = connection.execute(select(ESCALATION.c.rule, func.count()).group_by(ESCALATION.c.rule)).all()
    return {row[0]: row[1] for row in rows}


def test_a_past_comes_out_as_it_was_and_another_policy_as_it_would_have_been(lived: Engine) -> None:
    before = everything(lived)
    found = what_if_then(lived, patient(), PAST)
    assert everything(lived) == before
    assert found.now.mails == tuple(mails_of(lived))
    assert found.now.escalations == opened(lived)
    assert found.now.escalations["stall"] > 0
    assert "stall" not in found.then.escalations
    assert {rule for rule, now, then in found.escalations if now != then} == {"stall"}
    assert len(found.then.mails) < len(found.now.mails)
    window, limit = found.warnings
    assert (window.of, limit.of) == ("end of the window", "limit")
    assert (window.now.missed, window.now.alarms) == (1, 0), "of the others nobody knows yet, and of this none warned"
    with pytest.raises(Refused, match='is of the program "iso9001"'):
        what_if_then(lived, read_policy(folder_of("iso9001")), PAST)
    with pytest.raises(Refused, match="nothing was known between 2000-01-01 and 2000-02-01"):
        what_if_then(lived, silent(), Days(date(2000, 1, 1), date(2000, 2, 1)))


def test_a_history_that_was_imported_whole_is_lived_through_as_it_happened(stocked: Engine) -> None:
    """Told as it was recorded, nothing of it is known before the day of the import."""
    put_in_force(stocked, silent())
    with transaction(stocked) as connection:
        for table in HAPPENED:
            connection.execute(update(table).values(recorded_at=datetime.combine(TODAY, time(), UTC)))
        clock.set_clock(connection, datetime.combine(TODAY, time(12), UTC))
        agreed = connection.execute(select(func.min(ENROLLMENT.c.agreement_on))).scalar_one()
    days = Days(agreed, agreed + timedelta(days=7))
    with pytest.raises(Refused, match=f"nothing was known between {agreed}"):
        what_if_then(stocked, silent(), days)
    seen: list[tuple[str, date]] = []
    found = what_if_then(
        stocked, patient(), days, as_happened=True, watcher=lambda life, day: seen.append((life.name, day))
    )
    with reading(stocked) as connection:
        begun = select(func.count()).where(ENROLLMENT.c.agreement_on <= days.until)
        number = connection.execute(begun).scalar_one()
    assert sum(found.now.risks.values()) == sum(found.then.risks.values()) == number > 0
    for name in (IN_FORCE, OTHER):
        told = [day for each, day in seen if each == name]
        assert told == sorted(told)
        assert (told[0], told[-1]) == (agreed, agreed + timedelta(days=8)), "it is told when all is over, too"


def test_a_synthetic_past_is_told_too() -> None:
    cohort = synthetic_cohort(folder_of("mexico"), program().policy, 1)
    until = date(2016, 9, 6)
    days = Days(date(2016, 8, 1), until)
    found = compared_over((silent(), patient("vacant_manager")), lambda: Synthetic(cohort), days=days)
    agreed = {row.row["agency_code"] for row in cohort.roster if row.known_on <= until}
    assert sum(found.now.risks.values()) == len(agreed) > 0
    assert found.now.mails
