"""What the bench found, told: as tables in a terminal and in the docs, as a picture, and against the baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.15
"""How much of a ratio is noise: pairs of one run differ by a tenth on a machine that does nothing else."""
BEGIN, END = "<!-- written by make bench -->", "<!-- until here -->"
PICTURE = "benchmarks.png"


class Row(NamedTuple):
    """Ours beside its floor, in seconds, and the most that the ratio may be."""

    what: str
    database: str
    ours: float
    floor: float
    ratio: float
    limit: float | None = None

    @property
    def misses(self) -> bool:
        """Whether it is over its limit."""
        return self.limit is not None and self.ratio > self.limit

    @property
    def name(self) -> str:
        """What it is called in the baseline: without the number of what was due."""
        return f"{self.what.split(', ')[0]}{' all' if ' all ' in self.what else ''}, {self.database}".rstrip(", ")


class Growth(NamedTuple):
    """What a number of enrollments costs: a share due, nobody due, all due at once for the first time, and memory."""

    size: int
    share: Row
    idle: float
    first: float
    notices: int
    peak_mb: float


class Shape(NamedTuple):
    """Seconds a case: as ORM objects one by one, as a Prefect task each, and in batches."""

    cases: int
    objects: float
    tasks: float
    batches: float


Found = Row | Growth | Shape
Cells = tuple[str, Sequence[str], list[Sequence[str]]]


def _sheets(found: Iterable[Found]) -> list[Cells]:
    """Return the tables: a title, the columns, and the cells of each row."""
    every = list(found)
    rows = [each for each in every if isinstance(each, Row)]
    grown = [each for each in every if isinstance(each, Growth)]
    shapes = [each for each in every if isinstance(each, Shape)]
    sheets: list[Cells] = []
    if rows:
        cells: list[Sequence[str]] = [
            (r.what, r.database, f"{r.ours:.3f}", f"{r.floor:.3f}", f"{r.ratio:.2f}", f"{r.limit or ''}") for r in rows
        ]
        sheets.append(("beside the bare driver", ("what", "on", "ours s", "floor s", "ratio", "at most"), cells))
    if grown:
        cells = [
            (f"{g.size:,}", f"{g.share.ours:.3f}", f"{g.share.floor:.3f}", f"{g.share.ratio:.2f}",
             f"{1000 * g.idle:.1f} ms", f"{g.first:.1f}", f"{1e6 * g.first / g.size:.0f}", f"{g.notices:,}",
             f"{g.peak_mb:.0f}") for g in grown
        ]
        titles = (
            "enrollments", "3 % due s", "floor s", "ratio", "nobody due", "all due s", "µs a case", "told", "peak MB",
        )
        sheets.append(("growth, on SQLite", titles, cells))
    if shapes:
        cells = [
            (name, f"{1 / taken:,.0f}", f"{taken / each.batches:,.0f}") for each in shapes
            for name, taken in (
                ("in batches", each.batches), ("ORM objects, one by one", each.objects),
                ("a Prefect task each, ORM objects", each.tasks),
            )
        ]
        sheets.append(("the common shape, 1,000 cases", ("way", "cases a second", "as long as batches"), cells))
    return sheets


def tables(found: Iterable[Found]) -> list[Table]:
    """Return the tables as a terminal shows them."""
    made = []
    for title, columns, cells in _sheets(found):
        table = Table(title=title, title_justify="left", box=None)
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number == 0 or column == "on" else "right")
        for line in cells:
            table.add_row(*line)
        made.append(table)
    return made


def write(found: Sequence[Found], docs: Path) -> None:
    """Put the tables and the picture between their marks in the docs; the words around them stay."""
    from tests.benchmarks.floors import statements

    path = docs / "benchmarks.md"
    parts: list[str] = []
    for title, columns, cells in _sheets(found):
        parts += [f"**{title[0].upper()}{title[1:]}**", ""]
        parts += [f"| {' | '.join(columns)} |", f"|{' --- |' + ' ---: |' * (len(columns) - 1)}"]
        parts += [*(f"| {' | '.join(line)} |" for line in cells), ""]
    grown = [each for each in found if isinstance(each, Growth)]
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
            ("all due", [g.first for g in grown], INK, "-"), ("3 % due", [g.share.ours for g in grown], BLUE, "-"),
            ("3 % due, floor", [g.share.floor for g in grown], BLUE, ":"),
            ("nobody due", [g.idle for g in grown], QUIET, "-"),
        )
        for name, values, colour, dashes in lines:
            time.loglog(sizes, values, dashes, color=colour, marker="o", markersize=3)
            time.annotate(name, (sizes[-1], values[-1]), (5, 0), textcoords="offset points", va="center", color=colour)
        time.set(title="Seconds of a sweep", xlabel="enrollments")
        time.margins(x=0.3)
        memory.semilogx(sizes, [g.peak_mb for g in grown], color=INK, marker="o", markersize=3)
        memory.set(title="Peak MB", xlabel="enrollments", ylim=(0, 300))
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
    now = {each.name: round(each.ratio, 2) for each in found if isinstance(each, Row)}
    worse = [
        f"{name}: {ratio:.2f}, was {known[name]:.2f}" for name, ratio in now.items()
        if not save and name in known and ratio > known[name] * (1 + TOLERANCE)
    ]
    kept = known | now if save else now | known
    if kept != known:
        BASELINE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
    return worse
