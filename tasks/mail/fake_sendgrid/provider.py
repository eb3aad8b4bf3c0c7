"""What the loopback provider knows, however it is asked: what it took, its log, its lists and its script."""

from __future__ import annotations

import secrets
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.mail.fake_sendgrid.answers import Answer, Script
from tasks.mail.fake_sendgrid.certificate import Pair
from tasks.mail.fake_sendgrid.documents import Row, row_of
from tasks.mail.fake_sendgrid.journal import Journal, Taken, now

KEY = "SG.loopback"
STATUS_OF = {
    "bounces": "bounced", "blocks": "blocked", "invalid_emails": "dropped", "spam_reports": "delivered",
}
"""The lists of suppressed addresses, and what the log says of a message to one."""


@dataclass(frozen=True)
class Options:
    """How it behaves. Times are in seconds.

    Args:
        key: the one key that is let in.
        script: what mail is answered; see answers.py.
        log_script: the same for requests to the log, where 202 means that it answers.
        seed: what weights are drawn from.
        journal: the file of what was taken.
        tls: certificate and key; plain HTTP without.
        round_trip: how long each of the line's round trips takes: connecting, the TLS handshake, each request.
        reset_after: how long 429 asks to wait.
        log_lag: how late the log shows a message.
        log_loss: the share of messages that it never shows.
        log_open: whether the account may read it at all; if not, it answers 403.
        drip_every: the pause between two bytes of an answer that drips.
        redirect_to: the host that a redirect points to.
    """

    key: str = KEY
    script: str = ""
    log_script: str = ""
    seed: int = 0
    journal: Path | None = None
    tls: Pair | None = None
    round_trip: float = 0.0
    reset_after: float = 1.0
    log_lag: float = 0.0
    log_loss: float = 0.0
    log_open: bool = True
    drip_every: float = 0.05
    redirect_to: str = "https://elsewhere.invalid"


class Provider:
    """The provider behind the server. `asked` counts requests by path and answer."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.script, self.log_script = _scripts(options)
        self.journal = Journal(options.journal)
        self._by_address: defaultdict[str, list[Taken]] = defaultdict(list)
        for taken in self.journal.taken:
            self._by_address[taken.to_email].append(taken)
        self.suppressed: dict[str, list[Row]] = {kind: [] for kind in STATUS_OF}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        """Of the newest requests, for tests that look at what was sent."""
        self.documents: list[Any] = []

    @property
    def taken(self) -> list[Taken]:
        """Everything that was taken, in order."""
        return self.journal.taken

    def change(self, **options: Any) -> None:
        """Behave otherwise from now on: any of the options but port, journal and TLS."""
        self.options = replace(self.options, **options)
        self.script, self.log_script = _scripts(self.options)

    def suppress(self, kind: str, address: str, **more: Any) -> None:
        """Put an address on a list, as of now unless `created` says otherwise."""
        row = {"email": address, "created": int(now()[0]), "reason": "550 5.1.1 no such user", "status": "5.1.1"}
        self.suppressed[kind].append(row | more)

    def take(self, document: dict[str, Any], answer: Answer) -> str:
        """Take a mail: one message for each recipient, as the provider numbers them. It is on disk when this returns.

        Returns:
            The number that the caller is told.
        """
        number = secrets.token_urlsafe(16)
        for personalization in document["personalizations"]:
            custom = dict(personalization.get("custom_args") or {})
            for index, to in enumerate(personalization["to"]):
                at, monotonic = now()
                taken = Taken(
                    id=f"{number}.recvd-loopback-1-{index}.0", at=at, reference=reference_of(document),
                    to_email=to["email"], from_email=document["from"]["email"], subject=document["subject"],
                    custom_args=custom, answer=str(answer), seen_from=monotonic + self.options.log_lag,
                )
                self.journal.add(taken)
                self._by_address[taken.to_email].append(taken)
        return number

    def logged(self, address: str | None = None) -> Iterator[Taken]:
        """Yield what the log shows by now, of an address or of all, newest first; what it forgets hangs on the mail."""
        for taken in reversed(self.taken if address is None else self._by_address.get(address, [])):
            lost = zlib.crc32(taken.id.encode()) / 2**32 < self.options.log_loss
            if not lost and time.monotonic() >= taken.seen_from:
                yield taken

    def row(self, taken: Taken) -> Row:
        """Return a message as the log lists it."""
        status = next(
            (STATUS_OF[kind] for kind, rows in self.suppressed.items()
             if any(row["email"] == taken.to_email for row in rows)), "delivered",
        )
        return row_of(taken, status)


def reference_of(document: Any) -> str:
    """Return our own id of a mail, wherever it is well formed enough to have one."""
    try:
        return str(document["personalizations"][0]["custom_args"]["reference"])
    except (KeyError, IndexError, TypeError):
        return ""


def _scripts(options: Options) -> tuple[Script, Script]:
    return Script.parse(options.script, options.seed), Script.parse(options.log_script, options.seed)
