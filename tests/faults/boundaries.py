"""Every boundary between two writes, by every answer of a provider: a SIGKILL at each, and again while it recovers.

A world holds one email, so that each pair is met exactly. A plan names where each process in turn dies; after the last
one a process runs undisturbed until nothing is open, and the judge looks. The answer is the provider's to the first
post; what is posted again is taken.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from sqlalchemy import Engine, delete, update

from models.rules.words import Post
from models.schema import ENROLLMENT, NOTICE, PERSON
from tasks.mail.fake_sendgrid.answers import WORDS, answer_of
from tasks.store.cases import START
from tasks.store.database import transaction
from tasks.sweep import decide_batch
from tests.faults.judge import judge, open_emails, open_notices
from tests.faults.roles import PAUSE, RUNS
from tests.faults.world import FIRST_DAY, Cases, Databases, World, world
from tests.faults.zygote import Zygote

LOG = logging.getLogger(__name__)
ANSWERS = (*WORDS, *(
    f"{word}+" for word in WORDS if word[0] in "35rhdsbg" and not answer_of(word).taken
))
QUICK = {
    "ACREDITA_MAIL_CONNECT_SECONDS": "0.15", "ACREDITA_MAIL_TIMEOUT_SECONDS": "0.25",
    "ACREDITA_MAIL_LEASE_SECONDS": "0.5", "ACREDITA_MAIL_SETTLE_SECONDS": "0.3",
    "ACREDITA_MAIL_RECHECK_SECONDS": "0.1", "ACREDITA_MAIL_THREADS": "1",
}
LAPSE = 0.55
"""Seconds after which the claim of a process that was killed has lapsed."""
CHAIN = 8
"""How often in a row a process dies of what it has just resolved; a doubt is resolved in fewer steps."""


@dataclass(frozen=True)
class Plan:
    """Where each process in turn dies; "" lives. `name` is the boundary that it is about."""

    name: str
    deaths: tuple[str, ...]


PLANS = (
    *(Plan(name, (name,)) for name in ("claimed", "posting", "posted", "settled")),
    Plan("lapsed", ("posted", "lapsed")),
    Plan("asked", ("posted", "asked", "asked")),
    Plan("asked, after an answer in doubt", ("", "asked", "asked")),
    Plan("resolved", ("posted", *["resolved"] * CHAIN)),
    Plan("resolved, after an answer in doubt", ("", *["resolved"] * CHAIN)),
)


@dataclass
class Row:
    """What became of a plan over all answers."""

    plan: str
    worlds: int = 0
    kills: int = 0
    faults: list[str] = field(default_factory=list)


def one_email(engine: Engine) -> None:
    """Leave one email to be written: the manager's of the one case."""
    with transaction(engine) as connection:
        decide_batch(connection, FIRST_DAY, (START, 10))
        connection.execute(delete(NOTICE).where(NOTICE.c.post != Post.ACCREDITATION_MANAGER))
        connection.execute(update(ENROLLMENT).values(next_review_on=None))


def run(zygote: Zygote, databases: Databases, folder: Path, *, plans: Sequence[Plan] = PLANS,
        answers: Sequence[str] = ANSWERS, slots: int = 8) -> list[Row]:
    """Go through all plans and answers, several worlds at once."""
    rows = {plan.name: Row(plan.name) for plan in plans}
    template = databases.template(Cases(1), one_email)
    free = _slots(zygote, databases, folder, template=template, count=slots)
    with ThreadPoolExecutor(slots) as pool:
        def live(plan: Plan, word: str) -> tuple[Plan, str, int, str]:
            slot = free.get()
            try:
                place = folder / f"{slot}-{plan.name}-{word}".replace(" ", "-")
                with world(databases.copy(template, slot), place, {"script": "address"}, **QUICK) as there:
                    _answered_with(there, word)
                    kills = _die(zygote, there, plan)
                    rest(zygote, there)
                    return plan, word, kills, str(judge(there))
            finally:
                free.put(slot)

        for plan, word, kills, said in pool.map(lambda pair: live(*pair), [(p, w) for p in plans for w in answers]):
            row = rows[plan.name]
            row.worlds += 1
            if row.worlds == len(answers):
                LOG.info("%s: %s, all answers", databases.kind, plan.name)
            row.kills += kills
            if said != "clean":
                row.faults.append(f"{word}: {said}")
    return list(rows.values())


def _answered_with(there: World, word: str) -> None:
    with transaction(there.engine) as connection:
        connection.execute(update(PERSON).where(PERSON.c.id == 1).values(email=f"p1.{word}@private.example"))


def _slots(zygote: Zygote, databases: Databases, folder: Path, *, template: str, count: int) -> SimpleQueue[str]:
    """Return the names of databases whose statements are compiled."""
    free = SimpleQueue[str]()
    for number in range(count):
        slot = f"slot_{number}"
        with world(databases.copy(template, slot), folder / slot, {}, **QUICK) as there:
            zygote.warm(there.environment())
        free.put(slot)
    return free


def _die(zygote: Zygote, there: World, plan: Plan) -> int:
    """Let processes live and die as planned; return how many were killed."""
    kills = 0
    for number, name in enumerate(plan.deaths):
        if number:
            time.sleep(LAPSE if number == 1 else 0.12)
        if number and not open_emails(there):
            break
        pid = zygote.start("deliver", there.environment(**{RUNS: "1", "ACREDITA_CRASH_AT": name}), there.log)
        kills += zygote.wait(pid) == -signal.SIGKILL
    return kills


def rest(zygote: Zygote, there: World, seconds: float = 30) -> None:
    """Let one process run undisturbed until nothing is open."""
    pid = zygote.start("deliver", there.environment(**{RUNS: "0", PAUSE: "0.05"}), there.log)
    until = time.monotonic() + seconds
    while (open_emails(there) or open_notices(there)) and time.monotonic() < until:
        time.sleep(0.05)
    zygote.signal(pid, signal.SIGKILL)
    zygote.wait(pid)
