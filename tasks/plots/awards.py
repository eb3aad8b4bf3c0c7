"""Awards so far and to come, against the target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.rules.dates import add_months
from tasks.plots.palette import BLUE, INK, ORANGE, SKY
from tasks.plots.style import Frame, Picture, by_years, number, sheet
from tasks.reports.gathering import Fan
from tasks.reports.wording import Wording

Dates = Sequence[Any]
"""Days along an axis: matplotlib takes them, its types do not say so."""


def picture(fan: Fan, say: Wording) -> Picture:
    """Draw accredited agencies as steps, and those to come as a band with its mean; words where there is neither."""
    if not fan.past and not any(each.high for each in fan.ahead):
        return Picture("awards", say("plot_awards_none", on=fan.on))
    return Picture("awards", say("plot_awards_alt", on=fan.on, number=len(fan.past)), partial(_draw, fan))


def _draw(fan: Fan, frame: Frame) -> Figure:
    say = frame.say
    with sheet(frame, 3.2 if frame.narrow else 3.4) as (figure, axes):
        first = fan.past[0] if fan.past else fan.on
        ends = [fan.on, *(each.on for each in fan.ahead), *([fan.goal[1]] if fan.goal is not None else [])]
        by_years(axes, add_months(first, -3), add_months(max(ends), 3))
        known: Dates = [first, *fan.past, fan.on]
        axes.step(known, [0, *range(1, len(fan.past) + 1), len(fan.past)], where="post", color=INK, linewidth=1.6)
        if fan.ahead:
            _band(axes, fan)
        if fan.goal is not None:
            _goal(axes, fan, say)
        axes.axvline(number(fan.on), color=INK, linewidth=0.8, linestyle=":")
        axes.grid(axis="y")
        axes.set_ylim(0, None)
        axes.set_ylabel(say("plot_awards_y"))
    return figure


def _band(axes: Axes, fan: Fan) -> None:
    days: Dates = [each.on for each in fan.ahead]
    low, high = [each.low for each in fan.ahead], [each.high for each in fan.ahead]
    axes.fill_between(days, low, high, step="post", color=SKY, alpha=0.45, linewidth=0)
    axes.step(days, [each.mean for each in fan.ahead], where="post", color=BLUE, linewidth=1.6)


def _goal(axes: Axes, fan: Fan, say: Wording) -> None:
    assert fan.goal is not None, "asked only where there is one"
    agencies, by = fan.goal
    axes.plot(number(by), agencies, marker="*", markersize=12, color=ORANGE, clip_on=False)
    chance = f": {say.chance(fan.target.chance)}" if fan.target is not None else ""
    label = f"{say('plot_awards_goal', agencies=agencies, by=by)}{chance}"
    axes.annotate(
        label, (number(by), agencies), xytext=(-9, 0), textcoords="offset points", color=ORANGE, ha="right",
        va="center", fontsize=8.5,
    )
