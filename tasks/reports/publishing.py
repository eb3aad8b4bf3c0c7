"""Reports from the database to a folder: what the command line and the scheduled flows have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from models.rules.reporting.quarters import Quarter
from models.rules.words import Language
from models.settings import settings
from tasks.reports.files import Files, write_files
from tasks.reports.quarterly import Asked, Quarterly, last_ended, quarterly
from tasks.reports.quarterly_page import write_report
from tasks.reports.weekly import Weekly, weekly
from tasks.reports.weekly_page import weekly_page
from tasks.reports.wording import Wording
from tasks.store.programs import program_day


class Published(NamedTuple):
    """A quarter's report: its figures, its folder, and its files."""

    found: Quarterly
    folder: Path
    files: Files

    @property
    def name(self) -> str:
        """What it is called."""
        return self.found.name


def folder_for(name: str, out: Path | None, *, as_of: date | None = None, known_on: date | None = None) -> Path:
    """Return the folder of a report: the one that was named, or one of its name in the installation's home.

    Another look at the same quarter or week has a folder of its own, and overwrites nothing.
    """
    looks = [f"-{word}-{on}" for word, on in (("as-of", as_of), ("known-on", known_on)) if on is not None]
    return out if out is not None else settings().home / "reports" / "".join([name, *looks])


def last_quarter(engine: Engine) -> Quarter:
    """Return the last quarter that is over by this installation's day."""
    return last_ended(program_day(engine))


def publish_quarterly(
    engine: Engine, asked: Asked, *, languages: Sequence[Language], out: Path | None = None, rows: bool = False
) -> Published:
    """Write a quarter's report to its folder."""
    found = quarterly(engine, asked)
    folder = folder_for(found.name, out, as_of=asked.as_of, known_on=asked.known_on)
    return Published(found, folder, write_report(found, folder, languages, rows=rows))


class PublishedWeek(NamedTuple):
    """A week: its facts, its folder, and its files."""

    found: Weekly
    folder: Path
    files: Files


def publish_weekly(
    engine: Engine, sight: tuple[date | None, date | None], *, languages: Sequence[Language], out: Path | None = None
) -> PublishedWeek:
    """Write the director's week to its folder; `sight` is the day it is of, and until when it was recorded."""
    as_of, known_on = sight
    found = weekly(engine, as_of=as_of, known_on=known_on)
    folder = folder_for(found.name, out, known_on=known_on)
    told = (weekly_page(found, Wording(language)) for language in languages)
    return PublishedWeek(found, folder, write_files(folder, found.tables(), told))
