"""Every mail on one page, to be looked at before anybody gets one: each notice, a day's mails, those of the week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.rules.errors import Refused
from models.rules.letter import Letter, Message
from models.rules.words import Language
from tasks.mail.rendering import TEMPLATES, notices, render
from tasks.mail.samples import sample_answered, sample_item, sample_letter, sample_several
from tasks.weekly.samples import ABOUT, sample_weekly

PAGE = TEMPLATES.parent / "gallery"
INDEX = "index.html"


class Mail(NamedTuple):
    """One rendered mail: its language, its subject, and what its files are named."""

    lang: str
    subject: str
    stem: str
    has_calendar: bool


class Piece(NamedTuple):
    """One thing that is mailed, in every language."""

    name: str
    title: str
    about: str
    mails: tuple[Mail, ...]


def write_gallery(folder: Path, today: date) -> Path:
    """Write every mail to a folder, and the page that shows them all; return the page.

    Raises:
        Refused: a template is broken, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pieces = [_written(folder, piece, today) for piece in _pieces()]
        environment = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined)
        page = environment.get_template(INDEX).render(pieces=pieces, today=today)
        (folder / INDEX).write_text(page, encoding="utf-8")
    except OSError as error:
        raise Refused.one(str(folder), f"cannot be written ({error.strerror}).", "Name another folder.") from None
    return folder / INDEX


def _pieces() -> Iterator[Piece]:
    yield Piece("digest", "Digest", "what one person is reminded of on one day, in one mail", ())
    yield Piece("escalation", "Escalations", "what has climbed to one person, in one mail", ())
    for name, about in ABOUT.items():
        yield Piece(name, name.replace("_", " ").capitalize(), about, ())
    for notice in notices():
        yield Piece(notice, notice.replace("_", " ").capitalize(), "", ())


def _letter(name: str, language: Language, today: date) -> Letter:
    if name in {"digest", "escalation"}:
        return sample_several(language, today, escalated=name == "escalation")
    if name in ABOUT:
        return sample_weekly(name, language, today)
    return sample_answered(sample_letter((sample_item(name, language, today),), language, today))


def _written(folder: Path, piece: Piece, today: date) -> Piece:
    mails = []
    for language in Language:
        message, stem = render(_letter(piece.name, language, today)), f"{piece.name}.{language}"
        _write(folder / stem, message)
        mails.append(Mail(language.replace("_", "-"), message.subject, stem, message.calendar is not None))
    return piece._replace(mails=tuple(mails))


def _write(stem: Path, message: Message) -> None:
    files = {".html": message.html, ".txt": f"{message.subject}\n\n{message.text}", ".ics": message.calendar}
    for ending, text in files.items():
        if text is not None:
            stem.with_name(stem.name + ending).write_text(text, encoding="utf-8", newline="")
