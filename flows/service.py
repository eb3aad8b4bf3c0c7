"""The service about itself: alarms that ring, a mail to test the way out, a sign of life every week."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.client.orchestration import get_client
from pydantic import Field

from models.rules.alarms import Alarm
from models.rules.errors import Refused
from models.settings import settings
from tasks.door import door
from tasks.mail.operator import arrived, mail_alarm, mail_test
from tasks.retention import Kept, prune
from tasks.store import clock
from tasks.store.database import engine_of
from tasks.views.artifacts import name_this_run
from tasks.views.heartbeat import publish_heartbeat


@flow(name="raise an alarm", flow_run_name="alarm {alarm}", persist_result=False)
@door
def raise_alarm(
    alarm: Alarm,
    run: Annotated[str, Field(pattern=r"^[\w .,:;/()#→-]*$", max_length=200, examples=["sweep 2023-04-03"])] = "",
) -> str:
    """Tell the operator's address of an alarm, with what to do; the same alarm again only hours later.

    Args:
        alarm: Which alarm.
        run: The name of the run that it is about.
    """
    said = mail_alarm(engine_of(), alarm, run)
    name_this_run(f"alarm {said}")
    return said


@flow(name="send a test mail", flow_run_name="test mail", persist_result=False)
@door
def send_test_mail() -> str:
    """Send one line to the operator's address (ACREDITA_ALARM_TO), by the way that all mail takes."""
    result = mail_test(engine_of())
    if not arrived(result):
        what = f"was not taken ({result.outcome}, {result.detail or 'without a reason'})."
        raise Refused.one("mail", what, "See the settings ACREDITA_MAIL and what follows it.")
    name_this_run(f"test mail: {result.outcome}")
    return f"test mail: {result.outcome}"


@flow(name="weekly heartbeat", flow_run_name="heartbeat", persist_result=False)
@door
def weekly_heartbeat() -> str:
    """Say in one line how the week went and that the service lives: what is open, due, was told, held back, waits."""
    name: str = publish_heartbeat()
    name_this_run(name)
    return name


@flow(name="prune old runs", flow_run_name="prune", persist_result=False)
def prune_old_runs() -> str:
    """Delete what Prefect keeps of old runs of this service: their logs, task runs and artifacts, in bounded batches.

    How old, ACREDITA_KEEP_RUNS_DAYS and ACREDITA_KEEP_ARTIFACTS_DAYS say. The newest artifact of each name stays, and
    nothing is deleted from acredita's own database.
    """
    with get_client(sync_client=True) as client:
        name = f"pruned {prune(client, Kept.by(settings(), clock.real_now()))}"
    name_this_run(name)
    return name
