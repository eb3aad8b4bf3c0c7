"""Days under fire: four senders and two sweeps at once, one of them killed every moment, and nothing lost or twice.

Each day brings new cases. While they are swept and their mail goes out, after every few mails a process chosen at
random is killed and another takes its place, until the day had its kills; then the next day comes, whatever is still
open. After the last one nobody is killed any more, and what waited for another day's letter goes out.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import update

from models.schema import ENROLLMENT
from tasks.store.database import transaction
from tests.faults.judge import Verdict, judge, keys_of, open_emails, open_notices, undecided
from tests.faults.roles import ENDED, PAUSE, RUNS, sweep_once
from tests.faults.world import Cases, Databases, World, workday, world
from tests.faults.zygote import Zygote

LOG = logging.getLogger(__name__)
SCRIPT = ("202:91,500:1,500+:1,reset:1,reset+:1,hang:0.5,hang+:0.5,drip+:0.5,status+:1,headers+:0.5,body+:1,"
          "garbage+:0.5,429:0.5")
"""Nine answers of a hundred go wrong, half of them after the message was taken."""
SENDERS, SWEEPS = 4, 2
STILL, RUNS_STILL = 2.5, 6
"""Seconds, longer than settle time and second look, and runs without a change: what waits then waits for a day."""
PATIENCE = 900.0
"""Seconds after which what is still open counts as lost."""


@dataclass(frozen=True)
class Fire:
    """How much of it: cases that come due on each day, days, and kills in all.

    Between two kills some mails go out, `mails` of them in the mean; where none does, `pause` seconds pass.
    """

    cases: int
    days: int
    kills: int
    mails: int
    pause: float
    seed: int = 1


@dataclass
class Siege:
    """What became of it."""

    kills: int
    seconds: float
    verdict: Verdict
    undecided: list[str]

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        return self.verdict.clean and not self.undecided


class Crew:
    """The processes of a world; one that dies or ends is replaced."""

    def __init__(self, zygote: Zygote, there: World, roles: list[str], **more: str) -> None:
        self._more = more
        self._zygote, self._there, self._roles = zygote, there, roles
        self._pids = [self._start(role) for role in roles]

    def _start(self, role: str) -> int:
        pause = "0.05" if role == "deliver" else "0.2"  # between the runs of whoever does something else
        told = self._there.environment(**{RUNS: "0", PAUSE: pause}, **self._more)
        return self._zygote.start(role, told, self._there.log)

    def signal(self, number: int, what: int) -> None:
        """Send one a signal that does not end it."""
        self._zygote.signal(self._pids[number], what)

    def change(self, number: int, **more: str) -> None:
        """Put another in one's place that is told something else."""
        self._more |= more
        self.kill(number)

    def kill(self, number: int, *, replace: bool = True) -> None:
        """End one at once."""
        self._zygote.signal(self._pids[number])
        self._zygote.wait(self._pids[number])
        if replace:
            self._pids[number] = self._start(self._roles[number])

    def dismiss(self) -> None:
        """End them all."""
        for number in range(len(self._pids)):
            self.kill(number, replace=False)


def run(zygote: Zygote, databases: Databases, folder: Path, fire: Fire) -> Siege:
    """Go through the days, and judge."""
    begun = time.monotonic()
    template = databases.template(Cases(fire.cases, fire.days))
    expected = _undisturbed(databases, template, folder, fire)
    options = {"script": SCRIPT, "seed": fire.seed, "log_lag": 0.3}
    with world(databases.copy(template, "siege"), folder / "siege", options) as there:
        zygote.warm(there.environment())
        killed = _under_fire(zygote, there, fire)
        last_words(there, workday(fire.days - 1))
        in_peace(zygote, there, workday(fire.days))
        verdict = judge(there)
        return Siege(killed, time.monotonic() - begun, verdict, undecided(there, expected))


def _undisturbed(databases: Databases, template: str, folder: Path, fire: Fire) -> list[tuple[object, ...]]:
    """Return the notices of the same days where nobody is killed and nothing is mailed."""
    with world(databases.copy(template, "twin"), folder / "twin", {}) as there:
        for day in map(workday, range(fire.days)):
            there.live_on(day)
            _sweep_here(there)
        return keys_of(there)


def _sweep_here(there: World) -> None:
    import os
    from unittest import mock

    with mock.patch.dict(os.environ, there.environment()):
        sweep_once()


def last_words(there: World, day: date) -> None:
    """Sweep a day to its end, whatever became of its sweeps; after it no case comes due any more."""
    there.live_on(day)
    _sweep_here(there)
    with transaction(there.engine) as connection:
        connection.execute(update(ENROLLMENT).values(next_review_on=None))


def _under_fire(zygote: Zygote, there: World, fire: Fire) -> int:
    # S311: no secret hangs on it.
    dice, killed = random.Random(fire.seed), 0  # noqa: S311
    crew = Crew(zygote, there, ["deliver"] * SENDERS + ["sweep"] * SWEEPS)
    for number in range(fire.days):
        LOG.info("day %d of %d, %d of %d killed", number + 1, fire.days, killed, fire.kills)
        there.live_on(workday(number))
        while killed < fire.kills * (number + 1) // fire.days:
            _until_taken(there, dice.randint(1, 2 * fire.mails), dice.uniform(0, 2 * fire.pause))
            crew.kill(dice.randrange(SENDERS + SWEEPS))
            killed += 1
    crew.dismiss()
    return killed


def in_peace(zygote: Zygote, there: World, day: date, patience: float = PATIENCE) -> None:
    """Let days pass on which nobody is killed and no case comes due, until nothing waits."""
    crew = Crew(zygote, there, ["deliver"] * 2)
    begun = changed = time.monotonic()
    before, ended = (-1, -1), 0
    there.live_on(day)
    LOG.info("in peace: %d notices wait", open_notices(there))
    while time.monotonic() - begun < patience and any(waiting := (open_emails(there), open_notices(there))):
        time.sleep(0.2)
        if waiting != before:
            before, changed = waiting, time.monotonic()
            ended = _ended(there)
        elif time.monotonic() - changed > STILL and _ended(there) - ended >= RUNS_STILL:
            day, changed, ended = day + timedelta(days=1), time.monotonic(), _ended(there)
            there.live_on(day)
    crew.dismiss()


def _ended(there: World) -> int:
    """Return how many runs came to their end."""
    path = there.folder / ENDED
    return path.stat().st_size if path.exists() else 0


def _until_taken(there: World, more: int, seconds: float) -> None:
    """Wait until so many more messages were taken, at most so long."""
    until, enough = time.monotonic() + seconds, len(there.fake.taken) + more
    while len(there.fake.taken) < enough and time.monotonic() < until:
        time.sleep(0.01)
