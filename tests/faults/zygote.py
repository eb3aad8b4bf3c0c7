"""Real processes that start in milliseconds: one process has imported everything, and forks whoever is to be killed.

A SIGKILL costs a process with all that it holds; what the campaign cannot afford is a second of imports for each of two
thousand. So the zygote imports the code and compiles the statements of the databases it is told of, holds no
connection, and forks. It speaks a line of JSON for a line of JSON, and nobody else waits for its children: a number
that it gave is that process and no other until it says how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

ROLES = ("deliver", "sweep")


class Zygote:
    """The process that forks, seen from the campaign. Safe to ask from several threads."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.zygote"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()

    def warm(self, environment: Mapping[str, str]) -> None:
        """Let it compile the statements of a database, before anybody works on it."""
        self._ask(do="warm", environment=dict(environment))

    def start(self, role: str, environment: Mapping[str, str], log: Path) -> int:
        """Start a process and return its number."""
        return int(self._ask(do="start", role=role, environment=dict(environment), log=str(log)))

    def signal(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to one of its children; to one that has ended, nothing happens."""
        self._ask(do="signal", pid=pid, number=int(number))

    def ended(self, pid: int) -> int | None:
        """Return how a child ended: its exit code, the negative number of a signal, None while it runs."""
        code: int | None = self._ask(do="ended", pid=pid)
        return code

    def wait(self, pid: int, seconds: float = 60) -> int:
        """Wait until a child has ended."""
        until = time.monotonic() + seconds
        while (code := self.ended(pid)) is None:
            if time.monotonic() > until:
                self.signal(pid)
                raise AssertionError(f"process {pid} did not end in {seconds} s")
            time.sleep(0.005)
        return code

    def _ask(self, **asked: Any) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=10)
        except (OSError, subprocess.TimeoutExpired):  # perhaps it has not even imported everything
            self._process.kill()
            self._process.communicate()


class _Nursery:
    """What the zygote itself does."""

    def __init__(self) -> None:
        self._ended: dict[int, int] = {}

    def warm(self, environment: Mapping[str, str]) -> None:
        from tests.faults import roles

        with _environment(environment):
            roles.warm()

    def start(self, role: str, environment: Mapping[str, str], log: str) -> int:
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.environ.update(environment)
            from tests.faults import roles

            code = roles.play(role)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def signal(self, pid: int, number: int) -> None:
        if self.ended(pid) is None:
            os.kill(pid, number)

    def ended(self, pid: int) -> int | None:
        if pid not in self._ended:
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                return None
            self._ended[pid] = os.waitstatus_to_exitcode(status)
        return self._ended[pid]


@contextlib.contextmanager
def _environment(changed: Mapping[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(changed)
    yield
    os.environ.clear()
    os.environ.update(before)


def main() -> None:
    """Answer until nobody asks any more, then take the children along."""
    from tests.faults import roles

    roles.imports()
    nursery, alive = _Nursery(), set()
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(nursery, asked.pop("do"))(**asked)
        if "role" in asked:
            alive.add(answer)
        print(json.dumps(answer), file=answers, flush=True)
    for pid in alive:
        nursery.signal(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
