"""One run of the delivery: who it is, what it sends with, the clocks it reads, and what it came to."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from models.rules.delivery import Times
from models.settings import settings
from tasks.mail.outbox.boundaries import Reached, crash_point
from tasks.mail.outbox.presence import Presence
from tasks.mail.senders.protocol import Sender
from tasks.store.clock import Watch


@dataclass(slots=True)
class Delivery:
    """What a run came to, in emails; `nobody` counts notices whose post is vacant or cannot be reached.

    `found` were in doubt and stand in the provider's log, `again` went back to be sent a second time though they may
    have been taken. `over` notices wait since their reader's week has no email left, `parked` emails exceed the cap
    of a run and wait in `batch` for an operator.
    """

    sent: int = 0
    later: int = 0
    unknown: int = 0
    dead: int = 0
    nobody: int = 0
    found: int = 0
    again: int = 0
    held: int = 0
    cancelled: int = 0
    over: int = 0
    parked: int = 0
    batch: int | None = None

    def asides(self) -> str:
        """Return what else there is to say than how many were sent."""
        words = {
            "later": self.later, "unknown": self.unknown, "dead": self.dead, "without recipient": self.nobody,
            "found in the log": self.found, "sent again in doubt": self.again, "held for an operator": self.held,
            "cancelled": self.cancelled, "over the week's budget": self.over, "PARKED": self.parked,
        }
        return "".join(f", {number} {what}" for what, number in words.items() if number)


@dataclass(slots=True)
class Shift:
    """What every step of a run is handed. `draw` gives numbers from 0 to 1."""

    engine: Engine
    sender: Sender
    watch: Watch
    presence: Presence
    times: Times = field(default_factory=lambda: settings().times)
    threads: int = field(default_factory=lambda: settings().mail_threads)
    draw: Callable[[], float] = random.random
    reached: Reached = field(default_factory=crash_point)
    delivery: Delivery = field(default_factory=Delivery)
    claimed: int = 0
    """Emails of this run that count for its cap."""
    counted: bool = False
    """Whether it is noted that this run sends (`tasks.store.generations`)."""
