"""What a sender is: it takes one message at a time, and answers in six words what became of it.

    SENT      it was taken
    REFUSED   it was certainly not taken and never will be: the message itself is at fault (400, 413, no address)
    DEFERRED  it was certainly not taken this time: try again later (a full disk, SMTP's 4xx)
    PAUSED    nobody was taken: too many requests, or no connection. The sender waits; the attempt does not count
    BARRED    the provider takes nothing from us until somebody mends the account or the key (401, 403)
    UNKNOWN   it may have been taken: nobody may simply send it again

A sender never raises for what a provider, a network or a disk does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from models.rules.words import Finding, Outcome

__all__ = ["BAD_MESSAGE", "Attachment", "Finding", "MailLog", "Outcome", "Outgoing", "Result", "Sender", "Sought"]

BAD_MESSAGE = "400"
"""The detail where an address or a text cannot be sent at all; the same word as a provider's."""


class Result(NamedTuple):
    """An outcome and a short code for an operator; never an address, a name or a key.

    `wait` is in seconds: how long the provider asked us to wait, where it said so. `provider_id` is its own number for
    what it took.
    """

    outcome: Outcome
    detail: str = ""
    wait: float | None = None
    provider_id: str | None = None


class Attachment(NamedTuple):
    """A file that goes with a message: a name of ASCII letters, a type such as `text/calendar`, and text."""

    name: str
    media_type: str
    content: str


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
    attachments: tuple[Attachment, ...] = ()


class Sought(NamedTuple):
    """What is asked of a provider's log: one message, claimed for the first time at `since`."""

    reference: str
    to_address: str
    subject: str
    label: str
    since: datetime


class MailLog(Protocol):
    """What a provider has taken, to be asked afterwards. `exact`: it shows at once, for good, whatever was taken."""

    exact: bool

    def find(self, sought: Sought) -> Finding:
        """Look for a message; never raises for what a provider, a network or a disk does."""
        ...


class Sender(Protocol):
    """Takes one message at a time, from several threads at once.

    `name` is what its account is known by here (`sendgrid`): what bars one sender bars no other. `log` is where to ask
    what became of a message, if anywhere.
    """

    name: str
    log: MailLog | None

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        """Send a message, dated `now`."""
        ...

    def close(self) -> None:
        """Let go of connections. A sender that was closed may be used again, and closed again."""
        ...
