"""How far enrollments came, and how long each stage takes: the funnel, time in stage, and what a fit makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from models.rules.forecast.fitting import Fit
from models.rules.policy import Policy
from tasks.plots.palette import BLUE, INK, ORANGE, PALE, QUIET, SKY
from tasks.plots.style import Frame, Picture, name_rows, sheet
from tasks.reports.gathering import StageRow
from tasks.reports.wording import Wording

LABELLED = 3
"""The longest stages of a fit are named; the others would only be a tangle."""
BAR, ROW = 0.6, 0.36


def funnel(rows: Sequence[StageRow], policy: Policy, say: Wording) -> Picture:
    """Draw of each stage how many enrollments reached it, and how many of them stand in it now."""
    if not any(row.reached for row in rows):
        return Picture("funnel", say("plot_funnel_none"))
    said = "; ".join(f"{_name(row, policy, say)} {row.reached}, {row.standing}" for row in rows)
    return Picture("funnel", say("plot_funnel_alt", said=said), partial(_funnel, rows, policy))


def _funnel(rows: Sequence[StageRow], policy: Policy, frame: Frame) -> Figure:
    say, most = frame.say, max(row.reached for row in rows)
    with sheet(frame, 0.8 + (ROW + 0.14 * frame.narrow) * len(rows)) as (figure, axes):
        for place, row in enumerate(reversed(rows)):
            axes.barh(place, row.reached, height=BAR, color=SKY, alpha=0.45)
            axes.barh(place, row.standing, height=BAR, color=BLUE)
            axes.text(row.reached + most * 0.01, place, say.number(row.reached), va="center", color=INK)
            if row.standing:
                inside = row.standing > most * 0.06
                x, ha, hue = (most * 0.008, "left", "white") if inside else (row.standing + most * 0.008, "left", BLUE)
                axes.text(x, place, say.number(row.standing), va="center", ha=ha, color=hue, fontweight="bold")
        name_rows(axes, [_name(row, policy, say) for row in reversed(rows)], frame=frame, reach=BAR / 2)
        axes.set_xlim(0, most * 1.08)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.text(0, 1.0, say("plot_funnel_standing"), transform=axes.transAxes, color=BLUE, fontweight="bold",
                  va="bottom")
        axes.text(1.0, 1.0, say("plot_funnel_reached"), transform=axes.transAxes, color=QUIET, ha="right", va="bottom")
    return figure


def spans(rows: Sequence[StageRow], policy: Policy, say: Wording) -> Picture:
    """Draw the days that eight in ten took for each stage, the median, and what was expected."""
    told = [row for row in rows if row.days is not None]
    if not told:
        return Picture("time_in_stage", say("plot_spans_none"))
    return Picture("time_in_stage", say("plot_spans_alt"), partial(_spans, told, policy))


def _spans(rows: Sequence[StageRow], policy: Policy, frame: Frame) -> Figure:
    say = frame.say
    with sheet(frame, 1.0 + (ROW + 0.14 * frame.narrow) * len(rows)) as (figure, axes):
        most = max(max(row.days[2], row.expected) for row in rows if row.days is not None)
        for place, row in enumerate(reversed(rows)):
            assert row.days is not None, "rows without days are not drawn"
            low, middle, high = row.days
            axes.barh(place, max(high - low, most / 200), left=low, height=BAR * 0.7, color=SKY, alpha=0.55)
            axes.plot(middle, place, marker="D", color=BLUE, markersize=5)
            axes.plot([row.expected] * 2, [place - 0.36, place + 0.36], color=ORANGE, linewidth=2)
            axes.text(high + most * 0.015, place, f"n = {row.finished}", va="center", color=QUIET, fontsize=8)
        name_rows(axes, [_name(row, policy, say) for row in reversed(rows)], frame=frame, reach=BAR / 2)
        axes.set_xlim(0, most * 1.12)
        axes.grid(axis="x")
        axes.set_xlabel(say("plot_spans_x"))
        axes.text(0, 1.0, say("plot_spans_took"), transform=axes.transAxes, color=BLUE, va="bottom")
        # A phone has no room beside what took so long: it says what was expected above it.
        axes.annotate(
            say("plot_spans_expected"), (1, 1), (0, 13 * frame.narrow), xycoords="axes fraction",
            textcoords="offset points", color=ORANGE, ha="right", va="bottom",
        )
    return figure


def _name(row: StageRow, policy: Policy, say: Wording) -> str:
    return policy.stage[row.stage].name.text(say.language)


def survival(fit: Fit, policy: Policy, say: Wording) -> Picture:
    """Draw what a fit says: the share that is still in a stage after so many days, on the track that most finished."""
    track = _longest_known(fit)
    name = policy.tracks[track].name.text(say.language)
    return Picture("stages", say("plot_survival_alt", track=name, on=fit.as_of), partial(_survival, fit, policy))


def _longest_known(fit: Fit) -> str:
    return max(fit.tracks, key=lambda name: fit.tracks[name].finished)


def _survival(fit: Fit, policy: Policy, frame: Frame) -> Figure:
    say, days, track = frame.say, np.arange(1, 900), _longest_known(fit)
    with sheet(frame, 3.4) as (figure, axes):
        stages = sorted(policy.path[:-1], key=lambda stage: -fit.medians[track][stage.code])
        for number, stage in enumerate(stages):
            median, spread = fit.medians[track][stage.code], fit.stages[stage.code].spread
            still = 1 / (1 + (days / median) ** (1 / spread))
            main = number < LABELLED
            hue = (BLUE, ORANGE, INK)[number] if main else QUIET
            axes.plot(days, still, color=hue, linewidth=1.6 if main else 0.9)
            if main:
                text = say("plot_survival_line", stage=stage.name.text(say.language),
                           number=fit.stages[stage.code].finished)
                axes.text(0.99, 0.97 - 0.07 * number, text, color=hue, ha="right", va="top", transform=axes.transAxes)
        others = ", ".join(stage.name.text(say.language) for stage in stages[LABELLED:])
        axes.text(0.99, 0.97 - 0.07 * LABELLED, say("plot_survival_grey", others=others), color=QUIET, ha="right",
                  va="top", transform=axes.transAxes, fontsize=8, wrap=True)
        name = policy.tracks[track].name.text(say.language)
        axes.set(
            title=say("plot_survival_title", track=name, on=fit.as_of), xlabel=say("plot_survival_x"),
            ylabel=say("plot_survival_y"), ylim=(0, 1.02), xlim=(0, 900), facecolor="white",
        )
        axes.grid(axis="y", color=PALE)
    return figure
