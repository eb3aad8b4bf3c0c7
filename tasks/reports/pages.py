"""Pages of reports: one look for all of them, on paper, on a screen and on a phone, each in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.rules.words import Level
from tasks.plots.style import PAGE, PHONE, Frame, Picture
from tasks.reports.tables import Table
from tasks.reports.wording import FOLDER, Wording

STYLE = "style.css"


class Tile(NamedTuple):
    """One figure that is read first."""

    value: str
    label: str
    note: str


class Cell(NamedTuple):
    """A figure or a word of a table, with the label of its column: on a phone the two stand in a line."""

    text: str
    label: str
    is_number: bool = False
    note: str = ""
    level: Level | None = None


class Line(NamedTuple):
    """A row of a table; a sum is set apart."""

    cells: Sequence[Cell]
    is_sum: bool = False


class Column(NamedTuple):
    """A column's head."""

    label: str
    is_number: bool


class Shown(NamedTuple):
    """A table as it stands on a page, and the file that has the same figures."""

    columns: Sequence[Column]
    rows: Sequence[Line]
    file: str


class Drawn(NamedTuple):
    """A picture for a page and for a phone, or where nothing is drawn the words in its place.

    `files` are the same picture to stand alone, by their kind.
    """

    name: str
    alternative: str
    drawn: bool
    page: Markup = Markup()
    phone: Markup = Markup()
    files: Mapping[str, bytes] = MappingProxyType({})


class Section(NamedTuple):
    """A part of a report: its heading, what is said, a picture and a table."""

    title: str
    lines: Sequence[str] = ()
    picture: Drawn | None = None
    table: Shown | None = None


def drawn(picture: Picture, say: Wording) -> Drawn:
    """Draw a picture for a page."""
    files = picture.drawn(Frame(PAGE, say))
    phone = picture.drawn(Frame(PHONE, say), ["svg"])
    if not files:
        return Drawn(picture.name, picture.alternative, drawn=False)
    return Drawn(
        picture.name, picture.alternative, drawn=True, page=_inside(files["svg"]), phone=_inside(phone["svg"]),
        files=files,
    )


def _inside(svg: bytes) -> Markup:
    """Return a drawing as it stands inside a page: without the head of a file."""
    return Markup(svg[svg.index(b"<svg "):].decode())  # noqa: S704 - drawn by us


Spelling = Mapping[str, Callable[[Any], str]]
"""How the values of a column are put to words, by the column's name."""


def shown(table: Table, say: Wording, *, columns: Sequence[str], spelling: Spelling | None = None) -> Shown:
    """Put a table to words: some of its columns, those with numbers set to the right."""
    places = [table.columns.index(name) for name in columns]
    numeric = [
        any(isinstance(row[place], int | float) for row in table.rows) and name not in (spelling or {})
        for name, place in zip(columns, places, strict=True)
    ]
    heads = [Column(say(f"col_{name}"), number) for name, number in zip(columns, numeric, strict=True)]
    lines = []
    for row in table.visible:
        cells = [
            Cell(_spelled(row[place], (spelling or {}).get(name), say), head.label, head.is_number)
            for name, place, head in zip(columns, places, heads, strict=True)
        ]
        lines.append(Line(cells, is_sum=row[places[0]] == "all"))
    return Shown(heads, lines, f"tables/{table.name}.csv")


def _spelled(value: Any, spell: Callable[[Any], str] | None, say: Wording) -> str:
    return say.spell(value) if spell is None or value is None else spell(value)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )


def page(template: str, say: Wording, **facts: Any) -> str:
    """Fill a page in its reader's language: one file, with its style and its pictures inside."""
    style = Markup((FOLDER / STYLE).read_text(encoding="utf-8"))  # noqa: S704 - our own file
    lang = say.language.value.replace("_", "-")
    filled: str = _environment().get_template(template).render(say=say, lang=lang, style=style, **facts)
    return filled
