"""Duties: what is owed on a date, counted from a clock or from a change of holder, and what fulfilled it.

Every date is counted from its anchor itself and never from the date before: what is due a year after 29 February is
due on the 28th, and four years after on the 29th again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Fact, Seat
from models.rules.clock import Clocks
from models.rules.dates import add_months
from models.rules.policy import Duty
from models.rules.reminders import Target
from models.rules.words import Post

ONE_DAY = timedelta(days=1)


class Owed(NamedTuple):
    """One occurrence of a duty: facts count for it from `since` on, and it is due on `due_on`.

    `name` is the number of its date, or the post whose holder changed on `changed_on`; `done` is the fact that
    fulfilled it.
    """

    duty: Duty
    name: str
    since: date
    due_on: date
    done: Fact | None = None
    changed_on: date | None = None

    @property
    def target(self) -> Target:
        """What its reminders count to."""
        return Target(self.due_on, self.name)

    @property
    def story(self) -> str:
        """Name it within an escalation that reads several duties."""
        return f"{self.duty.rule}:{self.name}"


def owed(duties: Iterable[Duty], case: Case, dates: Clocks, *, today: date) -> Iterator[Owed]:
    """Yield every occurrence of duties, done or not, as far as today's dates, seats and facts tell.

    Of a change of holder only the newest counts, while its holder is there: what a predecessor owed is owed no more.
    """
    for duty in duties:
        found = list(_changes(duty, case, (dates.cycle_start, today)) if duty.posts else _dated(duty, dates))
        if not found:
            continue
        facts = sorted(
            (fact for fact in case.facts if fact.milestone == duty.milestone and fact.on <= today),
            key=lambda fact: (fact.on, fact.id),
        )
        yield from (_each_done(found, facts) if duty.posts else _in_turn(found, facts))


def _dated(duty: Duty, dates: Clocks) -> Iterator[Owed]:
    assert duty.clock is not None, "policy.checks refuses a duty without a clock and without posts"
    anchor = dates.read(duty.clock)
    since = dates.cycle_start
    for number, due in enumerate(duty.due, start=1):
        due_on = add_months(anchor, due.months) + timedelta(days=due.days)
        early = None if duty.early_days is None else due_on - timedelta(days=duty.early_days)
        yield Owed(duty, str(number), early or since, due_on)
        since = due_on + ONE_DAY


def _changes(duty: Duty, case: Case, given: tuple[date, date]) -> Iterator[Owed]:
    cycle_start, today = given
    (due,) = duty.due
    for post in duty.posts:
        changed_on = changed_holder(case.seats, post, today)
        if changed_on is None or changed_on <= cycle_start:
            continue
        due_on = add_months(changed_on, due.months) + timedelta(days=due.days)
        since = changed_on if duty.early_days is None else due_on - timedelta(days=duty.early_days)
        yield Owed(duty, post.value, since, due_on, changed_on=changed_on)


def changed_holder(seats: Sequence[Seat], post: Post, today: date) -> date | None:
    """Return the day on which whoever holds a post today took it over from somebody else; None where nobody did.

    A term that was renewed is no change, the first holder of all takes over from nobody, and an empty post has no
    holder.
    """
    taken = [seat for seat in seats if seat.post is post and seat.since <= today]
    if len(taken) < 2 or not any(seat.held(today) for seat in taken):  # noqa: PLR2004 - one takes over from another
        return None
    taken.sort(key=lambda seat: (seat.since, seat.id))
    last = max(index for index, seat in enumerate(taken) if seat.held(today))
    first = last
    while first > 0 and taken[first - 1].person == taken[last].person:
        first -= 1
    return taken[first].since if first > 0 else None


def still_owed(each: Owed, seats: Sequence[Seat], on: date) -> bool:
    """Whether something will be owed on a day, as far as is known: whoever leaves before owes it no more."""
    return each.changed_on is None or changed_holder(seats, Post(each.name), on) == each.changed_on


def _in_turn(found: list[Owed], facts: Iterable[Fact]) -> list[Owed]:
    """Let each fact fulfil the earliest date that is still open on its day: a late report is last year's."""
    for fact in facts:
        for index, each in enumerate(found):
            if each.done is None and each.since <= fact.on:
                found[index] = each._replace(done=fact)
                break
    return found


def _each_done(found: list[Owed], facts: Sequence[Fact]) -> list[Owed]:
    """Let the first fact since each change fulfil it: whoever took office on one day is confirmed by one word."""
    return [each._replace(done=next((fact for fact in facts if fact.on >= each.since), None)) for each in found]
