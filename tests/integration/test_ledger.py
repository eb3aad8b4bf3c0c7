"""The ledger and why-not: every notice is accounted for, to whom and why, and what was not told can be asked about."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from models.rules.errors import Refused
from models.rules.why_not import REASONS
from models.rules.words import EmailState, Language, NoticeState, Reason
from models.schema import ASSIGNMENT, EMAIL, NOTICE, PERSON
from tasks.answers.snoozing import Snoozing, snooze
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.store.clock import stopped
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tasks.views.asked import not_told
from tasks.views.ledger import Entry, ledger, safe_cell, wanted_by, write_csv
from tests.building import case, crew, day, program
from tests.storing import NOW, install

CODE = "A1/law_enforcement_tier1"
TUESDAY = day(62)


@pytest.fixture
def kept(store: Engine, tmp_path: Path) -> Engine:
    """Two cases that stalled, mailed about on day 62. P2 is first expert of case 1; case 2 has no second expert."""
    cases = [case(seats=crew()), replace(case(seats=crew(without=["sme_2"])), id=2)]
    install(store, program().policy, cases)
    second = {"id": 2, "code": "P2", "given_names": "Eva", "surname": "Paz", "email": "e@example.org"}
    second |= {"language": Language.EN, "time_zone": "UTC", "recorded_at": NOW}
    with transaction(store) as connection:
        connection.execute(insert(PERSON), second)
        of_case = (ASSIGNMENT.c.enrollment_id == 1) & (ASSIGNMENT.c.post == "sme_1")
        connection.execute(update(ASSIGNMENT).where(of_case).values(person_id=2))
        snooze(connection, Snoozing("A2", "stage_target", "P1", day(50), "absence"), day(30))
    for number in (31, 54, 60, 62):
        sweep(day(number))
    deliver(store, FolderSender(tmp_path / "mail"), stopped(_afternoon(TUESDAY)))
    return store


def _afternoon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 15, tzinfo=UTC)


def entries(engine: Engine, **by: object) -> list[Entry]:
    with reading(engine) as connection:
        return list(ledger(connection, wanted_by(connection, **by)))  # type: ignore[arg-type]


def test_every_notice_is_accounted_for_once(kept: Engine) -> None:
    found = entries(kept)
    with reading(kept) as connection:
        assert len(found) == connection.scalar(select(func.count()).select_from(NOTICE))
    assert len({entry.notice for entry in found}) == len(found)
    assert [entry.decided_on for entry in found] == sorted(entry.decided_on for entry in found)
    outcomes = Counter((entry.outcome, entry.reason) for entry in found)
    assert {("sent", ""), ("held back", "no_recipient"), ("held back", "snoozed")} <= set(outcomes)
    for entry in found:
        assert (entry.outcome == "sent") == bool(entry.reference)
        assert entry.policy_version == 1
        assert entry.facts.startswith("{")


def test_it_names_who_was_written_to_or_else_who_held_the_post(kept: Engine) -> None:
    by_post = {(entry.enrollment, entry.post): entry.person for entry in entries(kept)}
    assert by_post[CODE, "sme_1"] == "P2"
    assert by_post[CODE, "sme_2"] == by_post["A2/law_enforcement_tier1", "sme_1"] == "P1"
    assert by_post["A2/law_enforcement_tier1", "sme_2"] == ""


def test_it_can_be_asked_for_a_person_an_enrollment_and_a_day(kept: Engine) -> None:
    everything = entries(kept)
    mine = entries(kept, person="P2")
    assert mine == [entry for entry in everything if entry.person == "P2"]
    assert {entry.enrollment for entry in mine} == {CODE}
    assert entries(kept, enrollment="A2") == [e for e in everything if e.enrollment.startswith("A2")]
    assert entries(kept, since=day(60)) == [e for e in everything if e.decided_on >= day(60)]
    assert entries(kept, person="P2", since=day(62)) == []
    with pytest.raises(Refused, match='nobody has the code "P9"'):
        entries(kept, person="P9")


@pytest.mark.parametrize(
    ("state", "email", "said"),
    [
        (NoticeState.CLAIMED, EmailState.SENDING, "on its way"), (NoticeState.CLAIMED, EmailState.UNKNOWN, "in doubt"),
        (NoticeState.SENT, EmailState.BOUNCED, "bounced"), (NoticeState.SENT, EmailState.DELIVERED, "delivered"),
    ],
)
def test_what_the_provider_said_is_told(lite: Engine, state: NoticeState, email: EmailState, said: str) -> None:
    install(lite, program().policy, [case()])
    sweep(day(31))
    sent = {"person_id": 1, "day": day(31), "kind": "digest", "state": email, "reference": "R", "address": "a"}
    sent |= {"subject": "", "text": "", "html": "", "claimed_at": NOW}
    if email is EmailState.SENDING:
        sent |= {"owner": "a run", "lease_until": NOW}
    with transaction(lite) as connection:
        key = connection.execute(insert(EMAIL).returning(EMAIL.c.id), sent).scalar_one()
        connection.execute(update(NOTICE).values(state=state, email_id=key))
    assert {entry.outcome for entry in entries(lite)} == {said}


def test_a_file_holds_all_of_it_and_no_formula(kept: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    hostile = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", *(chr(ord(sign) + 0xFEE0) + "x" for sign in "=+-@")]
    found = entries(kept)
    found += [found[0]._replace(person=cell) for cell in hostile]
    assert write_csv(found, path) == len(found)
    raw = path.read_bytes().decode("utf-8-sig")
    assert raw.startswith('"notice","decided_on"')
    rows = list(csv.DictReader(raw.splitlines(keepends=True)))
    assert [row["rule"] for row in rows] == [entry.rule for entry in found]
    assert [row["person"] for row in rows[-len(hostile):]] == [f"'{cell}" for cell in hostile]
    assert safe_cell("Núñez") == "Núñez"
    with pytest.raises(Refused, match="cannot be written"):
        write_csv(found, tmp_path / "nowhere" / "ledger.csv")


def asked(engine: Engine, person: str, on: date, enrollment: str = CODE) -> str:
    return "\n".join(sentence.text for sentence in not_told(engine, (enrollment, person), on))


def test_why_not_tells_what_was_told_that_day(kept: Engine) -> None:
    said = asked(kept, "P2", TUESDAY)
    assert "P2 was first subject matter expert on 2020-03-03." in said
    assert '"stall" did tell P2 on 2020-03-03, in email ' in said
    assert '"stall" reaches these posts on rung 1 of 3 only.' in said
    assert '"limit" had nothing to tell P2 by 2020-03-03.' in said
    assert '"limit" speaks next on ' in said
    assert 'Not addressed to these posts: "limit_passed"' in said


def test_why_not_says_that_each_is_told_once(kept: Engine) -> None:
    said = asked(kept, "P2", TUESDAY + timedelta(days=1))
    assert "told to P2 on 2020-03-03, in email " in said
    assert "each is told once" in said


@pytest.mark.parametrize(
    ("person", "on", "enrollment", "said"),
    [
        ("P2", day(61), CODE, "decided, and told on 2020-03-03, in email "),
        ("P2", day(31), CODE, "stage_target"),
        ("P1", day(31), "A2", "held back, because it was put off"),
        ("P1", day(31), "A2", "is not told to the first subject matter expert until 2020-02-20"),
        ("P2", day(62), "A2", "P2 held no post of this case on 2020-03-03: no rule could have told them."),
    ],
)
def test_why_not_says_why_not(kept: Engine, person: str, on: date, enrollment: str, said: str) -> None:
    assert said in asked(kept, person, on, enrollment)


def test_why_not_speaks_of_every_rule_there_is(kept: Engine) -> None:
    said = asked(kept, "P1", TUESDAY)
    policy = program().policy
    names = [each.rule for each in policy.reminders] + [each.rule for each in policy.duties]
    for name in names + [each.rule for each in policy.escalations]:
        assert f'"{name}"' in said


def test_why_not_of_a_case_that_ended(kept: Engine) -> None:
    from tasks.store.records import NewFact, record_facts

    with transaction(kept) as connection:
        record_facts(connection, [NewFact(CODE, "withdrawn", day(62))], day(62))
    sweep(day(62))
    assert "It is withdrawn since 2020-03-03" in asked(kept, "P2", day(63))


def test_every_reason_has_its_words() -> None:
    assert set(REASONS) == set(Reason)
