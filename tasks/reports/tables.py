"""A table of a report: figures once, for the page in its reader's words and for a spreadsheet as they are."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.rules.errors import Refused
from tasks.views.ledger import safe_cell


@dataclass(frozen=True)
class Table:
    """Rows of values under columns named by key. The page may show fewer rows than the file has: `shown` are those."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    shown: Sequence[int] | None = None

    @property
    def visible(self) -> list[tuple[Any, ...]]:
        """The rows of the page."""
        return list(self.rows) if self.shown is None else [self.rows[index] for index in self.shown]

    def as_csv(self) -> str:
        """Return the table for a spreadsheet: every cell quoted, none of them a formula, days and numbers plain."""
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return out.getvalue()


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula; a number is none, whatever its sign.

    >>> _cell(-1.5), _cell("-1.5"), _cell(None), _cell(10.0)
    ('-1.5', "'-1.5", '', '10')
    """
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int) else safe_cell(value)


def written(path: Path, content: str | bytes, *, bom: bool = False) -> Path:
    """Write a file of a report, readable by its owner alone.

    Raises:
        Refused: it cannot be written.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8-sig" if bom else "utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as out:
            out.write(data)
    except OSError as error:
        what = f"cannot be written ({error.strerror})."
        raise Refused.one(str(path), what, "Name a folder that can, by --out.") from None
    return path
