"""How long escalations wait for an answer: that somebody takes them, or that their cause is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.figure import Figure

from tasks.plots.palette import BLUE, QUIET, SKY
from tasks.plots.style import Frame, Picture, name_rows, sheet
from tasks.reports.gathering import EscalationRow
from tasks.reports.wording import Wording

BAR = 0.4


def picture(rows: Sequence[EscalationRow], names: Mapping[str, str], say: Wording) -> Picture:
    """Draw of each rule the days until the middle half of its escalations were answered, and the median."""
    told = sorted((row for row in rows if row.days is not None), key=lambda row: row.days[1] if row.days else 0)
    if not told:
        return Picture("responses", say("plot_responses_none"))
    return Picture("responses", say("plot_responses_alt"), partial(_draw, told, names))


def _draw(rows: Sequence[EscalationRow], names: Mapping[str, str], frame: Frame) -> Figure:
    say, most = frame.say, max(row.days[2] for row in rows if row.days is not None) or 1
    with sheet(frame, 0.9 + (0.5 if frame.narrow else 0.34) * len(rows)) as (figure, axes):
        for place, row in enumerate(reversed(rows)):
            assert row.days is not None, "rows without days are not drawn"
            low, middle, high = row.days
            axes.barh(place, max(high - low, most / 200), left=low, height=BAR, color=SKY, alpha=0.55)
            axes.plot(middle, place, marker="D", color=BLUE, markersize=5)
            axes.text(high + most * 0.015, place, f"n = {row.answered}", va="center", color=QUIET, fontsize=8)
        name_rows(axes, [names.get(row.rule, row.rule) for row in reversed(rows)], frame=frame, reach=BAR / 2)
        axes.set_xlim(0, most * 1.14)
        axes.grid(axis="x")
        axes.set_xlabel(say("plot_responses_x"))
    return figure
