"""Days lived through on a copy by the code that runs live, as if nothing happened or as a past became known.

Days on which nothing is due are stepped over. The forecast is fitted anew whenever it would be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select

from models.rules.policy import Weekly
from models.rules.words import EmailState, NoticeState, Status
from models.schema import EMAIL, ENROLLMENT, NOTICE, PERSON, same
from models.settings import settings
from tasks.forecasting import fit_is_due, make_fit, next_fit_on
from tasks.mail.deliver import deliver, rules_of
from tasks.mail.senders.folder import FolderSender
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import current_program
from tasks.sweep import sweep
from tasks.weekly.deciding import decide_weekly
from tasks.weekly.reports import decide_reminders, reminder_days

ONE_DAY = timedelta(days=1)
SWEPT_AT = time(6)
"""In the program's zone: before anybody's working hours."""


class Past(Protocol):
    """What becomes known while days are lived through: on which of them, in order, and told once to the database."""

    @property
    def days(self) -> Sequence[date]:
        """The days on which something becomes known."""
        ...

    def tell(self, connection: Connection, today: date) -> None:
        """Record everything that became known until today and was not told yet."""
        ...


class Life(NamedTuple):
    """Days to live through on a copy, both included: its name, and the instant at which it begins."""

    name: str
    begins: datetime
    since: date
    until: date


Watcher = Callable[[Life, date], None]
"""Is told of each day that is about to be lived through, and of the day after the last when all is over."""


def nobody(_life: Life, _day: date) -> None:
    """Watch nothing."""


def live(copy: Engine, life: Life, past: Past | None = None, *, watcher: Watcher = nobody) -> tuple[int, int]:
    """Fit, sweep and deliver on every day with something due; return how many days and fits there were."""
    zone = ZoneInfo(current_program(copy).policy.zone)
    steps, fits, day = 0, 0, life.since
    with closing(FolderSender(settings().home / "mail", durable=False)) as sender:
        while day <= life.until:
            watcher(life, day)
            swept = max(life.begins, _swept_at(day, zone))
            with transaction(copy) as connection:
                clock.set_clock(connection, swept)
                if past is not None:
                    past.tell(connection, day)
            if fit_is_due(copy, day) is not None:
                make_fit(copy, day)
                fits += 1
            sweep(day)
            with transaction(copy) as connection:
                decide_weekly(connection, day)
                decide_reminders(connection, day)
            for instant in _mailed_at(copy, swept, before=_swept_at(day + ONE_DAY, zone)):
                deliver(copy, sender, clock.stopped(instant))
            told = past.days[bisect_right(past.days, day):][:1] if past is not None else []
            steps, day = steps + 1, min([_next_day(copy, day, life.until), *told])
    watcher(life, life.until + ONE_DAY)
    return steps, fits


def _swept_at(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, SWEPT_AT, zone).astimezone(UTC)


def _mailed_at(copy: Engine, swept: datetime, *, before: datetime) -> list[datetime]:
    """Return the first instants after a sweep at which everybody of a zone is at work, zone by zone.

    As early as mail goes out by itself: what a person's morning brings must find the day as that morning's sweep left
    it. What would come after the next sweep is its own day's.
    """
    hours = current_program(copy).policy.working_hours
    lies = rules_of(settings().times).lies
    with reading(copy) as connection:
        zones = [ZoneInfo(name) for name in connection.scalars(select(PERSON.c.time_zone).distinct())]
    instants = set()
    for zone in zones:
        day = swept.astimezone(zone).date()
        if datetime.combine(day, hours.end, zone) - lies <= swept:
            day += ONE_DAY
        opens = datetime.combine(day, hours.start, zone) + timedelta(minutes=hours.spread_minutes)
        instants.add(max(swept, opens.astimezone(UTC)))
    return sorted(instant for instant in instants if instant < before)


def _next_day(copy: Engine, day: date, until: date) -> date:
    """Return the next day with something due: a case, a notice, an email to be tried again, a mail of the week."""
    reviewed = select(func.min(ENROLLMENT.c.next_review_on)).where(ENROLLMENT.c.status == Status.OPEN)
    planned = select(func.min(NOTICE.c.planned_for)).where(same(NOTICE.c.state, NoticeState.PENDING))
    waiting = select(func.min(EMAIL.c.day)).where(same(EMAIL.c.state, EmailState.PENDING))
    with reading(copy) as connection:
        found = [connection.scalar(each) for each in (reviewed, planned, waiting)]
        found.append(next_fit_on(connection))
        found += reminder_days(connection, day)
    found += [day + timedelta(days=(rule.weekday - day.weekday() - 1) % 7 + 1) for rule in _weekly(copy)]
    return max(day + ONE_DAY, min((each for each in found if each is not None), default=until + ONE_DAY))


def _weekly(copy: Engine) -> tuple[Weekly, ...]:
    return current_program(copy).policy.weekly
