"""How operators settle mail in doubt, and what a provider says of addresses is taken in."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from models.forms import PersonCode
from models.rules.words import Release, Verdict
from tasks.door import door
from tasks.mail.outbox.parked import settle_batch
from tasks.mail.outbox.settling import open_again, release_undeliverable, settle_email
from tasks.mail.suppressions import poll
from tasks.store import clock
from tasks.store.database import engine_of, transaction
from tasks.views.artifacts import name_this_run


@flow(name="settle an email", flow_run_name="settle email {email}", persist_result=False)
@door
def settle_one_email(email: Annotated[int, Field(ge=1)], verdict: Verdict, operator: PersonCode = "operator") -> str:
    """Settle an email that nobody knows about, or that could not be sent.

    Args:
        email: Its number, as the incident and `acredita unsettled` name it.
        verdict: Whether it arrived (sent), is to go out once more (resend), or never (drop).
        operator: Your code, which stays on record.
    """
    engine = engine_of()
    now = clock.now(engine)
    with transaction(engine) as connection:
        found = settle_email(connection, email, verdict, actor=operator, now=now)
    name = f"email {email} was {found.was}: {verdict}"
    name_this_run(name)
    return name


@flow(name="settle a parked batch", flow_run_name="batch {batch}: {verdict}", persist_result=False)
@door
def settle_parked_batch(
    batch: Annotated[int, Field(ge=1)], verdict: Release, operator: PersonCode = "operator"
) -> str:
    """Let mail go out that exceeded the cap of one run, or cancel it.

    Args:
        batch: Its number, as the run that parked it and `acredita parked` name it.
        verdict: Whether it goes out with the next delivery (release), or never (cancel).
        operator: Your code, which stays on record.
    """
    engine = engine_of()
    now = clock.now(engine)
    with transaction(engine) as connection:
        notices = settle_batch(connection, batch, verdict, actor=operator, now=now)
    name = f"batch {batch}: {verdict}, {notices} notices"
    name_this_run(name)
    return name


@flow(name="resume mail", flow_run_name="resume mail", persist_result=False)
@door
def resume_mail() -> str:
    """Let mail go out again that a provider had barred or paused, and notices whose templates are mended."""
    with transaction(engine_of()) as connection:
        opened, released = open_again(connection), release_undeliverable(connection)
    name = f"{', '.join(opened) or 'no sender'} was stopped, {released} notices wait again"
    name_this_run(name)
    return name


@flow(name="poll suppressions", flow_run_name="poll suppressions", persist_result=False)
@door
def poll_suppressions() -> str:
    """Ask the provider what arrived and which addresses it cannot reach; tell the next contact what they missed."""
    found = poll(engine_of())
    arrived = f"{found.delivered} emails arrived, " if found.delivered else ""
    name = f"{arrived}{found.people} contacts cannot be reached, {found.notices} notices go to the next contact"
    name_this_run(name)
    return name
