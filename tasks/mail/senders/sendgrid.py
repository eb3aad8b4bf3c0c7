"""SendGrid's v3 API, with the official package."""

from __future__ import annotations

import base64
import http.client
import logging
import re
import ssl
import urllib.request
from datetime import datetime
from email.message import Message
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from models.rules.errors import Refused
from models.rules.letter import clean_header
from models.settings import Settings
from tasks.mail.senders.message import mailable, mailbox
from tasks.mail.senders.protocol import BAD_MESSAGE, Attachment, MailLog, Outcome, Outgoing, Result

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

PROVIDERS = frozenset({"api.sendgrid.com", "api.eu.sendgrid.com"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ACCEPTED = 202


class SendGridSender:
    """Sends through SendGrid's v3 API with the official package: a timeout, no redirect, no proxy; only a 202 counts.

    Args:
        settings: the key, the host, which must be SendGrid's or this machine's, and the timeout in seconds for
            connecting and for each read.

    Raises:
        Refused: no usable key, or a host that must not see it.
    """

    name = "sendgrid"
    idempotent = False

    def __init__(self, settings: Settings) -> None:
        key = _key_of(settings)
        host = _host_of(settings)
        # At DEBUG it writes the key, the addresses and the text.
        logging.getLogger("python_http_client.client").setLevel(logging.WARNING)
        self._api = _client(key, (host, settings.mail_timeout_seconds))
        self.log: MailLog | None = None

    def send(self, outgoing: Outgoing, now: datetime) -> Result:  # noqa: ARG002 - the provider dates it
        """Post the message once. Everything in doubt is UNKNOWN."""
        from python_http_client.exceptions import HTTPError

        try:
            document = payload(outgoing)
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        try:
            response = self._api.send(document)
        except HTTPError as error:
            return Result(_of_status(error.status_code), str(error.status_code), wait=_asked_to_wait(error.headers))
        except (OSError, http.client.HTTPException) as error:
            return _of_transport(getattr(error, "reason", error))
        return _of_answer(response.status_code, response.headers)

    def close(self) -> None:
        """There is nothing to let go of: every request has a connection of its own."""


def _of_status(status: int) -> Outcome:
    match status:
        case 400 | 413:
            return Outcome.REFUSED
        case 401 | 403:
            return Outcome.BARRED
        case 429:
            return Outcome.PAUSED
        case _:
            return Outcome.UNKNOWN


def _asked_to_wait(headers: Message) -> float | None:
    """Return the seconds until the provider's limit is lifted, where it says so."""
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None


def _of_transport(cause: Any) -> Result:
    match cause:
        case _NotConnectedError():
            return Result(Outcome.PAUSED, "unreachable")
        case TimeoutError():
            return Result(Outcome.UNKNOWN, "timeout")
        case _:
            return Result(Outcome.UNKNOWN, type(cause).__name__)


def _of_answer(status: int, headers: Message) -> Result:
    if status != ACCEPTED:
        return Result(Outcome.UNKNOWN, str(status))
    # http.client takes an answer that was cut off for a whole one: without its length, it was cut.
    whole = "Content-Length" in headers or "Transfer-Encoding" in headers
    return Result(Outcome.SENT, provider_id=headers.get("X-Message-Id")) if whole else Result(Outcome.UNKNOWN, "cut")


def payload(outgoing: Outgoing) -> dict[str, Any]:
    """Return SendGrid's document for a message: one recipient, our reference, nothing tracked.

    Raises:
        ValueError: an address is none.
    """
    sender = mailbox(*reversed(parseaddr(outgoing.from_address)))
    # SendGrid refuses a comma or semicolon in a name.
    name = re.sub(r"[,;]", " ", clean_header(outgoing.to_name))
    to = {"email": mailbox(outgoing.to_address).addr_spec}
    return {
        "personalizations": [{
            "to": [to | ({"name": clean_header(name)} if name.strip() else {})],
            "custom_args": {"reference": outgoing.reference},
        }],
        "from": {"email": sender.addr_spec} | ({"name": sender.display_name} if sender.display_name else {}),
        "subject": clean_header(outgoing.subject),
        "content": [
            {"type": "text/plain", "value": mailable(outgoing.text)},
            {"type": "text/html", "value": mailable(outgoing.html)},
        ],
        **({"attachments": [_attached(each) for each in outgoing.attachments]} if outgoing.attachments else {}),
        "headers": {"Auto-Submitted": "auto-generated"},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def _attached(attachment: Attachment) -> dict[str, str]:
    return {
        "content": base64.b64encode(mailable(attachment.content).encode()).decode(), "filename": attachment.name,
        "type": attachment.media_type, "disposition": "attachment",
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
