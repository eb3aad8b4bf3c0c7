"""Working days: which days are worked, and counting and rolling by them. Pure values, made once per program.

    before(day)   the last working day until a day     a date that must not come late is planned for it
    after(day)    the first working day from a day     a date that must not come early
    plus(day, n)  the n-th working day after a day     so many working days of grace

A holiday can only make what is counted forward later, and what is counted backward earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from models.rules.policy import Closure, Policy, WorkCalendar

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The weekdays that are worked (Monday is 0), and the days off with their names; it knows none after `until`.

    `name` is the program's own, empty where it keeps none.
    """

    weekdays: frozenset[int]
    off: Mapping[date, str] = field(default_factory=dict)
    until: date | None = None
    name: str = ""
    _before: dict[date, date] = field(default_factory=dict, compare=False, repr=False)

    def works(self, day: date) -> bool:
        """Whether a day is worked."""
        return day.weekday() in self.weekdays and day not in self.off

    def before(self, day: date) -> date:
        """Return the last working day until a day, that day included."""
        found = self._before.get(day)
        if found is None:
            found = day
            while not self.works(found):
                found -= ONE_DAY
            self._before[day] = found
        return found

    def after(self, day: date) -> date:
        """Return the first working day from a day on, that day included."""
        while not self.works(day):
            day += ONE_DAY
        return day

    def plus(self, day: date, number: int) -> date:
        """Return the `number`-th working day after a day; the day itself for none."""
        for _ in range(number):
            day = self.after(day + ONE_DAY)
        return day

    def off_days(self, since: date, until: date) -> Iterator[tuple[date, str]]:
        """Yield the days between two days, both included, on which nobody works, in order, with their names.

        A day of the week that is never worked has none, whatever else it is.
        """
        day = since
        while day <= until:
            if not self.works(day):
                yield day, self.off[day] if day.weekday() in self.weekdays else ""
            day += ONE_DAY


EVERY_DAY = Calendar(frozenset(range(7)))
"""The calendar of nobody: every day is worked."""


class Calendars:
    """The calendars of a policy: of an agency by where it is, of a person by the zone they live in."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._own = {agency for closure in policy.closures for agency in closure.agencies}
        self._made: dict[tuple[str, str], Calendar] = {}
        self._shared: dict[tuple[str | None, tuple[int, ...]], Calendar] = {}
        self._of_zone = {zone: name for name, calendar in policy.calendars.items() for zone in calendar.zones}

    def of_agency(self, agency: str, entity: str) -> Calendar:
        """Return the calendar of an agency: its entity's, its region's, and its own closed days."""
        # Few agencies close on days of their own: all the others of an entity share one calendar.
        key = (agency if agency in self._own else "", entity)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._agency(*key)
        return found

    def of_person(self, zone: str) -> Calendar:
        """Return the calendar that people in a zone keep: of the country that claims it, else the program's."""
        name = self._of_zone.get(zone, self._policy.calendar)
        key = ("", f"/{name}")
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._calendar(name, [c for c in self._policy.closures if _general(c, name)])
        return found

    def _agency(self, agency: str, entity: str) -> Calendar:
        policy = self._policy
        place = policy.entities.get(entity)
        name = place.calendar or policy.calendar if place is not None else policy.calendar
        region = policy.region_of.get(entity)
        here = [
            closure for closure in policy.closures
            if _general(closure, name) or agency in closure.agencies or entity in closure.entities
            or region in closure.regions
        ]
        return self._calendar(name, here)

    def _calendar(self, name: str | None, closures: list[Closure]) -> Calendar:
        """Return the calendar with these closures, the same for all who keep it: a day is then looked up once."""
        key = name, tuple(map(id, closures))  # the policy keeps them
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = self._new(name, closures)
        return found

    def _new(self, name: str | None, closures: list[Closure]) -> Calendar:
        weekdays = frozenset(self._policy.working_hours.weekdays)
        if name is None:
            return Calendar(weekdays)
        base = self._policy.calendars[name]
        off = {day: closure.name for closure in closures if closure.observed for day in days_of(closure, base)}
        return Calendar(weekdays, off | {holiday.on: holiday.name for holiday in base.holidays}, base.until, name)


def _general(closure: Closure, name: str | None) -> bool:
    """Whether a closure is everybody's, or everybody's who keeps this calendar."""
    if name in closure.calendars:
        return True
    return not (closure.calendars or closure.regions or closure.entities or closure.agencies)


def days_of(closure: Closure, base: WorkCalendar) -> Iterator[date]:
    """Yield the days of a closure within the years of a calendar, whatever weekdays they are."""
    if closure.since is not None and closure.until is not None:
        yield from _span(closure.since, closure.until)
    for year in range(base.since.year - 1, base.until.year + 1):
        days = [easter(year) + timedelta(days=offset) for offset in closure.easter]
        if closure.yearly is not None:
            first, last = closure.yearly.in_year(year)
            days += _span(first, last)
        yield from (day for day in days if base.since <= day <= base.until)


def _span(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=number) for number in range((last - first).days + 1))


def easter(year: int) -> date:
    """Return Easter Sunday: the Sunday after the full moon of spring, both by the Gregorian church's reckoning.

    >>> easter(2016), easter(2024), easter(2038)
    (datetime.date(2016, 3, 27), datetime.date(2024, 3, 31), datetime.date(2038, 4, 25))
    """
    century = year // 100
    # The moon repeats every 19 years, less the leap days that centuries drop and the moon's own drift.
    moon = (19 * (year % 19) + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    if moon == 29 or (moon == 28 and year % 19 > 10):  # noqa: PLR2004 - the church lets no full moon be that late
        moon -= 1
    full = date(year, 3, 21) + timedelta(days=moon)
    return full + timedelta(days=6 - full.weekday() or 7)
