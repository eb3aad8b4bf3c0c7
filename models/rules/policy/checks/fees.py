"""Fees that nobody could look up."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem, nearest
from models.rules.policy import Policy
from models.rules.policy.checks.shared import repeated


def fees(policy: Policy) -> Iterator[Problem]:
    """Yield fees without a currency, of unknown tracks, that contradict each other, or whose brackets leave a gap."""
    if policy.fees and policy.currency is None:
        yield Problem("currency", "is missing, and fees are listed.", 'Name it by its three letters, such as "USD".')
    for index, fee in enumerate(policy.fees):
        place = f"fees[{index}]"
        for track in fee.tracks:
            if track not in policy.tracks:
                yield Problem(f"{place}.tracks", f'names the unknown track "{track}".', nearest(track, policy.tracks))
        starts = [bracket.staff_from for bracket in fee.initial]
        if starts[0] != 0 or starts != sorted(set(starts)):
            remedy = "Let the first begin at staff_from = 0 and each later one higher."
            yield Problem(f"{place}.initial", f"begins at {', '.join(map(str, starts))}: it has a gap.", remedy)
    for name in repeated(f'"{track}" since {fee.since}' for fee in policy.fees for track in fee.tracks):
        yield Problem("fees", f"name two prices of {name}.", "Keep one.")
