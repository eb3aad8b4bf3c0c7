"""Plain SMTP, with the standard library: one message a connection, over TLS unless told otherwise.

Where a failure happened says what it means. Until the text itself is on its way nothing can have been taken; from then
on only a reply tells, and a lost one leaves the message UNKNOWN. SMTP has no log to ask afterwards: what becomes of an
unknown message is its rule's policy, and a copy has the same Message-ID and the same reference in its subject.

    connecting, greeting, STARTTLS      PAUSED where they fail, BARRED where there is no TLS to be had
    AUTH, MAIL FROM                     BARRED by a 5xx: it is the account that is refused, and not the message
    RCPT TO, DATA, the text             REFUSED by a 5xx, DEFERRED by a 4xx, PAUSED by 421
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.utils import parseaddr
from typing import Any, cast

from models.rules.errors import Refused
from models.settings import LOOPBACK, Settings
from tasks.mail.senders.message import mailbox, mime
from tasks.mail.senders.protocol import BAD_MESSAGE, MailLog, Outcome, Outgoing, Result
from tasks.mail.senders.timed import Limits, NotConnectedError, TimedSocket, connected

READY, CLOSING = 220, 421
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class SmtpSender:
    """Sends through an SMTP server.

    Args:
        settings: the server, how it is secured, the account, and the times for connecting and for a message as a whole.

    Raises:
        Refused: no server, half an account, or a password that would cross a network in clear.
    """

    name = "smtp"

    def __init__(self, settings: Settings) -> None:
        _check(settings)
        self.log: MailLog | None = None
        self._settings = settings
        self._trust = ssl.create_default_context() if settings.smtp_security != "none" else None
        self._domain = mailbox(parseaddr(settings.mail_from)[1]).domain

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        """Hand the message over once. Everything in doubt is UNKNOWN."""
        try:
            content = mime(outgoing, now, seven_bit=True).as_bytes()
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        session = _Session(self._settings, self._trust, self._domain)
        try:
            return _handed_over(session, outgoing, content)
        except NotConnectedError:
            return Result(Outcome.PAUSED, "unreachable")
        except TimeoutError:
            return Result(session.in_doubt, "timeout")
        except (OSError, smtplib.SMTPException) as error:
            return Result(session.in_doubt, type(error).__name__)
        finally:
            session.close()

    def close(self) -> None:
        """There is nothing to let go of: every message has a connection of its own."""


def _handed_over(session: _Session, outgoing: Outgoing, content: bytes) -> Result:
    steps = (
        session.opened,
        lambda: _account_barred(session.mail(parseaddr(outgoing.from_address)[1])[0]),
        lambda: _message_refused(session.rcpt(outgoing.to_address)[0]),
        lambda: _message_refused(session.docmd("DATA")[0], class_expected=3),
        lambda: _message_refused(session.text(content)),
    )
    for step in steps:
        if (failed := step()) is not None:
            return failed
    # It was taken: whatever becomes of a farewell, nobody waits for the answer.
    with suppress(OSError, smtplib.SMTPException):
        session.putcmd("QUIT")
    return Result(Outcome.SENT)


def _account_barred(code: int) -> Result | None:
    match code // 100:
        case 2:
            return None
        case 5:
            return Result(Outcome.BARRED, str(code))
        case _:
            return Result(Outcome.PAUSED, str(code))


def _message_refused(code: int, class_expected: int = 2) -> Result | None:
    match code // 100:
        case found if found == class_expected:
            return None
        case 4:
            return Result(Outcome.PAUSED if code == CLOSING else Outcome.DEFERRED, str(code))
        case 5:
            return Result(Outcome.REFUSED, str(code))
        case _:
            raise smtplib.SMTPResponseException(code, "a reply that means nothing here")


class _Session(smtplib.SMTP):
    """A conversation with the server, of which `in_doubt` says what its sudden end would mean by now."""

    def __init__(self, settings: Settings, trust: ssl.SSLContext | None, domain: str) -> None:
        # With a name of ours the library does not look up this machine's, which may take a minute.
        super().__init__(local_hostname=domain)
        self.in_doubt = Outcome.PAUSED
        self._given, self._trust = settings, trust

    def _get_socket(self, host: str, port: int, _timeout: Any) -> Any:
        limits = Limits(self._given.mail_connect_seconds, self._given.mail_timeout_seconds)
        return connected(host, port, limits, trust=self._trust if self._given.smtp_security == "tls" else None)

    def opened(self) -> Result | None:
        """Connect, secure the line and log in; return what stands in the way."""
        given = self._given
        code, _ = self.connect(given.smtp_host, given.smtp_port or PORTS[given.smtp_security])
        if code != READY:
            return Result(Outcome.PAUSED, str(code))
        self.ehlo_or_helo_if_needed()
        if given.smtp_security == "starttls":
            if not self.has_extn("starttls"):
                return Result(Outcome.BARRED, "no STARTTLS")
            self.starttls(context=cast("ssl.SSLContext", _Upgrade(self._trust, given.smtp_host)))
            self.ehlo_or_helo_if_needed()
        return self._logged_in() if given.smtp_user else None

    def _logged_in(self) -> Result | None:
        try:
            self.login(self._given.smtp_user, self._given.smtp_password.get_secret_value().strip())
        except smtplib.SMTPAuthenticationError as error:
            return _account_barred(error.smtp_code)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:  # it offers no way to log in, or none that we know
            return Result(Outcome.BARRED, "no AUTH")
        return None

    def text(self, content: bytes) -> int:
        """Send the text; from here on it may have been taken, whatever we hear."""
        self.in_doubt = Outcome.UNKNOWN
        lines = re.sub(rb"\r?\n", b"\r\n", content.rstrip(b"\r\n"))
        # A line that is a single dot ends the text: one of ours gets a second one (RFC 5321, 4.5.2).
        self.send(re.sub(rb"^\.", b"..", lines, flags=re.MULTILINE) + b"\r\n.\r\n")
        return self.getreply()[0]


class _Upgrade:
    """Stands where smtplib expects the TLS context: the line keeps its deadline when it is secured."""

    def __init__(self, trust: ssl.SSLContext | None, host: str) -> None:
        self._trust, self._host = trust, host

    def wrap_socket(self, timed: TimedSocket, **_: Any) -> TimedSocket:
        assert self._trust is not None
        timed.raw = self._trust.wrap_socket(timed.armed(), server_hostname=self._host)
        return timed


def _check(settings: Settings) -> None:
    if not settings.smtp_host:
        raise Refused.one("ACREDITA_SMTP_HOST", "is not set.", "Name the mail server, or set ACREDITA_MAIL=folder.")
    password = settings.smtp_password.get_secret_value().strip()
    if bool(settings.smtp_user) != bool(password):
        what = "and ACREDITA_SMTP_PASSWORD: only one of them is set."
        raise Refused.one("ACREDITA_SMTP_USER", what, "Set both, or neither where the server asks for no account.")
    if not password.isprintable():
        what = "holds a character that no password is sent with."
        raise Refused.one("ACREDITA_SMTP_PASSWORD", what, "Copy it again, without line breaks.")
    if password and settings.smtp_security == "none" and settings.smtp_host not in LOOPBACK:
        what = "is none: the password would cross the network in clear."
        raise Refused.one("ACREDITA_SMTP_SECURITY", what, "Use starttls or tls.")
