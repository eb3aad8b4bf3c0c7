"""How chances are spelled for whoever runs the program: one way everywhere."""

from __future__ import annotations

from models.rules.words import Language

SURE = 95
"""Percent: what is above the highest level of an outlook is not told apart."""


_SPELLED = {Language.EN: ("below 1 %", f"above {SURE} %"), Language.ES_MX: ("menos de 1 %", f"más de {SURE} %")}


def percent(chance: float, language: Language = Language.EN) -> str:
    """Return a chance as people read it: never 0 % or 100 %, since nobody knows that.

    >>> percent(0.0), percent(0.432), percent(0.97)
    ('below 1 %', '43 %', 'above 95 %')
    >>> percent(0.0, Language.ES_MX)
    'menos de 1 %'
    """
    rounded, (below, above) = round(100 * chance), _SPELLED[language]
    if rounded > SURE:
        return above
    return f"{rounded} %" if rounded else below


def spell_chance(whole: int | None) -> str:
    """Return a chance in whole percent as people read it; a dot where the forecast cannot say."""
    return "·" if whole is None else percent(whole / 100)
