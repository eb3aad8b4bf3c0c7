"""Holidays of a country, from the package `holidays`, written into a program's tables before they are checked.

So a stored policy holds the days it was decided by; another release of the package is another version of the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from models.rules.errors import Problem, nearest


def fill(document: dict[str, Any]) -> Iterator[Problem]:
    """Give every calendar that names a country its holidays, those kept that stand there; yield unknown countries."""
    calendars = document.get("calendars")
    if not isinstance(calendars, Mapping):
        return
    for name, calendar in calendars.items():
        if isinstance(calendar, dict) and "country" in calendar:
            yield from _fill(f"calendars.{name}", calendar)


def _fill(place: str, calendar: dict[str, Any]) -> Iterator[Problem]:
    import holidays

    country, since, until = (calendar.get(key) for key in ("country", "since", "until"))
    if not (isinstance(country, str) and isinstance(since, date) and isinstance(until, date)):
        return  # the policy's own shape says what is wrong
    known = holidays.list_supported_countries()
    if country not in known:
        what = f'names the country "{country}", of which no holidays are known.'
        yield Problem(f"{place}.country", what, f"{nearest(country, known)} Or list [[{place}.holidays]] yourself.")
        return
    own = {holiday["on"] for holiday in calendar.get("holidays", ())}
    years = range(since.year, until.year + 1)
    # A language of our own choice: by default the names, and with them the policy, would hang on the machine's locale.
    found = holidays.country_holidays(country, years=years, language="en_US")
    calendar["holidays"] = [
        *calendar.get("holidays", ()),
        *({"on": on, "name": name} for on, name in sorted(found.items()) if since <= on <= until and on not in own),
    ]
