"""Where the promise ends: a provider whose log shows what it took later than we wait, or never, or to nobody.

The promise is that what was taken is found within the settle time. Beyond it there is "twice or never", and a rule says
which: here it is counted, so that nobody need guess.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from models.rules.words import OnUnknown
from tasks.store.cases import START
from tasks.store.database import transaction
from tasks.store.programs import Terms, put_in_force
from tasks.sweep import decide_batch
from tests.faults.boundaries import rest
from tests.faults.judge import judge
from tests.faults.world import FIRST_DAY, Cases, Databases, unbounded, world
from tests.faults.zygote import Zygote

LOG = logging.getLogger(__name__)
SCRIPT = "202:60,500+:25,reset:15"
"""A quarter is taken without our learning of it, a seventh is not taken."""
SETTLE = 1.0
CASES = 100


@dataclass(frozen=True)
class Limit:
    """A provider's log, and what became of the mail: `again` is what went out twice."""

    log: str
    policy: OnUnknown
    emails: int
    again: int
    held: int
    lost: int


LOGS: tuple[tuple[str, OnUnknown, Mapping[str, Any]], ...] = (
    *((f"shows all after {share:.0%} of the settle time", OnUnknown.RESEND, {"log_lag": share * SETTLE})
      for share in (0, 0.5, 0.9, 1.5, 2, 4)),
    *((f"never shows {loss:.0%} of what was taken", OnUnknown.RESEND, {"log_loss": loss}) for loss in (0.1, 0.5, 1)),
    ("none: the account may not ask", OnUnknown.RESEND, {"log_open": False}),
    ("none: the account may not ask", OnUnknown.HOLD, {"log_open": False}),
)


def run(zygote: Zygote, databases: Databases, folder: Path) -> list[Limit]:
    """Deliver the same mail beside each kind of log."""
    templates = {policy: databases.template(Cases(CASES), _decided_under(policy)) for policy in OnUnknown}
    found = []
    for number, (log, policy, options) in enumerate(LOGS):
        LOG.info("the log %s, %s", log, policy)
        url = databases.copy(templates[policy], "limit")
        with world(url, folder / f"limit-{number}", {"script": SCRIPT, "seed": 1, **options}) as there:
            rest(zygote, there, 60)
            verdict = judge(there)
            lost = len(verdict.lost) + len(verdict.unsettled)
            found.append(Limit(log, policy, verdict.emails, len(verdict.twice), verdict.held, lost))
    return found


def _decided_under(policy: OnUnknown) -> Any:
    """Return what puts a word of all rules in force, and decides the first day."""
    def prepare(engine: Engine) -> None:
        read = unbounded()
        rules = {
            name: tuple(rule.model_copy(update={"on_unknown": policy}) for rule in getattr(read, name))
            for name in ("reminders", "escalations")
        }
        with suppress(ValueError):
            put_in_force(engine, read.model_copy(update=rules), Terms(live_from=date(2016, 1, 1)))
        with transaction(engine) as connection:
            decide_batch(connection, FIRST_DAY, (START, 1000))

    return prepare
