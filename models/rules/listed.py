"""Lists of days that end: conferences and holidays are known until some day, and a case may have time after it.

Nobody can list them for ever, so that is said and never refused. Until the day that is missing comes, nothing is wrong
with what was decided; after it, nobody can say what a case could still make, and every weekday is worked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.clock import clocks


class Listed(NamedTuple):
    """A list of days, by its place in the program's folder, and its last day."""

    place: str
    until: date


def too_short(case: Case, program: Program, today: date) -> Iterator[Listed]:
    """Yield the lists that end before an open case's time does: its window, or its limit as it stands today."""
    if not case.changes and case.agreement_on <= program.covered_agreement:
        return
    dates = clocks(case, program.plan(case.track, case.cycle), today)
    last = max(dates.limit, dates.window_until)
    if program.conferences and program.conferences[-1] < last:
        yield Listed("conferences", program.conferences[-1])
    calendar = program.calendar_of(case.site)
    if calendar.until is not None and calendar.until < last:
        yield Listed(f"calendars.{calendar.name}", calendar.until)


def spell_short(listed: Listed, number: int) -> str:
    """Say, after its place, that a list is too short for so many cases.

    >>> spell_short(Listed("conferences", date(2028, 11, 11)), 2)
    'end on 2028-11-11, before the time of 2 open cases does'
    """
    cases = f"{number} open cases" if number > 1 else "1 open case"
    verb = "end" if listed.place == "conferences" else "ends"
    return f"{verb} on {listed.until}, before the time of {cases} does"
