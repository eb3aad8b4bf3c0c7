"""What a run has parked, as operators find it in the Prefect UI."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact

from tasks.mail.outbox.parked import parked
from tasks.store.database import engine_of, reading

PARKED_KEY = "parked-mail"


def publish_parked(batch: int, emails: int) -> str:
    """Draw the batches that wait, and what to do about them; return what the run says in its state."""
    with reading(engine_of()) as connection:
        batches = [each for each in parked(connection) if each.waiting]
    lines = [
        "# Mail that waits for you", "",
        (f"A run of the delivery would have sent more than the policy's `[mail] a_run`. **{emails} emails are parked as"
        f" batch {batch}**; later runs go on with what is new."), "",
        "| batch | state | parked at | emails | notices that wait |", "| ---: | --- | --- | ---: | ---: |",
        *(f"| {b.id} | {b.state} | {b.parked_at:%Y-%m-%d %H:%M} UTC | {b.emails} | {b.waiting} |" for b in batches),
        "", ("See what is in it with `acredita ledger`, then run **settle a parked batch**, or"
        f" `acredita settle-batch {batch} release` (or `cancel`)."),
    ]
    create_markdown_artifact(key=PARKED_KEY, markdown="\n".join(lines), description=f"batch {batch}: {emails} emails")
    return f"{emails} emails exceed the cap of one run and are parked as batch {batch}: release or cancel it"
