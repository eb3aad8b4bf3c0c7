"""A real Prefect server for the tests that need one: one for the session, with its scheduler, on a free port.

It takes half of its start-up time from the first tests: it is started when such tests were collected, and waited for
when the first of them runs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 10


class PrefectServer:
    """A server in a folder of its own; `url` is its API's."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        self.url = f"http://{HOST}:{port}/api"
        self._log = folder / "server.log"
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        changed = {
            "PREFECT_HOME": str(folder), "PREFECT_API_URL": self.url, "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
        }
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env=os.environ | changed, start_new_session=True
            )

    def wait(self) -> str:
        """Return the API's URL once it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK:
                    return self.url
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"the Prefect server did not start: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop it, at the latest after some seconds."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
