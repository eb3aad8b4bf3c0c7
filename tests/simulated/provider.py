"""A provider in memory, on a clock of its own: what it took it writes down, and its log shows it later."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tasks.mail.senders.protocol import Finding, MailLog, Outcome, Outgoing, Result, Sought


class Behaviour(StrEnum):
    """How one message is answered."""

    TAKEN = "taken"
    LOST_AFTER = "taken, and the answer is lost"
    LOST_BEFORE = "not taken, and the answer is lost"
    REFUSED = "refused"
    DEFERRED = "deferred"
    PAUSED = "paused"
    BARRED = "barred"


TAKES = frozenset({Behaviour.TAKEN, Behaviour.LOST_AFTER})
_ANSWERS = {
    Behaviour.TAKEN: Result(Outcome.SENT),
    Behaviour.LOST_AFTER: Result(Outcome.UNKNOWN, "503"),
    Behaviour.LOST_BEFORE: Result(Outcome.UNKNOWN, "500"),
    Behaviour.REFUSED: Result(Outcome.REFUSED, "400"),
    Behaviour.DEFERRED: Result(Outcome.DEFERRED, "450"),
    Behaviour.PAUSED: Result(Outcome.PAUSED, "429", wait=20.0),
    Behaviour.BARRED: Result(Outcome.BARRED, "401"),
}


class Accepted(NamedTuple):
    """A copy that the provider took: when, and from when on its log shows it."""

    reference: str
    at: float
    shown_at: float


@dataclass
class Provider:
    """The provider's own truth. `lag` draws how late its log shows what it took."""

    dice: random.Random
    steady: Callable[[], float]
    has_log: bool
    lag: float
    took: Callable[[str], None]
    journal: list[Accepted] = field(default_factory=list)
    calm: bool = False

    def behaviour(self) -> Behaviour:
        if self.calm:
            return Behaviour.TAKEN
        return self.dice.choices(list(Behaviour), (8, 3, 3, 0.3, 1, 0.6, 0.4))[0]

    def take(self, reference: str) -> None:
        now = self.steady()
        self.journal.append(Accepted(reference, now, now + self.dice.random() * self.lag))
        self.took(reference)

    def shows(self, reference: str) -> bool:
        now = self.steady()
        return any(copy.reference == reference and copy.shown_at <= now for copy in self.journal)


class ProviderLog:
    exact = False

    def __init__(self, provider: Provider, pause: Callable[[], None]) -> None:
        self._provider, self._pause = provider, pause

    def find(self, sought: Sought) -> Finding:
        if not self._provider.calm and self._provider.dice.random() < 0.1:
            return Finding.UNREADABLE
        found = Finding.TAKEN if self._provider.shows(sought.reference) else Finding.MISSING
        self._pause()
        return found


class ProviderSender:
    """One run's way to the provider; `pause` is called before and after a message is taken."""

    name = "simulated"

    def __init__(self, provider: Provider, pause: Callable[[], None]) -> None:
        self._provider, self._pause = provider, pause
        self.log: MailLog | None = ProviderLog(provider, pause) if provider.has_log else None
        self.on_its_way: str | None = None

    def send(self, outgoing: Outgoing, now: datetime) -> Result:  # noqa: ARG002 - the provider dates it
        behaviour = self._provider.behaviour()
        self.on_its_way = outgoing.reference if behaviour in TAKES else None
        self._pause()
        self.on_its_way = None
        if behaviour in TAKES:
            self._provider.take(outgoing.reference)
            self._pause()
        return _ANSWERS[behaviour]

    def close(self) -> None:
        pass
