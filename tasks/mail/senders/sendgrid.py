"""SendGrid's v3 API, with the official package."""

from __future__ import annotations

import base64
import http.client
import re
from datetime import datetime
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from models.rules.errors import Refused
from models.rules.letter import clean_header
from models.settings import LOOPBACK, Settings
from tasks.mail.senders.message import mailable, mailbox
from tasks.mail.senders.protocol import BAD_MESSAGE, Attachment, MailLog, Outcome, Outgoing, Result
from tasks.mail.senders.sendgrid_lists import SendGridLists
from tasks.mail.senders.sendgrid_log import SendGridLog
from tasks.mail.senders.timed import Limits, NotConnectedError
from tasks.mail.senders.transport import Line, client

PROVIDERS = frozenset({"api.sendgrid.com", "api.eu.sendgrid.com"})


class SendGridSender:
    """Sends through SendGrid's v3 API with the official package, and asks its log what became of a message.

    Only a 202 that is whole counts; no redirect is followed, and no proxy asked. Each thread has one connection.

    Args:
        settings: the key, the host, which must be SendGrid's or this machine's, and the times in seconds for
            connecting and for a message as a whole.

    Raises:
        Refused: no usable key, or a host that must not see it.
    """

    name = "sendgrid"

    def __init__(self, settings: Settings) -> None:
        key, host = key_of(settings), _host_of(settings)
        self._line = Line(host, Limits(settings.mail_connect_seconds, settings.mail_timeout_seconds))
        self.api = client(key, host, self._line)
        self.log: MailLog | None = SendGridLog(self.api)
        self.lists = SendGridLists(self.api)

    def send(self, outgoing: Outgoing, now: datetime) -> Result:  # noqa: ARG002 - the provider dates it
        """Post the message once. Everything in doubt is UNKNOWN."""
        try:
            document = payload(outgoing)
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        try:
            reply = self.api.send(document)
        except NotConnectedError:
            return Result(Outcome.PAUSED, "unreachable")
        except TimeoutError:
            return Result(Outcome.UNKNOWN, "timeout")
        except (OSError, http.client.HTTPException) as error:
            return Result(Outcome.UNKNOWN, type(error).__name__)
        return _of_status(reply.status_code, reply.headers)

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def _of_status(status: int, headers: Message) -> Result:
    match status:
        case 202:
            return Result(Outcome.SENT, provider_id=headers.get("X-Message-Id"))
        case 400 | 413:
            return Result(Outcome.REFUSED, str(status))
        case 401 | 403:
            return Result(Outcome.BARRED, str(status))
        case 429:
            return Result(Outcome.PAUSED, str(status), wait=_asked_to_wait(headers))
        case _:
            return Result(Outcome.UNKNOWN, str(status))


def _asked_to_wait(headers: Message) -> float | None:
    """Return the seconds until the provider's limit is lifted, where it says so: by its own clock, not by ours."""
    try:
        reset, theirs = float(headers["X-RateLimit-Reset"]), parsedate_to_datetime(headers["Date"])
    except (TypeError, ValueError):
        return _seconds(headers.get("Retry-After"))
    return max(reset - theirs.timestamp(), 0.0)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None


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


def key_of(settings: Settings) -> str:
    """Return the key, from the environment or from a Secret block of Prefect; blanks and line ends around it are cut.

    Raises:
        Refused: there is none, or no key looks like it. What was found is not repeated.
    """
    name, key = "ACREDITA_SENDGRID_API_KEY", settings.sendgrid_api_key.get_secret_value().strip()
    if not key and settings.sendgrid_secret_block:
        name, key = "ACREDITA_SENDGRID_SECRET_BLOCK", _secret(settings.sendgrid_secret_block).strip()
    if not re.fullmatch(r"[!-~]+", key):
        what = "holds blanks or characters that no key has." if key else "is not set."
        raise Refused.one(name, what, "Set it to a SendGrid key with the right to send mail, or ACREDITA_MAIL=folder.")
    return key


def _secret(block: str) -> str:
    from prefect.blocks.system import Secret

    # Without _sync it would return a coroutine where an event loop runs; its types do not know the argument.
    load: Any = Secret.load
    try:
        return str(load(block, _sync=True).get())
    except Exception as error:  # noqa: BLE001 - whatever it is, Prefect's text may hold what was stored
        what = f'cannot be read: no Secret block "{block}", or no Prefect server ({type(error).__name__}).'
        remedy = "Make the block in Prefect's UI under Blocks, or set ACREDITA_SENDGRID_API_KEY."
        raise Refused.one("ACREDITA_SENDGRID_SECRET_BLOCK", what, remedy) from None


def _host_of(settings: Settings) -> str:
    host = settings.sendgrid_host.rstrip("/")
    parts = urlsplit(host)
    is_ours = parts.hostname in LOOPBACK and parts.scheme in {"http", "https"}
    if not is_ours and not (parts.hostname in PROVIDERS and parts.scheme == "https"):
        what = "is neither SendGrid's nor this machine's: it would be handed the key."
        raise Refused.one("ACREDITA_SENDGRID_HOST", what, f"Use https:// and one of {', '.join(sorted(PROVIDERS))}.")
    return host
