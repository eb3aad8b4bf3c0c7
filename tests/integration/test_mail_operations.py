"""What operators do about mail, backups that come back, and contacts that no mail reaches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from models.rules.errors import Refused
from models.rules.words import Closing, EmailState, NoticeState, Reason, Undeliverable, Verdict
from models.schema import EMAIL, ENROLLMENT, ESCALATION, INSTALLATION, NOTICE, PERSON
from tasks.mail.fake_sendgrid.provider import KEY, Options
from tasks.mail.fake_sendgrid.server import FakeSendGrid
from tasks.mail.fake_sendgrid.server import serving as serving_sendgrid
from tasks.mail.outbox.restored import held_back, let_go
from tasks.mail.outbox.settling import open_again, settle_email, unsettled
from tasks.mail.outbox.shift import Delivery
from tasks.mail.senders import sendgrid_log
from tasks.mail.senders.sendgrid import SendGridSender
from tasks.mail.senders.sendgrid_lists import Listed
from tasks.mail.suppressions import Polled, poll, take_in
from tasks.store.backups import backup, restore
from tasks.store.database import engine_of, reading, transaction
from tasks.sweep import sweep
from tests.integration.test_deliver import MINUTE, MONDAY, NOW, Desk, at, desk, quick, serving, to
from tests.mailing import loopback

__all__ = ["desk", "quick"]
TUESDAY = MONDAY + timedelta(days=1)


def in_doubt(desk: Desk) -> None:
    """Leave an email that nobody can know about to the operator."""
    desk.notice()
    with serving(500) as provider:
        sender = provider.sender()
        sender.log = None
        for minutes in range(0, 60, 2):
            desk.run(NOW + minutes * MINUTE, sender)
    assert desk.emails() == [EmailState.HELD]


@pytest.mark.parametrize(
    ("verdict", "email", "notice", "sent"),
    [
        (Verdict.SENT, EmailState.SENT, NoticeState.SENT, 0),
        (Verdict.RESEND, EmailState.SENT, NoticeState.SENT, 1),
        (Verdict.DROP, EmailState.CANCELLED, Reason.BY_OPERATOR, 0),
    ],
)
def test_an_operator_settles_what_nobody_can_know(
    desk: Desk, verdict: Verdict, email: EmailState, notice: str, sent: int
) -> None:
    in_doubt(desk)
    with reading(desk.engine) as connection:
        (listed,) = unsettled(connection)
    with transaction(desk.engine) as connection:
        assert settle_email(connection, listed.id, verdict, actor="OP-1", now=NOW).was is EmailState.HELD
    assert desk.run(NOW + timedelta(hours=2)) == Delivery(sent=sent)
    assert (desk.emails(), desk.notices()) == ([email], [notice])
    assert any("by OP-1" in what for _, what, _ in desk.incidents())


def test_a_dead_email_goes_out_once_its_address_is_right(quick: Desk) -> None:
    quick.person(2, "sme_1", email="nobody")
    quick.notice()
    assert quick.run() == Delivery(dead=1)
    quick.change(PERSON, PERSON.c.id == 2, email="somebody@example.org")
    with transaction(quick.engine) as connection:
        settle_email(connection, 1, Verdict.RESEND, actor="OP-1", now=NOW)
    assert quick.run(NOW + timedelta(hours=1)) == Delivery(sent=1)
    assert [to(message) for message in quick.mail()] == ["somebody@example.org"]


def test_what_needs_no_settling_is_refused(quick: Desk) -> None:
    quick.notice()
    quick.run()
    for number, said in ((1, "1 is sent"), (7, "7 is none")):
        with transaction(quick.engine) as connection, pytest.raises(Refused, match=said):
            settle_email(connection, number, Verdict.SENT, actor="OP-1", now=NOW)


def test_a_refused_key_stops_all_runs_until_a_probe_or_an_operator(desk: Desk) -> None:
    for number, post in enumerate(("sme_1", "sme_2", "accreditation_manager"), 2):
        desk.notice(post=post)
        desk.person(number, post)
    with serving(401) as provider:
        desk.run(NOW, provider.sender())
        tried = len(provider.mail())
        assert desk.run(NOW + MINUTE, provider.sender()) == Delivery(), "nothing is claimed"
        assert len(provider.mail()) == tried
        assert desk.run(NOW + 6 * MINUTE, provider.sender()) == Delivery(later=1), "one goes first"
        assert len(provider.mail()) == tried + 1
    with transaction(desk.engine) as connection:
        assert open_again(connection) == ["sendgrid"]
    with serving(202) as provider:
        assert desk.run(NOW + 7 * MINUTE, provider.sender()) == Delivery(sent=3)


# Copies that come back


def test_after_a_restore_nothing_goes_out_twice(quick: Desk, tmp_path: Path) -> None:
    quick.notice()
    assert quick.run() == Delivery(sent=1)
    waits = quick.notice("window_closes")
    copy = tmp_path / "copy.db"
    assert backup(quick.engine, copy) > 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert quick.run(at(18, on=TUESDAY)) == Delivery(sent=1)
    assert len(quick.mail()) == 2

    quick.engine.dispose()
    aside = restore(quick.engine, copy)
    assert aside is not None
    quick.engine = engine_of()
    later = at(19, on=TUESDAY)
    assert quick.run(later) == Delivery(), "it may have gone out"
    assert quick.notices() == [NoticeState.SENT, Reason.RESTORED]
    decided_again = quick.notice("limit", "sme_2", recorded_at=datetime.now(UTC) + timedelta(days=4000))
    assert quick.run(later) == Delivery(), "what the sweep decides again may have gone out too"
    with reading(quick.engine) as connection:
        assert held_back(connection) == 2
    with transaction(quick.engine) as connection, pytest.raises(Refused, match="not followed by a sweep"):
        let_go(connection, drop=False)
    quick.change(INSTALLATION, last_swept_on=TUESDAY)
    with transaction(quick.engine) as connection:
        assert let_go(connection, drop=True) == 2
    assert quick.run(at(19, on=TUESDAY + timedelta(days=1))) == Delivery()
    assert waits != decided_again
    assert len(quick.mail()) == 2


def test_a_copy_from_after_the_last_mail_goes_on_as_if_nothing_had_been(quick: Desk, tmp_path: Path) -> None:
    quick.notice()
    assert quick.run() == Delivery(sent=1)
    quick.notice("window_closes")
    backup(quick.engine, tmp_path / "copy.db")
    quick.engine.dispose()
    restore(quick.engine, tmp_path / "copy.db")
    quick.engine = engine_of()
    assert quick.run(at(18, on=TUESDAY)) == Delivery(sent=1)


def test_a_backup_replaces_nothing_and_a_damaged_one_is_not_restored(lite: Engine, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(Refused, match="is there already"):
        backup(lite, tmp_path / "there")
    for content in (b"", b"SQLite format 3\0" + b"x" * 5000):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(Refused, match="no sound copy"):
            restore(lite, tmp_path / "broken")
    with sqlite3.connect(str(lite.url.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# Contacts that no mail reaches


def listed(by: Undeliverable, when: datetime = NOW + MINUTE) -> list[Listed]:
    return [Listed("p2@example.org", by, when)]


def taken_in(desk: Desk, rows: list[Listed], now: datetime = NOW + timedelta(hours=1)) -> Polled:
    with transaction(desk.engine) as connection:
        return take_in(connection, rows, now)


@pytest.mark.parametrize("by", list(Undeliverable))
def test_what_bounced_goes_to_the_next_contact_once(desk: Desk, by: Undeliverable) -> None:
    desk.person(2, "sme_1")
    desk.person(3, "sme_2")
    desk.notice()
    assert desk.run() == Delivery(sent=1)
    assert taken_in(desk, listed(by)) == Polled(people=1, notices=1)
    assert taken_in(desk, listed(by)) == Polled(), "the windows overlap"
    assert desk.emails() == [EmailState.BOUNCED]
    desk.change(ENROLLMENT, next_review_on=None)
    assert desk.run(NOW + timedelta(hours=2)) == Delivery(sent=1)
    assert [to(message) for message in desk.mail()] == ["p2@example.org", "p3@example.org"]
    assert desk.notices() == [NoticeState.SENT]


def test_an_unreachable_contact_escalates_until_there_is_a_new_address(quick: Desk) -> None:
    quick.person(2, "sme_1")
    quick.notice()
    quick.run()
    taken_in(quick, listed(Undeliverable.BOUNCE))
    sweep(MONDAY)
    (rule,) = [row for row in quick.rows(ESCALATION, "rule", "occurrence", "anchor_on") if row[1] == "sme_1"]
    assert rule == ("unreachable_contact", "sme_1", MONDAY)
    told = [post for rule, post in quick.rows(NOTICE, "rule", "post") if rule == "unreachable_contact"]
    assert told == ["regional_manager"]
    quick.change(PERSON, PERSON.c.id == 2, email="new@example.org", undeliverable_since=None, undeliverable_by=None)
    taken_in(quick, [], NOW + timedelta(days=1))
    sweep(TUESDAY)
    closed = [why for name, why in quick.rows(ESCALATION, "rule", "closing") if name == "unreachable_contact"]
    assert closed == [Closing.REACHABLE]


def test_a_listed_address_that_is_nobodys_changes_nothing(quick: Desk) -> None:
    assert taken_in(quick, [Listed("x@example.org", Undeliverable.SPAM_REPORT, NOW)]) == Polled()
    assert quick.rows(PERSON, "undeliverable_since") == [(None,)]


# What arrived


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSendGrid]:
    """A provider that the settings name."""
    with serving_sendgrid(Options()) as fake:
        for name, value in {"MAIL": "sendgrid", "SENDGRID_HOST": fake.url, "SENDGRID_API_KEY": KEY}.items():
            monkeypatch.setenv(f"ACREDITA_{name}", value)
        yield fake


def sent_today(desk: Desk, fake: FakeSendGrid) -> None:
    """Send two people a mail each, which the provider dates by its own clock."""
    desk.person(2, "sme_1")
    desk.person(3, "sme_2")
    desk.notice()
    desk.notice(post="sme_2")
    with closing(SendGridSender(loopback(fake.url))) as sender:
        assert desk.run(NOW, sender).sent == len(fake.taken)
    desk.change(EMAIL, claimed_at=datetime.now(UTC))


def test_what_the_log_says_arrived_is_delivered_until_it_bounces(desk: Desk, provider: FakeSendGrid) -> None:
    sent_today(desk, provider)
    provider.suppress("bounces", "p2@example.org")
    provider.suppressed["bounces"][0]["created"] -= 30 * 86400  # before all that is looked at
    assert poll(desk.engine) == Polled(delivered=1), "the log says of the other that it bounced"
    assert sorted(desk.emails()) == [EmailState.DELIVERED, EmailState.SENT]
    assert poll(desk.engine) == Polled(), "once"
    provider.suppress("bounces", "p3@example.org")
    assert poll(desk.engine) == Polled(people=1, notices=1)
    assert sorted(desk.emails()) == [EmailState.BOUNCED, EmailState.SENT]


@pytest.mark.parametrize("closed", [{"log_open": False}, {"log_script": "500"}, {"log_script": "garbage"}])
def test_mail_stays_sent_where_the_log_does_not_say(
    quick: Desk, provider: FakeSendGrid, closed: dict[str, Any]
) -> None:
    sent_today(quick, provider)
    provider.change(**closed)
    assert poll(quick.engine) == Polled()
    assert quick.emails() == [EmailState.SENT] * 2


def test_a_log_that_shows_only_so_many_rows_is_asked_for_halves(
    quick: Desk, provider: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.person(4, "accreditation_manager")
    quick.notice(post="accreditation_manager")
    sent_today(quick, provider)
    for number, seconds in enumerate((2700, 1000)):
        provider.taken[number] = replace(provider.taken[number], at=provider.taken[number].at - seconds)
    monkeypatch.setattr(sendgrid_log, "MOST_ROWS", 2)
    assert poll(quick.engine) == Polled(delivered=3)
    assert 3 < provider.asked["logs 202"] < sendgrid_log.MOST_ASKED
