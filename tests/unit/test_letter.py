from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.letter import Item, Urgency, because, by_urgency, clean_header, reference_of, urgency
from models.rules.words import Language, Risk
from tasks.mail.samples import sample_item

TODAY = date(2023, 4, 3)
OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def reminder(days_left: int) -> Item:
    item = sample_item("limit", Language.EN, TODAY)
    return replace(item, days_left=days_left, anchor_on=TODAY + timedelta(days=days_left))


def escalation(rung: int, risk: Risk) -> Item:
    return replace(sample_item("stall", Language.EN, TODAY), rung=rung, risk=risk)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (reminder(180), Urgency.AHEAD),
        (reminder(31), Urgency.AHEAD),
        (reminder(30), Urgency.SOON),
        (reminder(0), Urgency.SOON),
        (reminder(-1), Urgency.LATE),
        (escalation(1, Risk.ON_TRACK), Urgency.SOON),
        (escalation(2, Risk.AT_RISK), Urgency.SOON),
        (escalation(3, Risk.AT_RISK), Urgency.LATE),
        (escalation(1, Risk.OVERDUE), Urgency.LATE),
    ],
)
def test_urgency(item: Item, expected: Urgency) -> None:
    assert urgency(item) is expected


def test_the_most_urgent_comes_first_whatever_the_order_of_arrival() -> None:
    items = [reminder(180), reminder(-3), reminder(7), reminder(30)]
    assert [item.days_left for item in by_urgency(items)] == [-3, 7, 30, 180]
    assert by_urgency(reversed(items)) == by_urgency(items)


@pytest.mark.parametrize("language", Language)
def test_because_names_the_rule_the_post_the_case_and_the_facts(language: Language) -> None:
    stall = sample_item("stall", language, TODAY)
    item = replace(stall, rule="quiet", rung=3, repeat=2, opened_on=date(2023, 1, 9), late=2)
    said = because(item, language)
    for part in ("“quiet”", item.post_name, item.agency, item.enrollment, "2022-11-24", "2023-01-09", "2023-04-01"):
        assert part in said
    assert " 3 " in said
    assert "\n" not in said


@pytest.mark.parametrize("language", Language)
def test_because_says_nothing_of_a_ladder_or_a_delay_that_is_not_there(language: Language) -> None:
    said = because(sample_item("limit", language, TODAY), language)
    assert not any(word in said for word in ("escalamiento", "escalation", "repe", "previsto", "planned"))


def test_because_takes_braces_in_names_as_they_are() -> None:
    item = replace(sample_item("limit", Language.EN, TODAY), agency="{rule} {0} {agency.__class__}")
    assert "{rule} {0} {agency.__class__}" in because(item, Language.EN)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain", "plain"),
        ("Ana\r\nBcc: all@example.org", "Ana Bcc: all@example.org"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg", "a b c d e f g"),
        ("nul\0bell\x07del\x7f", "nulbelldel"),
        ("\u202eevil\u202c \u2066x\u2069\u200e\u200f\u061c", "evil x"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("  José   Ángel Ñuño  ", "José Ángel Ñuño"),
        ("", ""),
    ],
)
def test_clean_header(raw: str, clean: str) -> None:
    assert clean_header(raw) == clean


@given(st.text(st.characters(exclude_categories=[])))
def test_clean_header_leaves_one_line_that_can_be_encoded_and_is_done_once(raw: str) -> None:
    clean = clean_header(raw)
    assert len(clean.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in clean)
    assert not {unicodedata.bidirectional(character) for character in clean} & OVERRIDES
    clean.encode()
    assert clean_header(clean) == clean


@given(st.text(st.characters(codec="utf-8")))
def test_a_reference_is_short_readable_and_always_the_same(seed: str) -> None:
    reference = reference_of(seed)
    assert reference == reference_of(seed)
    assert len(reference) == 14
    assert set(reference) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


def test_references_differ() -> None:
    assert len({reference_of(f"{person}/2023-04-03/digest") for person in range(5000)}) == 5000
