"""What the schedules do, by hand: a sweep, a delivery."""

from __future__ import annotations

import dataclasses
from contextlib import closing

from deployments.cli.base import AsJson, AsOf, DryRun, app, ready, say


@app.command
def sweep(*, as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Decide everything that is due on a day: stages, reminders, escalations. Safe to repeat."""
    from tasks import sweep as sweeping
    from tasks.journal import Journal

    engine = ready()
    day = sweeping.day_to_sweep(engine, as_of)
    journal = Journal()
    tally = sweeping.rehearse(engine, day, journal) if dry_run else sweeping.sweep(day, journal=journal)
    found = {"as_of": day, "dry_run": dry_run, **dataclasses.asdict(tally), "warnings": journal.warnings}
    told = (
        f"{'would sweep' if dry_run else 'swept'} {day}: {tally.due} due, {tally.steps}, "
        f"{tally.notices} notices, {tally.escalations} escalations, {tally.failed} failed"
    )
    say(found, as_json, lambda: "\n".join([told, *journal.warnings]))


@app.command
def deliver(*, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Send what is pending, to whoever holds each post, in their working hours."""
    from models.settings import settings
    from tasks.mail import deliver as delivery
    from tasks.mail.senders.choice import sender_of
    from tasks.store import clock

    engine = ready()
    if dry_run:
        waiting = delivery.rehearse(engine, clock.now(engine))
        say(waiting, as_json, lambda: f"would send {len(waiting)} emails now")
        return
    with closing(sender_of(settings())) as sender:
        done = delivery.deliver(engine, sender, clock.watch(engine))
    say(dataclasses.asdict(done), as_json, lambda: f"{done.sent} sent{done.asides()}")
