from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from models.rules.letter import Item
from models.rules.words import EmailKind, Language
from tasks.mail.calendars import Event, calendar_of
from tasks.mail.rendering import EVENT, TEMPLATES, notices, render
from tasks.mail.samples import sample_item, sample_letter

TODAY = date(2023, 4, 3)


def entries(calendar: str | None) -> list[Any]:
    assert calendar is not None
    found: list[Any] = Calendar.from_ical(calendar).walk("VEVENT")
    return found


def told(*items: Item, language: Language = Language.ES_MX, on: date = TODAY) -> str | None:
    return render(sample_letter(items, language, on)).calendar


def test_a_moved_date_moves_the_same_entry() -> None:
    first = sample_item("limit", Language.ES_MX, TODAY)
    moved = replace(first, anchor_on=first.anchor_on + timedelta(days=365), days_left=first.days_left + 365)
    (before,), (after,) = entries(told(first)), entries(told(moved, on=TODAY + timedelta(days=9)))
    assert before["UID"] == after["UID"]
    assert before.decoded("SEQUENCE") < after.decoded("SEQUENCE")
    assert after.decoded("DTSTART") - before.decoded("DTSTART") == timedelta(days=365)


def test_an_entry_is_named_in_the_readers_language_and_is_the_same_one_in_any() -> None:
    by_language = {
        language: entries(told(sample_item("limit", language, TODAY), language=language))[0] for language in Language
    }
    assert [str(entry["SUMMARY"]) for entry in by_language.values()] == [
        "Fecha límite · Agencia Municipal de Ejemplo", "Limit · Example Municipal Agency",
    ]
    assert len({entry["UID"] for entry in by_language.values()}) == 1


def test_a_digest_holds_each_duty_once_and_nothing_that_is_past_or_has_no_date_to_keep() -> None:
    limit, target = sample_item("limit", Language.ES_MX, TODAY), sample_item("stage_target", Language.ES_MX, TODAY)
    past = replace(target, duty="EX-02/example/stage_target", anchor_on=TODAY - timedelta(days=1), days_left=-1)
    found = entries(told(limit, replace(limit, post="head"), target, past, sample_item("stall", Language.ES_MX, TODAY)))
    assert sorted(entry.decoded("DTSTART") for entry in found) == [TODAY + timedelta(days=30), limit.anchor_on]


def test_an_escalation_has_no_calendar() -> None:
    assert told(sample_item("stall", Language.ES_MX, TODAY)) is None
    letter = sample_letter((sample_item("overstay", Language.EN, TODAY),), Language.EN, TODAY)
    assert render(replace(letter, kind=EmailKind.ESCALATION)).calendar is None


@pytest.mark.parametrize("title", ["a;b,c\\d", "W" * 200, "Límite ñ 北京", "x\r\nBEGIN:VALARM", "<script>"])
def test_any_title_stays_one_entrys_own(title: str) -> None:
    calendar = calendar_of([Event("a", TODAY, title)], TODAY)
    (entry,) = entries(calendar)
    assert "".join(str(entry["SUMMARY"]).split()) == "".join(title.split())
    assert [part.name for part in Calendar.from_ical(calendar).walk()] == ["VCALENDAR", "VEVENT"]
    assert all(len(line.encode()) <= 75 for line in calendar.split("\r\n"))


def test_a_duty_in_one_language_is_a_duty_in_all() -> None:
    for notice in notices():
        assert len({(TEMPLATES / notice / language / EVENT).exists() for language in Language}) == 1
