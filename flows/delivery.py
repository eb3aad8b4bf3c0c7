"""Delivery of what was decided, every few minutes."""

from __future__ import annotations

from prefect import State, flow
from prefect.states import Completed

from tasks.door import door
from tasks.mail.deliver import deliver_pending
from tasks.views.alarms import ring
from tasks.views.artifacts import count, name_this_run
from tasks.views.parked import publish_parked


@flow(name="deliver notices", flow_run_name="deliver", persist_result=False)
@door
def deliver_notices() -> str | State[str]:
    """Send what is pending to whoever holds each post now, in their working hours and language.

    One digest and one escalation mail a person and day at most, and no more a week than the program's budget; the rest
    waits. What exceeds the cap of a run is parked: the run ends as Parked, and an operator releases or cancels it.
    """
    done = deliver_pending()
    name = f"deliver: {count(done.sent, 'email')} sent"
    name += done.asides()
    name_this_run(name)
    ring()
    if done.batch is not None:
        return Completed(name="Parked", message=publish_parked(done.batch, done.parked))
    return name
