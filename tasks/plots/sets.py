"""Which plots belong together, drawn to a folder: those of a forecast, and those of a judged past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from models.rules.words import Language
from tasks.plots import awards, calibration, gantt, stages
from tasks.plots.style import PAGE, Frame, Picture
from tasks.reports.gathering import fan_of
from tasks.reports.tables import written
from tasks.reports.wording import Wording
from tasks.views.forecasts import Forecasts, JudgedPast

Drawing = Callable[[Wording], Picture]


def of_forecasts(found: Forecasts) -> list[Drawing]:
    """Return the windows with their forecasts, the awards to come, and how long stages take."""
    policy = found.program.policy
    first: dict[int, date] = {}
    for each in found.journeys:
        if each.awarded_on is not None:
            first[each.agency] = min(each.awarded_on, first.get(each.agency, each.awarded_on))
    return [
        partial(gantt.picture, gantt.rows_of(found.answers, found.codes, policy), found.as_of),
        partial(awards.picture, fan_of(found, tuple(sorted(first.values())), on=found.as_of)),
        partial(stages.survival, found.fit, policy),
    ]


def of_judged(found: JudgedPast) -> list[Drawing]:
    """Return how often what was said came to pass."""
    return [partial(calibration.picture, found)]


def drawn_to(folder: Path, drawings: Iterable[Drawing], language: Language) -> Iterator[str]:
    """Draw to a folder; yield each file, or the words where there is nothing to draw."""
    say = Wording(language)
    for drawing in drawings:
        picture = drawing(say)
        for kind, content in picture.drawn(Frame(PAGE, say)).items():
            yield str(written(folder / f"{picture.name}.{kind}", content))
        if picture.draw is None:
            yield f"{picture.name}: {picture.alternative}"
