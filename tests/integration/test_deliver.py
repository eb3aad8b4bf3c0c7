"""Delivery on both databases: each notice once, to the right person, at a decent hour, whatever fails in between."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select, update

from models.rules.delivery import Next
from models.rules.letter import Letter, Message
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from models.rules.words import EmailKind, EmailState, Language, NoticeState, Post, Reason, Subject
from models.schema import ASSIGNMENT, EMAIL, ENROLLMENT, INCIDENT, INSTALLATION, NOTICE, PERSON
from models.settings import Settings
from tasks.mail import deliver as delivering
from tasks.mail.deliver import deliver, rehearse
from tasks.mail.outbox import presence as presences
from tasks.mail.outbox.results import become
from tasks.mail.outbox.shift import Delivery
from tasks.mail.rendering import render
from tasks.mail.senders.folder import FolderSender
from tasks.mail.senders.protocol import Outgoing, Result
from tasks.mail.senders.sendgrid import SendGridSender
from tasks.store.clock import Watch
from tasks.store.database import reading, transaction
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tests.building import case, crew, day, document, program
from tests.storing import install

MONDAY = date(2020, 3, 2)
ANCHORS = {"limit": date(2023, 1, 1), "window_closes": date(2023, 1, 1)}
"""What a reminder of case 1 to 3 is about: on another date `decide` would take it back."""
LEASE = Settings().times.lease
WAITS_UNTIL = date(2020, 12, 31)
"""The next review of a case about which nothing new can be said meanwhile."""


def at(hour: int, minute: int = 0, *, on: date = MONDAY) -> datetime:
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=UTC)


NOW = at(18)
"""Noon in Mexico City."""
MEXICO = ZoneInfo("America/Mexico_City")


class Desk:
    """A program with cases 1 to 3, six people of their own for the posts, and a folder that mail goes to."""

    def __init__(self, engine: Engine, folder: Path, policy: Policy | None = None) -> None:
        self.engine, self.folder, self.sender = engine, folder, FolderSender(folder)
        cases = [replace(case(seats=crew(without=["head"])), id=n) for n in (1, 2, 3)]
        install(engine, policy or program().policy, cases)
        self.change(ENROLLMENT, next_review_on=WAITS_UNTIL)
        self.change(PERSON, time_zone="America/Mexico_City")

    def change(self, target: Any, where: Any = None, **values: Any) -> None:
        change = update(target).values(**values)
        with transaction(self.engine) as connection:
            connection.execute(change if where is None else change.where(where))

    def person(self, number: int, post: str | None = None, **more: Any) -> None:
        """Add a person and give them a post of case 1, or of its region or program, in place of whoever is in it."""
        row = {
            "id": number, "code": f"P{number}", "given_names": f"Name{number}", "surname": "Paz",
            "email": f"p{number}@example.org", "language": Language.ES_MX, "time_zone": "America/Mexico_City",
            "recorded_at": NOW,
        }
        with transaction(self.engine) as connection:
            connection.execute(insert(PERSON), row | more)
        if post is not None:
            self.change(ASSIGNMENT, (ASSIGNMENT.c.post == post) & self.of_case_1(), person_id=number)

    @staticmethod
    def of_case_1() -> Any:
        a = ASSIGNMENT.c
        return (a.enrollment_id.is_(None) | (a.enrollment_id == 1)) & (a.agency_id.is_(None) | (a.agency_id == 1))

    def notice(self, rule: str = "limit", post: str = "sme_1", **more: Any) -> int:
        """Store a pending notice, as a sweep does."""
        row = {
            "subject_kind": Subject.ENROLLMENT, "subject_id": 1, "rule": rule, "occurrence": "30",
            "anchor_on": ANCHORS.get(rule, day(1000)), "post": Post(post), "template": rule,
            "planned_for": MONDAY, "decided_on": MONDAY,
            "state": NoticeState.PENDING, "facts": {}, "policy_version_id": 1, "recorded_at": NOW,
        }
        with transaction(self.engine) as connection:
            return int(connection.execute(insert(NOTICE).returning(NOTICE.c.id), row | more).scalar_one())

    def escalated(self, post: str = "sme_1", **more: Any) -> int:
        return self.notice("stall", post, **({"occurrence": "onboarding/1.0", "facts": {"rung": 1}} | more))

    def run(self, now: datetime = NOW, sender: Any = None) -> Delivery:
        """Deliver while every clock shows one instant."""
        seconds = (now - NOW).total_seconds()
        return deliver(self.engine, sender or self.sender, Watch(lambda: now, lambda: seconds, "here"))

    def mail(self) -> list[EmailMessage]:
        paths = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def rows(self, target: Any, *names: str) -> list[tuple[Any, ...]]:
        query = select(*(target.c[name] for name in names)).order_by(target.c.id)
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def notices(self) -> list[Any]:
        """Return each notice's state, or the reason it was held back."""
        return [reason or state for state, reason in self.rows(NOTICE, "state", "reason")]

    def emails(self) -> list[EmailState]:
        return [state for (state,) in self.rows(EMAIL, "state")]

    def incidents(self) -> list[tuple[Any, ...]]:
        return self.rows(INCIDENT, "subject", "what", "times")


def to(message: EmailMessage) -> str:
    return str(message["To"].addresses[0].addr_spec)


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").strip()


@pytest.fixture
def desk(store: Engine, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path / "mail")


@pytest.fixture
def quick(lite: Engine, tmp_path: Path) -> Desk:
    """A desk on SQLite alone, for what no database has a say in."""
    return Desk(lite, tmp_path / "mail")


# Gathering


def test_one_email_carries_all_of_a_persons_notices_of_a_kind(desk: Desk) -> None:
    for subject in (1, 2, 3):
        desk.notice(subject_id=subject)
        desk.notice("window_closes", "sme_2", subject_id=subject)
    desk.escalated()
    desk.escalated("sme_2", subject_id=2)
    assert desk.run() == Delivery(sent=2)
    assert desk.notices() == [NoticeState.SENT] * 8
    by_kind = {kind: (reference, text) for kind, reference, text in desk.rows(EMAIL, "kind", "reference", "text")}
    assert set(by_kind) == {EmailKind.DIGEST, EmailKind.ESCALATION}
    digest, escalation = by_kind[EmailKind.DIGEST][1], by_kind[EmailKind.ESCALATION][1]
    assert all(f"A{n}/law_enforcement_tier1" in digest for n in (1, 2, 3))
    assert "A3/law_enforcement_tier1" not in escalation
    assert {text_of(message) for message in desk.mail()} == {digest.strip(), escalation.strip()}
    assert all(any(reference in message["Subject"] for reference, _ in by_kind.values()) for message in desk.mail())
    carried = Counter(email_id for (email_id,) in desk.rows(NOTICE, "email_id"))
    assert sorted(carried.values()) == [2, 6]


def test_a_dated_duty_goes_with_a_calendar_and_again_with_a_later_attempt(quick: Desk) -> None:
    quick.notice()
    quick.escalated()
    with serving(500) as provider:
        quick.run(NOW, provider.sender())
    digest, stall = (calendar for (calendar,) in quick.rows(EMAIL, "calendar"))
    assert "DTSTART;VALUE=DATE:20230101" in digest
    assert stall is None
    attached = [document.get("attachments") for document in provider.asked]
    assert sorted(bool(files) for files in attached) == [False, True]


def test_each_person_gets_their_own(quick: Desk) -> None:
    posts = ("sme_1", "sme_2", "accreditation_manager", "regional_manager", "director")
    for number, post in enumerate(posts, 2):
        quick.person(number, post)
        quick.notice(post=post)
    assert quick.run() == Delivery(sent=5)
    assert {to(message) for message in quick.mail()} == {f"p{n}@example.org" for n in range(2, 7)}


def test_a_second_run_sends_nothing(desk: Desk) -> None:
    desk.notice()
    assert desk.run() == Delivery(sent=1)
    assert desk.run() == desk.run(NOW + timedelta(days=1)) == Delivery()
    assert len(desk.mail()) == 1


def test_two_runs_at_once_send_each_once(desk: Desk) -> None:
    for number in range(2, 12):
        desk.person(number, "sme_1" if number == 2 else None)
    a = ASSIGNMENT.c
    for subject, number in ((1, 2), (2, 3), (3, 4)):
        desk.change(ASSIGNMENT, (a.enrollment_id == subject) & (a.post == "sme_1"), person_id=number)
        desk.notice(subject_id=subject)
        desk.notice("window_closes", subject_id=subject)
        desk.escalated(subject_id=subject)
    with serving() as provider, ThreadPoolExecutor(4) as pool:
        senders = [provider.sender() for _ in range(4)]
        done = list(pool.map(lambda sender: desk.run(NOW, sender), senders))
    assert sum(each.sent for each in done) == 6
    assert len(provider.asked) == 6
    assert set(desk.notices()) == {NoticeState.SENT}


def test_a_dry_run_says_the_same_and_claims_nothing(quick: Desk) -> None:
    quick.notice()
    quick.notice("window_closes", subject_id=2)
    (found,) = rehearse(quick.engine, NOW)
    assert (found["kind"], found["notices"], len(found["enrollments"])) == ("digest", 2, 2)
    assert quick.notices() == [NoticeState.PENDING] * 2
    assert quick.emails() == []
    assert not quick.folder.exists()


# When


@pytest.mark.parametrize(
    ("zone", "instant", "goes_out"),
    [
        ("America/Cancun", at(13, 40), True),  # 08:40, when everybody's morning has begun
        ("America/Cancun", at(12, 59), False),
        ("America/Cancun", at(23), False),  # 18:00 is over
        ("America/Tijuana", at(13), False),  # 05:00
        ("America/Tijuana", at(16, 40), True),  # 08:40, winter
        ("America/Tijuana", at(15, 40, on=date(2020, 3, 10)), True),  # 08:40: changed on 8 March with California
        ("America/Mexico_City", at(13, 59, on=date(2020, 3, 10)), False),  # not yet: they change here on 5 April
        ("America/Tijuana", at(0, 30, on=date(2020, 3, 3)), True),  # 16:30 of Monday, while UTC has Tuesday
        ("America/Mexico_City", at(18, on=date(2020, 3, 7)), False),  # Saturday
        ("America/Mexico_City", at(18, on=date(2020, 3, 8)), False),  # Sunday
        ("America/Tijuana", at(1, 30, on=date(2020, 3, 7)), True),  # Friday 17:30 there, Friday 19:30 at the program's
        ("America/Mexico_City", at(1, 30, on=date(2020, 3, 7)), False),
    ],
)
def test_mail_waits_for_the_persons_own_working_hours(
    quick: Desk, zone: str, instant: datetime, goes_out: bool  # noqa: FBT001 - a column of the table
) -> None:
    quick.person(2, "sme_1", time_zone=zone)
    quick.notice()
    assert quick.run(instant) == Delivery(sent=int(goes_out))
    assert quick.notices() == [NoticeState.SENT if goes_out else NoticeState.PENDING]
    quick.run(at(18, on=MONDAY + timedelta(days=14)))  # the third Monday of March: nobody works
    assert quick.notices() == [NoticeState.SENT if goes_out else NoticeState.PENDING]
    quick.run(at(18, on=MONDAY + timedelta(days=15)))
    assert quick.notices() == [NoticeState.SENT]


def test_who_sleeps_holds_up_nobody_else(quick: Desk) -> None:
    quick.person(2, "sme_1", time_zone="America/Tijuana")
    quick.person(3, "sme_2", time_zone="America/Cancun")
    quick.notice()
    quick.notice(post="sme_2")
    assert quick.run(at(14)) == Delivery(sent=1)
    assert [to(message) for message in quick.mail()] == ["p3@example.org"]
    assert quick.run(at(16, 40)) == Delivery(sent=1)


def test_a_notice_of_a_later_day_waits_for_it(quick: Desk) -> None:
    quick.notice(planned_for=MONDAY + timedelta(days=1))
    assert quick.run() == Delivery()
    assert quick.run(NOW + timedelta(days=1)) == Delivery(sent=1)


def test_whoever_had_mail_today_gets_the_rest_tomorrow(desk: Desk) -> None:
    desk.notice()
    assert desk.run() == Delivery(sent=1)
    desk.notice("window_closes")
    desk.escalated()
    assert desk.run(NOW + timedelta(hours=1)) == Delivery(sent=1), "the escalation alone: it is of another kind"
    assert Counter(desk.notices()) == {NoticeState.SENT: 2, NoticeState.PENDING: 1}
    assert desk.run(NOW + timedelta(days=1)) == Delivery(sent=1)
    assert Counter(desk.notices()) == {NoticeState.SENT: 3}


def test_a_case_that_is_due_again_is_not_written_about_before_its_sweep(desk: Desk) -> None:
    desk.notice()
    desk.notice(subject_id=2)
    with transaction(desk.engine) as connection:
        record_facts(connection, [NewFact("A1", "withdrawn", MONDAY)], MONDAY)
    assert desk.run() == Delivery(sent=1)
    assert desk.notices() == [NoticeState.PENDING, NoticeState.SENT]
    sweep(MONDAY)
    assert desk.notices()[0] == Reason.CASE_ENDED
    assert desk.run(NOW + timedelta(days=1)) == Delivery()


def test_a_notice_cancelled_between_gathering_and_claiming_is_not_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = desk.notice(), desk.notice("window_closes")
    # Rendering stands between the two, outside any transaction: a sweep can come in here.
    monkeypatch.setattr(delivering, "render", _after(render, lambda: _cancel(desk, [first])))
    assert desk.run() == Delivery()
    assert desk.notices() == [Reason.DEADLINE_MOVED, NoticeState.PENDING]
    assert desk.emails() == []
    monkeypatch.undo()
    assert desk.run() == Delivery(sent=1)
    assert len(desk.mail()) == 1


# To whom


@pytest.mark.parametrize(("language", "word"), [(Language.ES_MX, "Usted recibe"), (Language.EN, "You receive")])
def test_a_person_is_written_to_in_their_language(quick: Desk, language: Language, word: str) -> None:
    quick.person(2, "sme_1", language=language)
    quick.notice()
    quick.run()
    (message,) = quick.mail()
    assert word in text_of(message)


def test_a_vacant_post_holds_its_notice_back_with_the_reason(desk: Desk) -> None:
    desk.notice(post="head")
    desk.notice()
    assert desk.run() == Delivery(sent=1, nobody=1)
    assert desk.notices() == [Reason.NO_RECIPIENT, NoticeState.SENT]
    assert desk.rows(NOTICE, "state")[0] == (NoticeState.SUPPRESSED,)


def test_who_left_is_not_written_to_and_the_successor_is(desk: Desk) -> None:
    a = ASSIGNMENT.c
    desk.person(2, "sme_1")
    desk.person(3)
    desk.notice()
    mine = (a.post == "sme_1") & (a.enrollment_id == 1)
    desk.change(ASSIGNMENT, mine, until=MONDAY - timedelta(days=1))
    seat = {"person_id": 3, "post": Post.SME_1, "enrollment_id": 1, "since": MONDAY, "recorded_at": NOW}
    with transaction(desk.engine) as connection:
        connection.execute(insert(ASSIGNMENT), seat)
    assert desk.run() == Delivery(sent=1)
    assert [to(message) for message in desk.mail()] == ["p3@example.org"]


def test_the_last_day_in_a_post_is_still_in_it(quick: Desk) -> None:
    quick.change(ASSIGNMENT, ASSIGNMENT.c.post == "sme_1", until=MONDAY)
    quick.notice()
    quick.notice("window_closes", planned_for=MONDAY + timedelta(days=1))
    assert quick.run() == Delivery(sent=1)
    assert quick.run(NOW + timedelta(days=1)) == Delivery(nobody=1)


def test_an_address_that_no_mail_can_carry_is_told_of_once(quick: Desk) -> None:
    quick.person(2, "sme_1", email="nobody")
    quick.notice()
    quick.notice(post="sme_2")
    assert quick.run() == Delivery(sent=1, dead=1)
    assert sorted(quick.notices()) == [NoticeState.SENT, Reason.UNDELIVERABLE]
    ((subject, what, _),) = quick.incidents()
    number = subject.removeprefix("email ")
    assert what == (
        "dead: no mail can carry its address or its text (400)."
        f" Correct it, then `acredita settle {number} resend`, or `drop`"
    )
    assert quick.run(NOW + timedelta(days=1)) == Delivery()
    assert "nobody" not in repr(quick.incidents())


# What fails


def test_a_template_that_fails_stops_its_own_notices_only(desk: Desk) -> None:
    desk.notice(template="unheard_of")
    desk.notice("window_closes")
    desk.notice(post="sme_2", subject_id=2)
    desk.person(2, "sme_2")
    desk.escalated()
    first = desk.run()
    assert (first.sent, first.dead) == (2, 1), "the others of the same letter go at once"
    assert desk.notices()[0] == Reason.UNDELIVERABLE
    ((subject, what, times),) = desk.incidents()
    assert (subject, times) == ("template unheard_of", 1)
    assert "unheard_of" in what
    assert set(desk.notices()[1:]) == {NoticeState.SENT}


class Dies:
    """A sender with which the whole run dies: before the message is out, or after."""

    def __init__(self, inner: FolderSender | SendGridSender, *, after: bool) -> None:
        self.inner, self.after = inner, after
        self.name, self.log = inner.name, inner.log

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        if self.after:
            self.inner.send(outgoing, now)
        os._exit(9)


def dies_delivering(desk: Desk, sender: Dies) -> None:
    desk.engine.dispose()
    dying = get_context("fork").Process(target=desk.run, args=(NOW, sender))
    dying.start()
    dying.join(30)
    assert dying.exitcode == 9
    assert desk.emails() == [EmailState.SENDING]
    assert desk.notices() == [NoticeState.CLAIMED]


forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@forks
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_died_is_sent_again_to_the_same_file(desk: Desk, after: bool) -> None:  # noqa: FBT001 - of the table
    desk.notice()
    dies_delivering(desk, Dies(desk.sender, after=after))
    assert len(desk.mail()) == int(after)
    assert desk.run(NOW + LEASE - timedelta(seconds=1)) == Delivery(), "it may still be at it"
    found = Delivery(unknown=1, found=1) if after else Delivery(unknown=1, sent=1)
    assert desk.run(NOW + LEASE + timedelta(seconds=1)) == found
    assert desk.run(NOW + 3 * LEASE) == Delivery()
    assert len(desk.mail()) == 1
    assert (desk.emails(), desk.notices()) == ([EmailState.SENT], [NoticeState.SENT])


@forks
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_died_at_the_provider_leaves_a_doubt(desk: Desk, after: bool) -> None:  # noqa: FBT001
    desk.notice()
    with serving() as provider:
        dies_delivering(desk, Dies(provider.sender(), after=after))
        assert len(provider.mail()) == int(after)
        assert desk.run(NOW + LEASE - timedelta(seconds=1), provider.sender()) == Delivery()
        for minutes in (2, 6, 60):
            desk.run(NOW + timedelta(minutes=minutes), provider.sender())
        assert len(provider.mail()) == int(after), "nobody knows whether it was taken, and the log cannot be read"
    assert (desk.emails(), desk.notices()) == ([EmailState.UNKNOWN], [NoticeState.CLAIMED])
    assert desk.incidents() == []


class Provider:
    """What a loopback server answers in turn, the last of it from then on, and what it was asked."""

    def __init__(self, url: str, statuses: Sequence[int]) -> None:
        self.url, self.statuses = url, list(statuses)
        self.asked: list[dict[str, Any]] = []

    def sender(self) -> SendGridSender:
        key = SecretStr("SG.not-a-real-key")
        return SendGridSender(Settings(sendgrid_host=self.url, sendgrid_api_key=key, mail_timeout_seconds=5))

    def mail(self) -> list[dict[str, Any]]:
        return [document for document in self.asked if "personalizations" in document]

    def answer(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextlib.contextmanager
def serving(*statuses: int) -> Iterator[Provider]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            provider.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(provider.answer())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}", statuses or (202,))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


BARRED = "barred: 401. Mend the key or the account, then `acredita resume-mail`"


@pytest.mark.parametrize(("status", "told"), [(429, []), (401, [("sender sendgrid", BARRED, 1)])])
def test_what_was_certainly_not_taken_is_written_anew_under_its_reference(
    desk: Desk, status: int, told: list[tuple[str, str, int]]
) -> None:
    desk.notice()
    with serving(status, status, 202) as provider:
        sender = provider.sender()
        assert desk.run(NOW, sender) == Delivery(later=1)
        assert (desk.emails(), desk.notices()) == ([EmailState.PENDING], [NoticeState.PENDING])
        assert desk.run(NOW + timedelta(minutes=10), sender) == Delivery(later=1)
        assert desk.run(at(3), sender) == Delivery(), "it waits for working hours like any other"
        assert desk.run(NOW + timedelta(days=1), sender) == Delivery(sent=1)
        assert desk.run(NOW + timedelta(days=1), sender) == Delivery()
    first, second, third = provider.asked
    assert first == second
    assert first["personalizations"] == third["personalizations"], "the reference stays"
    assert first["content"] != third["content"], "what it says is of the day on which it goes out"
    assert (desk.emails(), desk.notices()) == ([EmailState.SENT], [NoticeState.SENT])
    assert desk.rows(EMAIL, "attempt", "failures", "day") == [(3, 0, MONDAY + timedelta(days=1))]
    assert desk.incidents() == told


@pytest.mark.parametrize("recorded", ["withdrawn", "swept"])
def test_what_waits_to_be_sent_again_is_cancelled_with_its_case(desk: Desk, recorded: str) -> None:
    """The sweep came by while the mail was on its way, or comes by while it waits."""
    desk.notice()

    def withdraw() -> None:
        with transaction(desk.engine) as connection:
            record_facts(connection, [NewFact("A1", "withdrawn", MONDAY)], MONDAY)
        sweep(MONDAY)

    with serving(429, 202) as provider:
        sender = provider.sender()
        if recorded == "swept":
            sender.send = _after(sender.send, withdraw)  # type: ignore[method-assign]  # a sweep while it is on its way
        assert desk.run(NOW, sender) == Delivery(later=1)
        if recorded == "withdrawn":
            withdraw()
        assert desk.run(NOW + timedelta(minutes=10), provider.sender()).sent == 0
        sweep(MONDAY)
        desk.run(NOW + timedelta(minutes=20), provider.sender())
    assert len(provider.mail()) == 1
    assert (desk.emails(), desk.notices()) == ([EmailState.CANCELLED], [Reason.CASE_ENDED])
    assert desk.rows(EMAIL, "note") == [("case_ended",)]


@pytest.mark.parametrize(("status", "why"), [(400, "its address or its text (400)"), (413, "larger than the provider")])
def test_refused_for_good_is_dead_and_told_of(quick: Desk, status: int, why: str) -> None:
    quick.notice()
    with serving(status) as provider:
        assert quick.run(NOW, provider.sender()) == Delivery(dead=1)
        assert quick.run(NOW + timedelta(days=1), provider.sender()) == Delivery()
    assert len(provider.asked) == 1
    assert (quick.emails(), quick.notices()) == ([EmailState.DEAD], [Reason.UNDELIVERABLE])
    (told,) = [what for _, what, _ in quick.incidents()]
    assert why in told
    assert told.endswith("`acredita settle 1 resend`, or `drop`")


MINUTE = timedelta(minutes=1)


def test_without_a_log_the_same_goes_out_again_after_the_settle_time_and_is_told_of(desk: Desk) -> None:
    desk.notice()
    with serving(500, 500, 202) as provider:
        sender = provider.sender()
        sender.log = None
        assert desk.run(NOW, sender) == Delivery(unknown=1)
        assert desk.run(NOW + 14 * MINUTE, sender) == Delivery()
        assert desk.run(NOW + 16 * MINUTE, sender) == Delivery(again=1)
        assert desk.run(NOW + 17 * MINUTE, sender) == Delivery(unknown=1)
        assert desk.run(NOW + 34 * MINUTE, sender) == Delivery(again=1)
        assert desk.run(NOW + 36 * MINUTE, sender) == Delivery(sent=1)
    assert len(provider.mail()) == 3
    assert len({str(document["personalizations"]) for document in provider.mail()}) == 1, "one reference"
    assert [(what[:18], times) for _, what, times in desk.incidents()] == [("possible duplicate", 2)]
    assert desk.rows(EMAIL, "state", "again") == [(EmailState.SENT, 2)]


def test_in_doubt_an_email_goes_again_alone_and_what_is_new_waits_for_the_next_day(desk: Desk) -> None:
    """Whoever got the first copy may never be shown the second: a mail server drops what it knows by Message-ID."""
    desk.notice()
    with serving(500, 202) as provider:
        sender = provider.sender()
        sender.log = None
        desk.run(NOW, sender)
        assert desk.run(NOW + 16 * MINUTE, sender) == Delivery(again=1)
        desk.notice("window_closes")
        assert desk.run(NOW + 20 * MINUTE, sender) == Delivery(sent=1)
        assert desk.notices() == [NoticeState.SENT, NoticeState.PENDING]
        assert desk.run(NOW + timedelta(days=1), sender) == Delivery(sent=1)
    first, second, third = provider.mail()
    assert first["personalizations"] == second["personalizations"] != third["personalizations"]
    assert desk.rows(EMAIL, "state", "again") == [(EmailState.SENT, 1), (EmailState.SENT, 0)]


def test_two_emails_in_doubt_of_one_person_each_go_again_under_their_own_reference(desk: Desk) -> None:
    """Merged into one of them, the other's second copy would look like a first."""
    desk.notice()
    with serving(500, 500, 202) as provider:
        sender = provider.sender()
        sender.log = None
        desk.run(NOW, sender)
        desk.change(EMAIL, vigil={})  # the machine was started anew, and counts anew
        desk.notice("window_closes")
        for minutes in (0, 16, 20):  # the first goes back too, and may not go out on the second's day
            desk.run(NOW + timedelta(days=1, minutes=minutes), sender)
        desk.run(NOW + timedelta(days=2), sender)
    said = Counter(str(document["personalizations"]) for document in provider.mail())
    assert sorted(said.values()) == [2, 2]
    assert desk.rows(EMAIL, "state", "again") == [(EmailState.SENT, 1)] * 2
    assert desk.notices() == [NoticeState.SENT] * 2


def test_what_went_out_in_doubt_while_a_letter_was_written_is_not_sent_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by seed 62366: a run that slept for a day had read the notice as one that was never sent."""
    desk.notice()
    with serving(500, 202) as provider:
        sender = provider.sender()
        sender.log = None

        def slowly(letter: Letter) -> Message:
            monkeypatch.setattr(delivering, "render", render)
            assert desk.run(NOW, sender) == Delivery(unknown=1)
            assert desk.run(NOW + 16 * MINUTE, sender) == Delivery(again=1)
            return render(letter)

        monkeypatch.setattr(delivering, "render", slowly)
        assert desk.run(NOW + timedelta(days=1), sender) == Delivery()
        assert desk.run(NOW + timedelta(days=1), sender) == Delivery(sent=1)
    first, second = provider.mail()
    assert first["personalizations"] == second["personalizations"], "the same reference"


@pytest.mark.parametrize("status", [429, 500])
def test_what_a_later_attempt_leaves_out_is_not_taken_for_sent_with_it(desk: Desk, status: int) -> None:
    """Its case is due again while the email waits: it is not written about before its sweep."""
    desk.notice()
    desk.notice(subject_id=2)
    tomorrow = NOW + timedelta(days=1)
    with serving(status, 202) as provider:
        sender = provider.sender()
        sender.log = None
        desk.run(NOW, sender)
        desk.run(NOW + 16 * MINUTE, sender) if status == 500 else None
        desk.change(ENROLLMENT, ENROLLMENT.c.id == 2, next_review_on=MONDAY)
        desk.run(NOW + 30 * MINUTE, sender)
        sure = status == 429
        assert desk.notices() == [NoticeState.SENT if sure else NoticeState.PENDING, NoticeState.PENDING]
        desk.change(ENROLLMENT, ENROLLMENT.c.id == 2, next_review_on=WAITS_UNTIL)
        desk.run(tomorrow, sender)
    assert desk.notices() == [NoticeState.SENT] * 2
    told = ["A2/law_enforcement_tier1" in str(document["content"]) for document in provider.mail()]
    assert told == ([True, False, True] if sure else [True, True])


def test_what_is_cancelled_while_its_email_waits_is_not_taken_for_sent_with_the_rest(desk: Desk) -> None:
    desk.notice()
    gone = desk.notice("window_closes")
    with serving(429, 202) as provider:
        sender = provider.sender()
        desk.run(NOW, sender)
        _cancel(desk, [gone])
        assert desk.run(NOW + 10 * MINUTE, sender) == Delivery(sent=1)
    assert desk.notices() == [NoticeState.SENT, Reason.DEADLINE_MOVED]


def test_a_retry_after_an_outage_at_three_in_the_morning_waits_for_working_hours(quick: Desk) -> None:
    quick.notice()
    with serving(503, 202) as provider:
        sender = provider.sender()
        sender.log = None
        evening = at(23, 50)  # 17:50 in Mexico City
        assert quick.run(evening, sender) == Delivery(unknown=1)
        taken = []
        for minutes in range(0, 18 * 60, 15):
            now = evening + minutes * MINUTE
            if quick.run(now, sender).sent:
                taken.append(now)
    assert [now.astimezone(MEXICO).hour for now in taken] == [8]
    assert len(provider.mail()) == 2


def test_nothing_is_begun_that_could_go_out_after_working_hours(quick: Desk) -> None:
    quick.notice()
    assert quick.run(at(23, 59)) == Delivery(), "17:59: a letter may lie for a minute, and its sending last another"
    assert quick.run(at(23, 57)) == Delivery(sent=1)


def test_in_doubt_a_third_time_an_operator_is_asked(quick: Desk) -> None:
    quick.notice()
    with serving(500) as provider:
        sender = provider.sender()
        sender.log = None
        for minutes in range(0, 120, 2):
            quick.run(NOW + minutes * MINUTE, sender)
    assert len(provider.mail()) == 3
    assert (quick.emails(), quick.notices()) == ([EmailState.HELD], [NoticeState.CLAIMED])
    assert quick.rows(EMAIL, "note") == [("nobody knows: no_log",)]


def test_a_rule_may_ask_to_be_held_in_doubt(lite: Engine, tmp_path: Path) -> None:
    tables = deepcopy(document())
    next(rule for rule in tables["reminders"] if rule["rule"] == "limit")["on_unknown"] = "hold"
    desk = Desk(lite, tmp_path / "mail", parse_policy(tables))
    desk.notice()
    desk.notice("window_closes")
    with serving(500) as provider:
        sender = provider.sender()
        sender.log = None
        desk.run(NOW, sender)
        assert desk.run(NOW + 16 * MINUTE, sender) == Delivery(held=1)
        assert desk.run(NOW + 60 * MINUTE, sender) == Delivery()
    assert len(provider.mail()) == 1
    assert desk.emails() == [EmailState.HELD]


def test_who_sleeps_past_the_lease_is_not_taken_for_dead(desk: Desk) -> None:
    desk.notice()

    class Sleeps(FolderSender):
        def send(self, outgoing: Outgoing, now: datetime) -> Result:
            assert desk.run(now + 2 * LEASE) == Delivery()
            return super().send(outgoing, now)

    assert desk.run(NOW, Sleeps(desk.folder)) == Delivery(sent=1)
    assert len(desk.mail()) == 1


def test_a_late_answer_ends_the_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run lost its lock and was given up; then its answer comes."""
    desk.notice()
    with serving() as provider:
        sender = provider.sender()

        def given_up() -> None:
            monkeypatch.setattr(presences._Files, "lives", lambda *_: False)
            monkeypatch.setattr(presences._Sessions, "lives", lambda *_: False)
            assert desk.run(NOW + 2 * LEASE, provider.sender()) == Delivery(unknown=1)
            assert desk.emails() == [EmailState.UNKNOWN]

        sender.send = _after(sender.send, given_up)  # type: ignore[method-assign]
        assert desk.run(NOW, sender) == Delivery(sent=1)
    assert (desk.emails(), desk.notices()) == ([EmailState.SENT], [NoticeState.SENT])


def test_a_result_of_an_older_attempt_changes_nothing(desk: Desk) -> None:
    desk.notice()
    assert desk.run() == Delivery(sent=1)
    for state in (EmailState.DEAD, EmailState.PENDING, EmailState.UNKNOWN):
        with transaction(desk.engine) as connection:
            assert not become(connection, (1, 1), Next(state, 0), now=NOW)
            assert not become(connection, (1, 0), Next(state, 0), now=NOW)
    assert (desk.emails(), desk.notices()) == ([EmailState.SENT], [NoticeState.SENT])


def test_a_full_disk_is_waited_out(quick: Desk, tmp_path: Path) -> None:
    quick.notice()
    (tmp_path / "in the way").touch()
    assert quick.run(NOW, FolderSender(tmp_path / "in the way")) == Delivery(later=1)
    assert quick.run(NOW + timedelta(minutes=10)) == Delivery(sent=1)


# From the sweep to the letter


@pytest.mark.parametrize(
    ("live_from", "sent"), [(None, 0), (MONDAY + timedelta(days=1), 0), (MONDAY, 1), (date(2000, 1, 1), 1)]
)
def test_what_came_due_before_going_live_is_decided_and_never_mailed(
    quick: Desk, live_from: date | None, sent: int
) -> None:
    quick.change(INSTALLATION, live_from=live_from)
    quick.change(ENROLLMENT, next_review_on=MONDAY)
    quick.change(ENROLLMENT, ENROLLMENT.c.id > 1, next_review_on=WAITS_UNTIL)
    sweep(MONDAY)
    told = set(quick.notices())
    assert (NoticeState.PENDING in told) == bool(sent)
    assert (Reason.BEFORE_LIVE in told) == (live_from != date(2000, 1, 1)), "some came due on days before"
    assert min(quick.run().sent, 1) == sent
    assert bool(quick.mail()) == bool(sent)


def _after(what: Any, then: Any) -> Any:
    def both(*given: Any) -> Any:
        result = what(*given)
        then()
        return result

    return both


def _cancel(desk: Desk, notice_ids: list[int]) -> None:
    gone = {"state": NoticeState.CANCELLED, "reason": Reason.DEADLINE_MOVED}
    desk.change(NOTICE, NOTICE.c.id.in_(notice_ids), **gone)
