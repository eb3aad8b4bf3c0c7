"""Groups large enough to be told apart: what leaves the program names none that so few belong to as to be known by."""

from __future__ import annotations

from collections.abc import Mapping

ALL, OTHERS = "all", "others"
"""What stands for all groups together, and for several that are too small."""


def joined(sizes: Mapping[str, int], *, fewest: int) -> dict[str, str]:
    """Return under which name each group is counted: its own, or `others` where it is too small.

    What is joined is large enough itself: where it is not, the next smallest joins it, and where nothing is left,
    all of them are one. Nothing can be worked out from the whole, since there is either no small group or one that is
    large enough. An empty group keeps its name: there is nobody in it to be known.

    >>> joined({"a": 9, "b": 2, "c": 6, "d": 0}, fewest=5)
    {'a': 'a', 'b': 'others', 'c': 'others', 'd': 'd'}
    >>> joined({"a": 9, "b": 3, "c": 2}, fewest=5)
    {'a': 'a', 'b': 'others', 'c': 'others'}
    """
    by_size = sorted((size, name) for name, size in sizes.items() if size)
    small: list[str] = []
    together = 0
    for size, name in by_size:
        if size >= fewest and (not small or together >= fewest):
            break
        small.append(name)
        together += size
    return {name: OTHERS if name in small else name for name in sizes}
