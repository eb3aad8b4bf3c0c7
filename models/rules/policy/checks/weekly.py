"""Weekly mails that would reach nobody, or on no working day."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem
from models.rules.policy import Policy
from models.rules.policy.checks.shared import posts, repeated
from models.rules.words import OF_THE_PROGRAM, SCOPE_OF, Post, Scope


def weekly(policy: Policy) -> Iterator[Problem]:
    """Yield weekly mails that reach nobody, go out on no working day, say a thing twice, or tell somebody too much."""
    for index, rule in enumerate(policy.weekly):
        place = f"weekly[{index}]"
        yield from posts(policy, place, rule.to)
        if rule.weekday not in policy.working_hours.weekdays:
            what = f"{rule.weekday} is no day on which mail goes out; Monday is 0."
            yield Problem(f"{place}.weekday", what, f"Use one of {list(policy.working_hours.weekdays)}.")
        told, theirs = OF_THE_PROGRAM.intersection(rule.sections), [post for post in rule.to if not _is_wide(post)]
        if told and theirs:
            what = f'tells {", ".join(sorted(told))} of the whole program to "{theirs[0]}".'
            yield Problem(f"{place}.sections", what, "Leave that to the posts of the program, in a mail of their own.")
        for name in repeated(rule.sections):
            yield Problem(f"{place}.sections", f'"{name}" stands here twice.', "Keep one.")


def _is_wide(post: Post) -> bool:
    return SCOPE_OF[post] is Scope.PROGRAM
