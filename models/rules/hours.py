"""When mail may reach a person: in their own working hours, on their own working days, not all of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from models.rules.calendars import Calendar
from models.rules.case import Program
from models.rules.policy import WorkingHours

ONE_DAY = timedelta(days=1)


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return a zone. `zoneinfo` itself keeps eight, and reads the file of a ninth anew each time."""
    return ZoneInfo(name)


@cache
def known_zones() -> frozenset[str]:
    """Return the name of every zone; they are gathered from the machine's folders, which takes longer than any use."""
    return frozenset(available_timezones())


def day_begun(zones: Iterable[str], instant: datetime) -> date:
    """Return the latest day that has begun in every zone: what a sweep decides is true wherever an agency is."""
    return min(instant.astimezone(zone_named(zone)).date() for zone in zones)


class Reader(NamedTuple):
    """Somebody who is written to: by id, where they live, and which days they work."""

    person: int
    zone: str
    calendar: Calendar


def reader_of(program: Program, person: int, zone: str) -> Reader:
    """Return a person as they are written to."""
    return Reader(person, zone, program.calendars.of_person(zone))


def send_at(hours: WorkingHours, reader: Reader, earliest: datetime) -> datetime:
    """Return the first instant from one on at which mail may reach a person.

    A morning begins for each a few minutes later than for others, always the same: not everybody is mailed at once.

    Args:
        hours: the program's, read in the person's zone.
        reader: whom to.
        earliest: aware.
    """
    zone = zone_named(reader.zone)
    day = earliest.astimezone(zone).date()
    while True:
        day = reader.calendar.after(day)
        opens = _instant(datetime.combine(day, hours.start) + _late(hours, reader.person), zone)
        if earliest < _instant(datetime.combine(day, hours.end), zone):
            return max(earliest, opens)
        day += ONE_DAY


def at_work(hours: WorkingHours, reader: Reader, now: datetime) -> bool:
    """Whether mail may reach a person now."""
    return send_at(hours, reader, now) == now


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _late(hours: WorkingHours, person: int) -> timedelta:
    """Return how long after the hours begin a person's morning does: a whole number of minutes, drawn from the id."""
    drawn = int.from_bytes(hashlib.sha256(str(person).encode()).digest()[:4], "big")
    return timedelta(minutes=drawn % (hours.spread_minutes + 1))
