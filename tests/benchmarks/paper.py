"""What the bench found, told: as tables in a terminal and in the docs, as a picture, and against the baseline.

What was measured last of each thing is kept beside this file: a run of one part, or one that was interrupted, leaves
the figures of the others as they were.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

FIGURES = Path(__file__).with_name("figures.json")
BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.15
"""How much of a ratio is noise: pairs of one run differ by a tenth on a machine that does nothing else."""
MEASURABLE = 0.02
"""Seconds that a floor takes at least for its ratio to be compared with the baseline's."""
BEGIN, END = "<!-- written by make bench -->", "<!-- until here -->"
PICTURE = "benchmarks.png"
IDLE_LIMIT, FIRST_LIMIT, PEAK_LIMIT = 0.05, 60.0, 300.0
"""Seconds with nobody due, seconds with a million due at once, and megabytes."""
MILLION = 1_000_000


class Row(NamedTuple):
    """Ours beside its floor, in seconds, and the most that the ratio, or ours, may be; memory where it is known."""

    what: str
    database: str
    ours: float
    floor: float
    ratio: float
    limit: float | None = None
    within: float | None = None
    peak_mb: float | None = None

    @property
    def key(self) -> str:
        """What it is called in the baseline: without the number of what was due."""
        short = [self.what.split(", ")[0], *(word for word in (" all ", "two processes") if word in self.what)]
        return f"{' '.join(map(str.strip, short))}, {self.database}".rstrip(", ")

    def misses(self) -> Iterator[str]:
        """Say what is over its limit."""
        if self.limit is not None and self.ratio > self.limit:
            yield f"{self.key}: {self.ratio:.2f} times the floor, at most {self.limit}"
        if self.within is not None and self.ours > self.within:
            yield f"{self.key}: {self.ours:.3f} s, at most {self.within}"

    @property
    def at_most(self) -> str:
        """Its limit, as a table shows it."""
        return f"{self.limit}" if self.limit is not None else "" if self.within is None else f"{self.within:g} s"


class Growth(NamedTuple):
    """What a number of enrollments costs: a share due, nobody due, all due at once for the first time, and memory.

    All due at once is swept by one process (`one`) and by two (`two`).
    """

    size: int
    share: Row
    idle: float
    one: float
    two: float
    notices: int
    peak_mb: float

    @property
    def key(self) -> str:
        """What it is kept by."""
        return f"{self.size:09}"

    def misses(self) -> Iterator[str]:
        """Say what is over its limit."""
        if self.idle > IDLE_LIMIT:
            yield f"nobody of {self.size:,} due: {1000 * self.idle:.0f} ms, at most {1000 * IDLE_LIMIT:.0f}"
        if self.size == MILLION and self.two > FIRST_LIMIT:
            yield f"all of {self.size:,} due: {self.two:.0f} s, at most {FIRST_LIMIT:.0f}"
        if self.peak_mb > PEAK_LIMIT:
            yield f"memory with {self.size:,}: {self.peak_mb:.0f} MB, at most {PEAK_LIMIT:.0f}"


class Sheet(NamedTuple):
    """A table that a script makes of its own, and which of its limits were missed."""

    title: str
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    missed: Sequence[str] = ()

    @property
    def key(self) -> str:
        """What it is kept by."""
        return self.title

    def misses(self) -> Iterator[str]:
        """Say what is over its limit."""
        yield from (f"{self.title}: {each}" for each in self.missed)

    def table(self) -> Table:
        """Return the table as a terminal shows it."""
        table = Table(title=self.title, title_justify="left", box=None)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="left" if self._is_words(number) else "right")
        for line in self.cells:
            table.add_row(*line)
        return table

    def _is_words(self, number: int) -> bool:
        return number == 0 or self.columns[number] == "on"

    def markdown(self) -> list[str]:
        """Return the table as the docs show it."""
        rule = "".join(" --- |" if self._is_words(number) else " ---: |" for number in range(len(self.columns)))
        lines = [f"| {' | '.join(line)} |" for line in (self.columns, *self.cells)]
        return [f"**{self.title[0].upper()}{self.title[1:]}**", "", lines[0], f"|{rule}", *lines[1:], ""]


def told(sheet: Sheet) -> int:
    """Print a script's table; 1 where it misses a limit."""
    Console(width=100).print(sheet.table())
    return int(bool(sheet.missed))


Found = Row | Growth | Sheet
_KINDS: dict[str, Any] = {"rows": Row, "growth": Growth, "sheets": Sheet}


@dataclass
class Record:
    """What was measured last of each thing, and on what machine."""

    found: dict[str, dict[str, Found]] = field(default_factory=lambda: {kind: {} for kind in _KINDS})
    measured: str = ""

    @classmethod
    def read(cls) -> Record:
        """Read what was kept."""
        record = cls()
        if FIGURES.is_file():
            kept = json.loads(FIGURES.read_text(encoding="utf-8"))
            record.measured = kept.pop("measured")
            for kind, those in kept.items():
                with suppress(TypeError):  # of a version that told other things of it: it is measured anew
                    record.found[kind] = {key: _made(kind, values) for key, values in those.items()}
        return record

    def add(self, each: Found) -> None:
        """Put what was measured in the place of what was measured before."""
        kind = next(kind for kind, made in _KINDS.items() if isinstance(each, made))
        self.found[kind][each.key] = each

    def keep(self) -> None:
        """Write it beside this file."""
        told: dict[str, Any] = {
            kind: {key: each._asdict() for key, each in those.items()} for kind, those in self.found.items()
        }
        FIGURES.write_text(json.dumps({"measured": self.measured, **told}, indent=1) + "\n", encoding="utf-8")

    def sheets(self) -> list[Sheet]:
        """Return every table."""
        rows: list[Any] = list(self.found["rows"].values())
        grown: list[Any] = [each for _, each in sorted(self.found["growth"].items())]
        made = [
            Sheet(
                "beside the bare driver", ("what", "on", "ours s", "floor s", "ratio", "at most", "peak MB"),
                [
                    (r.what, r.database, f"{r.ours:.3f}", f"{r.floor:.3f}", f"{r.ratio:.2f}", r.at_most,
                     "" if r.peak_mb is None else f"{r.peak_mb:.0f}") for r in rows
                ],
            ),
            Sheet(
                "growth, on SQLite",
                ("enrollments", "3 % due s", "floor s", "ratio", "nobody due", "all due s", "by two s", "µs a case",
                 "told", "peak MB"),
                [
                    (f"{g.size:,}", f"{g.share.ours:.3f}", f"{g.share.floor:.3f}", f"{g.share.ratio:.2f}",
                     f"{1000 * g.idle:.1f} ms", f"{g.one:.1f}", f"{g.two:.1f}", f"{1e6 * g.two / g.size:.0f}",
                     f"{g.notices:,}", f"{g.peak_mb:.0f}") for g in grown
                ],
            ),
            *self.found["sheets"].values(),
        ]
        return [each for each in made if isinstance(each, Sheet) and each.cells]


def _made(kind: str, values: dict[str, Any]) -> Found:
    if kind == "growth":
        values["share"] = Row(*values["share"])
    made: Found = _KINDS[kind](**values)
    return made


def machine(busy: float) -> str:
    """Say on what and when this is measured, and the most that the machine had to do as a part began."""
    import sqlite3

    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"Measured last on {date.today()}, {os.cpu_count()} cores, {versions}; load at most {busy:.1f}."


def write(record: Record, docs: Path) -> None:
    """Put the tables and the picture between their marks in the docs; the words around them stay."""
    from tests.benchmarks.floors import statements

    path = docs / "benchmarks.md"
    parts = [record.measured, ""]
    for sheet in record.sheets():
        parts += sheet.markdown()
    grown: list[Any] = [each for _, each in sorted(record.found["growth"].items())]
    if len(grown) > 1:
        (docs / PICTURE).write_bytes(_picture(grown))
        parts += [f"![seconds and memory from {grown[0].size:,} to {grown[-1].size:,} enrollments]({PICTURE})", ""]
    parts += ["**What the floor of a sweep sends, for each batch of 1,000**", "", "```sql", *statements(), "```", ""]
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join([before.rstrip() + "\n", BEGIN, *parts]).rstrip() + f"\n{END}{after}"
    path.write_text(text, encoding="utf-8")


def _picture(grown: Sequence[Growth]) -> bytes:
    """Draw time and memory over the number of enrollments, both axes logarithmic."""
    import io

    import matplotlib as mpl
    from matplotlib.figure import Figure

    from tasks.plots.palette import BLUE, INK, QUIET
    from tasks.plots.style import PAGE, STYLE

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 2.6), layout="constrained")
        time, memory = figure.subplots(1, 2, width_ratios=(2, 1))
        sizes = [each.size for each in grown]
        lines: Any = (
            ("all due", [g.one for g in grown], INK, ("-", 5)),
            ("all due, by two", [g.two for g in grown], INK, (":", -5)),
            ("3 % due", [g.share.ours for g in grown], BLUE, ("-", 5)),
            ("3 % due, floor", [g.share.floor for g in grown], BLUE, (":", -5)),  # hardly below it
            ("nobody due", [g.idle for g in grown], QUIET, ("-", 0)),
        )
        for name, values, colour, (dashes, up) in lines:
            time.loglog(sizes, values, dashes, color=colour, marker="o", markersize=3)
            time.annotate(name, (sizes[-1], values[-1]), (5, up), textcoords="offset points", va="center", color=colour)
        time.set(title="Seconds of a sweep", xlabel="enrollments")
        time.margins(x=0.3)
        memory.semilogx(sizes, [g.peak_mb for g in grown], color=INK, marker="o", markersize=3)
        memory.set(title="Peak MB", xlabel="enrollments", ylim=(0, PEAK_LIMIT))
        out = io.BytesIO()
        figure.savefig(out, format="png")
        return out.getvalue()


def slower(found: Iterable[Found], *, save: bool) -> list[str]:
    """Say which ratios are over the baseline's by more than noise; a row that it lacks is added to it.

    Args:
        found: what was measured.
        save: whether these become the baseline instead.
    """
    known: dict[str, float] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.is_file() else {}
    now = {each.key: round(each.ratio, 2) for each in found if isinstance(each, Row) and each.floor > MEASURABLE}
    worse = [
        f"{name}: {ratio:.2f}, was {known[name]:.2f}" for name, ratio in now.items()
        if not save and name in known and ratio > known[name] * (1 + TOLERANCE)
    ]
    kept = known | now if save else now | known
    if kept != known:
        BASELINE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
    return worse
