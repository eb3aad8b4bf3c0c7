"""What the loopback provider took, on disk before it answers: the judge of whether anything was lost or sent twice."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that was taken. `at` is in seconds since 1970; `seen_from` is when the log shows it, monotonic."""

    id: str
    at: float
    reference: str
    to_email: str
    from_email: str
    subject: str
    custom_args: dict[str, str]
    answer: str
    seen_from: float = 0.0


class Journal:
    """A file of one JSON object a line, appended to and synced; with no path it is kept in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self.taken: list[Taken] = []
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds addresses: its owner alone may read it.
            self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)
            self.taken = list(read(path))

    def add(self, taken: Taken) -> None:
        """Record a message; it is on disk when this returns."""
        line = json.dumps(asdict(taken), ensure_ascii=False).encode() + b"\n"
        with self._lock:
            if self._file is not None:
                os.write(self._file, line)
                os.fsync(self._file)
            self.taken.append(taken)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read(path: Path) -> Iterator[Taken]:
    """Read a journal back; what a killed provider wrote half is left out. The log shows all of it from the start."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield Taken(**{**json.loads(line), "seen_from": 0.0})


def now() -> tuple[float, float]:
    """Return the wall clock's seconds since 1970 and the monotonic clock's."""
    return time.time(), time.monotonic()
