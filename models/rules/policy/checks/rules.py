"""Reminders before their time, ladders that cannot be climbed."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem, nearest
from models.rules.policy import EscalationRule, Policy, ReminderRule, Stage, Track
from models.rules.policy.checks.shared import posts
from models.rules.words import Cause, Clock

SHORTEST_MONTH = 28


def reminders(policy: Policy) -> Iterator[Problem]:
    """Yield reminders that would speak before their time, or to nobody."""
    for index, rule in enumerate(policy.reminders):
        place = f"reminders[{index}]"
        yield from posts(policy, place, rule.to)
        for name in rule.stages:
            if name not in policy.stage:
                yield Problem(f"{place}.stages", f'names the unknown stage "{name}".', nearest(name, policy.stage))
        furthest = rule.days_before[0]
        for code, track in policy.tracks.items():
            yield from _too_early(policy, f"{place}.days_before", (rule, furthest, code, track))


def _too_early(policy: Policy, place: str, asked: tuple[ReminderRule, int, str, Track]) -> Iterator[Problem]:
    rule, furthest, code, track = asked
    if rule.clock is Clock.STAGE_TARGET:
        for stage in _covered(policy, rule):
            budget = round(stage.expected_days * track.pace)
            if furthest > budget:
                yield Problem(
                    place,
                    f'"{rule.rule}" would remind {furthest} days before the target of "{stage.code}" ({code}), '
                    f"which lasts only {budget} days: before the stage begins.",
                    f"Use at most {budget}, or leave the stage out with `stages = [...]`.",
                )
        return
    window = track.window or policy.window
    ends = {Clock.LIMIT: track.limit_months, Clock.WINDOW_UNTIL: window.until_month}
    months = ends.get(rule.clock, window.from_month)
    if furthest > months * SHORTEST_MONTH:
        yield Problem(
            place,
            f'"{rule.rule}" would remind {furthest} days before a date {months} months after the agreement ({code}): '
            "before the enrollment begins.",
            f"Use at most {months * SHORTEST_MONTH}.",
        )


def _covered(policy: Policy, rule: ReminderRule) -> list[Stage]:
    return [s for s in policy.path if s.next is not None and (not rule.stages or s.code in rule.stages)]


def escalations(policy: Policy) -> Iterator[Problem]:
    """Yield ladders that cannot be climbed, and causes without what they read."""
    for index, rule in enumerate(policy.escalations):
        place = f"escalations[{index}]"
        for rung in rule.ladder:
            yield from posts(policy, f"{place}.ladder", rung.to)
        yield from posts(policy, f"{place}.posts", rule.posts)
        yield from _cause(rule, place)
        for step, rung in enumerate(rule.ladder[1:], start=1):
            if rung.after_days == 0:
                yield Problem(
                    f"{place}.ladder[{step}].after_days",
                    "is 0: the rung below would have no time to act.",
                    "Use at least 1.",
                )
        if (rule.repeat_days is None) != (rule.repeats == 0):
            yield Problem(place, "`repeat_days` and `repeats` go together.", "Give both or neither.")


def _cause(rule: EscalationRule, place: str) -> Iterator[Problem]:
    reads_clock = rule.cause in {Cause.PACE, Cause.OVERDUE}
    if reads_clock != (rule.clock is not None):
        what = "needs" if reads_clock else "has no use for"
        yield Problem(f"{place}.clock", f'the cause "{rule.cause}" {what} a clock.', "Only pace and overdue read one.")
    if rule.clock in {Clock.WINDOW_FROM, Clock.STAGE_TARGET}:
        yield Problem(f"{place}.clock", f'"{rule.clock}" is no end to be late for.', 'Use "limit" or "window_until".')
    if (rule.cause is Cause.VACANCY) != bool(rule.posts):
        yield Problem(f"{place}.posts", "belongs to the cause vacancy, and to no other.", "Add or remove `posts`.")
