"""The tables of docs/faults.md: each is written by the command that measured it, and by nobody else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


class Table(NamedTuple):
    """A table of the document: its name there, its heads, its rows, and the promises that did not hold."""

    name: str
    heads: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    faults: list[str]

    def __str__(self) -> str:
        """Return it as Markdown."""
        first = self.rows[0] if self.rows else self.heads
        lines = [self.heads, tuple("---:" if _is_number(cell) else "---" for cell in first), *self.rows]
        return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _is_number(cell: object) -> bool:
    return str(cell).replace(",", "").replace(".", "", 1).isdecimal()


def write(table: Table, document: Path = DOCUMENT) -> None:
    """Put a table into the document, between its marks."""
    mark = re.compile(rf"(<!-- {table.name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    text = document.read_text(encoding="utf-8")
    document.write_text(mark.sub(lambda found: f"{found[1]}{table}{found[2]}", text), encoding="utf-8")
