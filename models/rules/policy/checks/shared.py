"""What several checks ask: names that repeat, milestones and posts that nobody defined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from models.rules.errors import Problem, nearest
from models.rules.policy import Policy
from models.rules.words import Post


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that stand more than once."""
    return [name for name, times in Counter(names).items() if times > 1]


def milestone(policy: Policy, place: str, name: str) -> Iterator[Problem]:
    """Yield a milestone that nobody defined."""
    if name not in policy.milestones:
        yield Problem(place, f'names the unknown milestone "{name}".', nearest(name, policy.milestones))


def posts(policy: Policy, place: str, named: Sequence[Post]) -> Iterator[Problem]:
    """Yield posts that have no name, or are named twice."""
    for post in named:
        if post not in policy.posts:
            what = f'names the post "{post}", which has no name.'
            yield Problem(place, what, f"Add [posts.{post}] with es_MX and en.")
    for name in repeated(named):
        yield Problem(place, f'names "{name}" twice.', "Keep one.")


def is_zone(name: str) -> bool:
    """Whether a name is an IANA zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
