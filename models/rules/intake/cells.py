"""One cell of an imported file: cleaned at the door, and read as what its column holds, or refused with the remedy."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from models.rules.errors import nearest
from models.rules.hours import known_zones
from models.rules.intake.columns import Cell, fold
from models.rules.policy import Label, Policy
from models.rules.words import Language


class DateFormat(StrEnum):
    """The one order in which a file writes its dates; a date cell of a spreadsheet needs none."""

    YMD = "YMD"
    DMY = "DMY"
    MDY = "MDY"


class Role(StrEnum):
    """What a person of the people file does. An expert's seats come with the roster."""

    SME = "sme"
    REGIONAL_MANAGER = "regional_manager"
    DIRECTOR = "director"
    OPERATOR = "operator"


class Unreadable(Exception):  # noqa: N818 - reads as what happened
    """A cell cannot be what its column holds."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


_SEPARATED = {
    DateFormat.YMD: re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})"),
    DateFormat.DMY: re.compile(r"(?P<d>[0-9]{1,2})[/.-](?P<m>[0-9]{1,2})[/.-](?P<y>[0-9]{4})"),
    DateFormat.MDY: re.compile(r"(?P<m>[0-9]{1,2})[/.-](?P<d>[0-9]{1,2})[/.-](?P<y>[0-9]{4})"),
}
_EXAMPLE = {DateFormat.YMD: "2023-04-30", DateFormat.DMY: "30/04/2023", DateFormat.MDY: "04/30/2023"}
# NUL and lone surrogates can be in no database and mean nothing: they go. What can forge a mail header or turn the
# reading direction of a name is refused, so that somebody looks at it.
_DROPPED = re.compile("[\x00\ud800-\udfff]")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SPREADSHEET_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_WHOLE = re.compile(r"([0-9]{1,9})([.,]0+)?")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])")
_PREFIXED = re.compile(r"[a-z]{2}_(.+)")
_OLDEST = date(1950, 1, 1)
"""No accreditation began before: an earlier year is a slip, such as 0216."""
_LONGEST = 300
_MOST = 1_000_000
_LANGUAGES = {
    Language.ES_MX: ("es", "es_MX", "español", "spanish", "castellano"),
    Language.EN: ("en", "en_US", "english", "inglés"),
}
_ROLES = {
    Role.SME: ("sme", "experto", "experta"),
    Role.REGIONAL_MANAGER: ("regional_manager", "gerente_regional"),
    Role.DIRECTOR: ("director", "directora", "dirección"),
    Role.OPERATOR: ("operator", "operador", "operadora", "operación"),
}



def _words(named: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Index codes by every word for them; a code itself wins over a name that folds to the same."""
    words = {fold(name): code for code, names in named.items() for name in names}
    return words | {fold(code): code for code in named}


def _label(label: Label) -> tuple[str, str]:
    return label.es_MX, label.en


_LANGUAGE_WORDS = _words({language.value: names for language, names in _LANGUAGES.items()})
_ROLE_WORDS = _words({role.value: names for role, names in _ROLES.items()})


@dataclass(frozen=True)
class Lexicon:
    """The words a program knows, folded, and the order in which a file writes its dates."""

    policy: Policy
    dates: DateFormat = DateFormat.YMD

    @cached_property
    def words(self) -> dict[Cell, dict[str, str]]:
        """The code of every word, by what the column holds."""
        policy = self.policy
        return {
            Cell.ENTITY: _words({code: (entity.name, *entity.also) for code, entity in policy.entities.items()}),
            Cell.KIND: _words({code: (*_label(kind.name), *kind.also) for code, kind in policy.kinds.items()}),
            Cell.TRACK: _words({code: _label(track.name) for code, track in policy.tracks.items()}),
            Cell.MILESTONE: _words({code: _label(fact.name) for code, fact in policy.milestones.items()}),
            Cell.REGION: _words({region.code: (region.name,) for region in policy.regions}),
            Cell.LANGUAGE: _LANGUAGE_WORDS,
            Cell.ROLE: _ROLE_WORDS,
        }

    @cached_property
    def spelling(self) -> defaultdict[Cell, dict[str, str]]:
        """How folded names of places are written, for a hint that can be copied."""
        found: defaultdict[Cell, dict[str, str]] = defaultdict(dict)
        found[Cell.ENTITY] = {
            fold(name): name for entity in self.policy.entities.values() for name in (entity.name, *entity.also)
        }
        found[Cell.REGION] = {fold(region.name): region.name for region in self.policy.regions}
        return found


def clean(value: str) -> str:
    """Return a cell's text as it is stored: composed, without blanks around it, NUL and lone surrogates.

    Raises:
        Unreadable: it holds a line break, another control character or one that turns the reading direction.
    """
    if value.isascii() and value.isprintable():
        return value.strip()
    text = unicodedata.normalize("NFC", _DROPPED.sub("", value)).strip()
    found = _FORBIDDEN.search(text)
    if found:
        raise Unreadable(
            f"holds the invisible character U+{ord(found[0]):04X} (a line break or a control character).",
            "Type the cell again, on one line.",
        )
    return text


def read_cell(cell: Cell, value: str | date, lexicon: Lexicon) -> Any:
    """Read a cell as what its column holds; None where it is empty.

    Raises:
        Unreadable: with what was found and what to do.
    """
    if isinstance(value, date):
        if cell is Cell.DATE:
            return _not_ancient(value)
        value = value.isoformat()
    text = clean(value)
    if not text:
        return None
    if text[0] == "#" and text.upper() in _SPREADSHEET_ERRORS:
        raise Unreadable(f'is the spreadsheet error "{text}".', "Correct the formula.")
    return _READERS[cell](text, (cell, lexicon))


Asked = tuple[Cell, Lexicon]


def _code(text: str, _: Asked) -> str:
    if not _CODE.fullmatch(text):
        raise Unreadable(
            f'"{text:.60}" is no code.', "Use at most 60 letters A to Z, digits, dots, hyphens, underscores."
        )
    return text


def _text(text: str, _: Asked) -> str:
    if len(text) > _LONGEST:
        raise Unreadable(f"is {len(text)} characters long.", f"Shorten it to {_LONGEST}.")
    return text


def _email(text: str, _: Asked) -> str:
    local, _at, domain = text.rpartition("@")
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and len(local) <= 64 and len(text) <= 254):  # noqa: PLR2004 - RFC 5321
        raise Unreadable(
            f'"{text:.80}" is not one e-mail address.',
            "Write a single address such as name@example.org: no blank, comma, semicolon, accent or display name.",
        )
    return text


def _date(text: str, asked: Asked) -> date:
    order = asked[1].dates
    found = _SEPARATED[order].fullmatch(text)
    if not found:
        other = next((each for each in DateFormat if _SEPARATED[each].fullmatch(text)), None)
        hint = f" If all dates are written so, declare the date format {other}." if other else ""
        raise Unreadable(f'"{text:.40}" is no date of the declared format {order}.', f"Write {_EXAMPLE[order]}.{hint}")
    try:
        return _not_ancient(date(int(found["y"]), int(found["m"]), int(found["d"])))
    except ValueError:
        raise Unreadable(
            f'"{text}" is no day of the calendar when read as {order}.', f"Write such as {_EXAMPLE[order]}."
        ) from None


def _not_ancient(day: date) -> date:
    if day < _OLDEST:
        raise Unreadable(f"{day.isoformat()} is before {_OLDEST.isoformat()}.", "Correct the year; it has four digits.")
    return day


def _count(text: str, _: Asked) -> int:
    found = _WHOLE.fullmatch(text)
    if not found or int(found[1]) > _MOST:
        raise Unreadable(f'"{text:.40}" is no whole number from 0 to {_MOST}.', "Write digits only, such as 128.")
    return int(found[1])


def _cycle(text: str, asked: Asked) -> int:
    cycle = _count(text, asked)
    if not 1 <= cycle <= 99:  # noqa: PLR2004 - four years each
        raise Unreadable(f'"{text}" is no cycle.', "Write 1 for the initial accreditation, 2 for the first renewal.")
    return cycle


def _zone(text: str, _: Asked) -> str:
    if text not in known_zones():
        raise Unreadable(f'"{text:.60}" is no time zone.', near(text, (z for z in known_zones() if "/" in z)))
    return text


def _word(text: str, asked: Asked) -> str:
    cell, lexicon = asked
    words = lexicon.words[cell]
    folded = fold(text)
    found = words.get(folded)
    if found is None and cell is Cell.ENTITY and (prefixed := _PREFIXED.fullmatch(folded)):
        # ISO 3166-2 writes the country before a hyphen; what stands behind must then be a code and not a name.
        found = next((code for code in lexicon.policy.entities if fold(code) == prefixed[1]), None)
    if found is None:
        raise Unreadable(f'"{text:.60}" is no {cell.value} of this program.', _nearest_word(folded, cell, lexicon))
    return found


def _nearest_word(folded: str, cell: Cell, lexicon: Lexicon) -> str:
    """Offer the nearest word as the program spells it; every code where none is near."""
    words = lexicon.words[cell]
    close = difflib.get_close_matches(folded, words, n=1)
    if not close:
        return nearest(folded, set(words.values()))
    return f'Did you mean "{lexicon.spelling[cell].get(close[0], words[close[0]])}"?'


def near(name: str, known: Iterable[str]) -> str:
    """Say which name was probably meant, or a few examples where none is near: there may be a million of them."""
    choices = sorted(known)
    alike = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(name.casefold(), alike, n=1)
    return f'Did you mean "{alike[close[0]]}"?' if close else nearest(name, choices[:_SHOWN])


_SHOWN = 12
_READERS: dict[Cell, Callable[[str, Asked], Any]] = {
    Cell.CODE: _code, Cell.NAME: _text, Cell.TEXT: _text, Cell.EMAIL: _email, Cell.DATE: _date, Cell.COUNT: _count,
    Cell.CYCLE: _cycle, Cell.ZONE: _zone,
    **dict.fromkeys((Cell.ENTITY, Cell.KIND, Cell.TRACK, Cell.MILESTONE, Cell.REGION, Cell.ROLE), _word),
    Cell.LANGUAGE: lambda text, asked: Language(_word(text, asked)),
}
