"""A world to break: an installation with cases, people and a clock, a provider that journals, and nobody else's data.

Its labelled clock shows nine in the morning of a Tuesday in Mexico City, so that mail may go out; each day of it brings
cases that come due. All times of the delivery are shortened by their settings.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, insert

from models.rules.policy import Policy
from models.rules.policy.mailing import Mailing
from models.rules.words import Language, Post
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, MILESTONE, PERSON
from tasks.mail.fake_sendgrid.provider import Options
from tasks.mail.fake_sendgrid.server import FakeSendGrid, serving
from tasks.store.clock import set_clock
from tasks.store.database import engine_of, migrate, transaction
from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

FIRST_DAY = date(2022, 3, 1)
"""A Tuesday."""
SATURDAY = 5
NINE = 15
"""The hour, in UTC, at which offices open in Mexico City."""
KEY = "SG.a-key-of-the-fault-campaign"
TIMES = {
    "ACREDITA_MAIL_CONNECT_SECONDS": "0.3", "ACREDITA_MAIL_TIMEOUT_SECONDS": "0.4", "ACREDITA_MAIL_LEASE_SECONDS": "1",
    "ACREDITA_MAIL_SETTLE_SECONDS": "1", "ACREDITA_MAIL_RECHECK_SECONDS": "0.2",
    "ACREDITA_MAIL_PATIENCE_SECONDS": "20", "ACREDITA_MAIL_BACKOFF_SECONDS": "0.1",
    "ACREDITA_MAIL_BACKOFF_CAP_SECONDS": "0.5", "ACREDITA_MAIL_PAUSE_SECONDS": "0.1",
    "ACREDITA_MAIL_PAUSE_CAP_SECONDS": "0.5", "ACREDITA_MAIL_PROBE_SECONDS": "0.2",
}
PRIVATE = ("Privada", "Reservada", "private.example", KEY)
"""What all people's names, all addresses and the key hold, and no log may."""
_NUMBER = count(1)


@dataclass(frozen=True)
class Cases:
    """How many cases come due on each day."""

    per_day: int
    days: int = 1


@dataclass
class World:
    """An installation under fire: where its database is, who its provider is, what its processes are told."""

    url: str
    folder: Path
    fake: FakeSendGrid
    more: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        """The campaign's own way into the database."""
        return engine_of(self.url)

    @property
    def log(self) -> Path:
        """Where its processes write."""
        return self.folder / "log"

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a process of this world is told."""
        return {
            "ACREDITA_DATABASE_URL": self.url, "ACREDITA_HOME": str(self.folder), "ACREDITA_MAIL": "sendgrid",
            "ACREDITA_SENDGRID_HOST": self.fake.url, "ACREDITA_SENDGRID_API_KEY": KEY, **TIMES, **self.more, **more,
        }

    def live_on(self, day: date, hour: int = NINE) -> None:
        """Let it be that hour of a day."""
        with transaction(self.engine) as connection:
            set_clock(connection, datetime(day.year, day.month, day.day, hour, 5, tzinfo=UTC))


def unbounded() -> Policy:
    """Return the program's policy without a budget or cap: no operator is there to release what it would park."""
    return read_policy(folder_of("mexico")).model_copy(update={"mail": Mailing()})


class Databases:
    """Databases of one kind, each a copy of a template at the newest schema; a name may be used again."""

    def __init__(self, kind: str, folder: Path, postgres: str | None = None) -> None:
        self.kind, self._folder, self._postgres = kind, folder, postgres
        folder.mkdir(parents=True, exist_ok=True)

    def template(self, cases: Cases, prepare: Callable[[Engine], None] = lambda _: None) -> str:
        """Make a template with cases, prepared further, and return its name."""
        name = f"template_{next(_NUMBER)}"
        url = self._url(name)
        if self._postgres is not None:
            self._sql(f'CREATE DATABASE "{name}"')
        engine = engine_of(url)
        migrate(engine)
        put_in_force(engine, unbounded(), Terms(live_from=date(2016, 1, 1)))
        with transaction(engine) as connection:
            for target, rows in rows_of(cases):
                connection.execute(insert(target), rows)
        prepare(engine)
        engine.dispose()
        return name

    def copy(self, template: str, name: str) -> str:
        """Put a fresh copy of a template in a name's place, and return its URL."""
        url = self._url(name)
        engine_of(url).dispose()
        if self._postgres is not None:
            self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            self._sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            return url
        path = self._folder / f"{name}.db"
        for old in self._folder.glob(f"{name}.db*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copy(self._folder / f"{template}.db", path)
        return url

    def _url(self, name: str) -> str:
        if self._postgres is None:
            return f"sqlite:///{self._folder / name}.db"
        head, _, query = self._postgres.partition("?")
        return f"postgresql+psycopg://{head.partition('://')[2].rsplit('/', 1)[0]}/{name}?{query}".rstrip("?")

    def _sql(self, statement: str) -> None:
        assert self._postgres is not None
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            connection.execute(statement)


def rows_of(cases: Cases) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield rows by table: every case has its manager, five share a pair of experts; one in seven has stalled."""
    stamp = datetime(2022, 1, 1, tzinfo=UTC)
    numbers = range(1, cases.per_day * cases.days + 1)
    pairs = range((len(numbers) + 4) // 5)
    first_expert, regional = len(numbers) + 1, len(numbers) + 2 * len(pairs) + 1
    zoned = {"time_zone": "America/Mexico_City", "recorded_at": stamp}
    yield PERSON, [
        {"id": i, "code": f"P{i}", "given_names": "Privada", "surname": "Reservada", "language": Language.ES_MX,
         "email": f"p{i}@private.example", **zoned}
        for i in range(1, regional + 2)
    ]
    yield AGENCY, [
        {"id": i, "code": f"A{i}", "name": "Agencia Reservada", "kind": "law_enforcement", "entity": "JAL",
         "region": "west", **zoned} for i in numbers
    ]
    yield ENROLLMENT, [
        {"id": i, "agency_id": i, "track": "law_enforcement_tier1", "cycle": 1, "agreement_on": date(2021, 2, 1),
         "stage": "directives", "stage_entered_on": due + timedelta(days=30 - 244), "stage_seq": 2, "status": "open",
         "risk": "on_track", "next_review_on": due, "recorded_at": stamp}
        for i in numbers for due in [workday((i - 1) // cases.per_day)]
    ]
    yield MILESTONE, [
        {"enrollment_id": i, "milestone": name, "occurred_on": on, "reference": "", "recorded_by": "faults",
         "recorded_at": stamp} for i in numbers for name, on in _facts(i)
    ]
    seat = {"since": date(2021, 2, 1), "recorded_at": stamp}
    seats: list[dict[str, Any]] = [
        {"person_id": first_expert + 2 * ((i - 1) // 5) + which, "post": post, "enrollment_id": i, "agency_id": None,
         "region": None, **seat} for i in numbers for which, post in enumerate((Post.SME_1, Post.SME_2))
    ]
    seats += [
        {"person_id": i, "post": Post.ACCREDITATION_MANAGER, "enrollment_id": None, "agency_id": i, "region": None,
         **seat} for i in numbers
    ]
    wide: dict[str, Any] = {"enrollment_id": None, "agency_id": None}
    seats += [{"person_id": regional, "post": Post.REGIONAL_MANAGER, **wide, "region": "west", **seat},
              {"person_id": regional + 1, "post": Post.DIRECTOR, **wide, "region": None, **seat}]
    yield ASSIGNMENT, seats


def workday(number: int) -> date:
    """Return the first day or a later one, weekends left out: nobody is written to then."""
    days = (FIRST_DAY + timedelta(days=each) for each in count())
    return next(islice((day for day in days if day.weekday() < SATURDAY), number, None))


def _facts(i: int) -> Iterable[tuple[str, date]]:
    yield from (("kickoff_visit", date(2021, 2, 20)), ("gap_report_accepted", date(2021, 6, 1)),
                ("visit", date(2021, 11, 20)))
    if i % 7:  # one in seven has stalled
        yield "remote_contact", date(2022, 2, 10)


@contextmanager
def world(url: str, folder: Path, options: Mapping[str, Any], **more: str) -> Iterator[World]:
    """Open a world on a database: its provider runs in this process, its journal lies on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving(Options(key=KEY, journal=folder / "journal", **options)) as fake:
        made = World(url, folder, fake, more)
        made.live_on(FIRST_DAY)
        try:
            yield made
        finally:
            made.engine.dispose()
