"""What an operator does about mail: settle what is in doubt, let a provider take it again, copies of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, app, ready, say
from models.rules.words import Release, Verdict

Operator = Annotated[str, Parameter(help="Your code, which stays on record.")]


@app.command
def unsettled(*, as_json: AsJson = False) -> None:
    """List the emails that an operator may settle: held, unknown, dead."""
    from tasks.mail.outbox.settling import unsettled as listed
    from tasks.store.database import reading

    with reading(ready()) as connection:
        found = listed(connection)
    lines = [f"{each.id:>6}  {each.state:<8} {each.day}  {each.reference}  {each.note}" for each in found]
    say([each._asdict() for each in found], as_json, lambda: "\n".join(lines) or "nothing is to be settled")


@app.command
def settle(email: int, verdict: Verdict, *, operator: Operator = "operator") -> None:
    """Settle an email that nobody knows about, or that could not be sent.

    Args:
        email: its number, as `acredita unsettled` lists it.
        verdict: sent, it arrived; resend, it goes out once more; drop, it never does.
    """
    from tasks.mail.outbox.settling import settle_email
    from tasks.store import clock
    from tasks.store.database import transaction

    engine = ready()
    now = clock.now(engine)
    with transaction(engine) as connection:
        found = settle_email(connection, email, verdict, actor=operator, now=now)
    print(f"email {found.id} was {found.was}: {verdict}")


@app.command
def parked(*, as_json: AsJson = False) -> None:
    """List the mail that exceeded the cap of one run (`[mail] a_run`), and what became of it."""
    from tasks.mail.outbox.parked import parked as listed
    from tasks.store.database import reading

    with reading(ready()) as connection:
        found = listed(connection)
    lines = [
        f"{each.id:>6}  {each.state:<9} {each.parked_at:%Y-%m-%d %H:%M}  {each.emails:>5} emails  "
        f"{each.waiting:>5} of {each.notices} notices wait" + (f"  by {each.settled_by}" if each.settled_by else "")
        for each in found
    ]
    rows = [each._asdict() | {"parked_at": str(each.parked_at)} for each in found]
    say(rows, as_json, lambda: "\n".join(lines) or "no run has parked anything")


@app.command(name="settle-batch")
def settle_batch_(batch: int, verdict: Release, *, operator: Operator = "operator") -> None:
    """Let mail go out that exceeded the cap of one run, or cancel it.

    Args:
        batch: its number, as `acredita parked` lists it.
        verdict: release, it goes out with the next delivery; cancel, it never does.
    """
    from tasks.mail.outbox.parked import settle_batch
    from tasks.store import clock
    from tasks.store.database import transaction

    engine = ready()
    now = clock.now(engine)
    with transaction(engine) as connection:
        notices = settle_batch(connection, batch, verdict, actor=operator, now=now)
    print(f"batch {batch}: {verdict}, {notices} notices")


@app.command(name="resume-mail")
def resume_mail(sender: str | None = None) -> None:
    """Let a sender try again that its provider had barred or paused; and notices whose template is mended.

    Args:
        sender: folder, smtp or sendgrid; all by default.
    """
    from tasks.mail.outbox.settling import open_again, release_undeliverable
    from tasks.store.database import transaction

    with transaction(ready()) as connection:
        opened, released = open_again(connection, sender), release_undeliverable(connection)
    print(f"{', '.join(opened) or 'no sender'} was stopped; {released} notices that could not be written wait again")


@app.command
def backup(file: Path) -> None:
    """Copy the database to a new file, whole, while it is in use. SQLite only.

    Args:
        file: where to; a file that is there is never replaced.
    """
    from tasks.store.backups import backup as copy

    size = copy(ready(), file.expanduser().resolve())
    print(f"{file}: {size:,} bytes")


@app.command
def restore(file: Path) -> None:
    """Put a backup in the database's place. What may have gone out since is held back. SQLite only.

    Args:
        file: what `acredita backup` wrote; what stands there now is put aside.
    """
    from tasks.mail.outbox.presence import require_nobody
    from tasks.store.backups import restore as put_back
    from tasks.store.database import engine_of

    engine = engine_of()
    require_nobody(engine)
    aside = put_back(engine, file.expanduser().resolve())
    print(f"restored from {file}" + (f"; what was there is {aside.name}" if aside else ""))


@app.command(name="settle-restored")
def settle_restored(*, drop: Annotated[bool, Parameter(negative="", help="Never send them.")] = False) -> None:
    """Let the notices go out that were held back after a restore, or drop them."""
    from tasks.mail.outbox.restored import let_go
    from tasks.store.database import transaction

    with transaction(ready()) as connection:
        number = let_go(connection, drop=drop)
    print(f"{number} notices {'dropped' if drop else 'go out with the next delivery'}")
