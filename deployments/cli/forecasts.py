"""What is to come and how well it was foreseen: the fit, forecasts, the backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, AsOf, app, ready, say
from models.rules.words import Language

AsHappened = Annotated[
    bool,
    Parameter(
        name="--as-happened", negative="",
        help="Take everything as known on the day it happened: for a history that was imported whole.",
    ),
]


@app.command(name="fit")
def fit_(*, as_of: AsOf = None, anyway: bool = False, as_json: AsJson = False) -> None:
    """Learn how long stages take from this program's own history, when there is something new to learn.

    Args:
        anyway: fit even if no fit is due.
    """
    from tasks import forecasting
    from tasks.sweep import day_to_sweep

    engine = ready()
    day = day_to_sweep(engine, as_of)
    why = forecasting.fit_is_due(engine, day)
    if why is None and not anyway:
        say({"fitted": False}, as_json, lambda: f"no fit is due on {day}; --anyway makes one")
        return
    made = forecasting.make_fit(engine, day)
    say(
        {"fitted": True, **vars(made)}, as_json,
        lambda: f"fit {made.id} of {day}, since {why or 'it was asked for'}: {made.finished} finished stages of "
        f"{made.enrollments} enrollments; {made.due} cases come due",
    )


@app.command
def forecast(enrollment: str | None = None, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """How likely an award is in time, when, and what to do by when; of the whole program without ENROLLMENT.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
    """
    from tasks.views import forecasts

    found = forecasts.forecasts(ready(), enrollment, as_of)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing_forecasts import print_forecasts

    print_forecasts(found)


@app.command
def backtest(
    *,
    synthetic: int | None = None,
    as_happened: AsHappened = False,
    plots: Path | None = None,
    language: Language = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Forecast this program's past again with what was known then, and say how good that was.

    Args:
        synthetic: judge the synthetic cohort of this seed instead, whole.
        plots: a folder to write the pictures to, as PNG and SVG.
        language: of the pictures' words.
    """
    from tasks.views import forecasts

    found = forecasts.judged_past(synthetic=synthetic, as_happened=as_happened)
    if plots is not None:
        from tasks.plots.sets import drawn_to, of_judged

        for line in drawn_to(plots, of_judged(found), language):
            print(line)
    if as_json:
        print(json.dumps(found.as_dict(), default=str))
        return
    from deployments.printing_forecasts import print_backtest

    print_backtest(found)


@app.command(name="plot-forecast")
def plot_forecast(folder: Path, *, as_of: AsOf = None, language: Language = Language.EN) -> None:
    """Draw the windows with their forecasts, the awards to come against the target, and how long stages take.

    Args:
        folder: where to write them, as PNG and SVG.
        language: of their words.
    """
    from tasks.plots.sets import drawn_to, of_forecasts
    from tasks.views import forecasts

    for line in drawn_to(folder, of_forecasts(forecasts.forecasts(ready(), None, as_of)), language):
        print(line)

