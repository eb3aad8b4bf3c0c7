"""Tracks whose days no calendar holds, or whose numbers a gate would miss."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem, nearest
from models.rules.policy import Policy, Track
from models.rules.policy.checks.shared import posts
from models.rules.words import SCOPE_OF, Scope

LONGEST_DAYS = 36_500


def tracks(policy: Policy) -> Iterator[Problem]:
    """Yield tracks whose windows, days or numbers cannot be."""
    for code, track in policy.tracks.items():
        for kind in track.kinds:
            if kind not in policy.kinds:
                yield Problem(f"tracks.{code}.kinds", f'names the unknown kind "{kind}".', nearest(kind, policy.kinds))
        window = track.window or policy.window
        if window.from_month >= window.until_month:
            place = f"tracks.{code}.window" if track.window else "window"
            yield Problem(place, f"opens in month {window.from_month}, after it closes.", "Swap or correct the months.")
        days = sum(round(stage.expected_days * track.pace) for stage in policy.path)
        if days > LONGEST_DAYS:
            what = f"is expected to take {days} days, more than a century."
            yield Problem(f"tracks.{code}.pace", what, "Correct it, or the expected_days of the stages.")
        yield from _countable(policy, code, track)


def reaccreditation(policy: Policy) -> Iterator[Problem]:
    """Yield a next cycle whose months, days or experts cannot be."""
    later = policy.reaccreditation
    if later is None:
        return
    if later.window.from_month >= later.window.until_month:
        what = f"opens in month {later.window.from_month}, after it closes."
        yield Problem("reaccreditation.window", what, "Swap or correct the months.")
    if sum(round(stage.expected_days * later.pace) for stage in policy.later_path) > LONGEST_DAYS:
        yield Problem("reaccreditation.pace", "makes the cycle longer than a century.", "Correct it.")
    yield from posts(policy, "reaccreditation.keeps", later.keeps)
    for post in later.keeps:
        if SCOPE_OF[post] is not Scope.ENROLLMENT:
            what = f'names "{post}", who is of the {SCOPE_OF[post]} and stays whatever opens.'
            yield Problem("reaccreditation.keeps", what, "Name experts of the enrollment only.")


def _countable(policy: Policy, code: str, track: Track) -> Iterator[Problem]:
    asked = {share.of for stage in policy.stages for share in stage.gate.shares}
    for name in sorted(asked):
        if getattr(track, name) is None:
            yield Problem(
                f"tracks.{code}.{name}",
                "is missing, and a gate asks for a share of it.",
                "Add the number of listed standards; an enrollment's own number overrides it.",
            )
