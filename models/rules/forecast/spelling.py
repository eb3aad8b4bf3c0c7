"""How chances are spelled for whoever runs the program: one way everywhere."""

from __future__ import annotations

SURE = 95
"""Percent: what is above the highest level of an outlook is not told apart."""


def percent(chance: float) -> str:
    """Return a chance as people read it: never 0 % or 100 %, since nobody knows that.

    >>> percent(0.0), percent(0.432), percent(0.97)
    ('below 1 %', '43 %', 'above 95 %')
    """
    rounded = round(100 * chance)
    if rounded > SURE:
        return f"above {SURE} %"
    return f"{rounded} %" if rounded else "below 1 %"
