"""The dates that rules read, each from an anchor, a rule and the changes that a person recorded.

The rows of `deadline_change` add up: the last correction that stands is the anchor, the extensions that stand are
months on the limit, a hold lets internal targets rest. The body's limit and the program's window do not rest
(docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, ClockChange, Plan
from models.rules.dates import DAYS, add_months
from models.rules.words import Change, Clock

ONE_DAY = timedelta(days=1)


class Pause(NamedTuple):
    """Days on which internal work rests: from `since` until the day before `until`, the first day of work again."""

    since: date
    until: date


class Clocks(NamedTuple):
    """An enrollment's dates today; the fields are named as the values of `Clock`."""

    window_from: date
    window_until: date
    limit: date
    stage_target: date
    cycle_start: date

    def read(self, clock: Clock) -> date:
        """Return the date that a rule's clock names."""
        on: date = getattr(self, clock)  # a StrEnum is its value; `.value` would cost more than the look-up
        return on


def standing(changes: Iterable[ClockChange]) -> list[ClockChange]:
    """Return the changes that count: neither undone nor an undo."""
    rows = list(changes)
    undone = {change.undoes for change in rows}
    return [change for change in rows if change.kind is not Change.UNDO and change.id not in undone]


def holds(changes: Sequence[ClockChange]) -> tuple[Pause, ...]:
    """Return every hold that stands, in order and apart from each other; one without an end lasts until the last day.

    A resume ends the hold that is open when it is recorded.
    """
    if not changes:
        return ()
    found: list[Pause] = []
    since: date | None = None
    for change in standing(changes):
        if change.kind is Change.HOLD and since is None:
            since = change.on
        elif change.kind is Change.RESUME and since is not None:
            found.append(Pause(since, change.on or since))
            since = None
    if since is not None:
        found.append(Pause(since, date.max))
    return tuple(_apart(sorted(pause for pause in found if pause.since < pause.until)))


def _apart(pauses: Sequence[Pause]) -> Iterator[Pause]:
    """Join what overlaps: no day rests twice."""
    last: Pause | None = None
    for pause in pauses:
        if last is not None and pause.since <= last.until:
            last = Pause(last.since, max(last.until, pause.until))
            continue
        if last is not None:
            yield last
        last = pause
    if last is not None:
        yield last


def rests(pauses: Iterable[Pause], today: date) -> bool:
    """Whether internal work rests on a day."""
    return any(pause.since <= today < pause.until for pause in pauses)


def days_after(anchor_on: date, days: int, pauses: Iterable[Pause]) -> date:
    """Return the day so many days after an anchor, where days of rest do not count.

    A hold that lies between the two, or begins on the very day that would be the result, moves it by its own length.
    """
    on = anchor_on + DAYS[days]
    for pause in pauses:
        if pause.until > anchor_on and pause.since <= on:
            on += pause.until - max(pause.since, anchor_on)
    return on


def rested(pauses: Iterable[Pause], today: date) -> tuple[Pause, ...]:
    """Return the days of rest as far as today knows: a hold without an end counts with today and no further."""
    known = (p if p.until < date.max else Pause(p.since, today + ONE_DAY) for p in pauses)
    return tuple(pause for pause in known if pause.since < pause.until)


class Anchor(NamedTuple):
    """What window and limit count from, and the months that extensions add to the limit."""

    on: date
    months: int


def anchor_of(case: Case) -> Anchor:
    """Return the last correction's date, else the agreement's, and the extensions' sum."""
    if not case.changes:
        return Anchor(case.agreement_on, 0)
    counted = standing(case.changes)
    corrected = [c.anchor_on for c in counted if c.kind is Change.CORRECTION and c.anchor_on is not None]
    return Anchor(corrected[-1] if corrected else case.agreement_on, sum(change.months or 0 for change in counted))


def with_changes(case: Case, changes: Sequence[ClockChange]) -> Case:
    """Return a case with other changes; a first stage that was entered with the agreement moves along with it."""
    moved = replace(case, changes=changes)
    if case.stage_seq or case.stage_entered_on != anchor_of(case).on:
        return moved
    return replace(moved, stage_entered_on=anchor_of(moved).on)


def limit_of(case: Case, plan: Plan, more_months: int = 0) -> date:
    """Return the body's limit, as it would be with so many months more."""
    anchor = anchor_of(case)
    return add_months(anchor.on, plan.limit_months + anchor.months + more_months)


def clocks(case: Case, plan: Plan, today: date) -> Clocks:
    """Work out the dates. While a case is on hold, the stage's target is what it would be if work began tomorrow."""
    budget = plan.stages[case.stage].budget
    if not case.changes:  # most cases, and every batch asks for a thousand of them
        on = case.agreement_on
        return Clocks(
            add_months(on, plan.from_month), add_months(on, plan.until_month), add_months(on, plan.limit_months),
            case.stage_entered_on + DAYS[budget], on,
        )
    anchor = anchor_of(case)
    return Clocks(
        window_from=add_months(anchor.on, plan.from_month),
        window_until=add_months(anchor.on, plan.until_month),
        limit=add_months(anchor.on, plan.limit_months + anchor.months),
        stage_target=days_after(
            case.stage_entered_on, budget, rested(holds(case.changes), today)
        ),
        cycle_start=anchor.on,
    )


class Derived(NamedTuple):
    """How a date came about: so many months or days after its anchor, and what moved it."""

    clock: Clock
    anchor: str
    anchor_on: date
    months: int
    days: int
    extended_months: int
    rested_days: int
    on: date

    @property
    def rule(self) -> str:
        """The rule in words."""
        span = f"{self.months} months" if self.months else f"{self.days} days"
        return f"{span} after {self.anchor}"


def derived(case: Case, plan: Plan, today: date) -> list[Derived]:
    """Tell of each date how it was worked out, the earliest first."""
    dates, anchor = clocks(case, plan, today), anchor_of(case)
    budget = plan.stages[case.stage].budget
    months = {
        Clock.WINDOW_FROM: (plan.from_month, 0),
        Clock.WINDOW_UNTIL: (plan.until_month, 0),
        Clock.LIMIT: (plan.limit_months, anchor.months),
    }
    found = [
        Derived(clock, "the agreement", anchor.on, own, 0, more, 0, dates.read(clock))
        for clock, (own, more) in months.items()
    ]
    if plan.stages[case.stage].stage.next is not None:
        rest = (dates.stage_target - case.stage_entered_on).days - budget
        found.append(
            Derived(
                Clock.STAGE_TARGET, f"entering {case.stage}", case.stage_entered_on, 0, budget, 0, rest,
                dates.stage_target,
            )
        )
    return sorted(found, key=lambda each: each.on)


class Version(NamedTuple):
    """A date that a change moved; None is a target that rests, since nobody knew then when work would begin again."""

    change: ClockChange
    clock: Clock
    before: date | None
    after: date | None


def versions(case: Case, plan: Plan, today: date) -> Iterator[Version]:
    """Tell which change moved which date from when to when, in the order in which they were recorded."""
    before = _dated(case, (), plan, today=today)
    for index, change in enumerate(case.changes, 1):
        after = _dated(case, case.changes[:index], plan, today=today)
        yield from (
            Version(change, clock, before[clock], after[clock]) for clock in Clock if before[clock] != after[clock]
        )
        before = after


def _dated(case: Case, changes: Sequence[ClockChange], plan: Plan, *, today: date) -> dict[Clock, date | None]:
    dates = clocks(with_changes(case, changes), plan, today)
    open_ended = any(hold.until == date.max for hold in holds(changes))
    return {
        clock: None if open_ended and clock is Clock.STAGE_TARGET else dates.read(clock) for clock in Clock
    }
