"""Pictures of the forecast, in one house style: dark on white, two hues that every eye tells apart, no ink but data.

Orange and blue of the Okabe-Ito palette; what is uncertain is a band, what is known a line. Each picture is written as
PNG to look at and as SVG to print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.rules.dates import add_months
from models.rules.errors import Refused
from models.rules.forecast.answers import awards, percent
from models.rules.forecast.fitting import Fit
from models.rules.policy import Policy
from models.rules.words import Clock
from tasks.views.forecasts import Forecasts, JudgedPast

INK, QUIET, BLUE, ORANGE, SKY = "#222222", "#8a8a8a", "#0072b2", "#d55e00", "#56b4e9"
STYLE: Any = {
    "font.family": "sans-serif", "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": QUIET,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.color": INK, "ytick.color": INK,
    "axes.titleweight": "bold", "axes.titlesize": 12, "axes.titlelocation": "left", "figure.facecolor": "white",
    "savefig.dpi": 144, "svg.fonttype": "none", "svg.hashsalt": "acredita",
}
MONTHS_OF_FAN = 24


@contextmanager
def _picture(size: tuple[float, float]) -> Iterator[tuple[Figure, Axes]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure, figure.add_subplot()


def _saved(figure: Figure, folder: Path, name: str) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            # Without a date: the same data give the same file.
            figure.savefig(path, metadata={"Date": None} if kind == "svg" else None)
            yield path
    except OSError as error:
        what = f"cannot be written ({error.strerror})."
        raise Refused.one(str(folder), what, "Name a folder that can.") from None


def draw_forecasts(found: Forecasts, folder: Path) -> Iterator[Path]:
    """Draw the windows with their forecasts, the awards to come, and how long stages take."""
    yield from _windows(found, folder)
    yield from _fan(found, folder)
    yield from _survival(found.fit, found.program.policy, folder)


def draw_backtest(found: JudgedPast, folder: Path) -> Iterator[Path]:
    """Draw how often what was said came to pass."""
    with _picture((5.5, 5.5)) as (figure, axes):
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
            name = "the limit" if clock is Clock.LIMIT else "the window's end"
            label = f"by {name}: error {verdict.error:.2f}, skill {verdict.against_days_left:.2f} on days left"
            place = 0.98 if clock is Clock.WINDOW_UNTIL else 0.92
            axes.text(0.02, place, label, color=colour, transform=axes.transAxes, va="top")
        axes.set(
            title=f"Said and came to pass:\n{found.what}", xlabel="chance that was said", ylabel="share that came",
            xlim=(0, 1), ylim=(0, 1), aspect="equal",
        )
        yield from _saved(figure, folder, "calibration")


def _windows(found: Forecasts, folder: Path) -> Iterator[Path]:
    told = [each for each in found.answers if not each.cannot_say][::-1]
    last = found.program.policy.conference_days[-1] if found.forecaster.snaps else None
    months = found.program.policy.window.until_month - found.program.policy.window.from_month
    with _picture((9, 1.5 + 0.27 * len(told))) as (figure, axes):
        for row, each in enumerate(told):
            beyond = last or add_months(found.as_of, 60)
            p10, p50, p90 = (on if on is not None else beyond for on in each.days)
            opens, hue = add_months(each.window_until, -months), _hue(each.in_window, found)
            axes.barh(row, (each.window_until - opens).days, left=_number(opens), height=0.62, color="#e6e6e6")
            axes.plot([_number(p10), _number(p90)], [row, row], color=hue, linewidth=4, alpha=0.55)
            axes.plot(_number(p50), row, marker="D", color=hue, markersize=5)
            axes.plot([_number(each.limit)] * 2, [row - 0.36, row + 0.36], color=INK, linewidth=1.4)
            axes.text(1.01, row, percent(each.in_window), transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        axes.axvline(_number(found.as_of), color=QUIET, linewidth=1, linestyle=":")
        axes.set_yticks(range(len(told)), [found.codes[each.enrollment] for each in told], fontsize=8)
        axes.xaxis_date()
        axes.set_title(f"Forecast awards on {found.as_of}: p10 to p90, median; window grey, limit black")
        axes.text(1.01, len(told) + 0.1, "in window", transform=axes.get_yaxis_transform(), fontsize=9, color=QUIET)
        yield from _saved(figure, folder, "windows")


def _hue(chance: float, found: Forecasts) -> str:
    terms = found.program.policy.forecast
    assert terms is not None
    return ORANGE if chance < terms.band.at_risk_below / 100 else BLUE


def _number(day: date) -> float:
    return float(mpl.dates.date2num(day))  # type: ignore[attr-defined]


def _fan(found: Forecasts, folder: Path) -> Iterator[Path]:
    ahead = [add_months(found.as_of, month) for month in range(MONTHS_OF_FAN + 1)]
    told = awards(found.forecaster, found.journeys, found.as_of, on_days=ahead)
    first: dict[int, date] = {}
    for each in found.journeys:
        if each.awarded_on is not None:
            first[each.agency] = min(each.awarded_on, first.get(each.agency, each.awarded_on))
    past = sorted(first.values())
    with _picture((8, 4.5)) as (figure, axes):
        known: Sequence[Any] = [*past, found.as_of]
        axes.step(known, [*range(1, len(past) + 1), len(past)], where="post", color=INK, linewidth=1.5)
        days: Sequence[Any] = [each.on for each in told]
        axes.fill_between(
            days, [each.low for each in told], [each.high for each in told], step="post", color=SKY, alpha=0.45,
            linewidth=0,
        )
        axes.step(days, [each.mean for each in told], where="post", color=BLUE, linewidth=1.5)
        axes.text(days[-1], told[-1].mean, f" {told[-1].mean:.0f}", color=BLUE, va="center")
        terms = found.program.policy.forecast
        if terms is not None and terms.target is not None:
            axes.plot(_number(terms.target.by), terms.target.agencies, marker="*", markersize=13, color=ORANGE)
            chance = "passed" if found.target is None else percent(found.target.chance)
            label = f"{terms.target.agencies} by {terms.target.by}: {chance}  "
            axes.text(_number(terms.target.by), terms.target.agencies, label, color=ORANGE, ha="right", va="center")
        title = f"Accredited agencies, and those to come (8 in 10 within the band) on {found.as_of}"
        axes.set(title=title, ylim=(0, None))
        yield from _saved(figure, folder, "awards")


def _survival(fit: Fit, policy: Policy, folder: Path) -> Iterator[Path]:
    track = max(fit.tracks, key=lambda name: fit.tracks[name].finished)
    days = np.arange(1, 900)
    with _picture((8, 4.5)) as (figure, axes):
        stages = sorted(policy.path[:-1], key=lambda stage: -fit.medians[track][stage.code])
        for number, stage in enumerate(stages):
            median, spread = fit.medians[track][stage.code], fit.stages[stage.code].spread
            still = 1 / (1 + (days / median) ** (1 / spread))
            main = number < LABELLED
            hue = (BLUE, ORANGE, INK)[number] if main else QUIET
            axes.plot(days, still, color=hue, linewidth=1.6 if main else 0.9)
            if main:
                data = f"{stage.name.en}, {fit.stages[stage.code].finished} finished"
                axes.text(0.99, 0.97 - 0.07 * number, data, color=hue, ha="right", va="top", transform=axes.transAxes)
        others = ", ".join(stage.name.en for stage in stages[LABELLED:])
        axes.text(0.99, 0.97 - 0.07 * LABELLED, f"grey: {others}", color=QUIET, ha="right", va="top",
                  transform=axes.transAxes, fontsize=8)
        name = policy.tracks[track].name.en
        axes.set(
            title=f"Still in the stage after so many days: {name}, fit of {fit.as_of}", xlabel="days in the stage",
            ylabel="share still there", ylim=(0, 1.02), xlim=(0, 900),
        )
        yield from _saved(figure, folder, "stages")


LABELLED = 3
"""The longest stages are named; the others would only be a tangle."""
