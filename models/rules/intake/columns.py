"""The columns of the files that people import: their names in both languages, and how a header is recognised.

A file's kind is recognised by its header alone. Case, accents, surrounding blanks and the choice between a blank, a
hyphen and an underscore do not matter; a name that is not known does, since a misspelt column would be lost unseen.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from models.rules.errors import Problem, Refused, nearest
from models.rules.words import Language


class FileKind(StrEnum):
    """What a file tells of."""

    ROSTER = "roster"
    PEOPLE = "people"
    FACTS = "facts"


class Cell(StrEnum):
    """What a cell holds, and so how it is read."""

    CODE = "code"
    NAME = "name"
    TEXT = "text"
    EMAIL = "email"
    DATE = "date"
    COUNT = "count"
    CYCLE = "cycle"
    LANGUAGE = "language"
    ZONE = "zone"
    ENTITY = "entity"
    KIND = "kind"
    TRACK = "track"
    MILESTONE = "milestone"
    REGION = "region"
    ROLE = "role"


class Column(NamedTuple):
    """One column. `needed`: the file has it, and no cell of it is empty. `group`: these columns come together."""

    name: str
    spanish: str
    cell: Cell
    needed: bool = False
    group: str = ""

    def title(self, language: Language) -> str:
        """Return the column's name in one language."""
        return self.spanish if language is Language.ES_MX else self.name

    def __str__(self) -> str:
        """Name the column in both languages."""
        return self.name if self.name == self.spanish else f"{self.name} ({self.spanish})"


COLUMNS: dict[FileKind, tuple[Column, ...]] = {
    FileKind.ROSTER: (
        Column("agency_code", "clave", Cell.CODE, needed=True),
        Column("agency", "dependencia", Cell.NAME, needed=True),
        Column("kind", "tipo", Cell.KIND, needed=True),
        Column("entity", "entidad", Cell.ENTITY, needed=True),
        Column("municipality", "municipio", Cell.NAME),
        Column("government", "gobierno", Cell.NAME),
        Column("staff", "personal", Cell.COUNT),
        Column("track", "modalidad", Cell.TRACK, needed=True),
        Column("cycle", "ciclo", Cell.CYCLE),
        Column("agreement_countersigned_on", "fecha_convenio", Cell.DATE, needed=True),
        Column("applicable_mandatory", "obligatorios_aplicables", Cell.COUNT),
        Column("applicable_other", "otros_aplicables", Cell.COUNT),
        Column("head_name", "titular", Cell.NAME, group="head"),
        Column("head_email", "correo_titular", Cell.EMAIL, group="head"),
        Column("accreditation_manager_given_names", "gerente_nombre", Cell.NAME, group="accreditation manager"),
        Column("accreditation_manager_surname", "gerente_apellido", Cell.NAME, group="accreditation manager"),
        Column("accreditation_manager_second_surname", "gerente_segundo_apellido", Cell.NAME),
        Column("accreditation_manager_email", "correo_gerente", Cell.EMAIL, group="accreditation manager"),
        Column("sme1", "experto_1", Cell.CODE),
        Column("sme2", "experto_2", Cell.CODE),
        Column("language", "idioma", Cell.LANGUAGE),
    ),
    FileKind.PEOPLE: (
        Column("code", "clave", Cell.CODE, needed=True),
        Column("given_names", "nombre", Cell.NAME, needed=True),
        Column("surname", "apellido", Cell.NAME, needed=True),
        Column("second_surname", "segundo_apellido", Cell.NAME),
        Column("email", "correo", Cell.EMAIL, needed=True),
        Column("language", "idioma", Cell.LANGUAGE),
        Column("time_zone", "zona_horaria", Cell.ZONE),
        Column("role", "función", Cell.ROLE, needed=True),
        Column("region", "región", Cell.REGION),
        Column("from", "desde", Cell.DATE),
        Column("until", "hasta", Cell.DATE),
        Column("deputy", "suplente", Cell.CODE),
    ),
    FileKind.FACTS: (
        Column("agency_code", "clave", Cell.CODE, needed=True),
        Column("track", "modalidad", Cell.TRACK),
        Column("cycle", "ciclo", Cell.CYCLE),
        Column("milestone", "hito", Cell.MILESTONE, needed=True),
        Column("occurred_on", "fecha", Cell.DATE, needed=True),
        Column("value", "valor", Cell.COUNT),
        Column("reference", "referencia", Cell.TEXT),
        Column("recorded_by", "registrado_por", Cell.TEXT, needed=True),
    ),
}
SAME_IN_BOTH = 0.75
"""How alike a missing and an unknown column must be for the one to be taken as the other's misspelling."""


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a text without case, accents, and differences of blanks, for comparing and nothing else.

    >>> fold("  Código Agencia ") == fold("codigo_agencia")
    True
    """
    plain = unicodedata.normalize("NFKD", text)
    return re.sub(r"[\s_-]+", "_", "".join(c for c in plain if not unicodedata.combining(c)).strip()).casefold()


@lru_cache(maxsize=8)
def _named(kind: FileKind) -> dict[str, Column]:
    return {fold(name): column for column in COLUMNS[kind] for name in (column.spanish, column.name)}


def recognised(titles: Sequence[str]) -> int:
    """Return how many titles the best-fitting kind of file knows: which separator a text has is told by this."""
    return max(_known(kind, titles) for kind in FileKind)


def _known(kind: FileKind, titles: Sequence[str]) -> int:
    named = _named(kind)
    return len({named[fold(title)].name for title in titles if fold(title) in named})


class Header(NamedTuple):
    """A header understood: the kind of file, and for each position the column (None: an empty title)."""

    kind: FileKind
    columns: tuple[Column | None, ...]
    titles: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether the file has a column."""
        return any(column is not None and column.name == name for column in self.columns)

    def title_of(self, name: str) -> str:
        """Return a column's title as the file spells it; its own name where the file lacks it."""
        pairs = zip(self.columns, self.titles, strict=True)
        return next((title for column, title in pairs if column and column.name == name), name)


def read_header(titles: Sequence[str], place: str, kind: FileKind | None = None) -> Header:
    """Recognise a file by its header.

    Raises:
        Refused: it is of no kind, lacks a needed column, has one twice, or has one that nobody knows.
    """
    told = kind or max(FileKind, key=lambda each: _fit(each, titles))
    if kind is None and _known(told, titles) < 2:  # noqa: PLR2004 - one name in common is chance
        raise Refused.one(place, "is none of the files that can be imported: its header is not known.", _headers())
    named = _named(told)
    header = Header(told, tuple(named.get(fold(title)) for title in titles), tuple(title.strip() for title in titles))
    problems = [*_missing(header, place), *_doubled(header, place)]
    if problems:
        raise Refused(problems)
    return header


def _fit(kind: FileKind, titles: Sequence[str]) -> int:
    """Weigh what a kind knows against what it would lack: two kinds share several columns."""
    known = {fold(title) for title in titles}
    lacks = sum(not {fold(c.name), fold(c.spanish)} & known for c in COLUMNS[kind] if c.needed)
    return _known(kind, titles) * 2 - lacks


def _headers() -> str:
    kinds = (f"{kind}: {', '.join(str(c) for c in COLUMNS[kind] if c.needed)}" for kind in FileKind)
    return f"Needed columns of a {'; of a file of '.join(kinds)}. `acredita import --template` writes all three."


def _missing(header: Header, place: str) -> Iterator[Problem]:
    have = {column.name for column in header.columns if column}
    strange = [title for title, column in zip(header.titles, header.columns, strict=True) if title and not column]
    groups = {column.group for column in header.columns if column and column.group}
    for column in COLUMNS[header.kind]:
        if column.name in have or not (column.needed or column.group in groups):
            continue
        close = _misspelt(column, strange)
        strange = [title for title in strange if title != close]
        remedy = f'Did you mean it by "{close}"?' if close else "Add it."
        yield Problem(place, f"lacks the column {column}.", remedy)
    free = [name for c in COLUMNS[header.kind] if c.name not in have for name in {c.name, c.spanish}]
    for title in strange:
        yield Problem(place, f'has the unknown column "{title:.60}".', f"{nearest(title, free)} Rename or remove it.")


def _misspelt(column: Column, strange: Sequence[str]) -> str | None:
    names = (fold(column.name), fold(column.spanish))
    for title in strange:
        if difflib.get_close_matches(fold(title), names, n=1, cutoff=SAME_IN_BOTH):
            return title
    return None


def _doubled(header: Header, place: str) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for column, title in zip(header.columns, header.titles, strict=True):
        if column is None:
            continue
        if column.name in seen:
            yield Problem(place, f'has the column {column} twice: "{seen[column.name]}" and "{title}".', "Keep one.")
        seen.setdefault(column.name, title)
