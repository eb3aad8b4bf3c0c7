"""Duties that nobody could fulfil, or that fall due outside their cycle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from models.rules.dates import add_months
from models.rules.errors import Problem, nearest
from models.rules.policy import Due, Duty, Policy
from models.rules.policy.checks.rules import SHORTEST_MONTH, cycles_of, idle
from models.rules.policy.checks.shared import milestone, posts, repeated
from models.rules.words import Clock

ANY_DAY = date(2021, 1, 31)


def duties(policy: Policy) -> Iterator[Problem]:
    """Yield duties that name what is not there, count from nothing, or fall outside their cycle."""
    for index, duty in enumerate(policy.duties):
        place = f"duties[{index}]"
        yield from milestone(policy, f"{place}.milestone", duty.milestone)
        yield from posts(policy, f"{place}.to", duty.to)
        yield from posts(policy, f"{place}.posts", duty.posts)
        yield from idle(policy, place, duty)
        for name in duty.tracks:
            if name not in policy.tracks:
                yield Problem(f"{place}.tracks", f'names the unknown track "{name}".', nearest(name, policy.tracks))
        if (duty.clock is None) == (not duty.posts):
            what = f'"{duty.rule}" counts from {"both a clock and a post" if duty.posts else "nothing"}.'
            yield Problem(place, what, "Give `clock`, or `posts` for a change of holder, and not both.")
        elif duty.posts:
            yield from _after_a_change(duty, place)
        else:
            yield from _on_dates(policy, duty, place)
    yield from _escalated(policy)


def _after_a_change(duty: Duty, place: str) -> Iterator[Problem]:
    if len(duty.due) > 1:
        yield Problem(f"{place}.due", "has several dates after one change of holder.", "Make each a duty of its own.")
    days = duty.due[0].months * SHORTEST_MONTH + duty.due[0].days
    if days < 1:
        yield Problem(f"{place}.due", f'"{duty.rule}" is due before anybody new is there.', "Use at least 1 day.")
    elif duty.days_before[0] > days:
        what = f'"{duty.rule}" would remind {duty.days_before[0]} days before a date {days} days after the change.'
        yield Problem(f"{place}.days_before", what, f"Use at most {days}.")


def _on_dates(policy: Policy, duty: Duty, place: str) -> Iterator[Problem]:
    if duty.clock is Clock.STAGE_TARGET:
        what = "is another date in every stage: nothing owed can count from it."
        yield Problem(f"{place}.clock", what, f"Use {', '.join(c for c in Clock if c is not Clock.STAGE_TARGET)}.")
        return
    if duty.early_days is not None and duty.days_before[0] > duty.early_days:
        what = f'"{duty.rule}" asks for it {duty.days_before[0]} days ahead, and counts it {duty.early_days} ahead.'
        yield Problem(f"{place}.early_days", what, f"Use at least {duty.days_before[0]}, or remind later.")
    if any(_on(later) <= _on(earlier) for earlier, later in pairwise(duty.due)):
        yield Problem(f"{place}.due", "is not in the order of its dates.", "Put the earliest first, none twice.")
    for cycle in cycles_of(policy, duty.cycle):
        for track in duty.tracks or policy.tracks:
            if track in policy.tracks:
                yield from _outside(policy, duty, (place, track, cycle))


def _outside(policy: Policy, duty: Duty, asked: tuple[str, str, int]) -> Iterator[Problem]:
    place, track, cycle = asked
    terms = policy.terms(track, cycle)
    begins = {
        Clock.CYCLE_START: 0, Clock.WINDOW_FROM: terms.window.from_month, Clock.WINDOW_UNTIL: terms.window.until_month,
    }.get(duty.clock or Clock.LIMIT, terms.limit_months)
    last = add_months(ANY_DAY, max(terms.limit_months, terms.window.until_month))
    for number, due in enumerate(duty.due):
        on = add_months(ANY_DAY, begins + due.months) + timedelta(days=due.days)
        if on > last or on - timedelta(days=duty.days_before[0]) < ANY_DAY:
            what = (
                f'"{duty.rule}" or its first reminder lies outside a cycle of {terms.limit_months} months'
                f" ({track}, cycle {cycle})."
            )
            yield Problem(f"{place}.due[{number}]", what, "Correct the months and days, or the cycle it is for.")


def _on(due: Due) -> date:
    return add_months(ANY_DAY, due.months) + timedelta(days=due.days)


def _escalated(policy: Policy) -> Iterator[Problem]:
    known = {duty.rule for duty in policy.duties}
    for index, rule in enumerate(policy.escalations):
        for name in rule.duties:
            if name not in known:
                place = f"escalations[{index}].duties"
                yield Problem(place, f'names the unknown duty "{name}".', nearest(name, known))
        for name in repeated(rule.duties):
            yield Problem(f"escalations[{index}].duties", f'names "{name}" twice.', "Keep one.")
