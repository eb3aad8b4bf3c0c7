"""What a person is written, as plain frozen values: all that a template can see, and nothing that it could call.

A letter goes to one person, on one day, of one kind. It carries items: one notice each, with its case as it stands on
the day of writing and not as it stood when the notice was decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.rules.words import EmailKind, Language, Purpose, Risk

SOON_DAYS = 30
HIGH_RUNG = 3
# Crockford's alphabet: no I, L, O or U, so that a reference survives being read out.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BREAKS = (*range(0x09, 0x0E), *range(0x1C, 0x20), 0x85, 0x2028, 0x2029)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CLEANED: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *_BIDI, *range(0xD800, 0xE000))),
    **dict.fromkeys(_BREAKS, " "),
}


class Urgency(StrEnum):
    """How pressing an item is, worst last; it colours the item and orders the letter."""

    AHEAD = "ahead"
    SOON = "soon"
    LATE = "late"


class Answer(NamedTuple):
    """A link by which the reader answers, once; `post_name` where it is about the post and not about an item."""

    purpose: Purpose
    url: str
    post_name: str = ""


class Form(NamedTuple):
    """A run form, filled in, for whoever works in the Prefect UI.

    `does` says what it is for: take, extend, hand_over, record, show, hand_in.
    """

    does: str
    url: str


class Told(NamedTuple):
    """Somebody who was told of an escalation: their name, the post they were told in, and the day."""

    name: str
    post: str
    on: date


class News(NamedTuple):
    """Something that was recorded of a case, in the reader's words."""

    on: date
    what: str


class Moved(NamedTuple):
    """A date by the name of its clock that was moved, from when to when, and why; None is a date that rests."""

    clock: str
    before: date | None
    after: date | None
    why: tuple[str, ...]


class Taken(NamedTuple):
    """Who last said to be on an escalation: their name, the day, and the reason that they gave."""

    name: str
    on: date
    why: str


@dataclass(frozen=True, slots=True)
class Item:
    """One notice as its template sees it. Names are in the reader's language; durations are in days.

    `days_left` is `anchor_on` less today, negative once it passed. `late` is how long after its planned day the notice
    is written. `rung` is 0 for a reminder, and counts from 1 for an escalation. `duty` names what a calendar keeps one
    entry of, whatever its date becomes; empty where there is nothing to do by a date. `owed_name` names what is owed,
    the `owed_number`th of `owed_of` in its cycle, or owed since somebody new holds the post of `new_post_name`; `steps`
    is its checklist. What is `agency_wide` is the same matter in every enrollment of the agency.
    `aimed_on` is the nearest conference that can still be reached, `leave_by` the last safe day to leave the stage for
    it; to miss it costs `slip_days` and, past the limit, `slip_cost`. `chance` is what the forecast gave an award by
    `anchor_on`, in percent, when the notice was decided; None where it was decided without a forecast.

    Of an escalation: `rungs` is how many levels its ladder has, `told` who heard of it before, the last one on `since`;
    `news` is what was recorded of the case from then on, `taken` who last said to be on it, and `skipped` the posts
    that would have been told first and that nobody holds.

    `moved` are the dates that were moved since the reader was last written to about the case.
    """

    template: str
    rule: str
    post: str
    post_name: str
    agency: str
    agency_code: str
    enrollment: str
    track_name: str
    stage_name: str
    anchor_on: date
    days_left: int
    late: int
    window_from: date
    window_until: date
    limit: date
    stage_target: date
    last_activity: date
    stage_entered_on: date
    risk: str
    rung: int = 0
    repeat: int = 0
    opened_on: date | None = None
    vacant_post_name: str | None = None
    waiting_for: tuple[str, ...] = ()
    next_conferences: tuple[date, ...] = ()
    duty: str = ""
    answers: tuple[Answer, ...] = ()
    cycle: int = 1
    owed_name: str | None = None
    owed_number: int = 0
    owed_of: int = 0
    new_post_name: str | None = None
    new_since: date | None = None
    steps: tuple[str, ...] = ()
    agency_wide: bool = False
    aimed_on: date | None = None
    leave_by: date | None = None
    slip_days: int = 0
    slip_cost: str = ""
    chance: int | None = None
    rungs: int = 0
    told: tuple[Told, ...] = ()
    since: date | None = None
    news: tuple[News, ...] = ()
    taken: Taken | None = None
    skipped: tuple[str, ...] = ()
    moved: tuple[Moved, ...] = ()
    forms: tuple[Form, ...] = ()


class Bar(NamedTuple):
    """A bar of a small chart: how many of what, how long it is in percent of the longest, and what colours it."""

    label: str
    value: int
    share: int
    mark: str = ""


class Row(NamedTuple):
    """One case in a part of a weekly mail: its name, what it is, what is to be said of it, and what colours it.

    `forms` are the run forms by which what is asked of it can be decided.
    """

    title: str
    about: str
    lines: tuple[str, ...]
    mark: str = ""
    forms: tuple[Form, ...] = ()


class Part(NamedTuple):
    """A part of a weekly mail in its reader's words: `empty` where it has nothing, `more` counts the rows left out."""

    title: str
    empty: str
    bars: tuple[Bar, ...] = ()
    rows: tuple[Row, ...] = ()
    more: int = 0
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one person, before it is put into words: at least one item, or the parts of a weekly mail."""

    given_names: str
    surname: str
    second_surname: str | None
    post_name: str
    language: Language
    kind: EmailKind
    items: tuple[Item, ...]
    reference: str
    today: date
    program_name: str
    is_demo: bool
    leaving: tuple[Answer, ...] = ()
    """How the reader says that they left a post, one link a seat."""
    frame: str = "weekly"
    """Which templates stand around the parts."""
    title: str = ""
    parts: tuple[Part, ...] = ()
    because: str = ""
    """Of a weekly mail: its name, what it tells, and why the reader gets it."""
    gist: str = ""
    """What a weekly mail tells, by which the next one knows whether it would tell the same."""
    unchanged_since: date | None = None
    """The day of the last weekly mail, where this one says the same and goes out as a sign of life."""
    next_step: str = ""
    """What comes next of all that the reader holds, where nothing changed."""


@dataclass(frozen=True, slots=True)
class Message:
    """A letter in words. The text part says what the HTML part says; `calendar` holds its dated duties (RFC 5545)."""

    subject: str
    text: str
    html: str
    calendar: str | None = None


def urgency(item: Item) -> Urgency:
    """Tell how pressing an item is: a passed date or a high rung is late, an escalation or a near date soon."""
    if item.rung > 0:
        return Urgency.LATE if item.risk == Risk.OVERDUE or item.rung >= HIGH_RUNG else Urgency.SOON
    if item.days_left < 0:
        return Urgency.LATE
    return Urgency.SOON if item.days_left <= SOON_DAYS else Urgency.AHEAD


_RANK = {Urgency.LATE: 0, Urgency.SOON: 1, Urgency.AHEAD: 2}


def by_urgency(items: Iterable[Item]) -> list[Item]:
    """Put the most pressing first: late before soon, a higher rung before a lower, an earlier date before a later."""
    return sorted(items, key=lambda i: (_RANK[urgency(i)], -i.rung, i.anchor_on, i.enrollment, i.rule))


def because(item: Item, language: Language, spell: Callable[[date], str] = date.isoformat) -> str:
    """Say why the reader gets this item: the rule, the post, the case and the facts, in one or two sentences.

    Args:
        item: the notice.
        language: the reader's.
        spell: how a date is written.
    """
    said = _BECAUSE[language]
    planned_on = item.anchor_on - timedelta(days=item.days_left + item.late)
    parts = [said["because"]]
    if item.rung > 0:
        parts.append(said["rung_since"] if item.opened_on else said["rung"])
        if item.repeat > 0:
            parts.append(said["repeat"])
    end = said["late"] if item.late > 0 else "."
    return ("; ".join(parts) + end).format(
        rule=item.rule, post=item.post_name, agency=item.agency, enrollment=item.enrollment, rung=item.rung,
        repeat=item.repeat, anchor=spell(item.anchor_on), planned=spell(planned_on),
        opened=spell(item.opened_on) if item.opened_on else "",
    )


_BECAUSE: dict[Language, dict[str, str]] = {
    Language.ES_MX: {
        "because": "Usted recibe este aviso porque la regla “{rule}” se dirige a su cargo ({post}) en el caso de"
        " {agency}, inscripción {enrollment}; fecha de referencia: {anchor}",
        "rung": "nivel {rung} del escalamiento",
        "rung_since": "nivel {rung} del escalamiento abierto el {opened}",
        "repeat": "repetición {repeat}",
        "late": ". Estaba previsto para el {planned}.",
    },
    Language.EN: {
        "because": "You receive this because rule “{rule}” addresses your post ({post}) in the case of {agency},"
        " enrollment {enrollment}; reference date: {anchor}",
        "rung": "level {rung} of the escalation",
        "rung_since": "level {rung} of the escalation opened on {opened}",
        "repeat": "repeat {repeat}",
        "late": ". It was planned for {planned}.",
    },
}


def weekly_because(rule: str, post: str, cases: int, *, language: Language, monday: str) -> str:
    """Say why the reader gets a weekly mail.

    >>> weekly_because("portfolio", "first expert", 3, language=Language.EN, monday="April 3")  # doctest: +ELLIPSIS
    'You receive this because rule “portfolio” tells your post (first expert) every week of your 3 cases; ...'
    """
    return _WEEKLY_BECAUSE[language].format(rule=rule, post=post, cases=cases, monday=monday)


def report_because(rule: str, post: str, due: str, *, language: Language) -> str:
    """Say why the reader is reminded of a report that is owed.

    >>> report_because("quarterly_report", "director", "October 30, 2019", language=Language.EN)
    'You receive this because rule “quarterly_report” addresses your post (director); owed by October 30, 2019.'
    """
    return _REPORT_BECAUSE[language].format(rule=rule, post=post, due=due)


_REPORT_BECAUSE = {
    Language.ES_MX: "Usted recibe este aviso porque la regla “{rule}” se dirige a su cargo ({post}); fecha de entrega:"
    " {due}.",
    Language.EN: "You receive this because rule “{rule}” addresses your post ({post}); owed by {due}.",
}
_WEEKLY_BECAUSE = {
    Language.ES_MX: "Usted recibe este aviso porque la regla “{rule}” informa cada semana a su cargo ({post}) sobre sus"
    " casos ({cases}); semana del {monday}.",
    Language.EN: "You receive this because rule “{rule}” tells your post ({post}) every week of your {cases} cases;"
    " week of {monday}.",
}


def clean_header(text: str) -> str:
    r"""Return text that fits on one line and means what it shows: no line break, control or bidi override.

    >>> clean_header("Ana\r\nBcc: all@example.org")
    'Ana Bcc: all@example.org'
    >>> clean_header("evil\u202egpj.exe\0")
    'evilgpj.exe'
    """
    clean = text if text.isprintable() else text.translate(_CLEANED)
    return " ".join(clean.split())


def reference_of(seed: str) -> str:
    """Return the short reference of a seed: always the same, and telling nothing of it.

    Twelve characters hold 60 bits: of ten million references two are alike once in 23,000 tries.

    >>> reference_of("17/2023-04-03/digest")
    'ZJMH-82B5-A90F'
    """
    bits = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 4
    letters = "".join(_ALPHABET[bits >> shift & 31] for shift in range(55, -5, -5))
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))
