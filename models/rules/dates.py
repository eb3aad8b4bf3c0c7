"""Calendar arithmetic on dates: no clock, no zone."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from functools import lru_cache


class _Days(dict[int, timedelta]):
    """Spans of whole days, each made once: making one costs ten times as much as adding it to a date."""

    def __missing__(self, number: int) -> timedelta:
        span = self[number] = timedelta(days=number)
        return span


DAYS = _Days()
"""So many days as a span: `on + DAYS[30]`."""


@lru_cache(maxsize=65536)
def add_months(anchor: date, months: int) -> date:
    """The same day `months` later, or the month's last day where it has no such day.

    Always counted from the original anchor: chained calls would drift from the 31st to the 28th.

    >>> add_months(date(2016, 2, 29), 12)
    datetime.date(2017, 2, 28)
    >>> add_months(date(2016, 2, 29), 48)
    datetime.date(2020, 2, 29)
    """
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month0 + 1, min(anchor.day, calendar.monthrange(year, month0 + 1)[1]))
