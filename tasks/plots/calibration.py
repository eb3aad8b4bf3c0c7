"""How often what was said came to pass."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from models.rules.words import Clock
from tasks.plots.palette import BLUE, ORANGE, QUIET
from tasks.plots.style import Frame, Picture, sheet
from tasks.reports.wording import Wording
from tasks.views.forecasts import JudgedPast


def picture(found: JudgedPast, say: Wording) -> Picture:
    """Draw the chance that was said against the share that came, for the window's end and the limit."""
    if not any(found.verdicts.values()):
        return Picture("calibration", say("plot_calibration_none"))
    return Picture("calibration", say("plot_calibration_alt", what=found.what), partial(_draw, found))


def _draw(found: JudgedPast, frame: Frame) -> Figure:
    say = frame.say
    with sheet(frame._replace(width=5.5), 5.5) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
        for clock, colour in ((Clock.WINDOW_UNTIL, BLUE), (Clock.LIMIT, ORANGE)):
            verdict = found.verdicts[clock]
            if verdict is None:
                continue
            said, came = [each.said for each in verdict.bins], [each.came for each in verdict.bins]
            marker = "o" if clock is Clock.LIMIT else "s"
            axes.plot(said, came, color=colour, linewidth=1.5, marker=marker, markersize=4)
            sizes = [900 * each.number / verdict.number for each in verdict.bins]
            axes.scatter(said, came, s=sizes, color=colour, alpha=0.25, linewidths=0)
            label = say(
                f"plot_calibration_{clock}", error=f"{verdict.error:.2f}", skill=f"{verdict.against_days_left:.2f}"
            )
            place = 0.98 if clock is Clock.WINDOW_UNTIL else 0.92
            axes.text(0.02, place, label, color=colour, transform=axes.transAxes, va="top")
        axes.set(
            title=say("plot_calibration_title", what=found.what), xlabel=say("plot_calibration_x"),
            ylabel=say("plot_calibration_y"), xlim=(0, 1), ylim=(0, 1), aspect="equal",
        )
    return figure
