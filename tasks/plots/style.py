"""The one style of every plot: dark on white, no ink but data, what is uncertain a band and what is known a line.

A picture is drawn for a width: that of a printed page, or of a phone. It is written as PNG to look at and as SVG to
print, the same data always as the same file. Where there is nothing to draw, a picture is a sentence.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.dates as _dates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tasks.plots.palette import INK, PALE, QUIET
from tasks.reports.wording import Wording

STYLE: Any = {
    "font.family": "sans-serif", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": QUIET,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7, "axes.axisbelow": True,
    "axes.titleweight": "bold", "axes.titlesize": 10, "axes.titlelocation": "left", "axes.titlepad": 10,
    "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "grid.color": PALE, "grid.linewidth": 0.8,
    "figure.facecolor": "white", "svg.fonttype": "path", "svg.hashsalt": "acredita",
}
DATES: Any = _dates
"""Matplotlib says nothing of the types of its dates."""
FEW_YEARS = 2
DOTS = 144
"""Pixels to an inch of a PNG."""


class Frame(NamedTuple):
    """How wide a picture is, in inches, and in whose words."""

    width: float
    say: Wording

    @property
    def narrow(self) -> bool:
        """Whether it is for a phone: fewer words, and names above their bars."""
        return self.width < PAGE


PAGE, PHONE = 7.1, 3.9
"""Inches: an A4 page between its margins, and a phone's width at the same size of letters."""


@dataclass(frozen=True)
class Picture:
    """Something to look at, with the words that stand for it: under it, and in its place where it cannot be drawn."""

    name: str
    alternative: str
    draw: Callable[[Frame], Figure] | None = None

    def drawn(self, frame: Frame, kinds: Iterable[str] = ("svg", "png")) -> dict[str, bytes]:
        """Return it as files by their kind, all of one drawing; none where there is nothing to draw."""
        if self.draw is None:
            return {}
        found: dict[str, bytes] = {}
        with mpl.rc_context(STYLE):
            figure = self.draw(frame)
            for kind in kinds:
                found[kind] = _WRITERS[kind](figure)
                figure.set_layout_engine("none")  # it is laid out now: half of the time that a picture takes
        return found


# Figure.savefig draws everything twice, once to find out what is there to be drawn.
def _svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(out, metadata={"Date": None})  # without it the same data give the same file
    return out.getvalue()


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.set_dpi(DOTS)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(out)
    return out.getvalue()


_WRITERS: dict[str, Callable[[Figure], bytes]] = {"svg": _svg, "png": _png}


@contextmanager
def sheet(frame: Frame, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Give an empty sheet of a frame's width."""
    figure = Figure(figsize=(frame.width, height), layout="constrained")
    yield figure, figure.add_subplot()


def number(day: date) -> float:
    """Return a day as the axes count it."""
    return float(DATES.date2num(day))


def by_years(axes: Axes, since: date, until: date, *, most: int = 12) -> None:
    """Let the days run along the bottom, told in numbers that every language reads alike; years at most so many."""
    axes.set_xlim(number(since), number(until))
    if (until - since).days > FEW_YEARS * 366:
        axes.xaxis.set_major_locator(DATES.YearLocator(-(-(until.year - since.year) // most) or 1))
        axes.xaxis.set_major_formatter(DATES.DateFormatter("%Y"))
    else:
        months = (until - since).days / 30
        step = next((each for each in (1, 2, 3, 6) if months / each <= most // 2 + 1), 12)
        axes.xaxis.set_major_locator(DATES.MonthLocator(range(1, 13, step)) if months > most else DATES.AutoDateLocator(
            minticks=2, maxticks=7
        ))
        axes.xaxis.set_major_formatter(DATES.DateFormatter("%Y-%m"))


def name_rows(axes: Axes, names: Sequence[str], *, frame: Frame, reach: float) -> None:
    """Name rows from the bottom up: beside their bars, or above them where there is no room beside.

    `reach` is how far a bar reaches up from the middle of its row.
    """
    bare(axes)
    axes.set_ylim(-0.55, len(names) - (0.3 if frame.narrow else 0.45))
    if not frame.narrow:
        axes.set_yticks(range(len(names)), names)
        return
    axes.set_yticks([])
    for place, name in enumerate(names):
        axes.annotate(name, (0, place + reach), xytext=(0, 1), textcoords="offset points", fontsize=7.5, va="bottom")


def bare(axes: Axes) -> None:
    """Take the left axis away, where the rows have names."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
