"""The delivery in one process, on a clock of its own: every write, crash and pause in an order that a seed draws.

What runs is the delivery's own code on a real SQLite database in memory. Each run is a coroutine that gives way at
every boundary (`tasks.mail.outbox.boundaries`), before each claim and inside the provider, so runs interleave there; to
kill one is to never let it go on. Drawn are: who goes on, who is killed, who sleeps for an hour, how the provider
answers and how late its log shows it, what a sweep cancels in between, where the wall clock jumps. Not simulated: the
letters, which are read from the pending notices without their cases and have one line of text.

Afterwards everything is calm until nothing changes any more, and then the provider's journal is the judge.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, Self
from unittest.mock import patch

from greenlet import greenlet
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from models.rules.delivery import Times, is_due
from models.rules.letter import Letter, Message, reference_of
from models.rules.policy.checks import parse_policy
from models.rules.words import EmailKind, Language
from tasks.mail import deliver
from tasks.mail.letters.parcels import Gathered, Parcel, Rules
from tasks.mail.outbox.boundaries import Boundary
from tasks.mail.outbox.retries import carriers_of
from tasks.mail.outbox.shift import Shift
from tasks.mail.samples import sample_item, sample_letter
from tasks.store.clock import Watch
from tasks.store.database import migrate, on_connect
from tests.building import case, document
from tests.simulated.provider import Provider, ProviderSender
from tests.storing import install

START = datetime(2024, 3, 4, 9, tzinfo=UTC)
PEOPLE = (1, 2, 3)
TIMES = Times()
SETTLE = TIMES.settle.total_seconds()
LAG = SETTLE * 0.9
"""The promise holds for a log that shows within the settle time what it took."""
YEARS = 10 * 365 * 86400
JUMPS = (-YEARS, -86400, -3600, 3600, 86400, YEARS)
STEPS, MOST_BOUNDARIES = (25, 25, 25, 40), 400
LATE_ANSWERS = 0.8
"""How often one comes between what the provider's log is asked and what is made of that."""
CALM = (1000, 1000, 100, 90000) * 4
"""Seconds between the runs once everything is calm: for every doubt, every wait, and one mail a day and person."""


@dataclass
class Presence:
    """A run's lock, and those of all others: gone with the run."""

    name: str
    living: set[str]

    def lives(self, owner: str) -> bool:
        return owner in self.living

    def confirm(self) -> None:
        pass


class Run:
    """A delivery that goes on for a while when it is told to. It gives way at every boundary."""

    def __init__(self, world: World) -> None:
        world.runs_begun += 1
        self.name = f"run {world.runs_begun}"
        world.living.add(self.name)
        sender = ProviderSender(world.provider, self.give_way)
        watch = Watch(world.wall, lambda: world.steady, "here")
        shift = Shift(
            world.engine, sender, watch, Presence(self.name, world.living), times=TIMES, threads=1,
            draw=world.dice.random, reached=self._reached,
        )
        self._body = greenlet(lambda: deliver.work(shift))
        self._caller = greenlet.getcurrent()
        self.sender, self.asleep_until, self.cut_off_at = sender, 0.0, math.inf
        self.at: Boundary | None = None

    def _reached(self, boundary: Boundary) -> None:
        self.at = boundary
        self.give_way()
        self.at = None

    def give_way(self) -> None:
        self._caller.switch()

    def go_on(self) -> bool:
        """Go on to the next boundary; return whether there was one."""
        self._caller = greenlet.getcurrent()
        self._body.switch()
        return not self._body.dead


@dataclass
class World:
    """One schedule, drawn from a seed. `broken` are the promises that it broke."""

    seed: int
    engine: Any
    raw: Any
    dice: random.Random
    provider: Provider = field(init=False)
    hold: bool = False
    locks_fail: bool = False
    steady: float = 1000.0
    skew: float = 0.0
    living: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    runs_begun: int = 0
    going: Run | None = None
    told: int = 0
    carried: Counter[int] = field(default_factory=Counter)
    said: dict[str, set[int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.locks_fail = self.dice.random() < 0.2
        has_log = self.dice.random() < (0.3 if self.locks_fail else 0.7)
        self.provider = Provider(self.dice, lambda: self.steady, has_log, LAG, self._took)

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.steady - 1000 + self.skew)

    def query(self, sql: str, *given: Any) -> list[Any]:
        return list(self.raw.execute(sql, given).fetchall())

    def change(self, sql: str, *given: Any) -> None:
        self.raw.execute(sql, given)

    def _took(self, reference: str) -> None:
        """Take note of what a copy carried that the provider took."""
        carried = self.query(
            "SELECT n.id, n.state FROM notice n JOIN email e ON e.id = n.email_id WHERE e.reference = ?", reference
        )
        if not self.said.setdefault(reference, {number for number, _ in carried}).issuperset(n for n, _ in carried):
            self.broken.append("a second copy says what the first did not: whoever has that may not be shown this")
        for number, state in carried:
            self.carried[number] += 1
            if state == "cancelled":
                self.broken.append("a notice went out that was cancelled before it was claimed")

    # What happens

    def live(self) -> None:
        for _ in range(self.dice.randint(1, 4)):
            self.sweep()
        for _ in range(40 if self.locks_fail else self.dice.choice(STEPS)):
            self.step()
        self.calm_down()
        self.judge()

    def step(self) -> None:
        dice = self.dice
        waits = (40, 20, 15, 25) if self.locks_fail else (55, 25, 10, 10)
        self.steady += dice.choices((0.05, 3.0, 70.0, 1500.0), waits)[0] * dice.random()
        awake = [run for run in self.runs if run.asleep_until <= self.steady]
        chance = dice.random()
        if self.late_answer():
            return
        if not self.runs or (len(self.runs) < 3 and chance < (0.2 if self.locks_fail else 0.08)):
            if self.unsettled():
                self.runs.append(Run(self))
            else:
                self.sweep()
        elif 0.20 < chance < 0.26:
            self.kill(dice.choice(self.runs))
        elif 0.26 < chance < 0.33:
            dice.choice(self.runs).asleep_until = self.steady + dice.choice((30, 90, 1500, 4000))
        elif 0.33 < chance < 0.36 or self.loses_its_lock():
            self.cut_off()
        elif 0.36 < chance < 0.42:
            self.sweep()
        elif 0.42 < chance < 0.45:
            self.skew += dice.choice(JUMPS)
        elif awake:
            self.go_on(dice.choice(awake))

    def go_on(self, run: Run) -> None:
        self.going = run
        if not run.go_on():
            self.runs.remove(run)
            self.living.discard(run.name)

    def rendered(self, _letter: Letter) -> Message:
        """Give way between what was read and its claim."""
        if self.going is not None:
            self.going.give_way()
        return Message("-", "-", "-")

    def kill(self, run: Run) -> None:
        """End a run where it stands; what it had already handed to the network may still arrive."""
        self.runs.remove(run)
        self.living.discard(run.name)
        if run.sender.on_its_way is not None and self.dice.random() < 0.5:
            self.provider.take(run.sender.on_its_way)

    def loses_its_lock(self) -> bool:
        return self.locks_fail and bool(self._answered()) and self.dice.random() < 0.3

    def cut_off(self) -> None:
        """Let a run lose its lock and not know it, with an answer in hand: a session that the database ended."""
        for run in self._answered()[:1]:
            self.living.discard(run.name)
            run.cut_off_at = self.steady
            run.asleep_until = self.steady + self.dice.choice((30, 90, 1500, 4000))

    def _answered(self) -> list[Run]:
        return [run for run in self.runs if run.at is Boundary.POSTED and run.name in self.living]

    def late_answer(self) -> bool:
        """Now and then let a run that was given up settle what it sent, just when another has asked about it."""
        asked = any(run.at is Boundary.ASKED for run in self.runs)
        late = [run for run in self.runs if run.cut_off_at + SETTLE < self.steady and run.at is Boundary.POSTED]
        if not (asked and late and self.dice.random() < LATE_ANSWERS):
            return False
        self.go_on(late[0])
        return True

    def sweep(self) -> None:
        """Decide something more to say, or take back what still waits."""
        person = self.dice.choice(PEOPLE)
        if self.told and self.dice.random() < 0.4:
            self.change(
                "UPDATE notice SET state = 'cancelled', reason = 'case_ended'"
                " WHERE state = 'pending' AND subject_id = ?", person,
            )
            return
        self.told += 1
        self.change(
            "INSERT INTO notice (subject_kind, subject_id, rule, occurrence, anchor_on, post, template, planned_for,"
            " decided_on, state, facts, policy_version_id, recorded_at) VALUES ('enrollment', ?, 'limit', ?,"
            " '2026-01-01', 'sme_1', 'limit', '2020-01-01', '2020-01-01', 'pending', '{}', 1, '2020-01-01 00:00:00')",
            person, str(self.told),
        )

    def calm_down(self) -> None:
        """Nothing fails any more, the clock is right, and runs come and go until all is settled."""
        self.provider.calm, self.skew = True, 0.0
        self.finish_the_awake()
        for seconds in CALM:
            if not self.runs and not self.unsettled():
                return
            self.steady += seconds
            self.runs.append(Run(self))
            self.finish(self.runs[-1])
            self.finish_the_awake()

    def finish_the_awake(self) -> None:
        """Let every run go on to its end but those that still sleep: they wake to what was done meanwhile."""
        for run in [run for run in self.runs if run.asleep_until <= self.steady]:
            self.finish(run)

    def finish(self, run: Run) -> None:
        """Let a run go on to its end."""
        for _ in range(MOST_BOUNDARIES):
            self.go_on(run)
            if run not in self.runs:
                return
        self.broken.append("a run does not come to an end")
        self.kill(run)

    def unsettled(self) -> list[Any]:
        return self.query(
            "SELECT 'email', state FROM email WHERE state IN ('pending', 'sending', 'unknown')"
            " UNION ALL SELECT 'notice', n.state FROM notice n LEFT JOIN email e ON e.id = n.email_id"
            " WHERE n.state = 'pending' OR (n.state = 'claimed' AND e.state <> 'held')"
        )

    # What must hold

    def judge(self) -> None:
        """The provider's journal against the promises."""
        self.broken += [f"{kind} left {state}" for kind, state in self.unsettled()]
        copies = Counter(copy.reference for copy in self.provider.journal)
        emails = self.query("SELECT id, reference, state, again FROM email")
        for _, reference, state, again in emails:
            if copies[reference] > 1 + again:
                self.broken.append("an email was taken twice")
            if again and (self.provider.has_log or self.hold):
                self.broken.append("an email was sent again in doubt, against its rules")
            if state == "sent" and not copies[reference]:
                self.broken.append("an email is thought sent that nobody took")
            if state in {"dead", "cancelled"} and copies[reference] and not again:
                self.broken.append(f"an email is {state} that was taken")
        allowed = {
            number: 1 + (again or 0)
            for number, again in self.query("SELECT n.id, e.again FROM notice n LEFT JOIN email e ON e.id = n.email_id")
        }
        for number, state in self.query("SELECT id, state FROM notice"):
            if self.carried[number] > allowed[number]:
                self.broken.append("a notice went out twice")
            if state == "sent" and not self.carried[number]:
                self.broken.append("a notice was lost: it is thought sent")
        for (state,) in self.query(
            "SELECT e.state FROM notice n JOIN email e ON e.id = n.email_id"
            " WHERE n.state = 'sent' AND e.state <> 'sent'"
        ):
            self.broken.append(f"a notice is sent with an email that is {state}")


class Waiting(NamedTuple):
    """A notice that waits, and the email that it waits with."""

    id: int
    subject_id: int
    email_id: int | None


def letters(connection: Connection, now: datetime, rules: Rules) -> Gathered:
    """Read pending notices into one letter a person, as the delivery's own reader does, without their cases."""
    raw: Any = connection.connection.driver_connection
    rows: list[Any] = [Waiting(*row) for row in raw.execute(
        "SELECT id, subject_id, email_id FROM notice WHERE state = 'pending' ORDER BY id"
    )]
    carriers = carriers_of(connection, rows)
    parcels = []
    for person in sorted({row.subject_id for row in rows}):
        carrier = carriers.get((person, EmailKind.DIGEST))
        if carrier is None or is_due(carrier.next_at, now, rules.horizon):
            reference = carrier.reference if carrier else reference_of(f"{person}/{now.date()}/digest")
            ids = tuple(
                row.id for row in rows if row.subject_id == person and (carrier is None or carrier.carries(row))
            )
            letter = replace(_sample(), reference=reference, today=now.date())
            parcels.append(Parcel(person, f"p{person}@example.org", letter, ids, carrier))
    return Gathered(parcels, [], {}, {}, {})


@cache
def _sample() -> Letter:
    day = date(2024, 3, 4)
    return sample_letter((sample_item("limit", Language.EN, day),), Language.EN, day)


@contextmanager
def plain_letters(world: World) -> Iterator[None]:
    """Let the delivery read its letters from here, without cases and templates."""
    with patch.object(deliver, "gather", letters), patch.object(deliver, "render", world.rendered):
        yield


class KeptOpen(Connection):
    """A connection that its users do not close. What one of them reads is what the last one wrote."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execution_options(self, **_: Any) -> Self:
        return self

    def begin(self) -> Any:
        return nullcontext()


class Desk:
    """An engine of one connection: no two runs are ever in a transaction at once, since none gives way in one.

    A schedule is one transaction, which is taken back after it, and what the delivery commits are savepoints in it: to
    open a connection and to build a database for each would cost more than all that happens in it.
    """

    def __init__(self, engine: Engine) -> None:
        self.dialect, self.url = engine.dialect, engine.url
        self._kept = KeptOpen(engine)
        self.raw: Any = self._kept.connection.driver_connection

    def connect(self) -> KeptOpen:
        return self._kept

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self.raw.execute("SAVEPOINT work")
        try:
            yield self._kept
        except BaseException:
            self.raw.execute("ROLLBACK TO work")
            raise
        finally:
            self.raw.execute("RELEASE work")

    @contextmanager
    def schedule(self) -> Iterator[None]:
        """Leave no trace of what happens meanwhile."""
        self.raw.execute("BEGIN")
        try:
            yield
        finally:
            self.raw.execute("ROLLBACK")


@cache
def _desk(*, hold: bool) -> Desk:
    """Return a database in memory in which nothing has happened yet; `hold` is what its rules want in doubt."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    event.listen(engine, "connect", on_connect)
    migrate(engine)
    tables = deepcopy(document())
    for rule in tables["reminders"]:
        rule["on_unknown"] = "hold" if hold else "resend"
    install(engine, parse_policy(tables), [replace(case(), id=number) for number in PEOPLE])
    desk = Desk(engine)
    desk.raw.execute("UPDATE enrollment SET next_review_on = NULL")
    for number in PEOPLE[1:]:
        desk.raw.execute(
            "INSERT INTO person (id, code, given_names, surname, email, language, time_zone, recorded_at)"
            " SELECT ?, 'P' || ?, given_names, surname, email, language, time_zone, recorded_at FROM person"
            " WHERE id = 1", (number, number),
        )
    return desk


def simulate(seed: int) -> list[str]:
    """Live through the schedule of a seed; return the promises that it broke."""
    dice = random.Random(seed)  # noqa: S311 - drawn again by its seed
    hold = dice.random() < 0.2
    desk = _desk(hold=hold)
    world = World(seed, desk, desk.raw, dice, hold=hold)
    with plain_letters(world), desk.schedule():
        world.live()
    return world.broken
