"""A message as mail: its headers, its parts, and which addresses can be written to at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr
from typing import cast

from models.rules.letter import clean_header
from tasks.mail.senders.protocol import Attachment, Outgoing

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
LONGEST_ADDRESS = 254


def mime(outgoing: Outgoing, now: datetime, *, seven_bit: bool = False) -> Message:
    """Return the message as mail: text and HTML as alternatives, dated `now`, its Message-ID made of the reference.

    What is attached stands beside the alternatives, as a file. `seven_bit` writes the words so that the oldest server
    can carry them; otherwise they stand as a person can read them.

    Built of the standard library's older classes: the newer ones parse every header back, at four times the cost.

    Raises:
        ValueError: an address is none.
    """
    sender, to = mailbox(*reversed(parseaddr(outgoing.from_address))), mailbox(outgoing.to_address, outgoing.to_name)
    words = MIMEMultipart("alternative", policy=_WIRE)
    words.attach(_part(mailable(outgoing.text), "plain", seven_bit=seven_bit))
    words.attach(_part(mailable(outgoing.html), "html", seven_bit=seven_bit))
    message = _beside(words, outgoing.attachments) if outgoing.attachments else words
    message["From"] = formataddr((sender.display_name, sender.addr_spec))
    message["To"] = formataddr((to.display_name, to.addr_spec))
    message["Subject"] = Header(clean_header(outgoing.subject), _UTF8, header_name="Subject").encode()
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{outgoing.reference}@acredita.{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def _beside(words: Message, attachments: Sequence[Attachment]) -> Message:
    whole = MIMEMultipart("mixed", policy=_WIRE)
    whole.attach(words)
    for attached in attachments:
        part = MIMEText(mailable(attached.content), attached.media_type.partition("/")[2], "utf-8", policy=_WIRE)
        part.add_header("Content-Disposition", "attachment", filename=attached.name)
        whole.attach(part)
    return whole


_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64  # letter by letter in Python, the other encoding takes longer than all the rest
_QUOTED = Charset("utf-8")
_QUOTED.body_encoding = QP
_WIRE = compat32.clone(linesep="\r\n")
LONGEST_LINE = 998
"""Bytes of a line that mail carries as it is (RFC 5322)."""


def _part(text: str, subtype: str, *, seven_bit: bool) -> Message:
    if seven_bit:
        return MIMEText(text, subtype, cast("str", _QUOTED), policy=_WIRE)
    raw = text.encode()
    if max(map(len, raw.splitlines()), default=0) > LONGEST_LINE:
        return MIMEText(text, subtype, "utf-8", policy=_WIRE)
    # As it is, so that a person who opens the file can read it.
    part = Message(policy=_WIRE)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "8bit"
    part.set_payload(raw.decode("ascii", "surrogateescape"))
    return part


def mailbox(address: str, name: str = "") -> Address:
    """Return an address with its name, as mail can carry them.

    Raises:
        ValueError: it is none.
    """
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError("not an address that plain mail can carry")
    user, _, domain = address.rpartition("@")
    return Address(clean_header(name), user, domain)


def mailable(text: str) -> str:
    """Return a text without what no mail can carry: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
