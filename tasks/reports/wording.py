"""The words of reports and plots in each language; the figures are the same in all of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal

from models.rules.forecast.spelling import percent
from models.rules.words import Language

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "reports"

NOTHING = "—"
"""What stands where there is no figure."""


@dataclass(frozen=True)
class Wording:
    """The words of one language."""

    language: Language

    def __call__(self, key: str, **facts: Any) -> str:
        """Return a phrase with its facts filled in: days and numbers as the language writes them."""
        phrase: str = _words(self.language)[key]
        return phrase.format(**{name: self.spell(fact) for name, fact in facts.items()})

    def spell(self, value: Any) -> str:
        """Write a value as people of the language do; what is not there is a dash."""
        match value:
            case None:
                return NOTHING
            case bool():
                return self("yes" if value else "no")
            case int() | float():
                return self.number(value)
            case date():
                return self.day(value)
            case _:
                return str(value)

    def number(self, value: float) -> str:
        """Write a number: at most one decimal, the sign of a true minus."""
        spelled: str = format_decimal(round(value, 1), locale=self.language.value)
        return spelled.replace("-", "−")  # noqa: RUF001 - the sign that is meant

    def chance(self, chance: float) -> str:
        """Write a chance as everywhere: never 0 % or 100 %, since nobody knows that.

        >>> Wording(Language.ES_MX).chance(0.001), Wording(Language.EN).chance(0.432)
        ('menos de 1 %', '43 %')
        """
        return percent(chance, self.language)

    def signed(self, value: float) -> str:
        """Write a difference, with its sign."""
        return f"+{self.number(value)}" if value > 0 else self.number(value)

    def day(self, on: date) -> str:
        """Write a day short enough for a table: 30 Sep 2019."""
        return str(format_date(on, "d MMM y", locale=self.language.value))

    def month(self, on: date) -> str:
        """Write a month with its year."""
        return str(format_date(on, "LLLL y", locale=self.language.value))

    def month_name(self, on: date) -> str:
        """Write a month's name alone."""
        return str(format_date(on, "LLLL", locale=self.language.value))


@lru_cache(maxsize=4)
def _words(language: Language) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return found
