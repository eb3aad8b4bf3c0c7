"""Months are counted from the anchor, to the month's last day where there is no such day; and examples in docs hold."""

from __future__ import annotations

import calendar
import doctest
import importlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.dates import add_months

ROOT = Path(__file__).parents[2]
DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
MONTHS = st.integers(0, 240)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        ("2016-01-31", 1, "2016-02-29"),
        ("2017-01-31", 1, "2017-02-28"),
        ("2016-02-29", 12, "2017-02-28"),
        ("2016-02-29", 24, "2018-02-28"),
        ("2016-02-29", 48, "2020-02-29"),
        ("2096-02-29", 48, "2100-02-28"),  # not a leap year
        ("2020-08-31", 6, "2021-02-28"),
        ("2020-10-31", 1, "2020-11-30"),
        ("2020-12-31", 1, "2021-01-31"),
        ("2020-11-30", 2, "2021-01-30"),
        ("2020-05-15", 0, "2020-05-15"),
        ("2020-03-31", -1, "2020-02-29"),
        ("2020-01-15", -1, "2019-12-15"),
    ],
)
def test_months_after_a_day(anchor: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(anchor), months) == date.fromisoformat(expected)


@given(DAYS, MONTHS)
def test_it_is_the_same_day_of_the_month_or_its_last(anchor: date, months: int) -> None:
    found = add_months(anchor, months)
    assert (found.year * 12 + found.month) - (anchor.year * 12 + anchor.month) == months
    assert found.day == min(anchor.day, calendar.monthrange(found.year, found.month)[1])


@given(DAYS, st.lists(MONTHS, min_size=2, max_size=2))
def test_later_months_are_never_earlier_days(anchor: date, months: list[int]) -> None:
    sooner, later = sorted(months)
    assert add_months(anchor, sooner) <= add_months(anchor, later)


@given(DAYS, DAYS, MONTHS)
def test_whoever_began_first_is_never_overtaken(one: date, other: date, months: int) -> None:
    first, second = sorted((one, other))
    assert add_months(first, months) <= add_months(second, months)


def with_examples() -> list[str]:
    """Return the modules whose docstrings show what a call returns."""
    paths = [path for folder in ("models", "tasks", "flows", "deployments") for path in (ROOT / folder).rglob("*.py")]
    found = sorted(path for path in paths if ">>> " in path.read_text(encoding="utf-8"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_in_docstrings_hold(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted > 0
    assert tried.failed == 0
