"""The official SendGrid package on our line, against a real server on this machine that gives every answer there is."""

from __future__ import annotations

import base64
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.mail.fake_sendgrid.answers import WORDS, answer_of
from tasks.mail.fake_sendgrid.certificate import Pair, self_signed
from tasks.mail.fake_sendgrid.provider import Options
from tasks.mail.fake_sendgrid.server import FakeSendGrid, serving
from tasks.mail.senders import sendgrid_log
from tasks.mail.senders.protocol import Attachment, Finding, Outcome, Sought
from tasks.mail.senders.sendgrid import SendGridSender
from tasks.mail.senders.transport import IDLE_SECONDS
from tests.mailing import BAD_ADDRESSES, NOW, OUTGOING, loopback

DEFINITE = {
    "202": Outcome.SENT, "202nid": Outcome.SENT, "400": Outcome.REFUSED, "413": Outcome.REFUSED,
    "401": Outcome.BARRED, "403": Outcome.BARRED, "429": Outcome.PAUSED,
}
DOUBTS = [word for word in WORDS if word not in DEFINITE]
EVERY_ANSWER = [*DEFINITE, *DOUBTS, *(f"{word}+" for word in DOUBTS if answer_of(word).status not in {200, 201, 204})]
QUICK = {"mail_timeout_seconds": 0.25}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["plain", "tls"])
def fake(request: pytest.FixtureRequest, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSendGrid]:
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate))
    with serving(Options(tls=pair if request.param == "tls" else None)) as fake:
        yield fake


Connect = Callable[..., SendGridSender]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make senders that are closed when the test is over."""
    with ExitStack() as stack:
        def made(url: str, **more: Any) -> SendGridSender:
            sender = SendGridSender(loopback(url, **more))
            stack.callback(sender.close)
            return sender

        yield made


@pytest.fixture
def plain() -> Iterator[FakeSendGrid]:
    with serving() as fake:
        yield fake


@pytest.mark.parametrize("word", EVERY_ANSWER)
def test_every_answer_has_its_outcome_and_is_asked_for_once(fake: FakeSendGrid, word: str, connect: Connect) -> None:
    answer = answer_of(word)
    fake.change(script=f"202,{word}")
    sender = connect(fake.url, **QUICK)
    sender.send(replace(OUTGOING, reference="BEFORE"), NOW)  # the answer comes over a line that was in use
    before = time.monotonic()
    result = sender.send(OUTGOING, NOW)
    assert time.monotonic() - before < 1
    assert result.outcome is DEFINITE.get(word, Outcome.UNKNOWN)
    assert len(fake.documents) == 2
    assert [taken.reference for taken in fake.taken[1:]] == ["7F3K-2Q9D"] * answer.taken
    if result.outcome is Outcome.SENT:
        assert bool(result.provider_id) == (word == "202")
        assert result.detail == ""
    assert sender.send(OUTGOING, NOW).outcome is Outcome.SENT  # and the next one does not suffer for it


def test_one_recipient_our_reference_and_nothing_to_track(plain: FakeSendGrid, connect: Connect) -> None:
    attached = Attachment("acredita.ics", "text/calendar", "SUMMARY:Límite\r\n")
    sender = connect(plain.url)
    outgoing = replace(OUTGOING, to_name="López, Ana; M\r\nBcc: all@example.org", attachments=(attached,))
    assert sender.send(outgoing, NOW).outcome is Outcome.SENT
    (document,) = plain.documents
    assert document["personalizations"] == [{
        "to": [{"email": "maria@example.org", "name": "López Ana M Bcc: all@example.org"}],
        "custom_args": {"reference": "7F3K-2Q9D"},
    }]
    assert [part["type"] for part in document["content"]] == ["text/plain", "text/html"]
    assert document["subject"] == OUTGOING.subject
    assert not any(tracking["enable"] for tracking in document["tracking_settings"].values())
    assert document["headers"] == {"Auto-Submitted": "auto-generated"}
    (sent,) = document["attachments"]
    assert (sent["filename"], sent["type"]) == ("acredita.ics", "text/calendar")
    assert base64.b64decode(sent["content"]).decode() == attached.content


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_plain_mail_cannot_carry_is_not_even_posted(address: str, connect: Connect) -> None:
    refused = connect("http://127.0.0.1:1").send(replace(OUTGOING, to_address=address), NOW)
    assert refused[:2] == (Outcome.REFUSED, "400")


# The line


def test_a_thread_keeps_its_connection_and_threads_share_none(fake: FakeSendGrid, connect: Connect) -> None:
    sender = connect(fake.url)
    for number in range(5):
        assert sender.send(replace(OUTGOING, reference=f"R{number}"), NOW).outcome is Outcome.SENT
    assert fake.asked["connections"] == 1
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: sender.send(replace(OUTGOING, reference=f"T{n}"), NOW), range(40)))
    assert {result.outcome for result in results} == {Outcome.SENT}
    assert sorted(taken.reference for taken in fake.taken[5:]) == sorted(f"T{n}" for n in range(40))
    assert 2 <= fake.asked["connections"] <= 5
    sender.close()
    assert sender.send(OUTGOING, NOW).outcome is Outcome.SENT


def test_a_connection_that_they_closed_meanwhile_leaves_nothing_in_doubt(
    fake: FakeSendGrid, connect: Connect
) -> None:
    sender = connect(fake.url)
    sender.send(OUTGOING, NOW)
    fake.hang_up()
    assert sender.send(OUTGOING, NOW).outcome is Outcome.SENT
    assert fake.asked["connections"] == 2


def test_neither_a_child_process_nor_a_long_rest_uses_an_old_connection(
    plain: FakeSendGrid, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    sender = connect(plain.url)
    sender.send(OUTGOING, NOW)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "getpid", lambda: 1)
        sender.send(OUTGOING, NOW)
    assert plain.asked["connections"] == 2
    later = time.monotonic() + IDLE_SECONDS + 1
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(time, "monotonic", lambda: later)
        sender.send(OUTGOING, NOW)
    assert plain.asked["connections"] == 3


def test_nobody_listening_or_nobody_trusted_is_certainly_not_sent(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nowhere = (Outcome.PAUSED, "unreachable")
    assert connect(f"http://127.0.0.1:{port}").send(OUTGOING, NOW)[:2] == nowhere
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed(tmp_path).certificate))
    with serving(Options(tls=pair)) as foreign, serving() as clear:
        assert connect(foreign.url).send(OUTGOING, NOW)[:2] == nowhere
        assert connect(clear.url.replace("http:", "https:")).send(OUTGOING, NOW)[:2] == nowhere
        assert (foreign.taken, clear.taken) == ([], [])


def test_a_silent_host_is_given_up_after_the_time_for_connecting(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never shakes hands
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        before = time.monotonic()
        result = connect(url, mail_connect_seconds=0.2).send(OUTGOING, NOW)
        assert result[:2] == (Outcome.PAUSED, "unreachable")
        assert time.monotonic() - before < 1


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
def test_a_redirect_is_not_followed_and_the_key_stays(plain: FakeSendGrid, status: str, connect: Connect) -> None:
    with serving() as other:
        plain.change(script=status, redirect_to=other.url)
        assert connect(plain.url).send(OUTGOING, NOW)[:2] == (Outcome.UNKNOWN, status)
        assert other.headers == []


def test_the_environments_proxy_sees_nothing(
    plain: FakeSendGrid, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    with serving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert connect(plain.url).send(OUTGOING, NOW).outcome is Outcome.SENT
        assert proxy.asked == {}


def test_one_calls_headers_do_not_leak_into_the_next(plain: FakeSendGrid, connect: Connect) -> None:
    api = connect(plain.url).api
    api.client.suppression.bounces.get(request_headers={"On-Behalf-Of": "somebody"})
    api.client.suppression.bounces.get()
    assert ["On-behalf-of" in headers or "On-Behalf-Of" in headers for headers in plain.headers] == [True, False]


def test_a_throttling_provider_says_how_long_to_wait_by_its_own_clock(plain: FakeSendGrid, connect: Connect) -> None:
    plain.change(script="429", reset_after=30)
    wait = connect(plain.url).send(OUTGOING, NOW).wait
    assert wait is not None
    assert 29 <= wait <= 32


# The key


def test_neither_key_nor_reader_is_logged_or_shown(
    fake: FakeSendGrid, caplog: pytest.LogCaptureFixture, connect: Connect
) -> None:
    key = "SG.a-key-that-must-not-show"
    fake.change(key=key, script=",".join(word for word in EVERY_ANSWER if not word.startswith(("hang", "drip"))))
    sender = connect(fake.url, sendgrid_api_key=f"  {key}\n")
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "python_http_client.client"):
        results = [sender.send(OUTGOING, NOW) for _ in EVERY_ANSWER]
    assert fake.headers[-1]["Authorization"] == f"Bearer {key}"
    for private in (key, "maria", "María", "Hola"):
        assert private not in caplog.text
        assert private not in repr(results)


# The log

SOUGHT = Sought(OUTGOING.reference, OUTGOING.to_address, OUTGOING.subject, "", NOW)


def found(sender: SendGridSender, sought: Sought = SOUGHT) -> Finding:
    assert sender.log is not None
    assert not sender.log.exact
    return sender.log.find(sought)


def test_what_was_taken_is_found_whatever_was_answered(fake: FakeSendGrid, connect: Connect) -> None:
    fake.change(script="500+,202,202")
    sender = connect(fake.url, **QUICK)
    assert found(sender) is Finding.MISSING
    sender.send(OUTGOING, NOW)
    assert found(sender) is Finding.TAKEN
    sender.send(replace(OUTGOING, reference="OTHER", subject="The same"), NOW)
    sender.send(replace(OUTGOING, reference="MINE", subject="The same"), NOW)
    for reference, finding in (("OTHER", Finding.TAKEN), ("MINE", Finding.TAKEN), ("NONE", Finding.MISSING)):
        assert found(sender, SOUGHT._replace(reference=reference, subject="The same")) is finding
    assert found(sender, SOUGHT._replace(to_address="eva@example.org")) is Finding.MISSING


def test_an_apostrophe_in_an_address_is_no_end_of_a_query(plain: FakeSendGrid, connect: Connect) -> None:
    sender = connect(plain.url)
    sender.send(replace(OUTGOING, to_address="o'hara@example.org"), NOW)
    assert found(sender, SOUGHT._replace(to_address="o'hara@example.org")) is Finding.TAKEN


@pytest.mark.parametrize("word", ["401", "429", "500", "503", "404", "400", "reset", "hang", "drip", "status", "body",
                                  "garbage", "204", "302"])
def test_a_log_that_does_not_answer_says_nothing_of_the_message(
    plain: FakeSendGrid, word: str, connect: Connect
) -> None:
    sender = connect(plain.url, **QUICK)
    sender.send(OUTGOING, NOW)
    for script in (word, f"202,{word}"):  # the search, and the opening of what was found
        plain.change(log_script=script)
        assert found(sender) is Finding.UNREADABLE


def test_an_account_without_the_log_is_told_apart(plain: FakeSendGrid, connect: Connect) -> None:
    plain.change(log_open=False)
    sender = connect(plain.url)
    assert found(sender) is Finding.NO_LOG


def test_more_rows_than_were_looked_at_leave_it_open(
    plain: FakeSendGrid, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    sender = connect(plain.url)
    for number in range(4):
        sender.send(replace(OUTGOING, reference=f"R{number}", subject="The same"), NOW)
    assert found(sender, SOUGHT._replace(reference="NONE")) is Finding.MISSING
    monkeypatch.setattr(sendgrid_log, "MOST_OPENED", 3)
    assert found(sender, SOUGHT._replace(reference="NONE")) is Finding.UNREADABLE
    monkeypatch.setattr(sendgrid_log, "MOST_ROWS", 4)
    monkeypatch.setattr(sendgrid_log, "MOST_OPENED", 10)
    assert found(sender, SOUGHT._replace(reference="NONE")) is Finding.UNREADABLE
