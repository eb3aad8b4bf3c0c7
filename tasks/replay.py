"""The replay: every day of a program through the very same decide, sweep and delivery, on a synthetic cohort.

The cohort's facts are input; stage changes, awards, reminders and escalations come out of the lifecycle and are
counted in the database. Prefect stays out of the loop, its tasks' code does not.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, and_, event, func, select

from models.rules.case import Program
from models.rules.cohort.draw import Cohort
from models.rules.words import EmailState, NoticeState, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, ESCALATION, NOTICE, STAGE_CHANGE
from tasks.feed import feed_all, feed_day, rows_by_day
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.mail.senders.protocol import Sender
from tasks.store import clock
from tasks.store.database import engine_of, migrate, reading, transaction
from tasks.store.programs import Terms, current_program, put_in_force, read_policy
from tasks.sweep import sweep
from tasks.weekly.deciding import decide_weekly
from tasks.weekly.reports import decide_reminders

ONE_DAY = timedelta(days=1)
SWEPT_AT, MAILED_AT = 6, 11
"""Local hours of the program's zone: before anybody's working hours, and within everybody's."""
LEFT = (Status.WITHDRAWN, Status.REMOVED, Status.LAPSED, Status.NOT_AWARDED)


@dataclass(frozen=True)
class Span:
    """The days of a replay, both included."""

    since: date
    until: date

    def __iter__(self) -> Iterator[date]:
        """Yield every day."""
        return (self.since + timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        """Return how many days."""
        return (self.until - self.since).days + 1


@dataclass
class Report:
    """What came out, counted in the database; `renewals` are awards of later cycles, `seconds` is wall time."""

    enrolled: int
    accredited_agencies: int
    awards: dict[str, int]
    renewals: int
    left: int
    entities: int
    advances: int
    reminders: int
    escalations: int
    emails: int
    days: int = 0
    seconds: float = 0.0
    last_award_on: date | None = None
    by_rule: list[RuleReport] = field(default_factory=list)


@dataclass
class RuleReport:
    """What one rule came to: notices mailed by post, and the median days they left (negative: after the date)."""

    rule: str
    kind: str
    mailed: dict[str, int]
    lead_days: int | None
    opened: int = 0
    reached_top: int = 0


@contextmanager
def database_in(folder: Path) -> Iterator[Engine]:
    """Use a database of its own for a while, whatever the settings say."""
    before = os.environ.get("ACREDITA_DATABASE_URL")
    os.environ["ACREDITA_DATABASE_URL"] = f"sqlite:///{folder / 'replay.db'}"
    engine = engine_of()
    # What a power cut would lose here can be lived through again.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()
        if before is None:
            del os.environ["ACREDITA_DATABASE_URL"]
        else:
            os.environ["ACREDITA_DATABASE_URL"] = before


def replay(program: Path, cohort: Cohort, given: tuple[Path, Span]) -> Iterator[tuple[date, Report | None]]:
    """Live through a program day by day in a database in a folder; yield each day, and with the last the report.

    Args:
        program: the program's folder.
        cohort: what happens, by the day it becomes known.
        given: the folder for database and mail, and the days.
    """
    folder, span = given
    start = time.perf_counter()
    with database_in(folder) as engine:
        put_in_force(engine, read_policy(program), Terms(live_from=span.since, is_demo=True))
        zone = ZoneInfo(current_program(engine).policy.zone)
        sender, known = FolderSender(folder / "mail", durable=False), rows_by_day(cohort)
        with transaction(engine) as connection:
            clock.set_clock(connection, _at(span.since, SWEPT_AT, zone))
            feed_all(connection, cohort, span.since - ONE_DAY)
        for day in span:
            live_through(engine, sender, (day, zone, known.get(day)))
            if day != span.until:
                yield day, None
        with reading(engine) as connection:
            report = count(connection, current_program(engine))
    report.days, report.seconds = len(span), round(time.perf_counter() - start, 1)
    yield span.until, report


def live_through(engine: Engine, sender: Sender, given: tuple[date, ZoneInfo, Cohort | None]) -> None:
    """Live through one day: what becomes known is recorded, the day is swept, and mail goes out."""
    day, zone, rows = given
    with transaction(engine) as connection:
        clock.set_clock(connection, _at(day, SWEPT_AT, zone))
        if rows is not None:
            feed_day(connection, rows, day)
    sweep(day)
    with transaction(engine) as connection:
        decide_weekly(connection, day)
        decide_reminders(connection, day)
    deliver(engine, sender, clock.stopped(_at(day, MAILED_AT, zone)))


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)


def count(connection: Connection, program: Program) -> Report:
    """Count what came out of the lifecycle: of agencies and awards the initial ones, of the rest everything."""
    e, a = ENROLLMENT.c, AGENCY.c
    joined = ENROLLMENT.join(AGENCY, a.id == e.agency_id)
    awarded = and_(e.status == Status.AWARDED, e.cycle == 1)
    by_kind = connection.execute(
        select(a.kind, func.count()).select_from(joined).where(awarded).group_by(a.kind).order_by(a.kind)
    ).all()
    sent = NOTICE.c.state == NoticeState.SENT

    def number(what: Any, condition: Any) -> int:
        return connection.scalar(select(what).select_from(joined).where(condition)) or 0

    rules = list(_rules(connection, program))
    return Report(
        enrolled=number(func.count(a.id.distinct()), e.id > 0),
        accredited_agencies=number(func.count(a.id.distinct()), awarded),
        awards={kind: int(n) for kind, n in by_kind},
        renewals=number(func.count(), and_(e.status == Status.AWARDED, e.cycle > 1)),
        left=number(func.count(a.id.distinct()), and_(e.status.in_(LEFT), e.cycle == 1)),
        entities=number(func.count(a.entity.distinct()), awarded),
        advances=connection.scalar(select(func.count()).where(STAGE_CHANGE.c.takes_back.is_(None))) or 0,
        reminders=connection.scalar(
            select(func.count()).select_from(NOTICE).where(sent, NOTICE.c.rule.in_(list(program.reminding)))
        ) or 0,
        escalations=connection.scalar(select(func.count()).select_from(ESCALATION)) or 0,
        emails=connection.scalar(
            select(func.count()).select_from(EMAIL).where(EMAIL.c.state == EmailState.SENT)
        ) or 0,
        last_award_on=connection.scalar(select(func.max(e.ended_on)).where(awarded)),
        by_rule=rules,
    )


def _rules(connection: Connection, program: Program) -> Iterator[RuleReport]:
    n, email = NOTICE.c, EMAIL.c
    mailed: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    leads: dict[str, list[int]] = defaultdict(list)
    rows = connection.execute(
        select(n.rule, n.post, n.anchor_on, email.day).join(EMAIL, email.id == n.email_id)
        .where(n.state == NoticeState.SENT)
    ).all()
    for rule, post, anchor_on, day in rows:
        mailed[rule][post] += 1
        leads[rule].append((anchor_on - day).days)
    for rule in program.reminding:
        lead = round(statistics.median(leads[rule])) if leads[rule] else None
        yield RuleReport(rule, "reminder", dict(mailed[rule]), lead)
    x = ESCALATION.c
    opened = {row[0]: row[1] for row in connection.execute(select(x.rule, func.count()).group_by(x.rule))}
    for name, rule in program.escalations.items():
        reached = connection.scalar(
            select(func.count()).select_from(ESCALATION).where(x.rule == name, x.rung == len(rule.ladder))
        )
        yield RuleReport(name, "escalation", dict(mailed[name]), None, opened.get(name, 0), reached or 0)
