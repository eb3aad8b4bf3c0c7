"""What is wrong outside, said in one line with what to do: and nothing was changed."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from sqlalchemy import Engine, update

from deployments.cli import main
from deployments.up import AUTH, Place, _with_desk, up
from flows.daily import daily_sweep
from models.rules.errors import Refused
from models.schema import INSTALLATION
from models.settings import Settings
from tasks.store.database import engine_of, transaction
from tasks.sweep import day_to_sweep, report
from tests.on_prefect import TODAY, Api, run
from tests.storing import everything

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]


def test_a_locked_database_is_one_line_without_a_row(
    stocked: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(stocked)
    path = str(stocked.url.database)
    impatient = engine_of(f"sqlite:///{path}?timeout=0.1")
    monkeypatch.setenv("ACREDITA_DATABASE_URL", str(impatient.url))
    with impatient.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 100")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    state = run(daily_sweep)
    holder.execute("ROLLBACK")
    holder.close()
    impatient.dispose()
    said = api.run_of(state)["state"]["message"]
    assert "database: is held by another program (database is locked). Close what holds it" in said
    assert "\n" not in said
    assert "SELECT" not in said
    assert everything(stocked) == before


def test_a_clock_that_went_back_is_named(stocked: Engine) -> None:
    run(daily_sweep)
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(last_swept_on=TODAY + timedelta(days=2)))
    with pytest.raises(Refused, match=f"clock: shows {TODAY}, but {TODAY + timedelta(days=2)} was swept already"):
        day_to_sweep(stocked, None)


@pytest.mark.parametrize(
    ("host", "auth", "said"),
    [
        ("0.0.0.0", "", "can be reached by others, and nobody is asked for a password. Set PREFECT_SERVER_API_AUTH"),  # noqa: S104 - refused
        ("192.0.2.1", "", "can be reached by others"),
        ("0.0.0.0", "password", "can be reached by others"),  # noqa: S104 - refused
        ("0.0.0.0", "user:", "can be reached by others"),  # noqa: S104 - refused
        ("192.0.2.1", "user:password", "is no address of this machine"),
        ("nowhere", "user:password", '"nowhere" is no address'),
    ],
)
def test_up_opens_no_door_without_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, auth: str, said: str
) -> None:
    monkeypatch.setenv(AUTH, auth)
    with pytest.raises(Refused, match=said):
        up(Place(host, 4999), Console())
    assert not (tmp_path / "home").exists()


def test_the_watch_prints_a_line_of_json(
    stocked: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in (1, 0):
        exit_code, out, _ = ended(capsys, monkeypatch, "health", "--json")
        said = json.loads(out)
        assert exit_code == code
        assert said["ok"] is (code == 0)
        assert [each["alarm"] for each in said["findings"]] == (["missing-sweep"] if code else [])
        run(daily_sweep)
        capsys.readouterr()
    assert stocked.dialect.name == "sqlite"


class Doorkeeper(BaseHTTPRequestHandler):
    """A Prefect server that lets nobody in, or one that is always busy."""

    answer = httpx.codes.UNAUTHORIZED

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _refuse  # noqa: N815 - the standard library's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def ended(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """Run a verb; return its exit code, what it printed and what it complained of."""
    monkeypatch.setattr(sys, "argv", ["acredita", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return (int(end.value.code or 0), *capsys.readouterr())


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Run a verb that must be refused; return what it said."""
    code, _, said = ended(capsys, monkeypatch, *words)
    assert code == 2
    return said


class Busy(Doorkeeper):
    """A server whose database is locked."""

    answer = httpx.codes.SERVICE_UNAVAILABLE


def test_a_server_that_is_down_busy_or_lets_us_not_in_is_one_line(
    stocked: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stocked.dialect.name == "sqlite"
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        said = refused(capsys, monkeypatch, "alarms")
    assert said == (
        "acredita: Prefect server: does not answer at http://127.0.0.1:1. Start it, or correct PREFECT_API_URL.\n"
    )
    monkeypatch.setattr("tasks.asking.TIMES", 0)  # else six seconds go by
    for kind, expected in (
        (Doorkeeper, "refuses the password. Set PREFECT_API_AUTH_STRING"), (Busy, "is busy, another writes to its"),
    ):
        keeper = HTTPServer(("127.0.0.1", 0), kind)
        threading.Thread(target=keeper.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{keeper.server_port}/api"}):
                said = refused(capsys, monkeypatch, "alarms")
        finally:
            keeper.shutdown()
            keeper.server_close()
        assert expected in said
        assert said.count("\n") == 1


@pytest.mark.parametrize("flag", ["--port", "--desk-port"])
def test_a_taken_port_is_named_with_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(capsys, monkeypatch, "up", flag, str(port))
    assert said == (
        f"acredita: port: {port} is taken. Stop what listens there, or choose another: acredita up {flag} {port + 1}.\n"
    )


@pytest.mark.parametrize(
    ("named", "desk_port", "links_to"),
    [
        ({}, 4280, "http://127.0.0.1:4280"),
        ({}, 0, ""),
        ({"desk_url": "https://answers.example.org"}, 4280, "https://answers.example.org"),
        ({"mail": "smtp"}, 4280, ""),
    ],
)
def test_links_in_mail_lead_to_the_desk_that_up_serves_where_its_readers_are_on_this_machine(
    named: dict[str, Any], desk_port: int, links_to: str
) -> None:
    assert _with_desk(Settings(**named), Place("127.0.0.1", 4200, desk_port)).desk_url == links_to


def test_incidents_are_listed_and_struck_off(
    stocked: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(stocked) as connection:
        for _ in range(2):
            report(connection, "enrollment 7", "could not be decided: KeyError")
    listed = f"1  {TODAY}  enrollment 7: could not be decided: KeyError (2 times)\n"
    assert ended(capsys, monkeypatch, "incidents")[1] == listed
    assert ended(capsys, monkeypatch, "incidents", "--settled", "1")[1] == "1 is struck off\n"
    assert "--settled: 1 is no incident." in refused(capsys, monkeypatch, "incidents", "--settled", "1")
