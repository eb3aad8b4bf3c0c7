"""Which forecasts are judged: every open enrollment on every half-year from the third, whose deadline lies ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.dates import add_months
from models.rules.forecast.journeys import Journey, as_known
from models.rules.words import Clock
from tests.benchmarks.forecast.laws import document, reference


class Occasion(NamedTuple):
    """An open enrollment on a day, as it was known then, and whether the award came by the deadline."""

    journey: Journey
    deadline: date
    came: bool


def deadline_of(journey: Journey, clock: Clock) -> date:
    """Return the end of the program's window or of the accrediting body's limit; nobody is granted an extension."""
    policy, _ = reference()
    track = policy.tracks[journey.track]
    until = (track.window or policy.window).until_month
    return add_months(journey.agreement_on, track.limit_months if clock is Clock.LIMIT else until)


def half_years(journeys: Sequence[Journey]) -> Iterator[date]:
    """Yield the days on which is judged, while anybody is open."""
    judged = document()["judged"]
    first = min(journey.agreement_on for journey in journeys)
    last = max(journey.end.on for journey in journeys if journey.end is not None)
    number = judged["after_half_years"] + 1
    while (day := add_months(first, number * judged["every_months"])) < last:
        yield day
        number += 1


def occasions(journeys: Sequence[Journey], day: date, clock: Clock) -> list[Occasion]:
    """Return what is to be forecast on a day."""
    whole = {journey.id: journey for journey in journeys}
    found: list[Occasion] = []
    for known in as_known(journeys, day):
        deadline = deadline_of(known, clock)
        if known.end is None and deadline > day:
            awarded_on = whole[known.id].awarded_on
            found.append(Occasion(known, deadline, awarded_on is not None and awarded_on <= deadline))
    return found


def looks(journey: Journey, clock: Clock) -> Iterator[date]:
    """Yield the days on which an alarm could be raised: from the agreement to the deadline or the end."""
    last = deadline_of(journey, clock)
    if journey.end is not None:
        last = min(last, journey.end.on - timedelta(days=1))
    step = timedelta(days=document()["judged"]["looks_every_days"])
    day = journey.agreement_on
    while day <= last:
        yield day
        day += step
