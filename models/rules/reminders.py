"""Reminders: thresholds before a date, due from the day that each is planned for, until that date has passed.

The date is a clock's, or that of something owed: whoever asks names it as a `Target`.

A threshold is planned so many days before, and where the rule says so, rolled back to a working day. The key of its
notice names the days and the date counted to, never the day it is planned for: a changed calendar tells nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple, assert_never

from models.rules.calendars import Calendar
from models.rules.case import Key, Program
from models.rules.clock import Clocks
from models.rules.dates import DAYS
from models.rules.decision import Telling
from models.rules.policy import ReminderRule, Reminding, SkipAfter
from models.rules.snoozes import Quiet
from models.rules.words import Clock, Misfire, NoticeState, Reason

ONE_DAY = timedelta(days=1)
# Looked up once, since it is compared for each rule of each case: finding a member of an enumeration costs more.
_STAGE_TARGET = Clock.STAGE_TARGET


class Target(NamedTuple):
    """The date that thresholds count to. `name` tells two of one date apart: a stage, an occurrence of a duty."""

    on: date
    name: str = ""

    def occurrence(self, days: int) -> str:
        """Name a threshold, so many days before.

        >>> Target(date(2024, 3, 1), "2").occurrence(30), Target(date(2024, 3, 1)).occurrence(30)
        ('2:30', '30')
        """
        return f"{self.name}:{days}" if self.name else str(days)


def target(rule: ReminderRule, stage: str, dates: Clocks) -> Target:
    """Return what a rule counts to. A stage's own target names the stage: two stages may share a target's date."""
    return Target(dates.read(rule.clock), stage if rule.clock is _STAGE_TARGET else "")


class Moment(NamedTuple):
    """What all reminders of one case read on one day, but for its dates."""

    program: Program
    calendar: Calendar
    stage: str
    today: date
    known: dict[Any, Words]
    """What was worked out today for other cases of this stage and calendar."""


class Countdown(NamedTuple):
    """A rule's thresholds before one date, by one calendar. Days are days before the date."""

    rule: Reminding
    to: date
    calendar: Calendar

    def planned_for(self, days: int) -> date:
        """Return the day that a threshold is planned for."""
        on = self.to - DAYS[days]
        return self.calendar.before(on) if self.rule.on_working_days else on

    def look(self, today: date) -> tuple[tuple[int, ...], date | None]:
        """Return the thresholds that were reached, the furthest from the date first, and when the next one is."""
        left, every = (self.to - today).days, self.rule.days_before
        # Days are compared as numbers: most rules have nothing to say on most days, and this runs for each of them.
        for number, days in enumerate(every):
            if days < left and (upcoming := self.planned_for(days)) > today:
                return every[:number], upcoming
        return every, None

    def next_after(self, today: date) -> date | None:
        """Return the first day after today on which the rule has something to say."""
        return self.look(today)[1]

    def sayable(self, reached: tuple[int, ...]) -> tuple[int, ...]:
        """Return which of the thresholds that were reached may still go out: the nearest, or each of them."""
        match self.rule.misfire:
            case Misfire.COALESCE | SkipAfter():
                return reached[-1:]
            case Misfire.CATCH_UP:
                return reached
            case _:
                assert_never(self.rule.misfire)

    def expires_on(self, days: int) -> date:
        """Return the first day on which a threshold has lost its meaning: the date is over, or the rule skips it."""
        over_on = self.to + ONE_DAY
        if not isinstance(self.rule.misfire, SkipAfter):
            return over_on
        return min(over_on, self.planned_for(days) + DAYS[self.rule.misfire.skip_after + 1])

    def expired(self, days: int, today: date) -> Reason | None:
        """Return why a threshold is not to be said any more; None while it is."""
        if today > self.to:
            return Reason.DATE_PASSED
        return Reason.SKIPPED if today >= self.expires_on(days) else None


def days_of(occurrence: str) -> int:
    """Return how many days before its date a reminder's notice is for."""
    return int(occurrence.rpartition(":")[2])


def current(rule: Reminding, to: Target, moment: Moment) -> Iterator[Key]:
    """Yield the keys of what the rule has to say today, said or not."""
    countdown = Countdown(rule, to.on, moment.calendar)
    reached, _ = countdown.look(moment.today)
    for days in countdown.sayable(reached):
        if countdown.expired(days, moment.today) is None:
            yield from (Key(rule.rule, to.occurrence(days), to.on, post) for post in rule.to)


class Words(NamedTuple):
    """What a rule says of a date on a day, to whomever's case it belongs.

    `reached` are all thresholds that were, whether told before or not, each with the day on which it loses its meaning;
    `upcoming` is when the next one is.
    """

    reached: tuple[tuple[Telling, date], ...]
    upcoming: date | None


KEPT = 2_000
"""How many dates of a stage and calendar are remembered, so that nobody's memory grows with the number of cases."""


def words_of(rule: Reminding, to: Target, moment: Moment) -> Words:
    """Return what a rule says of a date, worked out once a day: whatever comes due then counts to a few dates."""
    key = rule.rule, to.on, to.name
    return moment.known.get(key) or _kept(key, Countdown(rule, to.on, moment.calendar), to, moment=moment)


def words_at(rule: ReminderRule, dates: Clocks, moment: Moment) -> Words:
    """Return what a rule says of its clock's date; its target is not even named where that is known."""
    key = rule.rule, dates.read(rule.clock)
    return moment.known.get(key) or _kept(
        key, Countdown(rule, key[1], moment.calendar), target(rule, moment.stage, dates), moment=moment
    )


def _kept(key: tuple[Any, ...], countdown: Countdown, to: Target, *, moment: Moment) -> Words:
    if len(moment.known) >= KEPT:
        moment.known.clear()
    found = moment.known[key] = _words(countdown, to, moment)
    return found


def _words(countdown: Countdown, to: Target, moment: Moment) -> Words:
    """Say what was reached, and what is not said any more, each with its reason.

    What was missed (a week of downtime, a case imported in mid-course) is dealt with as the rule's `misfire` says.
    Nothing planned before `live_from` goes out, nor anything that counts down to a day that is over.
    """
    rule, today = countdown.rule, moment.today
    reached, upcoming = countdown.look(today)
    going_out = countdown.sayable(reached)
    found: list[tuple[Telling, date]] = []
    for days in reached:
        planned = countdown.planned_for(days)
        reason = _withheld(countdown, days, moment) if days in going_out else Reason.SUPERSEDED
        state = NoticeState.SUPPRESSED if reason else NoticeState.PENDING
        occurrence = to.occurrence(days)
        facts = {"days": days, "stage": moment.stage, "late": (today - planned).days}
        for post in rule.to:
            key = Key(rule.rule, occurrence, to.on, post)
            found.append((Telling(key, rule.notice, planned, state, reason, facts), countdown.expires_on(days)))
    return Words(tuple(found), upcoming)


def due(reached: Iterable[tuple[Telling, date]], said: Collection[Key], quiet: Quiet) -> Iterator[tuple[Telling, date]]:
    """Yield what was not said before of thresholds that were reached, each with the day on which it loses its meaning.

    What is snoozed is held back until the snooze ends.
    """
    for each in reached:
        telling, expires_on = each
        key = telling.key
        if key in said:
            continue
        if quiet and telling.reason is None and (key.rule, key.post) in quiet:
            yield telling._replace(state=NoticeState.SUPPRESSED, reason=Reason.SNOOZED), expires_on
        else:
            yield each


def _withheld(countdown: Countdown, days: int, moment: Moment) -> Reason | None:
    live_from = moment.program.live_from
    if live_from is None or countdown.planned_for(days) < live_from:
        return Reason.BEFORE_LIVE
    return countdown.expired(days, moment.today)
