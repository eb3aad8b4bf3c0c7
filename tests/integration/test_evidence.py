"""Evidence packs from a real database: everything there is, as it was known, and the head noted beside it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from models.rules.errors import Refused
from models.rules.words import Closing, EscalationState
from models.schema import ESCALATION, EVIDENCE_PACK, MILESTONE, NOTICE, STAGE_CHANGE
from tasks.evidence.archive import Pack, archived, verified
from tasks.evidence.gathering import evidence, noted_on
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.operations.asked import Because
from tasks.operations.deadlines import hold, resume
from tasks.operations.facts import Wrong, void_fact
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tests.building import ONBOARDED, case, crew, day, program
from tests.storing import install

CODE = "A1/law_enforcement_tier1"
TODAY = day(99)


def at(on: date) -> datetime:
    return datetime.combine(on, time(15), UTC)


@pytest.fixture
def lived(store: Engine, tmp_path: Path) -> Engine:
    """A case that left its first stage, was mailed about, had a fact voided and was put on hold."""
    install(store, program().policy, [case(facts=ONBOARDED)])
    for number in (31, 92):
        with transaction(store) as connection:
            clock.set_clock(connection, at(day(number)))
        sweep(day(number))
        deliver(store, FolderSender(tmp_path / "mail"), clock.stopped(at(day(number))))
    with transaction(store) as connection:
        clock.set_clock(connection, at(TODAY))
        why = Because("funding", TODAY, actor="P1", reference="D-1")
        hold(connection, CODE, TODAY, because=why)
        void_fact(connection, Wrong(CODE, "kickoff_visit", day(30), None), why._replace(reason="wrong_date"))
    return store


def told(pack: Pack, kind: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, (entry.content for entry in pack.entries)) if each["kind"] == kind]


def test_a_pack_holds_everything_there_is_of_an_enrollment(lived: Engine) -> None:
    pack = evidence(lived, CODE).pack
    with reading(lived) as connection:
        tables = (MILESTONE, STAGE_CHANGE, NOTICE)
        stored = {each: connection.scalar(select(func.count()).select_from(each)) for each in tables}
    assert len(told(pack, "fact")) == stored[MILESTONE]
    assert len(told(pack, "stage")) == stored[STAGE_CHANGE]
    assert len(told(pack, "notice")) == stored[NOTICE]
    first = told(pack, "stage")[0]
    assert first["gate"]["milestones"] == ["accreditation_manager_trained", "kickoff_visit"]
    assert first["evidence"]["facts"]
    mails = told(pack, "mail")
    assert mails
    assert all(each["person"] == "P1" and each["subject"] and each["text"] for each in mails)
    assert {number for each in mails for number in each["notices"]} <= {each["number"] for each in told(pack, "notice")}
    (void,) = told(pack, "fact-voided")
    assert (void["void_reason"], void["voided_by"]) == ("wrong_date", "P1")
    (moved,) = told(pack, "clock")
    assert (moved["reason"], moved["actor"], moved["reference"]) == ("funding", "P1", "D-1")
    assert [entry.name for entry in pack.entries] == sorted(entry.name for entry in pack.entries)


def test_the_head_is_noted_once_and_tells_a_pack_from_one_that_was_chained_anew(lived: Engine) -> None:
    made, again = evidence(lived, CODE), evidence(lived, CODE)
    assert archived(made.pack) == archived(again.pack)
    assert made.number == again.number == 1
    found = verified(archived(made.pack))
    assert found.sound
    with reading(lived) as connection:
        noted = noted_on(connection, found.head)
        assert noted is not None
        assert noted.date() == TODAY
        assert noted_on(connection, "0" * 64) is None
        assert connection.scalar(select(EVIDENCE_PACK.c.entries)) == len(made.pack.entries)


def test_a_pack_as_it_was_known_has_nothing_that_was_recorded_later(lived: Engine) -> None:
    then, now = evidence(lived, CODE, known_on=day(62)).pack, evidence(lived, CODE).pack
    assert told(then, "clock") == told(then, "fact-voided") == []
    assert [each["on"] for each in told(then, "stage")] == [str(day(31))]
    assert 0 < len(then.entries) < len(now.entries)
    assert all(each.content in {entry.content for entry in now.entries} for each in then.entries)
    with pytest.raises(Refused, match="has not come yet"):
        evidence(lived, CODE, as_of=day(100))
    with pytest.raises(Refused, match="enrollment"):
        evidence(lived, "A9")


def test_what_is_recorded_in_an_evening_belongs_to_the_programs_day_and_not_to_the_next(lived: Engine) -> None:
    with transaction(lived) as connection:
        clock.set_clock(connection, datetime.combine(day(100), time(3), UTC))  # still day 99 in Mexico City
        why = Because("wrong_date", TODAY, actor="P1", reference="D-2")
        resume(connection, CODE, TODAY, because=why._replace(reason="funding"))
        void_fact(connection, Wrong(CODE, "accreditation_manager_trained", day(20), None), why)
    pack = evidence(lived, CODE).pack
    assert pack.header["as_of"] == str(TODAY)
    assert [each["on"] for each in told(pack, "clock")] == [str(TODAY)] * 2
    assert [each["on"] for each in told(pack, "fact-voided")] == [str(TODAY)] * 2


def test_an_escalation_that_was_closed_on_a_day_is_not_known_the_day_before(store: Engine) -> None:
    install(store, program().policy, [case(seats=crew(without=["sme_2"]))])
    with transaction(store) as connection:
        clock.set_clock(connection, at(day(31)))
    sweep(day(31))
    with transaction(store) as connection:
        clock.set_clock(connection, at(TODAY))
        ended = {"state": EscalationState.CLOSED, "closed_on": TODAY, "closing": Closing.FILLED}
        connection.execute(update(ESCALATION).values(ended))
    before = evidence(store, CODE, known_on=day(98)).pack
    assert told(before, "escalation")
    assert not told(before, "escalation-closed")
    assert told(evidence(store, CODE).pack, "escalation-closed")
