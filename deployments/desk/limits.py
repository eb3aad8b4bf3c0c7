"""How often one client may ask: enough for a person and for a mail scanner, too little for guessing."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

MOST_CLIENTS = 10_000


class Turnstile:
    """Lets each client through so many times in a span of seconds. The longest silent clients are forgotten first.

    Args:
        times: how often.
        seconds: in how long.
        clock: monotonic seconds.
    """

    def __init__(self, times: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times, self._seconds, self._clock = times, seconds, clock
        self._passed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def is_open(self, client: str) -> bool:
        """Whether the client may pass now; asking does not count."""
        with self._lock:
            return len(self._recent(client)) < self._times

    def count(self, client: str) -> None:
        """Note that the client passed."""
        with self._lock:
            self._recent(client).append(self._clock())
            self._passed.move_to_end(client)
            while len(self._passed) > MOST_CLIENTS:
                self._passed.popitem(last=False)

    def _recent(self, client: str) -> deque[float]:
        passed = self._passed.setdefault(client, deque(maxlen=self._times))
        while passed and passed[0] <= self._clock() - self._seconds:
            passed.popleft()
        return passed
