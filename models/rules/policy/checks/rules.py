"""Reminders before their time, ladders that cannot be climbed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

from models.rules.errors import Problem, nearest
from models.rules.policy import EscalationRule, Policy, ReminderRule, Reminding, Stage
from models.rules.policy.checks.shared import posts
from models.rules.words import Cause, Clock, Cycle

SHORTEST_MONTH = 28


def reminders(policy: Policy) -> Iterator[Problem]:
    """Yield reminders that would speak before their time, or to nobody."""
    for index, rule in enumerate(policy.reminders):
        place = f"reminders[{index}]"
        yield from posts(policy, place, rule.to)
        for name in rule.stages:
            if name not in policy.stage:
                yield Problem(f"{place}.stages", f'names the unknown stage "{name}".', nearest(name, policy.stage))
        yield from idle(policy, place, rule)
        if rule.clock is Clock.CYCLE_START:
            what = f'"{rule.rule}" would remind of the day on which the cycle begins.'
            yield Problem(f"{place}.clock", what, "Make it a [[duties]], counted from that day.")
            continue
        for code, cycle in product(policy.tracks, cycles_of(policy, rule.cycle)):
            yield from _too_early(policy, f"{place}.days_before", (rule, code, cycle))


def cycles_of(policy: Policy, cycle: Cycle) -> list[int]:
    """Return one number for each kind of cycle that a rule is for and the program has."""
    return [number for number in (1, 2) if cycle.covers(number) and (number == 1 or policy.reaccreditation)]


def idle(policy: Policy, place: str, rule: Reminding | EscalationRule) -> Iterator[Problem]:
    """Yield a rule for cycles that the program does not have."""
    if not cycles_of(policy, rule.cycle):
        what = f'"{rule.rule}" is for cycles that an award opens, and none does.'
        yield Problem(f"{place}.cycle", what, "Add [reaccreditation], or remove the rule.")


def _too_early(policy: Policy, place: str, asked: tuple[ReminderRule, str, int]) -> Iterator[Problem]:
    rule, code, cycle = asked
    furthest, terms = rule.days_before[0], policy.terms(code, cycle)
    if rule.clock is Clock.STAGE_TARGET:
        for stage in _covered(policy, rule, cycle):
            budget = round(stage.expected_days * terms.pace)
            if furthest > budget:
                yield Problem(
                    place,
                    f'"{rule.rule}" would remind {furthest} days before the target of "{stage.code}" ({code}), '
                    f"which lasts only {budget} days: before the stage begins.",
                    f"Use at most {budget}, or leave the stage out with `stages = [...]`.",
                )
        return
    ends = {Clock.LIMIT: terms.limit_months, Clock.WINDOW_UNTIL: terms.window.until_month}
    months = ends.get(rule.clock, terms.window.from_month)
    began = "the agreement" if cycle == 1 else "the award"
    if furthest > months * SHORTEST_MONTH:
        yield Problem(
            place,
            f'"{rule.rule}" would remind {furthest} days before a date {months} months after {began} ({code}): '
            "before the enrollment begins.",
            f"Use at most {months * SHORTEST_MONTH}.",
        )


def _covered(policy: Policy, rule: ReminderRule, cycle: int) -> list[Stage]:
    return [s for s in policy.path_of(cycle) if s.next is not None and (not rule.stages or s.code in rule.stages)]


def escalations(policy: Policy) -> Iterator[Problem]:
    """Yield ladders that cannot be climbed, and causes without what they read."""
    for index, rule in enumerate(policy.escalations):
        place = f"escalations[{index}]"
        yield from idle(policy, place, rule)
        for rung in rule.ladder:
            yield from posts(policy, f"{place}.ladder", rung.to)
        yield from posts(policy, f"{place}.posts", rule.posts)
        yield from _cause(rule, place)
        for step, rung in enumerate(rule.ladder[1:], start=1):
            if rung.wait.days == 0:
                name = "after_working_days" if rung.wait.worked else "after_days"
                yield Problem(
                    f"{place}.ladder[{step}].{name}",
                    "is 0: the rung below would have no time to act.",
                    "Use at least 1.",
                )
        if (rule.repeat_days is None) != (rule.repeats == 0):
            yield Problem(place, "`repeat_days` and `repeats` go together.", "Give both or neither.")
        yield from _growing(rule, f"{place}.repeat_working_days")


def _growing(rule: EscalationRule, place: str) -> Iterator[Problem]:
    intervals = rule.repeat_working_days
    if intervals and rule.repeat_days is not None:
        yield Problem(place, "and `repeat_days` both say when it is told again.", "Give one of them.")
    if any(later <= sooner for sooner, later in pairwise(intervals)):
        what = f"{list(intervals)} does not grow: what is said in the same step again and again is read by nobody."
        yield Problem(place, what, "Let each be longer than the one before.")


def _cause(rule: EscalationRule, place: str) -> Iterator[Problem]:
    reads_clock = rule.cause in {Cause.PACE, Cause.OVERDUE}
    if reads_clock != (rule.clock is not None):
        what = "needs" if reads_clock else "has no use for"
        yield Problem(f"{place}.clock", f'the cause "{rule.cause}" {what} a clock.', "Only pace and overdue read one.")
    if rule.clock in {Clock.WINDOW_FROM, Clock.STAGE_TARGET, Clock.CYCLE_START}:
        yield Problem(f"{place}.clock", f'"{rule.clock}" is no end to be late for.', 'Use "limit" or "window_until".')
    if rule.grace_in_working_days and rule.cause in {Cause.INACTIVITY, Cause.OVERSTAY}:
        what = f'the cause "{rule.cause}" counts calendar days, which a hold lets rest.'
        yield Problem(f"{place}.grace_in_working_days", what, "Leave it out, or give `grace_days` more.")
    if (rule.cause in {Cause.VACANCY, Cause.UNDELIVERABLE}) != bool(rule.posts):
        what = "belongs to the cause vacancy or undeliverable, and to no other."
        yield Problem(f"{place}.posts", what, "Add or remove `posts`.")
    if (rule.cause is Cause.DUTY) != bool(rule.duties):
        yield Problem(f"{place}.duties", "belongs to the cause duty, and to no other.", "Add or remove `duties`.")
