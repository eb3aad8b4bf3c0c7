"""Dated duties as a calendar (RFC 5545) that a reader's own takes in: one entry a duty, moved when its date moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

FILE_NAME, MEDIA_TYPE = "acredita.ics", "text/calendar"
FIRST_DAY = date(2000, 1, 1)


class Event(NamedTuple):
    """A duty: what makes it the same one in every letter, the day it is due, and its name in the reader's language."""

    duty: str
    on: date
    title: str


def calendar_of(events: Iterable[Event], today: date) -> str:
    """Write events as one calendar, each a whole day that blocks no time.

    The same duty has the same UID in every letter. Its SEQUENCE is the day of the letter, counted from 2000: a later
    letter outranks every earlier one, whichever way the date was moved meanwhile.
    """
    from icalendar import Calendar
    from icalendar import Event as Entry

    calendar = Calendar()
    for name, value in (("prodid", "-//acredita//ES"), ("version", "2.0"), ("method", "PUBLISH")):
        calendar.add(name, value)
    for event in events:
        entry = Entry()
        entry.add("uid", f"{hashlib.sha256(event.duty.encode()).hexdigest()[:32]}@acredita")
        entry.add("sequence", (today - FIRST_DAY).days)
        entry.add("dtstamp", datetime.combine(today, time(), UTC))
        entry.add("dtstart", event.on)
        entry.add("dtend", event.on + timedelta(days=1))
        entry.add("summary", event.title)
        entry.add("transp", "TRANSPARENT")
        calendar.add_component(entry)
    return str(calendar.to_ical(), "utf-8")
