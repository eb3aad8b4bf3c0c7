"""A real Prefect server for the tests that need one: one for the session, with its scheduler, on a free port.

It is started before the first test and waited for when the first that needs it runs. Where the tests run in several
processes (`make test`), all of them share it.
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


def answering(url: str) -> str:
    """Return the URL of a server's API once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK:
                return url
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the Prefect server did not start: server.log in its folder says why")


class PrefectServer:
    """A server in a folder of its own; `url` is its API's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        self.url = f"http://{HOST}:{port}/api"
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        changed = {
            "PREFECT_HOME": str(folder), "PREFECT_API_URL": self.url, "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_DATABASE_TIMEOUT": "30",
            # A hundred runs ahead of every schedule are its work for half a minute; no test looks beyond the next few.
            "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "3", "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
            # Every five seconds is right for people; a test waits for each of these.
            "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
        }
        # For each schedule that it reads it lists every zone there is: quickly from the package, slowly from folders.
        changed["PYTHONTZPATH"] = ""
        with (folder / "server.log").open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env=os.environ | changed, start_new_session=True
            )

    def stop(self) -> None:
        """Stop it, at the latest after some seconds."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
