"""Where mail goes, as the settings say."""

from __future__ import annotations

from email.utils import parseaddr
from typing import assert_never

from models.rules.errors import Refused
from models.settings import Settings
from tasks.mail.senders.folder import FolderSender
from tasks.mail.senders.message import mailbox
from tasks.mail.senders.protocol import Sender
from tasks.mail.senders.sendgrid import SendGridSender
from tasks.mail.senders.smtp import SmtpSender


def sender_of(settings: Settings) -> Sender:
    """Return the sender that the settings ask for.

    Raises:
        Refused: the sender's address is none, SendGrid without a usable key or with a foreign host, SMTP without a
            server or with a password in clear.
    """
    try:
        mailbox(*reversed(parseaddr(settings.mail_from)))
    except ValueError:
        raise Refused.one("ACREDITA_MAIL_FROM", "is no address.", "Write one such as acredita@example.org.") from None
    match settings.mail:
        case "folder":
            return FolderSender(settings.outbox)
        case "smtp":
            return SmtpSender(settings)
        case "sendgrid":
            return SendGridSender(settings)
        case _:
            assert_never(settings.mail)
