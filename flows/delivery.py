"""Delivery of what was decided, every few minutes."""

from __future__ import annotations

from prefect import flow

from tasks.door import door
from tasks.mail.deliver import deliver_pending
from tasks.views.alarms import ring
from tasks.views.artifacts import count, name_this_run


@flow(name="deliver notices", flow_run_name="deliver", persist_result=False)
@door
def deliver_notices() -> str:
    """Send what is pending to whoever holds each post now, in their working hours and language.

    One digest and one escalation mail a person and day at most; the rest waits for the next working day.
    """
    done = deliver_pending()
    name = f"deliver: {count(done.sent, 'email')} sent"
    name += done.asides()
    name_this_run(name)
    ring()
    return name
