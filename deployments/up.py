"""`acredita up`: everything on one machine, until Ctrl-C.

Starts the Prefect server, brings the database to the code's schema, opens the demo where no program was loaded,
serves every deployment, and runs the first sweep and delivery at once. Prefect is imported only after the
environment says where its server is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from models.rules.errors import AcreditaError, Refused
from models.settings import Settings
from tasks.demo import open_demo
from tasks.store import clock
from tasks.store.database import engine_of, migrate, reading
from tasks.store.programs import current_program, is_installed
from tasks.views.reports import status

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 15


def up(port: int, console: Console) -> None:
    """Run until Ctrl-C.

    Raises:
        Refused: the port is taken, the database is not to be had, or the server did not start.
    """
    _refuse_taken(port)
    settings = _choose_database(console)
    _environment(settings, port)
    with _prefect_server(settings, port, console):
        _prepare(settings, console)
        _serve(port, console)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            remedy = f"Stop what listens there, or choose another: acredita up --port {port + 1}."
            raise Refused.one("port", f"{port} is taken.", remedy) from None


def _choose_database(console: Console) -> Settings:
    """Return the settings of the loaded program's database; where none was loaded, of the demo's own."""
    settings = Settings()
    database = Path(settings.url.removeprefix("sqlite:///"))
    nothing_there = settings.url.startswith("sqlite") and not database.exists()
    if not nothing_there:
        migrate(engine_of(settings.url))
    if not nothing_there and is_installed(engine_of(settings.url)):
        return settings
    if settings.database_url:
        what = "names a database without a program."
        raise Refused.one("ACREDITA_DATABASE_URL", what, "Run `acredita init PROGRAM`.")
    folder = settings.home / "demo"
    console.print(
        "Back to the [bold]synthetic demo[/]." if (folder / "acredita.db").exists()
        else "No program was loaded yet: opening the [bold]synthetic demo[/] in a database of its own."
    )
    return settings.model_copy(
        update={"database_url": f"sqlite:///{folder / 'acredita.db'}", "mail": "folder", "mail_folder": folder / "mail"}
    )


def _environment(settings: Settings, port: int) -> None:
    """Tell this process, the server and every flow run where things are, and that nothing is told to anybody else."""
    os.environ.update(
        ACREDITA_HOME=str(settings.home), ACREDITA_DATABASE_URL=settings.url, ACREDITA_MAIL=settings.mail,
        ACREDITA_MAIL_FOLDER=str(settings.outbox),
        PREFECT_HOME=str(settings.home / "prefect"), PREFECT_API_URL=f"http://{HOST}:{port}/api",
        PREFECT_UI_URL=f"http://{HOST}:{port}/v2", PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1",
        PREFECT_LOGGING_LEVEL=os.environ.get("PREFECT_LOGGING_LEVEL", "WARNING"), PREFECT_CLI_PROMPT="false",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="200",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE="200",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL="1",
    )


@contextmanager
def _prefect_server(settings: Settings, port: int, console: Console) -> Iterator[None]:
    log = settings.home / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    with log.open("ab") as output:
        # A session of its own: Ctrl-C reaches us first, and the server is stopped last.
        server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)  # noqa: S603 - ours
        try:
            with console.status("starting the Prefect server"):
                _wait_until_healthy(server, port, log)
            yield
        finally:
            _stop(server)


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Refused.one("Prefect server", f"ended with code {server.returncode}.", f"Its log is {log}.")
        try:
            if httpx.get(f"http://{HOST}:{port}/api/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise Refused.one("Prefect server", f"did not answer within {START_SECONDS} s.", f"Its log is {log}.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _prepare(settings: Settings, console: Console) -> None:
    engine = engine_of(settings.url)
    migrate(engine)
    if not is_installed(engine):
        with console.status("drawing the synthetic roster"):
            open_demo(engine, settings.clock)


def _serve(port: int, console: Console) -> None:
    from prefect import serve

    from deployments.served import deployments
    from flows.daily import daily_sweep
    from flows.delivery import deliver_notices

    for first in (daily_sweep, deliver_notices):
        try:
            console.print(f"[green]✓[/] {first()}")
        except AcreditaError as error:
            console.print(f"[red]✗[/] {first.name}: {error}")
    console.print(_where(port))
    serve(*deployments(current_program(engine_of())), pause_on_shutdown=False, print_starting_message=False)
    console.print("stopped")


def _where(port: int) -> Panel:
    """Say where everything is."""
    settings, engine = Settings(), engine_of()
    program = current_program(engine)
    instant = clock.now(engine)
    with reading(engine) as connection:
        now = status(connection, program, instant.date())
    grid = Table.grid(padding=(0, 2))
    grid.add_row("program", f"{program.policy.name.en}{' · synthetic demo' if now.is_demo else ''}")
    if now.is_demo:
        grid.add_row("clock", f"{instant:%Y-%m-%d %H:%M} UTC, a labelled clock that runs on from its start")
    grid.add_row("Prefect UI", f"http://{HOST}:{port}/v2")
    grid.add_row("portfolio", f"http://{HOST}:{port}/v2/artifacts/key/portfolio")
    grid.add_row("changes", f"http://{HOST}:{port}/v2/artifacts/key/sweep-changes")
    grid.add_row("database", settings.url)
    grid.add_row("mail", f"{settings.outbox}  ({now.emails_sent} sent)" if settings.mail == "folder" else settings.mail)
    return Panel(grid, title="acredita is up", subtitle="Ctrl-C stops all of it", expand=False)
