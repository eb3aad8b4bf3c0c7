"""A letter put into words: subject, text and HTML from `templates/emails/`, one folder per notice and language.

    templates/emails/<notice>/<language>/{subject.txt, body.txt, body.html}   what one notice says, from an Item's facts
    templates/emails/<notice>/<language>/event.txt                            its name in a calendar, if it has a date
    templates/emails/_base/                                                   the letter around it, and its style

A template sees the facts of `models.rules.letter` by name, the filters `day` (a date in words) and `days` (so many
days), and the macros of its language's `words.html`. It runs in a sandbox; a name it does not know is refused when it
is loaded, with its line, so that no letter is the first to meet it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import css_inline
from babel.dates import format_date
from babel.units import format_unit
from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from models.rules.errors import AcreditaError, Problem, Refused, nearest
from models.rules.letter import (
    Answer,
    Form,
    Item,
    Letter,
    Message,
    Part,
    because,
    by_urgency,
    clean_header,
    urgency,
)
from models.rules.words import Language
from tasks.mail.calendars import Event, calendar_of
from tasks.mail.samples import sample_item, sample_letter

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "emails"
BASE = "_base"
PARTS = ("subject.txt", "body.txt", "body.html")
EVENT = "event.txt"
"""The part that only dated duties have."""
WIDTH = 76
TITLE_LENGTH = 140
"""A subject longer than this is cut before its reference; the letter shows it whole."""

_ITEM_FACTS = tuple(field.name for field in fields(Item) if field.name not in {"answers", "forms"})
ITEM_FACTS = frozenset({*_ITEM_FACTS, "urgency", "today"})
LETTER_FACTS = frozenset({
    "agencies", "by_hand", "cards", "count", "is_demo", "kind", "leaving", "name", "post_name", "program_name",
    "next_step", "parts", "reasons", "reference", "subject", "title", "today",
    "unchanged_since",
})


class Fact(NamedTuple):
    """One row of the small table under an item."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """One item in words."""

    title: str
    text: str
    html: Markup
    agency: str
    track: str
    enrollment: str
    urgency: str
    waiting: tuple[str, ...]
    moved: tuple[Fact, ...]
    ladder: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    answers: tuple[Answer, ...]
    forms: tuple[Form, ...]


def render(letter: Letter, folder: Path = TEMPLATES) -> Message:
    """Put a letter into words.

    Args:
        letter: at least one item, or the parts of a weekly mail; the most urgent item is shown first, and what two
            posts of one person share, once.
        folder: where the templates are; each process reads a template once.

    Raises:
        Refused: a template is missing or broken: its folder, file and line, and the fact it asked for. Nothing of
            the letter itself is said.
    """
    return _press(folder, letter.language).render(letter)


def notices(folder: Path = TEMPLATES) -> list[str]:
    """Name every notice that has templates."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("_"))


def template_problems(folder: Path = TEMPLATES) -> list[Problem]:
    """Find what is wrong with the templates without rendering: missing files, syntax, unknown facts and filters."""
    problems: list[Problem] = []
    for language in Language:
        try:
            press = Press(folder, language)
        except Refused as error:
            problems += error.problems
            continue
        for name in _parts(folder, language):
            try:
                press.template(name, ITEM_FACTS)
            except Refused as error:
                problems += error.problems
    return problems


def _parts(folder: Path, language: Language) -> Iterator[str]:
    """Name every part that a language must have; a duty in one language is one in all."""
    for notice in notices(folder):
        yield from (f"{notice}/{language}/{part}" for part in PARTS)
        if any((folder / notice / other / EVENT).exists() for other in Language):
            yield f"{notice}/{language}/{EVENT}"


@lru_cache(maxsize=16)
def _press(folder: Path, language: Language) -> Press:
    return Press(folder, language)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, quick about our own values: their public fields are what a template is for."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if type(obj) is Card:
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


class Press:
    """The templates of one folder in one language, compiled once."""

    def __init__(self, folder: Path, language: Language) -> None:
        self._language = language
        self._environment = _Sandbox(
            loader=FileSystemLoader(folder),
            autoescape=lambda name: not (name or "").endswith(".txt"),
            undefined=StrictUndefined,
            auto_reload=False, cache_size=-1, trim_blocks=True, lstrip_blocks=True,
        )
        # Nothing of Jinja's own: a template needs none of it, and every letter pays for copying it.
        self._environment.globals.clear()
        self._environment.filters.update(
            day=lambda on: spell_day(on, language), days=lambda count: spell_days(abs(count), language)
        )
        self._inliner = css_inline.CSSInliner(
            load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True
        )
        self._checked: dict[str, Template] = {}
        self._events: dict[str, bool] = {}
        words = self.template(f"{BASE}/{language}/words.html", frozenset()).module
        self._environment.globals.update({name: part for name, part in vars(words).items() if not name.startswith("_")})

    def render(self, letter: Letter) -> Message:
        """Put a letter into words, as `tasks.mail.rendering.render` says."""
        items = by_urgency(letter.items)
        cards = tuple(self._card(item, letter.today) for item in _once_each(items))
        parts = tuple(map(_cleaned_part, letter.parts))
        frame = letter.frame if parts else "letter"
        facts: dict[str, Any] = {
            "agencies": len({item.agency_code for item in items}), "cards": cards, "count": len(cards),
            "by_hand": bool(items) and not any(item.answers for item in items), "leaving": letter.leaving,
            "is_demo": letter.is_demo, "kind": letter.kind.value, "name": clean_header(full_name(letter)),
            "post_name": clean_header(letter.post_name), "program_name": clean_header(letter.program_name),
            "reasons": tuple(self._reasons(items)) or (clean_header(letter.because),), "parts": parts,
            "reference": clean_header(letter.reference), "title": clean_header(letter.title), "today": letter.today,
            "unchanged_since": letter.unchanged_since, "next_step": clean_header(letter.next_step),
        }
        subject = "weekly_subject.txt" if parts else "subject.txt"
        headline = _headline(self._fill(f"{BASE}/{self._language}/{subject}", facts, LETTER_FACTS))
        facts["subject"] = f"{headline} [Ref {facts['reference']}]"
        text = self._fill(f"{BASE}/{self._language}/{frame}.txt", facts, LETTER_FACTS)
        html = self._fill(f"{BASE}/{self._language}/{frame}.html", facts, LETTER_FACTS)
        return Message(facts["subject"], wrapped(text), self._inliner.inline(html), self._calendar(items, letter.today))

    def _calendar(self, items: list[Item], today: date) -> str | None:
        """Return the letter's duties that are still ahead as a calendar, each once; None where there is none."""
        ahead = {item.duty: item for item in items if item.duty and item.anchor_on >= today and self._has_event(item)}
        return calendar_of((self._event(item, today) for item in ahead.values()), today) if ahead else None

    def _has_event(self, item: Item) -> bool:
        name = f"{item.template}/{self._language}/{EVENT}"
        if name not in self._events:
            self._events[name] = name in self._environment.list_templates()
        return self._events[name]

    def _event(self, item: Item, today: date) -> Event:
        name = f"{item.template}/{self._language}/{EVENT}"
        title = self._fill(name, self._facts(item, today), ITEM_FACTS)
        return Event(item.duty, item.anchor_on, clean_header(title))

    def _facts(self, item: Item, today: date) -> dict[str, Any]:
        facts = {name: _cleaned(getattr(item, name)) for name in _ITEM_FACTS}
        return facts | {"urgency": urgency(item).value, "today": today}

    def _card(self, item: Item, today: date) -> Card:
        facts = self._facts(item, today)
        folder = f"{item.template}/{self._language}"
        title, text, html = (self._fill(f"{folder}/{part}", facts, ITEM_FACTS) for part in PARTS)
        ladder = self._rows("ladder", facts) if item.rung else ()
        moved = self._rows("moved", facts) if item.moved else ()
        return Card(
            title=clean_header(title), text=text.strip(), html=Markup(html),  # noqa: S704 - by an autoescaped template
            agency=facts["agency"], track=facts["track_name"], enrollment=facts["enrollment"],
            urgency=facts["urgency"], waiting=facts["waiting_for"],
            answers=item.answers, forms=item.forms, moved=moved, ladder=ladder, facts=self._rows("facts", facts),
        )

    def _rows(self, table: str, facts: Mapping[str, Any]) -> tuple[Fact, ...]:
        """Return the rows of a small table; its template writes one a line."""
        told = self._fill(f"{BASE}/{self._language}/{table}.txt", facts, ITEM_FACTS)
        return tuple(Fact(*line.split(": ", 1)) for line in told.splitlines() if ": " in line)

    def _reasons(self, items: list[Item]) -> Iterator[str]:
        for item in items:
            yield clean_header(because(item, self._language, lambda on: spell_day(on, self._language)))

    def _fill(self, name: str, facts: Mapping[str, Any], known: Collection[str]) -> str:
        template = self.template(name, known)
        try:
            return template.render(facts)
        except AcreditaError:
            raise
        except Exception as error:  # noqa: BLE001 - a template is data: whatever it does wrong stops this letter only
            raise Refused([_failure(name, error)]) from None

    def template(self, name: str, known: Collection[str]) -> Template:
        """Return a compiled template whose every name is known, and those of the templates it builds on.

        Raises:
            Refused: it is missing, cannot be parsed, or asks for a fact, filter or test that does not exist.
        """
        if name not in self._checked:
            self._check(name, known)
            self._checked[name] = self._environment.get_template(name)
        return self._checked[name]

    def _check(self, name: str, known: Collection[str]) -> None:
        loader = self._environment.loader
        assert loader is not None
        try:
            tree = self._environment.parse(loader.get_source(self._environment, name)[0], name)
            others = [other for other in meta.find_referenced_templates(tree) if other is not None]
            unknown = meta.find_undeclared_variables(tree) - set(known)
            self._environment.compile(tree, name)
        except TemplateNotFound:
            raise Refused([_missing(name, loader.list_templates())]) from None
        except UnicodeDecodeError:
            raise Refused([_problem(name, None, ("is not UTF-8.", "Save it as UTF-8."))]) from None
        except TemplateSyntaxError as error:
            what = f"cannot be read: {error.message}"
            raise Refused([_problem(name, error.lineno, (what, "Correct the line."))]) from None
        if unknown:
            raise Refused(_unknown(name, tree, (unknown, known)))
        for other in others:
            self._check(other, known)


def _once_each(items: list[Item]) -> Iterator[Item]:
    """Yield each matter once, with every reason in the foot.

    One person in two posts of a case is told it once, and so is who hears of an agency's post in two of its cases.
    """
    seen = set()
    for item in items:
        about = item.agency_code if item.agency_wide else item.enrollment
        names = (item.vacant_post_name, item.owed_name, item.owed_number, item.new_post_name)
        matter = (item.rule, about, item.anchor_on, names, item.rung, item.repeat)
        if matter not in seen:
            seen.add(matter)
            yield item


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean_header(value)
        case tuple():
            return tuple(_cleaned(part) for part in value)
        case _:
            return value


def _cleaned_part(part: Part) -> Part:
    """Return a part whose every word fits on one line and means what it shows."""
    return Part(
        clean_header(part.title), clean_header(part.empty),
        tuple(bar._replace(label=clean_header(bar.label)) for bar in part.bars),
        tuple(
            row._replace(title=clean_header(row.title), about=clean_header(row.about), lines=_cleaned(row.lines))
            for row in part.rows
        ),
        part.more, _cleaned(part.lines),
    )


def full_name(letter: Letter) -> str:
    """Return the reader's name as it is written on an envelope."""
    return " ".join(part for part in (letter.given_names, letter.surname, letter.second_surname) if part)


@lru_cache(maxsize=16384)
def spell_day(on: date, language: Language) -> str:
    """Write a date out.

    >>> spell_day(date(2023, 4, 3), Language.ES_MX), spell_day(date(2023, 4, 3), Language.EN)
    ('3 de abril de 2023', 'April 3, 2023')
    """
    return format_date(on, "long", locale=language.value)


@lru_cache(maxsize=16384)
def spell_days(count: int, language: Language) -> str:
    """Write a number of days out.

    >>> spell_days(1, Language.ES_MX), spell_days(1200, Language.EN)
    ('1 día', '1,200 days')
    """
    return format_unit(count, "duration-day", length="long", locale=language.value)


def wrapped(text: str) -> str:
    """Break lines at 76 columns, list entries with a hanging indent; never two blank lines, never a broken word."""
    lines = [part for line in text.splitlines() for part in _folded(line.rstrip())]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _folded(line: str) -> Iterator[str]:
    # Greedy on blanks only: textwrap does the same and costs as much as the whole HTML part.
    hanging = "  " if line.startswith("- ") else ""
    while len(line) > WIDTH:
        cut = line.rfind(" ", len(hanging) + 1, WIDTH + 1)
        cut = cut if cut > 0 else line.find(" ", WIDTH)
        if cut < 0:
            break
        yield line[:cut]
        line = hanging + line[cut + 1:]
    yield line


def _headline(text: str) -> str:
    line = clean_header(text)
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"


def _problem(name: str, line: int | None, told: tuple[str, str]) -> Problem:
    what, remedy = told
    folder, _, file = name.partition("/")
    at = f" line {line}" if line else ""
    return Problem(f"templates/emails/{folder}: {file}{at}", what, remedy)


def _missing(name: str, existing: list[str]) -> Problem:
    if name.partition("/")[0] in {other.partition("/")[0] for other in existing}:
        return _problem(name, None, ("does not exist.", "Add the file."))
    known = {other.partition("/")[0] for other in existing} - {BASE}
    return _problem(name, None, ("does not exist: the notice has no folder.", nearest(name.partition("/")[0], known)))


def _unknown(name: str, tree: nodes.Template, given: tuple[set[str], Collection[str]]) -> Iterator[Problem]:
    unknown, known = given
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            lines[node.name] = min(node.lineno, lines.get(node.name, node.lineno))
    for fact in sorted(unknown):
        yield _problem(name, lines.get(fact), (f'asks for the unknown fact "{fact}".', nearest(fact, known)))


def _failure(name: str, error: Exception) -> Problem:
    """Say where a template failed. Only Jinja's own words on names are repeated: any other text may hold a person's."""
    line, frame = None, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename.endswith(name):
            line = frame.tb_lineno
        frame = frame.tb_next
    match error:
        case UndefinedError() | SecurityError():
            what = f"fails: {error.message}."
        case _:
            what = f"fails with {type(error).__name__}."
    return _problem(name, line, (what, "Use the facts and filters that tasks/mail/rendering.py names."))


def preview(notice: str, language: Language, today: date) -> Message:
    """Render one notice as it would look today, with made-up facts and the label of a demonstration.

    Raises:
        Refused: no such notice, with the nearest name.
    """
    known = notices()
    if notice not in known:
        raise Refused.one(notice, "is no notice: it has no folder in templates/emails.", nearest(notice, known))
    return render(sample_letter((sample_item(notice, language, today),), language, today))
