"""`acredita up`: everything on one machine, until Ctrl-C.

Starts the Prefect server, brings the database to the code's schema, opens the demo where no program was loaded,
serves every deployment, and runs the first sweep and delivery at once. Prefect is imported only after the
environment says where its server is.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from sqlalchemy import Engine

from models.rules.errors import AcreditaError, Refused
from models.settings import Settings
from tasks.demo import open_demo
from tasks.store import clock
from tasks.store.database import engine_of, migrate, reading
from tasks.store.programs import current_program, is_installed
from tasks.views.reports import status

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
LOOPBACK = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 15
RUNS_AT_ONCE = 4
"""After downtime every late run is started; each finds at once that another did its work, but not all at one time."""


class Place(NamedTuple):
    """Where the Prefect server listens, and at which port of this machine the desk does; 0: no desk."""

    host: str
    port: int
    desk_port: int = 0

    @property
    def is_private(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def near(self) -> str:
        """The server's address as this machine sees it."""
        host = LOOPBACK if self.host in {"0.0.0.0", "localhost"} else self.host  # noqa: S104 - it is compared, not bound
        return f"http://{host}:{self.port}"


def up(place: Place, console: Console) -> None:
    """Run until Ctrl-C.

    Raises:
        Refused: others could reach the server and need no password, the port is taken, the database is not to be had,
            or the server did not start.
    """
    from deployments.desk.serving import beside

    _refuse_open_door(place)
    _refuse_taken(place.host, place.port, flag="--port")
    if place.desk_port:
        _refuse_taken(LOOPBACK, place.desk_port, flag="--desk-port")
    # A shell that starts it in the background has it ignore Ctrl-C, and a service manager sends SIGTERM: both stop it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.umask(0o077)  # whatever is written from here on, by Prefect too, is for our own eyes
    settings = _with_desk(_choose_database(console), place)
    _environment(settings, place)
    with _prefect_server(settings, place) as server:
        _prepare(settings, console)
        with console.status("starting the Prefect server"):
            _wait_until_healthy(server, place, _log(settings))
        with beside(engine_of(settings.url), place.desk_port, settings.desk_url) if place.desk_port else nullcontext():
            _serve(place, console)


def _refuse_open_door(place: Place) -> None:
    try:
        private = place.is_private
    except ValueError:
        raise Refused.one("host", f'"{place.host}" is no address.', "Give an IP address of this machine.") from None
    user, _, password = os.environ.get(AUTH, "").partition(":")
    if private or (user and password):
        return
    what = f"{place.host} can be reached by others, and nobody is asked for a password."
    raise Refused.one("host", what, f"Set {AUTH}=USER:PASSWORD, or leave --host out.")


def _refuse_taken(host: str, port: int, *, flag: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                remedy = "Give an address that it has."
                raise Refused.one("host", f"{host} is no address of this machine.", remedy) from None
            remedy = f"Stop what listens there, or choose another: acredita up {flag} {port + 1}."
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


def _with_desk(settings: Settings, place: Place) -> Settings:
    """Let the links of mail that stays on this machine lead to its desk; other readers need an address of their own."""
    if settings.desk_url or settings.mail != "folder" or not place.desk_port:
        return settings
    return settings.model_copy(update={"desk_url": f"http://{LOOPBACK}:{place.desk_port}"})


def _environment(settings: Settings, place: Place) -> None:
    """Tell this process, the server and every flow run where things are, and that nothing is told to anybody else."""
    os.environ.setdefault("PREFECT_UI_URL", f"{place.near}/v2")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.update(
        ACREDITA_HOME=str(settings.home), ACREDITA_DATABASE_URL=settings.url, ACREDITA_MAIL=settings.mail,
        ACREDITA_MAIL_FOLDER=str(settings.outbox), ACREDITA_DESK_URL=settings.desk_url,
        PREFECT_HOME=str(settings.home / "prefect"), PREFECT_API_URL=f"{place.near}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", PREFECT_CLI_PROMPT="false",
        PREFECT_RUNNER_POLL_FREQUENCY="3",  # seconds that whoever submits a form waits for it to begin, at most
        # A page of somebody else's must not start runs through the browser of an operator.
        PREFECT_SERVER_CORS_ALLOWED_ORIGINS=place.near, PREFECT_SERVER_CSRF_PROTECTION_ENABLED="true",
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED="true",
        # SQLite takes one writer at a time: the others wait, and are not told to come back later.
        PREFECT_SERVER_DATABASE_TIMEOUT="60",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="200",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE="200",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL="1",
    )
    if AUTH in os.environ:
        os.environ["PREFECT_API_AUTH_STRING"] = os.environ[AUTH]


def _log(settings: Settings) -> Path:
    return settings.home / "prefect" / "server.log"


@contextmanager
def _prefect_server(settings: Settings, place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server; it takes some seconds to answer, in which other work can be done."""
    log = _log(settings)
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for older in (log, log.with_name("prefect.db")):  # of a version that did not mind who reads them
        older.touch(mode=0o600)
        older.chmod(0o600)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", place.host, "--port", str(place.port)]
    # For each schedule that it reads it lists every zone there is: from the package, not from a thousand files.
    zones = os.environ | {"PYTHONTZPATH": ""}
    with log.open("ab") as output:
        # A session of its own: Ctrl-C reaches us first, and the server is stopped last.
        server = subprocess.Popen(  # noqa: S603 - ours
            command, stdout=output, stderr=output, env=zones, start_new_session=True
        )
        try:
            yield server
        finally:
            _stop(server)


def _wait_until_healthy(server: subprocess.Popen[bytes], place: Place, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Refused.one("Prefect server", f"ended with code {server.returncode}.", f"Its log is {log}.")
        try:
            if httpx.get(f"{place.near}/api/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
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
    _learn(engine, console)


def _learn(engine: Engine, console: Console) -> None:
    """Fit the forecast where one is due, so that the first sweep has it: there is time while the server starts."""
    # Prefect reads its settings once, when it is first imported: not before `_environment` has set them.
    from tasks.forecasting import fit_is_due, make_fit
    from tasks.sweep import day_to_sweep

    try:
        day = day_to_sweep(engine, None)
        if fit_is_due(engine, day) is not None:
            with console.status("learning how long stages take"):
                make_fit(engine, day)
    except AcreditaError as error:
        console.print(f"[red]✗[/] fit: {error}")


def _serve(place: Place, console: Console) -> None:
    from prefect import tags
    from prefect.exceptions import TerminationSignal
    from prefect.runner import Runner

    from deployments.deploying import forget_the_rest, set_alarms
    from deployments.served import defined, deployments
    from flows.daily import daily_sweep
    from flows.delivery import deliver_notices
    from tasks.retention import TAG

    runner = Runner(pause_on_shutdown=False, limit=RUNS_AT_ONCE)
    runner.handle_sigterm = signal.default_int_handler  # type: ignore[method-assign]  # its own forgets to await the end
    with console.status("registering schedules and forms"):
        for deployment in deployments(current_program(engine_of())):
            runner.add_deployment(deployment)
    for first in (daily_sweep, deliver_notices):
        try:
            with tags(TAG):
                console.print(f"[green]✓[/] {first()}")
        except AcreditaError as error:
            console.print(f"[red]✗[/] {first.name}: {error}")
    with console.status("setting the alarms"):
        forget_the_rest(defined())
        set_alarms()
    console.print(_where(place))
    with suppress(KeyboardInterrupt, TerminationSignal):
        asyncio.run(runner.start())
    console.print("stopped")


def _where(place: Place) -> Panel:
    """Say where everything is."""
    from deployments.desk.serving import where
    from tasks.views.artifacts import CHANGES_KEY, PORTFOLIO_KEY
    from tasks.views.links import artifact_url

    settings, engine = Settings(), engine_of()
    program = current_program(engine)
    instant = clock.now(engine)
    with reading(engine) as connection:
        now = status(connection, program, instant.date())
    grid = Table.grid(padding=(0, 2))
    grid.add_row("program", f"{program.policy.name.en}{' · synthetic demo' if now.is_demo else ''}")
    if now.is_demo:
        grid.add_row("clock", f"{instant:%Y-%m-%d %H:%M} UTC, a labelled clock that runs on from its start")
    grid.add_row("Prefect UI", f"{place.near}/v2")
    grid.add_row("portfolio", artifact_url(PORTFOLIO_KEY))
    grid.add_row("changes", artifact_url(CHANGES_KEY))
    if place.desk_port:
        grid.add_row("desk", where(place.desk_port, settings.desk_url))
    grid.add_row("database", settings.url)
    grid.add_row("mail", f"{settings.outbox}  ({now.emails_sent} sent)" if settings.mail == "folder" else settings.mail)
    return Panel(grid, title="acredita is up", subtitle="Ctrl-C stops all of it", expand=False)
