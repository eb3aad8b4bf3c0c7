from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import http.server
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from models.rules.errors import Refused
from models.rules.words import Language
from models.settings import Settings
from tasks.mail.rendering import preview
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.folder import FolderSender
from tasks.mail.senders.message import mime
from tasks.mail.senders.protocol import Attachment, Outcome, Outgoing
from tasks.mail.senders.sendgrid import SendGridSender

NOW = datetime(2023, 4, 3, 15, 30, tzinfo=UTC)
KEY = "SG.not-a-real-key"
OUTGOING = Outgoing(
    reference="7F3K-2Q9D", to_address="maria@example.org", to_name="María López", from_address="acredita@example.org",
    subject="Faltan 30 días · Academia [Ref 7F3K-2Q9D]", text="Hola, María.\n", html="<p>Hola, María.</p>",
)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "new" / "mail"


def test_a_message_in_the_folder_is_whole_mail(outbox: Path) -> None:
    assert FolderSender(outbox).send(replace(OUTGOING, label="2023-04-03"), NOW)[:2] == (Outcome.SENT, "")
    (path,) = outbox.iterdir()
    assert path.name == "2023-04-03-7F3K-2Q9D.eml"
    assert path.stat().st_mode & 0o777 == 0o600
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == OUTGOING.subject
    assert message["To"].addresses[0].display_name == "María López"
    assert message["To"].addresses[0].addr_spec == "maria@example.org"
    assert message["From"] == "acredita@example.org"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<7F3K-2Q9D@acredita.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in message.iter_parts()] == [OUTGOING.text.strip(), OUTGOING.html]
    assert not message.defects


def test_a_real_letter_survives_the_mail_and_its_lines_are_short(outbox: Path) -> None:
    letter = preview("limit_passed", Language.ES_MX, date(2023, 4, 3))
    outgoing = replace(OUTGOING, subject=letter.subject, text=letter.text, html=letter.html)
    FolderSender(outbox).send(outgoing, NOW)
    raw = (outbox / "7F3K-2Q9D.eml").read_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.partition(b"\r\n\r\n")[0].isascii()  # the headers; the text stands as a person can read it
    parts = list(email.message_from_bytes(raw, policy=email.policy.default).iter_parts())
    assert parts[0].get_content().replace("\r\n", "\n").strip() == letter.text.strip()
    assert parts[1].get_content().replace("\r\n", "\n").strip() == letter.html.strip()


def test_sending_twice_leaves_one_file_and_the_first_one(outbox: Path) -> None:
    sender = FolderSender(outbox)
    assert sender.idempotent
    for text in ("first", "second"):
        assert sender.send(replace(OUTGOING, text=text), NOW).outcome is Outcome.SENT
    (path,) = outbox.iterdir()
    assert b"first" in path.read_bytes()


def test_many_at_once_leave_whole_files_and_no_drafts(outbox: Path) -> None:
    sender = FolderSender(outbox)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: sender.send(replace(OUTGOING, reference=f"REF-{n % 10}"), NOW), range(80)))
    assert {result.outcome for result in results} == {Outcome.SENT}
    assert sorted(path.name for path in outbox.iterdir()) == [f"REF-{n}.eml" for n in range(10)]


def test_a_reference_or_label_cannot_leave_the_folder(outbox: Path) -> None:
    FolderSender(outbox).send(replace(OUTGOING, reference="../../X", label="/etc/.."), NOW)
    assert [path.name for path in outbox.iterdir()] == ["etc-X.eml"]


def test_a_folder_that_cannot_be_written_refuses_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert FolderSender(tmp_path / "file").send(OUTGOING, NOW)[:2] == (Outcome.DEFERRED, "EEXIST")
    full = FolderSender(tmp_path / "mail")
    limited = replace(OUTGOING, reference="R" * 300)
    assert full.send(limited, NOW)[:2] == (Outcome.DEFERRED, "ENAMETOOLONG")
    assert list((tmp_path / "mail").iterdir()) == []


BAD_ADDRESSES = [
    "", "nobody", "a@b@c", "a b@example.org", "a@example.org\r\nBcc: x@example.org", "ñ@example.org", "a@exämple.org",
    "a..b@example.org", ".a@example.org", "a@-example.org", "a@example..org", "a@example.org,b@example.org",
    "<a@example.org>", "x" * 300 + "@example.org",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_plain_mail_cannot_carry_is_refused_for_good(address: str, outbox: Path) -> None:
    assert FolderSender(outbox).send(replace(OUTGOING, to_address=address), NOW)[:2] == (Outcome.REFUSED, "400")
    assert not outbox.exists()
    sender = SendGridSender(loopback("http://127.0.0.1:1"))
    assert sender.send(replace(OUTGOING, to_address=address), NOW)[:2] == (Outcome.REFUSED, "400")


@pytest.mark.parametrize(
    "name", ["", 'A "B" C', "López, Ana; Bcc", "x\r\nBcc: all@example.org", "<script>", "\u202eevil", "ñ" * 300, "a\\b"]
)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    raw = mime(replace(OUTGOING, to_name=name), NOW).as_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["maria@example.org"]
    assert parsed["Bcc"] is None
    assert {key.lower() for key in parsed} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    }


def test_a_subject_cannot_add_a_header() -> None:
    parsed = email.message_from_bytes(mime(replace(OUTGOING, subject="a\r\nBcc: x@example.org"), NOW).as_bytes())
    assert parsed["Bcc"] is None


# SendGrid: the real package against a real server on this machine.

@dataclass
class Provider:
    """What a loopback server answers, and what it was asked."""

    url: str = ""
    status: int = 202
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Length": "0", "X-Message-Id": "abc"})
    raw: bytes | None = None
    """Written instead of an answer, and the connection closed."""
    wait: threading.Event | None = None
    asked: list[tuple[str, str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@contextlib.contextmanager
def serving() -> Iterator[Provider]:
    provider = Provider()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            provider.asked.append((self.command, self.path, dict(self.headers.items()), json.loads(body)))
            self.answer()

        def do_GET(self) -> None:
            provider.asked.append((self.command, self.path, dict(self.headers.items()), {}))
            self.answer()

        def answer(self) -> None:
            if provider.wait is not None:
                provider.wait.wait(5)
            if provider.raw is not None:
                self.wfile.write(provider.raw)
                self.close_connection = True
                return
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 64  # of five, the sixth connection at once waits a second

    server = Server(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        if provider.wait is not None:
            provider.wait.set()
        server.shutdown()
        thread.join()
        server.server_close()


def loopback(url: str, key: str = KEY, timeout: float = 5) -> Settings:
    return Settings(mail="sendgrid", sendgrid_host=url, sendgrid_api_key=SecretStr(key), mail_timeout_seconds=timeout)


def test_sendgrid_gets_one_recipient_our_reference_and_nothing_to_track(provider: Provider) -> None:
    sender = SendGridSender(loopback(provider.url))
    assert not sender.idempotent
    assert sender.send(replace(OUTGOING, to_name="López, Ana; M"), NOW)[:2] == (Outcome.SENT, "")
    ((method, path, headers, document),) = provider.asked
    assert (method, path, headers["Authorization"]) == ("POST", "/v3/mail/send", f"Bearer {KEY}")
    assert document["personalizations"] == [
        {"to": [{"email": "maria@example.org", "name": "López Ana M"}], "custom_args": {"reference": "7F3K-2Q9D"}}
    ]
    assert [part["type"] for part in document["content"]] == ["text/plain", "text/html"]
    assert document["subject"] == OUTGOING.subject
    assert not any(tracking["enable"] for tracking in document["tracking_settings"].values())
    assert document["headers"] == {"Auto-Submitted": "auto-generated"}


def test_an_attachment_goes_as_a_file_beside_the_words(outbox: Path, provider: Provider) -> None:
    attached = Attachment("acredita.ics", "text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY:Límite\r\nEND:VCALENDAR\r\n")
    FolderSender(outbox).send(replace(OUTGOING, attachments=(attached,)), NOW)
    message = email.message_from_bytes(next(outbox.iterdir()).read_bytes(), policy=email.policy.default)
    words, file = message.iter_parts()
    assert [part.get_content_type() for part in words.iter_parts()] == ["text/plain", "text/html"]
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "acredita.ics")
    assert file.get_content().splitlines() == attached.content.splitlines()
    assert message["Subject"] == OUTGOING.subject
    assert not message.defects
    SendGridSender(loopback(provider.url)).send(replace(OUTGOING, attachments=(attached,)), NOW)
    ((*_, document),) = provider.asked
    (sent,) = document["attachments"]
    assert (sent["filename"], sent["type"]) == ("acredita.ics", "text/calendar")
    assert base64.b64decode(sent["content"]).decode() == attached.content


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (202, Outcome.SENT),
        *((status, Outcome.REFUSED) for status in (400, 413)),
        *((status, Outcome.BARRED) for status in (401, 403)),
        (429, Outcome.PAUSED),
        *((status, Outcome.UNKNOWN) for status in (200, 201, 204, 404, 405, 408, 500, 502, 503, 504)),
    ],
)
def test_only_a_202_counts(provider: Provider, status: int, outcome: Outcome) -> None:
    provider.status = status
    result = SendGridSender(loopback(provider.url)).send(OUTGOING, NOW)
    assert result[:2] == (outcome, "" if status == 202 else str(status))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 202", b"HTTP/1.1 202 Accepted\r\n", b"HTTP/1.1 202 Accepted\r\nX-Message-Id: a",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\na",
    ],
)
def test_a_cut_answer_is_unknown(provider: Provider, raw: bytes) -> None:
    provider.raw = raw
    assert SendGridSender(loopback(provider.url)).send(OUTGOING, NOW).outcome is Outcome.UNKNOWN


def test_a_throttling_provider_says_how_long_to_wait(provider: Provider) -> None:
    provider.status = 429
    provider.headers["Retry-After"] = "7"
    assert SendGridSender(loopback(provider.url)).send(OUTGOING, NOW).wait == 7


def test_a_silent_provider_is_given_up_after_the_timeout(provider: Provider) -> None:
    provider.wait = threading.Event()
    assert SendGridSender(loopback(provider.url, timeout=0.2)).send(OUTGOING, NOW)[:2] == (Outcome.UNKNOWN, "timeout")


def test_nobody_listening_is_certainly_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = SendGridSender(loopback(f"http://127.0.0.1:{port}")).send(OUTGOING, NOW)
    assert result[:2] == (Outcome.PAUSED, "unreachable")


def test_a_server_that_cannot_speak_tls_is_certainly_not_sent(provider: Provider) -> None:
    sender = SendGridSender(loopback(provider.url.replace("http:", "https:")))
    assert sender.send(OUTGOING, NOW)[:2] == (Outcome.PAUSED, "unreachable")
    assert provider.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_stays(provider: Provider, status: int) -> None:
    with serving() as other:
        provider.status = status
        provider.headers["Location"] = f"{other.url}/v3/mail/send"
        assert SendGridSender(loopback(provider.url)).send(OUTGOING, NOW)[:2] == (Outcome.UNKNOWN, str(status))
        assert other.asked == []


def test_the_environments_proxy_sees_nothing(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert SendGridSender(loopback(provider.url)).send(OUTGOING, NOW).outcome is Outcome.SENT
        assert proxy.asked == []


def test_the_key_and_the_reader_are_never_logged(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for status in (202, 401, 500):
            provider.status = status
            SendGridSender(loopback(provider.url, key=f"  {KEY}\n")).send(OUTGOING, NOW)
    assert provider.asked[0][2]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text
    assert "maria@example.org" not in caplog.text


def test_many_threads_share_a_sender(provider: Provider) -> None:
    sender = SendGridSender(loopback(provider.url))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: sender.send(replace(OUTGOING, reference=f"REF-{n}"), NOW), range(40)))
    assert {result.outcome for result in results} == {Outcome.SENT}
    references = [document["personalizations"][0]["custom_args"]["reference"] for *_, document in provider.asked]
    assert sorted(references) == sorted(f"REF-{n}" for n in range(40))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sendgrid_api_key": ""}, "ACREDITA_SENDGRID_API_KEY: is not set"),
        ({"sendgrid_api_key": " \n"}, "ACREDITA_SENDGRID_API_KEY: is not set"),
        ({"sendgrid_api_key": "two words"}, "ACREDITA_SENDGRID_API_KEY: holds blanks"),
        ({"sendgrid_host": "https://api.sendgrid.com.example.org"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": "http://api.sendgrid.com"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": "https://user@example.org"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": ""}, "ACREDITA_SENDGRID_HOST"),
        ({"mail_from": "nobody"}, "ACREDITA_MAIL_FROM"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_sent(given: dict[str, str], said: str) -> None:
    good = {"mail": "sendgrid", "sendgrid_api_key": KEY}
    with pytest.raises(Refused, match=said) as refused:
        sender_of(Settings.model_validate(good | given))
    assert "two words" not in str(refused.value)


def test_the_settings_choose_the_sender(tmp_path: Path) -> None:
    assert isinstance(sender_of(Settings(mail="folder", mail_folder=tmp_path)), FolderSender)
    assert isinstance(sender_of(loopback("https://api.eu.sendgrid.com")), SendGridSender)
    assert isinstance(sender_of(Settings(mail="folder", mail_from="Acredita <acredita@example.org>")), FolderSender)
