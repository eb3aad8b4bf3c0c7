"""`make bench`: what putting notices into words costs, on one core.

Letters of one notice (every notice in both languages in turn, each to another reader and agency, with the answers and
the calendar that it carries) and digests of ten. Rendered whole: subject, text, HTML with its styles inlined. Seconds
are of this machine; beside them stands what the machine takes for the same number of the smallest Jinja template.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

TODAY = date(2023, 4, 3)
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


def main() -> int:
    """Print the table; 1 where the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=10_000)
    count = parser.parse_args().notices
    from jinja2 import Environment

    from tasks.mail.rendering import render

    smallest = Environment(autoescape=True).from_string("<p>{{ name }}</p>")
    each = seconds(render, list(letters(count)))
    ten = seconds(render, list(digests(count // 10, 10)))
    bare = seconds(lambda number: smallest.render(name=number), range(count))
    table = Table(title=f"{count:,} notices in words, on one core", title_justify="left", box=None)
    for name in ("as", "s", "ms a notice", "÷ the smallest template"):
        table.add_column(name, justify="left" if name == "as" else "right")
    for name, took in (("letters of one", each), ("digests of ten", ten), ("the smallest template", bare)):
        table.add_row(name, f"{took:.2f}", f"{took / count * 1000:.3f}", f"{took / bare:.0f}")
    Console().print(table)
    return int(each > LIMIT_SECONDS * count / 10_000)


if __name__ == "__main__":
    sys.exit(main())
