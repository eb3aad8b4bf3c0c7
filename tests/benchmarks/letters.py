"""`make bench`: what putting notices into words costs, on one core.

Letters of one notice (every notice in both languages in turn, each to another reader and agency, with the answers and
the calendar that it carries) and digests of ten. Rendered whole: subject, text, HTML with its styles inlined. Seconds
are of this machine; beside them stands what the machine takes for the same number of the smallest Jinja template.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from tests.benchmarks.paper import Sheet, told

TODAY = date(2023, 4, 3)
NOTICES = 10_000
LIMIT_SECONDS = 10.0
"""For 10,000 notices in letters of their own."""


def letters(count: int) -> Iterator[Any]:
    """Yield letters of one notice, no two alike."""
    from models.rules.words import Language
    from tasks.mail.rendering import notices
    from tasks.mail.samples import sample_answered, sample_item, sample_letter

    made = [
        sample_answered(sample_letter((sample_item(notice, language, TODAY),), language, TODAY))
        for notice in notices() for language in Language
    ]
    for number, letter in zip(range(count), itertools.cycle(made), strict=False):
        yield replace(letter, surname=f"López {number}", items=(_of_agency(letter.items[0], number),))


def digests(count: int, size: int) -> Iterator[Any]:
    """Yield letters of so many reminders."""
    for number, letter in enumerate(letters(count)):
        items = tuple(_of_agency(letter.items[0], number * size + each) for each in range(size))
        yield replace(letter, items=items)


def _of_agency(item: Any, number: int) -> Any:
    code = f"EX-{number}"
    duty = item.duty and f"{code}/{item.rule}"
    return replace(item, agency=f"Agencia {number}", agency_code=code, enrollment=f"{code}/example", duty=duty)


def seconds(render: Callable[[Any], Any], given: Sequence[Any]) -> float:
    """Return how long rendering takes, once warm."""
    for one in given[:40]:
        render(one)
    begun = time.process_time()
    for one in given:
        render(one)
    return time.process_time() - begun


def measure(count: int = NOTICES) -> Sheet:
    """Render them, and the smallest template as often."""
    from jinja2 import Environment

    from tasks.mail.rendering import render

    smallest = Environment(autoescape=True).from_string("<p>{{ name }}</p>")
    each = seconds(render, list(letters(count)))
    ten = seconds(render, list(digests(count // 10, 10)))
    bare = seconds(lambda number: smallest.render(name=number), range(count))
    cells = [
        (name, f"{took:.2f}", f"{took / count * 1000:.3f}", f"{took / bare:.0f}")
        for name, took in (("letters of one", each), ("digests of ten", ten), ("the smallest template", bare))
    ]
    columns = ("as", "s", "ms a notice", "÷ the smallest template")
    missed = ["letters of one"] if each > LIMIT_SECONDS * count / NOTICES else []
    return Sheet(f"{count:,} notices in words, on one core", columns, cells, missed)


if __name__ == "__main__":
    sys.exit(told(measure()))
