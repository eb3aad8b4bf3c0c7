"""The calendar of mail to come as one page: the months with what falls on each day, and below them every email."""

from __future__ import annotations

import calendar
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.rules.errors import Refused
from tasks.mail.rendering import TEMPLATES
from tasks.preview import Mail, Preview

PAGE = TEMPLATES.parent / "preview"
SHADES = 4


class Day(NamedTuple):
    """A day of a month's grid; `shade` is 0 where nothing goes out, `inside` whether the preview reaches it."""

    on: date
    mails: int
    shade: int
    inside: bool


class Month(NamedTuple):
    """A month as weeks of seven days, None where a day is another month's."""

    name: str
    weeks: tuple[tuple[Day | None, ...], ...]


def write_calendar(found: Preview, file: Path) -> None:
    """Write the page, readable by its owner alone: it names people by their codes.

    Raises:
        Refused: the file cannot be written.
    """
    by_day: dict[date, list[Mail]] = defaultdict(list)
    for mail in found.mails:
        by_day[mail.day].append(mail)
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    numbers = {day: len(mails) for day, mails in by_day.items()}
    page = environment.get_template("index.html").render(
        found=found, months=list(_months(found, numbers)), days=sorted(by_day.items())
    )
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(page)
    except OSError as error:
        raise Refused.one(str(file), f"cannot be written ({error.strerror}).", "Name another file.") from None


def _months(found: Preview, numbers: dict[date, int]) -> Iterator[Month]:
    last = max([found.until, *numbers])
    most = max(numbers.values(), default=1)
    first = found.since.replace(day=1)
    while first <= last:
        weeks = tuple(
            tuple(
                _day(found, on, mails=numbers.get(on, 0), most=most) if on.month == first.month else None
                for on in week
            )
            for week in calendar.Calendar().monthdatescalendar(first.year, first.month)
            if week[-1] >= found.since and week[0] <= last
        )
        yield Month(f"{calendar.month_name[first.month]} {first.year}", weeks)
        first = (first + timedelta(days=31)).replace(day=1)


def _day(found: Preview, on: date, *, mails: int, most: int) -> Day:
    return Day(on, mails, -(-mails * SHADES // most), found.since <= on <= found.until)
