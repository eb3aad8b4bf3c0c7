"""Windows as bars, each with the band of its forecast award: who has time, who has not, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

from matplotlib.figure import Figure

from models.rules.dates import add_months
from models.rules.forecast.answers import Answer
from models.rules.policy import Policy
from tasks.plots.palette import BLUE, INK, ORANGE, PALE, QUIET
from tasks.plots.style import Frame, Picture, bare, by_years, number, sheet
from tasks.reports.wording import Wording

BEYOND_MONTHS = 60


class Row(NamedTuple):
    """One enrollment: its window and limit, and p10, p50 and p90 of its award with the chance of the window.

    `days` is None where the forecast cannot say.
    """

    name: str
    opens: date
    until: date
    limit: date
    days: tuple[date, date, date] | None
    chance: float
    at_risk: bool


def rows_of(answers: Sequence[Answer], codes: Mapping[int, str], policy: Policy) -> list[Row]:
    """Return what the forecast says of open enrollments, the most at risk first, those it cannot speak of last."""
    assert policy.forecast is not None, "a program that is forecast has its terms"
    months = policy.window.until_month - policy.window.from_month
    below = policy.forecast.band.at_risk_below / 100
    found = []
    for each in answers:
        beyond = policy.conference_days[-1] if policy.conference_days else add_months(each.as_of, BEYOND_MONTHS)
        p10, p50, p90 = (on if on is not None else beyond for on in each.days)
        found.append(Row(
            codes[each.enrollment], add_months(each.window_until, -months), each.window_until, each.limit,
            None if each.cannot_say else (p10, p50, p90), each.in_window, each.in_window < below,
        ))
    return found


def picture(rows: Sequence[Row], on: date, say: Wording) -> Picture:
    """Draw a row for each enrollment."""
    if not rows:
        return Picture("windows", say("plot_gantt_none"))
    return Picture("windows", say("plot_gantt_alt", on=on, number=len(rows)), partial(_draw, rows, on))


def _draw(rows: Sequence[Row], on: date, frame: Frame) -> Figure:
    say = frame.say
    with sheet(frame, 0.9 + 0.2 * len(rows)) as (figure, axes):
        bare(axes)
        for place, row in enumerate(reversed(rows)):
            axes.barh(place, (row.until - row.opens).days, left=number(row.opens), height=0.66, color=PALE)
            axes.plot([number(row.limit)] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.5)
            hue = ORANGE if row.at_risk else BLUE
            if row.days is not None:
                p10, p50, p90 = map(number, row.days)
                axes.plot([p10, p90], [place, place], color=hue, linewidth=3.5, alpha=0.5, solid_capstyle="butt")
                axes.plot(p50, place, marker="D", color=hue, markersize=4)
            told = say.chance(row.chance) if row.days is not None else say("plot_gantt_unknown")
            axes.text(1.01, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5,
                      color=hue if row.days is not None else QUIET)
        days = [day for row in rows for day in (row.opens, row.limit, *(row.days or ()))]
        by_years(axes, min(days), max([*days, on]), most=3 if frame.narrow else 12)
        axes.axvline(number(on), color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [row.name for row in reversed(rows)], fontsize=6.5 if frame.narrow else 7.5)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.grid(axis="x")
        axes.text(1.01, len(rows) - 0.25, say("plot_gantt_chance"), transform=axes.get_yaxis_transform(), fontsize=7.5,
                  color=QUIET, va="bottom")
    return figure
