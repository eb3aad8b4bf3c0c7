"""The same days under the policy in force and under another: those to come, or a past as it became known.

Both lives are lived on databases of their own, by the code that runs live. A past is told to either as it was recorded;
stages, escalations and mail come out of the policy. Mail that went wrong then arrives here, and nobody answers any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select

from models.rules.cohort.draw import Cohort
from models.rules.errors import Refused
from models.rules.forecast.journeys import Journey, deadline
from models.rules.forecast.judging import Warnings, warnings
from models.rules.policy import Policy
from models.rules.words import Cause, Clock, Risk
from models.schema import ESCALATION
from tasks.demo import PROGRAM
from tasks.feed import feed_all, feed_day, rows_by_day, synthetic_cohort
from tasks.life import SWEPT_AT, Life, Past, Watcher, nobody
from tasks.preview import IN_FORCE, OTHER, Preview, lived, preview
from tasks.store import clock
from tasks.store.copies import blank
from tasks.store.database import reading
from tasks.store.journeys import journeys
from tasks.store.programs import Terms, current_program, folder_of, put_in_force, read_policy
from tasks.store.recorded import Recorded

ENDS = {Clock.WINDOW_UNTIL: "end of the window", Clock.LIMIT: "limit"}


class Warned(NamedTuple):
    """What the warnings of deadlines at risk came to under either policy, by the deadline that they warned of."""

    of: str
    now: Warnings
    then: Warnings


class Compared(NamedTuple):
    """The same days under the policy in force and under another; of days to come nobody knows what warnings came to."""

    now: Preview
    then: Preview
    warnings: tuple[Warned, ...] = ()

    @property
    def weeks(self) -> list[tuple[date, int, int]]:
        """How many emails go out in each week under either, by its Monday."""
        return _side_by_side(self.now.weekly, self.then.weekly, none=0)

    @property
    def people(self) -> list[tuple[str, float, float]]:
        """How many emails a week each person gets under either, where it differs; the most changed come first."""
        rows = _side_by_side(self.now.a_week, self.then.a_week, none=0.0)
        return sorted((row for row in rows if row[1] != row[2]), key=lambda row: -abs(row[2] - row[1]))

    @property
    def escalations(self) -> list[tuple[str, int, int]]:
        """How many escalations each rule opens under either."""
        return _side_by_side(self.now.escalations, self.then.escalations, none=0)

    @property
    def risks(self) -> list[tuple[Risk, int, int]]:
        """How many open cases are at each risk at the end."""
        return [(risk, number, self.then.risks[risk]) for risk, number in self.now.risks.items()]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        lists = ("weeks", "people", "escalations", "risks")
        days = {"since": self.now.since, "until": self.now.until}
        rows = {
            name: [dict(zip(("of", "now", "then"), row, strict=True)) for row in getattr(self, name)] for name in lists
        }
        warned = [{"of": each.of, "now": each.now._asdict(), "then": each.then._asdict()} for each in self.warnings]
        return days | rows | {"warnings": warned}


Key = TypeVar("Key", date, str)
Number = TypeVar("Number", int, float)


def _side_by_side(
    now: Mapping[Key, Number], then: Mapping[Key, Number], *, none: Number
) -> list[tuple[Key, Number, Number]]:
    """Put two counts beside each other in the order of their keys; what only one of them has is none in the other."""
    return [(key, now.get(key, none), then.get(key, none)) for key in sorted(now.keys() | then.keys())]


def what_if(engine: Engine, policy: Policy, days: int, *, watcher: Watcher = nobody) -> Compared:
    """Live through the days to come twice, each on a copy of its own: as it is, and under another policy.

    Raises:
        Refused: as `preview`.
    """
    return Compared(preview(engine, days, watcher=watcher), preview(engine, days, policy, watcher=watcher))


@dataclass(frozen=True)
class Days:
    """Which days of a past to live through, both included; by default all of it."""

    since: date | None = None
    until: date | None = None


ALL = Days()


def what_if_then(
    engine: Engine, policy: Policy, days: Days = ALL, *, as_happened: bool = False, watcher: Watcher = nobody
) -> Compared:
    """Live through what was recorded in a database twice, as it became known.

    Args:
        engine: the database, which is only read.
        policy: the other one.
        days: which of them.
        as_happened: take everything as known on the day it happened: of a history that was imported whole.
        watcher: is told how far either life has come.

    Raises:
        Refused: the policy is of another program, nothing was recorded in these days.
    """
    with reading(engine) as connection:
        in_force = current_program(engine).policy
        recorded = Recorded(connection, as_happened=as_happened)
        today = clock.now_in(connection).astimezone(ZoneInfo(in_force.zone)).date()
    until_now = replace(days, until=min(days.until or today, today))
    return compared_over((in_force, policy), recorded.telling, days=until_now, watcher=watcher)


def what_if_synthetic(seed: int, policy: Policy, days: Days = ALL, *, watcher: Watcher = nobody) -> Compared:
    """Live through the synthetic past of a seed twice.

    Raises:
        Refused: the policy is of another program, or these days lie outside of that past.
    """
    folder = folder_of(PROGRAM)
    reference = read_policy(folder)
    cohort = synthetic_cohort(folder, reference, seed)
    return compared_over((reference, policy), lambda: Synthetic(cohort), days=days, watcher=watcher)


class Synthetic:
    """A synthetic cohort, told once."""

    def __init__(self, cohort: Cohort) -> None:
        """Begin with nothing told yet."""
        self._cohort, self._by_day = cohort, rows_by_day(cohort)
        self._told: date | None = None

    @property
    def days(self) -> list[date]:
        """The days on which something becomes known."""
        return sorted(self._by_day)

    def tell(self, connection: Connection, today: date) -> None:
        """Record everything that became known until today and was not told yet."""
        if self._told is None:
            feed_all(connection, self._cohort, today)
        else:
            for day in self.days:
                if self._told < day <= today:
                    feed_day(connection, self._by_day[day], day)
        self._told = today


def compared_over(
    policies: tuple[Policy, Policy], told: Callable[[], Past], *, days: Days, watcher: Watcher = nobody
) -> Compared:
    """Live through a past under one policy and under another.

    Args:
        policies: the one and the other.
        told: begins to tell the past, once for either.
        days: which of it.
        watcher: is told how far either life has come.
    """
    now, then = policies
    if now.code != then.code:
        what = f'is of the program "{then.code}", and this past of "{now.code}".'
        raise Refused.one("--policy", what, "Name another policy of this program.")
    known = told().days
    since, until = days.since or min(known, default=date.max), days.until or max(known, default=date.min)
    if not any(day <= until for day in known) or since > until:
        raise Refused.one("past", f"nothing was known between {since} and {until}.", "Name days after the first word.")
    begins = datetime.combine(since, SWEPT_AT, ZoneInfo(now.zone)).astimezone(UTC)
    (seen, warned), (other, warned_then) = (
        _lived(policy, Life(name, begins, since, until), told(), watcher=watcher)
        for name, policy in ((IN_FORCE, now), (OTHER, then))
    )
    return Compared(seen, other, tuple(
        Warned(name, warned[clock_], warned_then[clock_]) for clock_, name in ENDS.items()
    ))


def _lived(policy: Policy, life: Life, past: Past, *, watcher: Watcher) -> tuple[Preview, dict[Clock, Warnings]]:
    with blank() as here:
        put_in_force(here, policy, Terms(live_from=life.since, clock_starts_at=life.begins, is_demo=True))
        seen = lived(here, life, past, watcher=watcher)
        return seen, _warned(here, policy, life.until)


def _warned(engine: Engine, policy: Policy, until: date) -> dict[Clock, Warnings]:
    """Count what the first escalations for pace came to, of the first enrollments of which the outcome is known."""
    with reading(engine) as connection:
        past = journeys(connection, current_program(engine), today=until)
        first = {clock_: _first_warned(connection, policy, clock_) for clock_ in ENDS}
    found = {}
    for clock_ in ENDS:
        ends = {each: deadline(each, policy, clock_) for each in past}
        judged = {each: missed for each, on in ends.items() if (missed := _missed(each, on, until)) is not None}
        leads = [
            (ends[each] - first[clock_][each.id]).days if each.id in first[clock_] else None for each in judged
        ]
        found[clock_] = warnings(list(judged.values()), leads)
    return found


def _missed(journey: Journey, deadline_on: date, until: date) -> bool | None:
    """Whether no award came by a deadline; None where nobody can know yet."""
    if journey.awarded_on is not None:
        return journey.awarded_on > deadline_on
    return True if journey.end is not None or deadline_on <= until else None


def _first_warned(connection: Connection, policy: Policy, read: Clock) -> dict[int, date]:
    x = ESCALATION.c
    rules = [each.rule for each in policy.escalations if each.cause is Cause.PACE and each.clock is read]
    first = select(x.enrollment_id, func.min(x.opened_on)).where(x.rule.in_(rules)).group_by(x.enrollment_id)
    return {row[0]: row[1] for row in connection.execute(first)}
