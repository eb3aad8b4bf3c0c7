"""The share of open enrollments at risk and overdue over the quarters: the program, and each group of regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from models.rules.reporting.groups import ALL
from models.rules.words import Risk
from tasks.plots.palette import OF_RISK
from tasks.plots.style import Frame, Picture, by_years
from tasks.reports.gathering import RiskRow
from tasks.reports.wording import Wording

COLUMNS, NARROW_COLUMNS = 3, 2
HALF_A_QUARTER, YEARS_A_PANEL = timedelta(days=45), 5


def picture(rows: Sequence[RiskRow], names: Mapping[str, str], say: Wording) -> Picture:
    """Draw a small panel for each group, all on one scale."""
    told = {name: [row for row in rows if row.group == name and row.open] for name in dict.fromkeys(
        [ALL, *(row.group for row in rows)]
    )}
    told = {name: points for name, points in told.items() if points}
    if not told:
        return Picture("risk", say("plot_risk_none"))
    return Picture("risk", say("plot_risk_alt"), partial(_draw, told, names))


def _draw(told: Mapping[str, Sequence[RiskRow]], names: Mapping[str, str], frame: Frame) -> Figure:
    columns = min(NARROW_COLUMNS if frame.narrow else COLUMNS, len(told))
    lines = -(-len(told) // columns)
    figure = Figure(figsize=(frame.width, 0.5 + 1.45 * lines), layout="constrained")
    days = [row.on for points in told.values() for row in points]
    grid: Any = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    cells = list(grid.flat)
    for axes, (name, points) in zip(cells, told.items(), strict=False):
        _panel(axes, points)
        axes.set_title(names.get(name, name), fontsize=7 if frame.narrow else 8.5, pad=3)
        by_years(axes, min(days) - HALF_A_QUARTER, max(days) + HALF_A_QUARTER, most=YEARS_A_PANEL)
        axes.tick_params(axis="x", labelsize=7.5)
    for axes in cells[len(told):]:
        axes.set_visible(False)
    patches = [Patch(color=OF_RISK[each], label=frame.say(each)) for each in (Risk.AT_RISK, Risk.OVERDUE)]
    figure.legend(
        handles=patches, loc="outside upper left", ncols=2, frameon=False, borderpad=0, handlelength=1, fontsize=8.5
    )
    return figure


def _panel(axes: Axes, points: Sequence[RiskRow]) -> None:
    days: Sequence[Any] = [row.on for row in points]
    overdue = [100 * (row.overdue or 0) / (row.open or 1) for row in points]
    both = [100 * ((row.overdue or 0) + (row.at_risk or 0)) / (row.open or 1) for row in points]
    if len(points) == 1:
        axes.bar(days, both, width=40, color=OF_RISK[Risk.AT_RISK])
        axes.bar(days, overdue, width=40, color=OF_RISK[Risk.OVERDUE])
    else:
        axes.fill_between(days, overdue, both, color=OF_RISK[Risk.AT_RISK], alpha=0.85, linewidth=0)
        axes.fill_between(days, 0, overdue, color=OF_RISK[Risk.OVERDUE], linewidth=0)
        axes.plot(days, both, color=OF_RISK[Risk.AT_RISK], linewidth=1)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"], fontsize=7.5)
    axes.grid(axis="y")
