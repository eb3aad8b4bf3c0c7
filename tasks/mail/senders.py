"""Where mail goes: a folder, or SendGrid, behind one small interface.

A sender answers what became of a message in three words, and never raises for what a provider or a disk does:

    SENT      it was taken
    REFUSED   it was certainly not taken; the detail says why (an HTTP status, `address`'s 400, an errno's name)
    UNKNOWN   it may have been taken: nobody may simply send it again, unless the sender is idempotent
"""

from __future__ import annotations

import errno
import http.client
import logging
import os
import re
import ssl
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from email.charset import BASE64, Charset
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, assert_never
from urllib.parse import urlsplit

from models.rules.errors import Refused
from models.rules.letter import clean_header
from models.settings import Settings

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

BAD_MESSAGE = "400"
"""The detail where an address or a text cannot be sent at all; the same word as a provider's."""
NOT_TAKEN = frozenset({400, 401, 403, 413, 429})
"""The answers of SendGrid that say for certain that it queued nothing."""
PROVIDERS = frozenset({"api.sendgrid.com", "api.eu.sendgrid.com"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ACCEPTED = 202
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
LONGEST_ADDRESS = 254


class Outcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Result(NamedTuple):
    """An outcome and a short code for an operator; never an address, a name or a key."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one address. `label` opens the file's name in a folder, and must be the same on every attempt."""

    reference: str
    to_address: str
    to_name: str
    from_address: str
    subject: str
    text: str
    html: str
    label: str = ""


class Sender(Protocol):
    """Takes one message at a time. `idempotent`: the same reference sent twice is one message."""

    idempotent: bool

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        """Send a message, dated `now`."""
        ...


def sender_of(settings: Settings) -> Sender:
    """Return the sender that the settings ask for.

    Raises:
        Refused: the sender's address is none, or SendGrid without a usable key or with a foreign host.
    """
    try:
        _mailbox(*reversed(parseaddr(settings.mail_from)))
    except ValueError:
        raise Refused.one("ACREDITA_MAIL_FROM", "is no address.", "Write one such as acredita@example.org.") from None
    match settings.mail:
        case "folder":
            return FolderSender(settings.outbox)
        case "sendgrid":
            return SendGridSender(settings)
        case _:
            assert_never(settings.mail)


class FolderSender:
    """Writes each message to a folder as `[<label>-]<reference>.eml`, readable by its owner alone.

    The name derives from the reference, and what stands there stays: sending twice leaves one file. `durable` waits
    until a power cut could not lose the file; a replay, which can be lived through again, does without.
    """

    idempotent = True

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder, self._durable = folder, durable

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        """Write the message whole or not at all. REFUSED names the system's error, such as ENOSPC."""
        try:
            content = mime(outgoing, now).as_bytes()
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        stem = "-".join(part for part in (outgoing.label, outgoing.reference) if part)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_once(self._folder / f"{re.sub(r'[^0-9A-Za-z_-]', '', stem)}.eml", content, durable=self._durable)
        except OSError as error:
            return Result(Outcome.REFUSED, errno.errorcode.get(error.errno or 0, "EIO"))
        return Result(Outcome.SENT)


def _write_once(path: Path, content: bytes, *, durable: bool) -> None:
    if path.exists():
        return
    # One temporary name for each writer: two at once each write their own, and the last rename wins whole.
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{id(content)}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may lose the name of a file that was written. Not every system can.
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mime(outgoing: Outgoing, now: datetime) -> Message:
    """Return the message as mail: text and HTML as alternatives, dated `now`, its Message-ID made of the reference.

    Built of the standard library's older classes: the newer ones parse every header back, at four times the cost.

    Raises:
        ValueError: an address is none.
    """
    sender, to = _mailbox(*reversed(parseaddr(outgoing.from_address))), _mailbox(outgoing.to_address, outgoing.to_name)
    message = MIMEMultipart("alternative", policy=_WIRE)
    message["From"] = formataddr((sender.display_name, sender.addr_spec))
    message["To"] = formataddr((to.display_name, to.addr_spec))
    message["Subject"] = Header(clean_header(outgoing.subject), _UTF8, header_name="Subject").encode()
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{outgoing.reference}@acredita.{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.attach(_part(_mailable(outgoing.text), "plain"))
    message.attach(_part(_mailable(outgoing.html), "html"))
    return message


_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64  # letter by letter in Python, the other encoding takes longer than all the rest
_WIRE = compat32.clone(linesep="\r\n")
LONGEST_LINE = 998
"""Bytes of a line that mail carries as it is (RFC 5322)."""


def _part(text: str, subtype: str) -> Message:
    raw = text.encode()
    if max(map(len, raw.splitlines()), default=0) > LONGEST_LINE:
        return MIMEText(text, subtype, "utf-8", policy=_WIRE)
    # As it is, so that a person who opens the file can read it.
    part = Message(policy=_WIRE)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "8bit"
    part.set_payload(raw.decode("ascii", "surrogateescape"))
    return part


def _mailbox(address: str, name: str = "") -> Address:
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError("not an address that plain mail can carry")
    user, _, domain = address.rpartition("@")
    return Address(clean_header(name), user, domain)


def _mailable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


class SendGridSender:
    """Sends through SendGrid's v3 API with the official package: a timeout, no redirect, no proxy; only a 202 counts.

    Args:
        settings: the key, the host, which must be SendGrid's or this machine's, and the timeout in seconds for
            connecting and for each read.

    Raises:
        Refused: no usable key, or a host that must not see it.
    """

    idempotent = False

    def __init__(self, settings: Settings) -> None:
        key = _key_of(settings)
        host = _host_of(settings)
        # At DEBUG it writes the key, the addresses and the text.
        logging.getLogger("python_http_client.client").setLevel(logging.WARNING)
        self._api = _client(key, (host, settings.mail_timeout_seconds))

    def send(self, outgoing: Outgoing, now: datetime) -> Result:  # noqa: ARG002 - the provider dates it
        """Post the message once. What was certainly not taken is REFUSED, everything in doubt UNKNOWN."""
        from python_http_client.exceptions import HTTPError

        try:
            document = payload(outgoing)
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        try:
            response = self._api.send(document)
        except HTTPError as error:
            outcome = Outcome.REFUSED if error.status_code in NOT_TAKEN else Outcome.UNKNOWN
            return Result(outcome, str(error.status_code))
        except (OSError, http.client.HTTPException) as error:
            return _of_transport(getattr(error, "reason", error))
        return _of_answer(response.status_code, response.headers)


def _of_transport(cause: Any) -> Result:
    match cause:
        case _NotConnectedError():
            return Result(Outcome.REFUSED, "unreachable")
        case TimeoutError():
            return Result(Outcome.UNKNOWN, "timeout")
        case _:
            return Result(Outcome.UNKNOWN, type(cause).__name__)


def _of_answer(status: int, headers: Message) -> Result:
    if status != ACCEPTED:
        return Result(Outcome.UNKNOWN, str(status))
    # http.client takes an answer that was cut off for a whole one: without its length, it was cut.
    whole = "Content-Length" in headers or "Transfer-Encoding" in headers
    return Result(Outcome.SENT) if whole else Result(Outcome.UNKNOWN, "cut")


def payload(outgoing: Outgoing) -> dict[str, Any]:
    """Return SendGrid's document for a message: one recipient, our reference, nothing tracked.

    Raises:
        ValueError: an address is none.
    """
    sender = _mailbox(*reversed(parseaddr(outgoing.from_address)))
    # SendGrid refuses a comma or semicolon in a name.
    name = re.sub(r"[,;]", " ", clean_header(outgoing.to_name))
    to = {"email": _mailbox(outgoing.to_address).addr_spec}
    return {
        "personalizations": [{
            "to": [to | ({"name": clean_header(name)} if name.strip() else {})],
            "custom_args": {"reference": outgoing.reference},
        }],
        "from": {"email": sender.addr_spec} | ({"name": sender.display_name} if sender.display_name else {}),
        "subject": clean_header(outgoing.subject),
        "content": [
            {"type": "text/plain", "value": _mailable(outgoing.text)},
            {"type": "text/html", "value": _mailable(outgoing.html)},
        ],
        "headers": {"Auto-Submitted": "auto-generated"},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def _key_of(settings: Settings) -> str:
    key = settings.sendgrid_api_key.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]+", key):
        what = "holds blanks or characters that no key has." if key else "is not set."
        remedy = "Set it to a SendGrid key with the right to send mail, or ACREDITA_MAIL=folder."
        raise Refused.one("ACREDITA_SENDGRID_API_KEY", what, remedy)
    return key


def _host_of(settings: Settings) -> str:
    host = settings.sendgrid_host.rstrip("/")
    parts = urlsplit(host)
    is_ours = parts.hostname in LOOPBACK and parts.scheme in {"http", "https"}
    if not is_ours and not (parts.hostname in PROVIDERS and parts.scheme == "https"):
        what = "is neither SendGrid's nor this machine's: it would be handed the key."
        raise Refused.one("ACREDITA_SENDGRID_HOST", what, f"Use https:// and one of {', '.join(sorted(PROVIDERS))}.")
    return host


class _NotConnectedError(OSError):
    """No connection was made, so no byte of the message left."""


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise _NotConnectedError from error


class _Tls(http.client.HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise _NotConnectedError from error


class _OverHttp(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, req)


class _OverTls(urllib.request.HTTPSHandler):
    def __init__(self) -> None:
        super().__init__()
        self._trust = ssl.create_default_context()

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Tls, req, context=self._trust)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, not a way: following one would hand the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _client(key: str, given: tuple[str, float]) -> SendGridAPIClient:
    """Return the official client on a transport that cannot hang, wander or mix up its headers."""
    import python_http_client
    from sendgrid import SendGridAPIClient

    host, timeout = given
    # An empty ProxyHandler: the environment does not decide who sees the mail.
    opener = urllib.request.build_opener(_NoRedirect, _OverHttp, _OverTls, urllib.request.ProxyHandler({}))

    class Client(python_http_client.Client):  # type: ignore[misc]  # the package is not typed
        def _build_client(self, name: str | None = None) -> Client:
            # A copy of the headers: the package shares one dictionary, and one call's headers leak into the next.
            path = [*self._url_path, name] if name else list(self._url_path)
            return Client(
                host=self.host, version=self._version, request_headers=dict(self.request_headers), url_path=path,
                timeout=timeout,
            )

        def _make_request(self, _opener: Any, request: Any, timeout: float | None = None) -> Any:
            return super()._make_request(opener, request, timeout=timeout)

    api = SendGridAPIClient(key, host=host)
    api.client = Client(host=host, version=3, request_headers=dict(api.client.request_headers), timeout=timeout)
    return api
