"""The service as a whole: is it well, and does the Prefect server know what it is to run."""

from __future__ import annotations

import json
import sys

from deployments.cli.base import AsJson, app, ready


@app.command
def health(*, as_json: AsJson = False) -> None:
    """Say whether the service is well; exit code 1 where it is not. For cron: it asks the database and no Prefect.

    Prints nothing where all is well, so that cron mails only what is wrong.
    """
    from models.rules.alarms import WORDS
    from models.rules.words import Language
    from models.settings import settings
    from tasks.store.clock import now_in
    from tasks.store.database import reading
    from tasks.views.health import findings

    with reading(ready()) as connection:
        now = now_in(connection)
        found = findings(connection, now)
    if as_json:
        wrong = [{"alarm": f.alarm, "detail": f.detail} for f in found]
        print(json.dumps({"ok": not found, "at": now.isoformat(timespec="seconds"), "findings": wrong}))
    else:
        for finding in found:
            words = WORDS[finding.alarm][Language.EN]
            where = f"{settings().operations_url}#{finding.alarm}"
            print(f"{finding.alarm}: {words.what} ({finding.detail}) {words.remedy} {where}")
    sys.exit(1 if found else 0)


@app.command
def incidents(*, settled: int | None = None, as_json: AsJson = False) -> None:
    """List the single items that could not be handled and were left alone, or strike one off.

    Args:
        settled: the id of one that was mended; it is struck off.
    """
    from models.rules.errors import Refused
    from tasks.store.database import reading, transaction
    from tasks.views import incidents as left

    engine = ready()
    if settled is not None:
        with transaction(engine) as connection:
            if not left.strike_off(connection, settled):
                raise Refused.one("--settled", f"{settled} is no incident.", "`acredita incidents` lists their ids.")
        print(f"{settled} is struck off")
        return
    with reading(engine) as connection:
        found = left.listed(connection)
    if as_json:
        print(json.dumps([row._asdict() for row in found], default=str))
        return
    for row in found:
        again = f" ({row.times} times)" if row.times > 1 else ""
        print(f"{row.id}  {row.recorded_at:%Y-%m-%d}  {row.subject}: {row.what}{again}")


@app.command
def deploy() -> None:
    """Bring the Prefect server to this version: deployments for workers, schedules, forms, alarms. Safe to repeat."""
    from deployments.deploying import deploy as bring
    from tasks.asking import briefly
    from tasks.store.programs import current_program

    with briefly():
        print(bring(current_program(ready())))


@app.command
def alarms() -> None:
    """Create or update the alarms of deployments/alarms.yaml on the Prefect server. Safe to repeat."""
    from deployments.deploying import set_alarms
    from tasks.asking import briefly

    with briefly():
        print(f"{set_alarms()} alarms are set")


@app.command
def prune(*, yes: bool = False, as_json: AsJson = False) -> None:
    """Say which old runs, logs and artifacts Prefect keeps of this service; with --yes delete them. The ledger stays.

    Args:
        yes: delete them, and not only say which.
    """
    from deployments.deploying import server
    from deployments.printing_service import print_old
    from models.settings import settings
    from tasks import retention
    from tasks.asking import briefly
    from tasks.store import clock

    kept = retention.Kept.by(settings(), clock.real_now())
    with briefly(), server() as client:
        found = retention.prune(client, kept) if yes else retention.old_ones(client, kept)
    if as_json:
        print(json.dumps({"deleted": yes, "before": kept._asdict(), **found._asdict()}, default=str))
        return
    print_old(found, kept, deleted=yes)
