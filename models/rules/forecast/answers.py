"""What the forecast says of one enrollment, and of the program as a whole.

Everything is conditional on what is recorded: the stage it stands in, the days spent there, its agency's pace. Where it
cannot say, it says why. An award day is told with p10 and p90 around it, and as far as the list of conferences reaches.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from models.rules.forecast.forecaster import Forecaster, Place
from models.rules.forecast.journeys import Journey, deadline
from models.rules.forecast.seen import Floats
from models.rules.forecast.spelling import percent
from models.rules.forecast.tables import AHEAD, QUANTILES
from models.rules.words import Clock

NINE_IN_TEN = 0.9


class Slot(NamedTuple):
    """A conference, and the chance that the award falls on it."""

    on: date
    chance: float


class Step(NamedTuple):
    """A stage that remains. `leave_by` is the last day on which it can be left with the band's chance still there.

    `swing` are the days that it may take beyond its median, once in ten times: what carries the risk.
    """

    stage: str
    leave_by: date | None
    swing: int


class Answer(NamedTuple):
    """What the forecast says; `cannot_say` is the reason where it says nothing, else empty.

    `days` are p10, p50 and p90 of the award if the enrollment stays; None: after the last listed conference.
    """

    enrollment: int
    as_of: date
    cannot_say: str
    in_window: float = 0.0
    in_limit: float = 0.0
    days: tuple[date | None, ...] = (None, None, None)
    slots: tuple[Slot, ...] = ()
    steps: tuple[Step, ...] = ()
    window_until: date = date.min
    limit: date = date.min

    @property
    def riskiest(self) -> Step | None:
        """The stage that carries most of the risk."""
        return max(self.steps, key=lambda step: step.swing, default=None)


def answers(forecaster: Forecaster, journeys: Sequence[Journey], day: date) -> list[Answer]:
    """Answer for every open enrollment of these, all as known on a day."""
    paces = forecaster.paces(journeys)
    return [_answer(forecaster, each, day, pace=paces[each.id]) for each in journeys if each.end is None]


def _answer(forecaster: Forecaster, journey: Journey, day: date, *, pace: float) -> Answer:
    policy = forecaster.policy
    ends = deadline(journey, policy, Clock.WINDOW_UNTIL), deadline(journey, policy, Clock.LIMIT)
    why = _cannot(forecaster, journey, day)
    if why:
        return Answer(journey.id, day, why, window_until=ends[0], limit=ends[1])
    place = forecaster.place(journey, day, {journey.id: pace})
    in_window, in_limit = (float(each) for each in forecaster.chances([place, place], ends, day))
    ready = forecaster.tables.quantiles(forecaster.asked([place]))[0]
    return Answer(
        journey.id, day, "", in_window, in_limit,
        tuple(_slot(forecaster, max(day, place.since + timedelta(days=round(float(n))))) for n in ready),
        tuple(_slots(forecaster, place, day)),
        tuple(_steps(forecaster, place, ends[0])),
        *ends,
    )


def _cannot(forecaster: Forecaster, journey: Journey, day: date) -> str:
    if not forecaster.knows(journey):
        return f'the fit of {forecaster.fit.as_of} knows no "{journey.stage}" on "{journey.track}"'
    days = forecaster.policy.conference_days
    if forecaster.policy.snaps and (not days or days[-1] <= day):
        return f"no conference is listed after {days[-1] if days else 'any day'}"
    return ""


def _slot(forecaster: Forecaster, day: date) -> date | None:
    if not forecaster.policy.snaps:
        return day
    days = forecaster.policy.conference_days
    after = bisect_left(days, day)
    return days[after] if after < len(days) else None


def _slots(forecaster: Forecaster, place: Place, day: date) -> Iterator[Slot]:
    """Yield the conferences that have a chance worth naming, until nine in ten are accounted for."""
    if not forecaster.policy.snaps:
        return
    ahead = [on for on in forecaster.policy.conference_days if on > day]
    by_then = forecaster.chances([place] * len(ahead), ahead, day)
    before = 0.0
    for on, chance in zip(ahead, by_then, strict=True):
        if chance - before >= 0.005:  # noqa: PLR2004 - what would be printed as 0 %
            yield Slot(on, float(chance - before))
        before = float(chance)
        if before > NINE_IN_TEN:
            return


def _steps(forecaster: Forecaster, place: Place, end: date) -> Iterator[Step]:
    """Yield the stages that remain, each with its last safe day by the policy's band, and what it may swing."""
    tables, policy = forecaster.tables, forecaster.policy
    assert policy.forecast is not None
    enough = policy.forecast.band.at_risk_below / 100
    slot = forecaster.last_slot(end, date.min)
    first = tables.stages.index(place.stage)
    for index in range(first, len(tables.stages)):
        code = tables.stages[index]
        fitted = forecaster.stage_paces[place.track][code]
        spent = place.spent if index == first else 0
        swing = _swing(fitted.median * math.exp(place.pace), fitted.spread, spent)
        leave_by = None
        if index + 1 < len(tables.stages) and slot is not None:
            entering = Place(place.track, tables.stages[index + 1], place.pace, 0, place.since)
            curve = tables.curve(forecaster.asked([entering]))[0] * forecaster.wait
            needed = int(np.searchsorted(curve, enough))
            leave_by = slot - timedelta(days=int(AHEAD[needed])) if needed < AHEAD.size else None
        yield Step(code, leave_by, swing)


def _swing(median: float, spread: float, spent: int) -> int:
    """Return the days between the median and the ninth decile of what a stage still takes, given the days spent."""
    over = 1 / (1 + (max(spent, 0) / median) ** (1 / spread)) if spent else 1.0
    half, most = (float(median * ((1 - left * over) / (left * over)) ** spread) for left in (0.5, 1 - NINE_IN_TEN))
    return round(most - half)


class Awards(NamedTuple):
    """How many agencies are accredited by a day: now, on average, and low and high with 80 % of the odds between."""

    on: date
    already: int
    mean: float
    low: int
    high: int


class Target(NamedTuple):
    """The chance that at least so many agencies are accredited by a day."""

    agencies: int
    by: date
    chance: float


def awards(
    forecaster: Forecaster, journeys: Sequence[Journey], day: date, *, on_days: Iterable[date]
) -> list[Awards]:
    """Tell how many agencies are accredited by each of some days."""
    already = _accredited(journeys)
    found = []
    for on in on_days:
        odds = _odds(forecaster, journeys, day, by=on)
        at_most = np.cumsum(odds)
        low, high = (int(np.searchsorted(at_most, q)) for q in (QUANTILES[0], QUANTILES[-1]))
        mean = float((odds * np.arange(odds.size)).sum())
        found.append(Awards(on, already, already + mean, already + low, already + high))
    return found


def target(forecaster: Forecaster, journeys: Sequence[Journey], day: date) -> Target | None:
    """Tell the chance of the program's target; None where the program has none, or its day has passed."""
    terms = forecaster.policy.forecast
    asked = terms.target if terms is not None else None
    if asked is None or asked.by < day:
        return None
    missing = asked.agencies - _accredited(journeys)
    odds = _odds(forecaster, journeys, day, by=asked.by)
    chance = 1.0 if missing <= 0 else float(odds[missing:].sum()) if missing < odds.size else 0.0
    return Target(asked.agencies, asked.by, min(chance, 1.0))


def _accredited(journeys: Sequence[Journey]) -> int:
    return len({each.agency for each in journeys if each.awarded_on is not None})


# A Gauss-Hermite rule of three points: where a normal's mass lies, in standard deviations, and how much of it.
COMMON = ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6))


def _odds(forecaster: Forecaster, journeys: Sequence[Journey], day: date, *, by: date) -> Floats:
    """Return the odds of each number of further agencies accredited by a day.

    Agencies are independent given the medians; the medians are not known better than the history allows, and that is
    common to all of them: three histories, slower, as fitted and faster, each with its weight.
    """
    had = {each.agency for each in journeys if each.awarded_on is not None}
    paces = forecaster.paces(journeys)
    still = [
        each for each in journeys
        if each.end is None and each.agency not in had and not _cannot(forecaster, each, day)
    ]
    unsure = forecaster.fit.agency_spread / math.sqrt(max(len({each.agency for each in journeys}), 1))
    total = np.zeros(len({each.agency for each in still}) + 1)
    for off, weight in COMMON:
        shifted = {key: pace + off * unsure for key, pace in paces.items()}
        places = [forecaster.place(each, day, shifted) for each in still]
        chances = forecaster.chances(places, [by] * len(still), day)
        missing: dict[int, float] = {}
        for each, chance in zip(still, chances, strict=True):
            missing[each.agency] = missing.get(each.agency, 1.0) * (1 - float(chance))
        odds = np.ones(1)
        for none in missing.values():
            odds = np.convolve(odds, [none, 1 - none])
        total += weight * odds
    return total


def sentence(answer: Answer, stage_names: Mapping[str, str]) -> str:
    """Say it in one or two plain sentences."""
    if answer.cannot_say:
        return f"It cannot be forecast: {answer.cannot_say}."
    chance = percent(answer.in_window)
    p10, p50, p90 = (str(on) if on is not None else "after the last listed conference" for on in answer.days)
    riskiest = answer.riskiest
    stage = stage_names.get(riskiest.stage, riskiest.stage) if riskiest is not None else ""
    return (
        f"The chance of an award by {answer.window_until} is {chance}. If it stays, most likely on {p50}"
        f" (between {p10} and {p90}, eight times in ten). Most of the risk lies in {stage}."
    )
