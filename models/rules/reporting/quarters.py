"""Calendar quarters: how they are spelled, when they end, and by when a report of one is owed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.dates import add_months
from models.rules.errors import Refused

MONTHS = 3
_SPELLED = re.compile(r"(\d{4})-?[qt]([1-4])", re.IGNORECASE)


class Quarter(NamedTuple):
    """A quarter of a calendar year, 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as people type it.

        >>> str(Quarter(2019, 3))
        '2019Q3'
        """
        return f"{self.year}Q{self.number}"

    @property
    def since(self) -> date:
        """The first day."""
        return date(self.year, 1 + MONTHS * (self.number - 1), 1)

    @property
    def until(self) -> date:
        """The last day."""
        return add_months(self.since, MONTHS) - timedelta(days=1)

    @property
    def before(self) -> Quarter:
        """The quarter before."""
        return quarter_of(self.since - timedelta(days=1))

    def due_on(self, due_days: int) -> date:
        """Return the day by which a report is owed, so many calendar days after the quarter.

        >>> Quarter(2019, 3).due_on(30)
        datetime.date(2019, 10, 30)
        """
        return self.until + timedelta(days=due_days)


def quarter_of(day: date) -> Quarter:
    """Return the quarter that a day lies in."""
    return Quarter(day.year, (day.month - 1) // MONTHS + 1)


def quarters(first: Quarter, last: Quarter) -> Iterator[Quarter]:
    """Yield the quarters from one to another, both included."""
    while first <= last:
        yield first
        first = quarter_of(first.until + timedelta(days=1))


def parse_quarter(text: str) -> Quarter:
    """Read a quarter: 2019Q3, or 2019-Q3, or 2019T3 as Spanish has it.

    Raises:
        Refused: it is spelled otherwise, or no calendar has it.

    >>> parse_quarter("2019q3")
    Quarter(year=2019, number=3)
    """
    match = _SPELLED.fullmatch(text.strip())
    if match is None or not date.min.year < int(match[1]) < date.max.year:
        raise Refused.one("quarter", f'"{text}" is none.', "Write the year and Q1 to Q4, as in 2019Q3.")
    return Quarter(int(match[1]), int(match[2]))
