"""Hours in which no mail could go out; calendars and closures that overlap themselves or lie nowhere."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import date, time
from itertools import pairwise

from models.rules.errors import Problem, nearest
from models.rules.policy import Closure, Policy, WorkCalendar
from models.rules.policy.checks.shared import is_zone, repeated

LONGEST_CLOSURE = 92


def working_hours(policy: Policy) -> Iterator[Problem]:
    """Yield hours in which no mail would ever go out."""
    hours = policy.working_hours
    if hours.start.tzinfo or hours.end.tzinfo:
        yield Problem("working_hours", "carry a zone of their own.", "Leave it out: they are read in each person's.")
    elif hours.start >= hours.end:
        what = f"begin at {hours.start} and end at {hours.end}: no mail would ever go out."
        yield Problem("working_hours", what, "Let them end after they begin, on the same day.")
    elif _minutes(hours.end) - _minutes(hours.start) <= hours.spread_minutes:
        what = f"is {hours.spread_minutes}: for some the morning would begin when the hours end."
        yield Problem("working_hours.spread_minutes", what, "Use fewer minutes than the hours last.")
    if not hours.weekdays:
        what = "is empty: no mail would ever go out."
        yield Problem("working_hours.weekdays", what, "Name at least one; Monday is 0.")


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def calendars(policy: Policy) -> Iterator[Problem]:
    """Yield calendars that nobody defined, that end before they begin, or that two claim one zone or day for."""
    named = {"calendar": policy.calendar}
    named |= {f"entities.{code}.calendar": entity.calendar for code, entity in policy.entities.items()}
    for place, name in named.items():
        if name is not None and name not in policy.calendars:
            yield Problem(place, f'names the unknown calendar "{name}".', nearest(name, policy.calendars))
    for name, calendar in policy.calendars.items():
        place = f"calendars.{name}"
        if calendar.until < calendar.since:
            what = f"ends on {calendar.until}, before it begins, on {calendar.since}."
            yield Problem(place, what, "Swap or correct the days.")
        yield from _days(calendar, place)
    for zone in repeated(zone for calendar in policy.calendars.values() for zone in calendar.zones):
        yield Problem("calendars", f'two claim the zone "{zone}".', "Leave it in one: its people keep one calendar.")


def _days(calendar: WorkCalendar, place: str) -> Iterator[Problem]:
    for zone in calendar.zones:
        if not is_zone(zone):
            yield Problem(f"{place}.zones", f'"{zone}" is no time zone.', 'Use an IANA name such as "Europe/Vienna".')
    for holiday in calendar.holidays:
        if not calendar.since <= holiday.on <= calendar.until:
            what = f"{holiday.on} lies outside the calendar, {calendar.since} to {calendar.until}."
            yield Problem(f"{place}.holidays", what, "Correct the day, or let the calendar reach it.")
    for on in repeated(str(holiday.on) for holiday in calendar.holidays):
        yield Problem(f"{place}.holidays", f"{on} stands here twice.", "Keep one.")


def closures(policy: Policy) -> Iterator[Problem]:
    """Yield closures without days, of nowhere, or that overlap another of the same places."""
    if policy.closures and policy.calendar is None:
        yield Problem("calendar", "is missing, and closures are listed.", "Name the calendar that they add to.")
    dated: dict[tuple[object, ...], list[tuple[date, date, str]]] = {}
    for index, closure in enumerate(policy.closures):
        place = f"closures[{index}]"
        yield from _when(policy, closure, place)
        scopes: tuple[tuple[str, Iterable[str], Container[str]], ...] = (
            ("calendars", closure.calendars, policy.calendars), ("regions", closure.regions, policy.region_of.values()),
            ("entities", closure.entities, policy.entities),
        )
        for scope, names, known in scopes:
            for name in names:
                if name not in known:
                    what = f'names "{name}", which is not known.'
                    yield Problem(f"{place}.{scope}", what, nearest(name, list(known)))  # type: ignore[call-overload]
        if closure.since is not None and closure.until is not None:
            where = (closure.calendars, closure.regions, closure.entities, closure.agencies)
            dated.setdefault(where, []).append((closure.since, closure.until, closure.name))
    for spans in dated.values():
        for (_, until, name), (since, _, later) in pairwise(sorted(spans)):
            if since <= until:
                what = f'"{later}" begins on {since}, while "{name}" lasts until {until}: they overlap.'
                yield Problem("closures", what, "Join them, or correct the days.")


def _when(policy: Policy, closure: Closure, place: str) -> Iterator[Problem]:
    given = (closure.since is not None or closure.until is not None, closure.yearly is not None, bool(closure.easter))
    if sum(given) != 1:
        remedy = "Give since and until, or yearly, or easter."
        yield Problem(place, f'"{closure.name}" says in none or several ways when it is.', remedy)
    if (closure.since is None) != (closure.until is None):
        yield Problem(place, f'"{closure.name}" lacks its beginning or its end.', "Give both since and until.")
    if closure.since is None or closure.until is None:
        return
    if closure.until < closure.since:
        what = f'"{closure.name}" ends on {closure.until}, before it begins, on {closure.since}.'
        yield Problem(f"{place}.until", what, "Swap or correct the days.")
    if (closure.until - closure.since).days >= LONGEST_CLOSURE:
        what = f'"{closure.name}" lasts longer than {LONGEST_CLOSURE} days.'
        yield Problem(f"{place}.until", what, "Put the cases on hold instead, or correct the days.")
    reach = [(calendar.since, calendar.until) for calendar in policy.calendars.values()]
    if reach and not any(since <= closure.since and closure.until <= until for since, until in reach):
        what = f"{closure.since} to {closure.until} lies outside every calendar."
        yield Problem(place, what, "Correct the days, or let a calendar reach them.")
