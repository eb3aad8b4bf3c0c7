"""Who stands in for whom while somebody is away."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def stand_in(person: int, deputies: Mapping[int, int], away: Collection[int]) -> int | None:
    """Return the first deputy along the chain who is there; None where nobody is, or the chain leads back.

    >>> stand_in(1, {1: 2, 2: 3, 3: 1}, {1, 2})
    3
    >>> stand_in(1, {1: 2, 2: 1}, {1, 2}) is None
    True
    """
    passed = {person}
    each = deputies.get(person)
    while each is not None and each not in passed:
        if each not in away:
            return each
        passed.add(each)
        each = deputies.get(each)
    return None
