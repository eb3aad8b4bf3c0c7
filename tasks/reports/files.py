"""A report's files in a folder: its tables once, a page and its plots in each language, and the pages on paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from models.rules.words import Language
from tasks.reports.pages import Section
from tasks.reports.pdf import print_pages
from tasks.reports.tables import Table, written

FILE = {Language.EN: "report", Language.ES_MX: "informe"}


class Told(NamedTuple):
    """A report in one language."""

    language: Language
    page: str
    sections: Sequence[Section]


class Files(NamedTuple):
    """What was written, and what could not be, each in one line."""

    paths: Sequence[Path]
    without: Sequence[str]


def write_files(folder: Path, tables: Iterable[Table], told: Iterable[Told]) -> Files:
    """Write a report; one that was written there before is replaced.

    Raises:
        Refused: the folder cannot be written.
    """
    paths = write_tables(folder / "tables", tables)
    pdfs, without = print_pages(_pages(folder, told, paths))
    return Files([*paths, *pdfs], without)


def _pages(folder: Path, told: Iterable[Told], paths: list[Path]) -> Iterator[Path]:
    """Write language by language and yield each page; all that was written is added to `paths`."""
    for each in told:
        paths += [
            written(folder / "plots" / each.language.value / f"{picture.name}.{kind}", content)
            for picture in (section.picture for section in each.sections) if picture is not None
            for kind, content in picture.files.items()
        ]
        page = written(folder / f"{FILE[each.language]}.html", each.page)
        paths.append(page)
        yield page


def write_tables(folder: Path, tables: Iterable[Table]) -> list[Path]:
    """Write tables for a spreadsheet."""
    return [written(folder / f"{table.name}.csv", table.as_csv(), bom=True) for table in tables]
