"""A real service, started as `acredita up` starts it, and a real Chromium to look at it with.

`make browser` runs these; elsewhere they are left out, and the summary says so (tests/conftest.py).
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

CHROMIUM = os.environ.get("ACREDITA_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]
"""Root may run it, and it calls nobody by itself."""
START_SECONDS = 300
STOP_SECONDS = 60
WIDE = {"width": 1280, "height": 1300}


class Service(NamedTuple):
    """A running service: the Prefect UI's address, its own folder, and what it printed until it was up."""

    ui: str
    home: Path
    said: str

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.home / 'demo' / 'acredita.db'}"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is not there. On Debian: apt-get install chromium, or name it in ACREDITA_CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh window at a desk's width."""
    context = chromium.new_context(viewport=WIDE)  # type: ignore[arg-type]
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo, as `make run` starts it; this process asks its server too."""
    home, port = tmp_path_factory.mktemp("service"), _free_port()
    log = home / "up.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ACREDITA_", "PREFECT_"))}
    command = [str(Path(sys.executable).with_name("acredita")), "up", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=clean | {"ACREDITA_HOME": str(home), "COLUMNS": "160"},
            start_new_session=True,
        )
    try:
        said = _until_up(process, log)
        ui = f"http://127.0.0.1:{port}/v2"
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api", PREFECT_UI_URL: ui}):
            yield Service(ui, home, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _until_up(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", log.read_text(encoding="utf-8"))
        if "Ctrl-C stops all of it" in said:
            return said
        time.sleep(0.2)
    raise AssertionError(f"the service did not start:\n{log.read_text(encoding='utf-8')}")
