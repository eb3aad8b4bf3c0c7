"""SMTP, against a real server on this machine: what each failure means depends on where it happened."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from models.rules.errors import Refused
from models.rules.words import Language
from models.settings import Settings
from tasks.mail.fake_sendgrid.certificate import Pair, self_signed
from tasks.mail.rendering import preview
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.protocol import Outcome
from tasks.mail.senders.smtp import SmtpSender
from tests.mailing import BAD_ADDRESSES, NOW, OUTGOING

PASSWORD = "correct horse"


class Arrived(NamedTuple):
    mail_from: str | None
    rcpt_tos: list[str]
    content: bytes


class Post:
    """What a server took, and how it answers at each step: a reply, or `cut`, `hang`, `drip`."""

    def __init__(self) -> None:
        self.taken: list[Arrived] = []
        self.says: dict[str, str] = {}

    async def _at(self, step: str, server: SMTP, usual: str) -> str:
        word = self.says.get(step, usual)
        assert isinstance(server.transport, asyncio.Transport)
        if word == "cut":
            server.transport.abort()
        elif word == "hang":
            await asyncio.sleep(5)
        elif word == "drip":
            for _ in range(50):
                server.transport.write(b"2")
                await asyncio.sleep(0.05)
        return word

    async def handle_MAIL(  # noqa: N802 - the server asks for this name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._at("MAIL", server, "250 OK")

    async def handle_RCPT(  # noqa: N802 - the same
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._at("RCPT", server, "250 OK")

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        said = await self._at("DATA", server, "250 queued")
        if said.startswith("250") or "taken" in said:
            assert isinstance(envelope.content, bytes)
            self.taken.append(Arrived(envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return said.removesuffix(" taken")


@contextmanager
def serving(post: Post, **more: Any) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    controller = Controller(post, hostname="127.0.0.1", port=port, **more)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def port(post: Post) -> Iterator[int]:
    with serving(post) as port:
        yield port


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def told(port: int, **more: Any) -> Settings:
    given = {"mail": "smtp", "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none",
             "mail_timeout_seconds": 0.4}
    return Settings.model_validate(given | more)


def sent(port: int, **more: Any) -> tuple[Outcome, str]:
    result = SmtpSender(told(port, **more)).send(OUTGOING, NOW)
    return result.outcome, result.detail


def test_a_message_arrives_whole_and_twice_it_has_the_same_id(post: Post, port: int) -> None:
    letter = preview("limit_passed", Language.ES_MX, NOW.date())
    outgoing = replace(OUTGOING, subject=letter.subject, text=f"{letter.text}\n.\n..\nend", html=letter.html)
    sender = SmtpSender(told(port))
    assert sender.log is None
    for _ in range(2):
        assert sender.send(outgoing, NOW)[:2] == (Outcome.SENT, "")
    first, second = (email.message_from_bytes(each.content, policy=email.policy.default) for each in post.taken)
    assert (post.taken[0].mail_from, post.taken[0].rcpt_tos) == ("acredita@example.org", ["maria@example.org"])
    assert post.taken[0].content.isascii()
    assert max(map(len, post.taken[0].content.split(b"\r\n"))) <= 998
    plain, html = first.iter_parts()
    assert plain.get_content().replace("\r\n", "\n").strip() == outgoing.text.strip()
    assert html.get_content().replace("\r\n", "\n").strip() == letter.html.strip()
    assert first["Subject"] == letter.subject
    assert {name: first[name] for name in ("Message-ID", "Date", "To", "From")} == {
        name: second[name] for name in ("Message-ID", "Date", "To", "From")
    }
    assert first["Message-ID"] == "<7F3K-2Q9D@acredita.example.org>"
    assert not first.defects


@pytest.mark.parametrize(
    ("step", "said", "outcome"),
    [
        ("MAIL", "550 not you", Outcome.BARRED), ("MAIL", "451 later", Outcome.PAUSED),
        ("MAIL", "cut", Outcome.PAUSED), ("MAIL", "hang", Outcome.PAUSED), ("MAIL", "drip", Outcome.PAUSED),
        ("RCPT", "550 no such user", Outcome.REFUSED), ("RCPT", "450 greylisted", Outcome.DEFERRED),
        ("RCPT", "421 closing", Outcome.PAUSED), ("RCPT", "251 forwards", Outcome.SENT),
        ("RCPT", "cut", Outcome.PAUSED), ("RCPT", "hang", Outcome.PAUSED),
        ("DATA", "554 no spam", Outcome.REFUSED), ("DATA", "452 full", Outcome.DEFERRED),
        ("DATA", "421 closing", Outcome.PAUSED), ("DATA", "cut", Outcome.UNKNOWN), ("DATA", "hang", Outcome.UNKNOWN),
        ("DATA", "drip", Outcome.UNKNOWN), ("DATA", "999 taken", Outcome.UNKNOWN),
    ],
)
def test_a_failure_means_what_its_place_says(post: Post, port: int, step: str, said: str, outcome: Outcome) -> None:
    post.says[step] = said
    before = time.monotonic()
    assert sent(port)[0] is outcome
    assert time.monotonic() - before < 2


def test_a_server_that_is_not_there_or_greets_with_a_refusal_has_taken_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert sent(port) == (Outcome.PAUSED, "unreachable")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert sent(silent.getsockname()[1])[0] is Outcome.PAUSED


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_plain_mail_cannot_carry_is_refused_before_anybody_is_asked(address: str) -> None:
    refused = SmtpSender(told(1)).send(replace(OUTGOING, to_address=address), NOW)
    # A comma is legal in front of the @ only between quotation marks, which we do not write.
    assert refused[:2] == (Outcome.REFUSED, "400")


def test_starttls_secures_the_line_before_the_account_is_named(post: Post, trusted: ssl.SSLContext) -> None:
    seen: list[tuple[bool, bytes]] = []

    def knows(_server: SMTP, session: Session, _e: Envelope, _m: str, given: Any) -> AuthResult:
        seen.append((session.ssl is not None, given.password))
        return AuthResult(success=given.password == PASSWORD.encode(), handled=False)

    with serving(post, tls_context=trusted, require_starttls=True, authenticator=knows) as port:
        account = {"smtp_security": "starttls", "smtp_user": "acredita", "mail_timeout_seconds": 5}
        assert sent(port, **account, smtp_password=f" {PASSWORD}\n") == (Outcome.SENT, "")
        assert sent(port, **account, smtp_password="wrong") == (Outcome.BARRED, "535")
        assert sent(port) == (Outcome.BARRED, "530")
    assert seen[0] == (True, PASSWORD.encode())
    assert len(post.taken) == 1


def test_a_line_that_cannot_be_secured_or_trusted_carries_nothing(
    post: Post, pair: Pair, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sent(port, smtp_security="starttls") == (Outcome.BARRED, "no STARTTLS")
    assert sent(port, smtp_security="tls") == (Outcome.PAUSED, "unreachable")
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed(tmp_path).certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with serving(post, tls_context=context) as foreign:
        assert sent(foreign, smtp_security="starttls") == (Outcome.PAUSED, "SSLCertVerificationError")
    assert post.taken == []


def test_tls_from_the_first_byte(post: Post, trusted: ssl.SSLContext) -> None:
    with serving(post, ssl_context=trusted) as port:
        assert sent(port, smtp_security="tls", mail_timeout_seconds=5) == (Outcome.SENT, "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_host": ""}, "ACREDITA_SMTP_HOST: is not set"),
        ({"smtp_user": "a"}, "only one of them is set"),
        ({"smtp_user": "a", "smtp_password": "x\ny"}, "ACREDITA_SMTP_PASSWORD: holds a character"),
        ({"smtp_host": "mail.example.org", "smtp_user": "a", "smtp_password": "hidden"}, "in clear"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_not_repeated(given: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        sender_of(told(25, **given))
    assert "hidden" not in str(refused.value)
    assert isinstance(sender_of(told(25)), SmtpSender)
