"""What the campaign's processes do: deliver, sweep, or record, over and over, as the schedules of an installation do.

Each run opens what it needs and closes it, as a flow does. What a run raises is written to its log, and the next run
begins: that is all that Prefect would do.
"""

from __future__ import annotations

import os
import resource
import secrets
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

RUNS, PAUSE = "FAULTS_RUNS", "FAULTS_PAUSE"
"""How many runs, 0 for ever; and the seconds between two."""
ENDED = "ended"
"""A file with a byte for each run that ended, killed ones apart."""
LARGEST_FILE = "FAULTS_LARGEST_FILE"
"""To how many bytes a file may grow, 0 for any number: what is more is refused as a full disk refuses it."""


def imports() -> None:
    """Import all that a run imports, and compile the templates."""
    from datetime import date

    import prefect.tasks  # noqa: F401 - what it imports is what costs
    import sendgrid  # noqa: F401 - the same

    from models.rules.words import Language
    from tasks.mail import deliver  # noqa: F401 - the same
    from tasks.mail.rendering import notices, preview

    for language in Language:
        for name in notices():
            preview(name, language, date(2022, 3, 1))


def warm() -> None:
    """Compile the statements of the settings' database; no connection is left behind."""
    from tasks.store.database import engine_of

    deliver_once()
    sweep_once()
    engine_of().dispose()


def deliver_once() -> None:
    """Deliver once, as the flow does."""
    from models.settings import settings
    from tasks.mail.deliver import deliver
    from tasks.mail.senders.choice import sender_of
    from tasks.store import clock
    from tasks.store.database import engine_of

    engine = engine_of()
    with closing(sender_of(settings())) as sender:
        deliver(engine, sender, clock.watch(engine))


def sweep_once() -> None:
    """Sweep today, as the flow does."""
    from tasks.store.database import engine_of
    from tasks.sweep import day_to_sweep, sweep

    sweep(day_to_sweep(engine_of(), None))


def record_once() -> None:
    """Let some cases be due again today, as facts do that are recorded while mail goes out."""
    from sqlalchemy import update

    from models.schema import ENROLLMENT
    from tasks.store.database import engine_of, transaction
    from tasks.sweep import day_to_sweep

    engine = engine_of()
    today = day_to_sweep(engine, None)
    with transaction(engine) as connection:
        some = ENROLLMENT.c.id % TENTHS == secrets.randbelow(TENTHS)
        connection.execute(update(ENROLLMENT).where(some).values(next_review_on=today))


ROLES = {"deliver": deliver_once, "sweep": sweep_once, "record": record_once}
TENTHS = 10


def play(role: str) -> int:
    """Do a role's runs; return 0 where the last one raised nothing."""
    runs, pause = int(os.environ.get(RUNS, "1")), float(os.environ.get(PAUSE, "0.05"))
    if largest := int(os.environ.get(LARGEST_FILE, "0")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    code, done = 0, 0
    while not runs or done < runs:
        try:
            ROLES[role]()
            code = 0
        except Exception:  # noqa: BLE001 - whatever it is, the next run begins, and the log is read afterwards
            traceback.print_exc(file=sys.stderr)
            code = 1
        done += 1
        with Path(os.environ["ACREDITA_HOME"], ENDED).open("ab") as file:
            file.write(b".")
        time.sleep(pause)
    return code
