"""A program put in force, started, and lived through."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, DryRun, app
from models.rules.errors import AcreditaError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.rules.policy import Policy


@app.command
def up(*, port: int = 4200, host: str = "127.0.0.1", desk_port: int | None = None) -> None:
    """Start everything on this machine until Ctrl-C: Prefect server, database, demo or your program, schedules.

    Args:
        port: where the Prefect server listens.
        host: on which address; another than this machine's own needs PREFECT_SERVER_API_AUTH_STRING=USER:PASSWORD.
        desk_port: where the desk listens, on this machine only; by default 80 ports on. 0: it is not served.
    """
    from rich.console import Console

    from deployments.up import Place
    from deployments.up import up as run

    run(Place(host, port, port + 80 if desk_port is None else desk_port), Console())


@app.command
def init(program: str, *, live_from: date | None = None, dry_run: DryRun = False) -> None:
    """Bring the database to this version and put a program in force; again after its files changed.

    Args:
        program: a shipped program (mexico, iso9001) or a folder with TOML files.
        live_from: the day mail begins; before it everything is decided and nothing mailed. Without it, nothing is.
    """
    from tasks.store.database import engine_of, is_there, migrate
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    policy = read_policy(folder_of(program))
    if dry_run:
        print(f"{policy.code}: {len(policy.stages)} stages, {len(policy.reminders)} reminders and "
              f"{len(policy.escalations)} escalations can be carried out; nothing was changed")
        if is_there():
            _tell_what_moves(engine_of(), policy)
        return
    engine = engine_of()
    migrate(engine)
    _tell_what_moves(engine, policy)
    new = put_in_force(engine, policy, Terms(live_from=live_from))
    print(f"{policy.code} is in force" if new else f"{policy.code} was in force already")


def _tell_what_moves(engine: Engine, policy: Policy) -> None:
    """Say which planned days of open cases a policy moves; nothing where it takes no other's place."""
    from zoneinfo import ZoneInfo

    from models.rules.case import Program
    from tasks.store import clock
    from tasks.store.database import reading
    from tasks.store.programs import replaced_by

    with reading(engine) as connection:
        before = replaced_by(connection, policy)
        if before is None:
            return
        from deployments.printing import print_projection
        from tasks.views.projection import projected

        today = clock.now_in(connection).astimezone(ZoneInfo(policy.zone)).date()
        after = Program(policy, before.version, before.live_from)
        print_projection(projected(connection, before, after, today=today))


@app.command
def replay(
    program: str = "mexico",
    *,
    since: Annotated[date, Parameter(name="--from")] = date(2016, 8, 1),
    until: Annotated[date, Parameter(name="--to")] = date(2024, 5, 31),
    seed: int = 1,
    keep: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Live through every day of a program with a synthetic cohort, and print its report.

    Args:
        program: a program with margins to draw a cohort from.
        since: the first day.
        until: the last day.
        seed: draws who, where and when; the published totals stay.
        keep: a folder to leave the database and the mail in; otherwise they are thrown away.
    """
    from deployments.bars import replay_with_bar
    from deployments.printing import print_replay
    from tasks.feed import synthetic_cohort
    from tasks.replay import Span
    from tasks.store.programs import folder_of, read_policy

    if since > until:
        raise AcreditaError(f"--from: {since} is after --to, {until}. Swap them.")
    folder = folder_of(program)
    cohort = synthetic_cohort(folder, read_policy(folder), seed)
    with tempfile.TemporaryDirectory(prefix="acredita-") as scratch:
        place = keep or Path(scratch)
        if keep is not None and (keep / "replay.db").exists():
            raise AcreditaError(f"--keep: {keep} holds a replay already. Name an empty folder.")
        report = replay_with_bar(folder, cohort, folder=place.resolve(), span=Span(since, until))
    if as_json:
        print(json.dumps({"seed": seed, **dataclasses.asdict(report)}, default=str))
        return
    print_replay(report, seed)
    if keep is not None:
        print(f"database and mail: {keep}")
