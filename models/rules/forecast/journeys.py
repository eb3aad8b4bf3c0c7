"""What a forecast learns from and is judged by: enrollments with the stages they have left, as known on a day.

A leg carries the day on which it became known beside its own dates, so that a past day can be seen again with nothing
that was recorded since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from models.rules.dates import add_months
from models.rules.forecast.progress import Counted
from models.rules.policy import Policy
from models.rules.words import Clock, Status


class Leg(NamedTuple):
    """A stage that was entered and left. `rested` are its days on hold."""

    stage: str
    entered: date
    left: date
    known_on: date
    rested: int = 0


class End(NamedTuple):
    """How and when an enrollment ended, and when that became known."""

    status: Status
    on: date
    known_on: date


class Extension(NamedTuple):
    """Months added to the accrediting body's limit."""

    months: int
    known_on: date


class Count(NamedTuple):
    """How many standards were seen in compliance. `rested` are the days on hold since its stage was entered."""

    counted: Counted
    known_on: date
    rested: int = 0


class Journey(NamedTuple):
    """One enrollment on its way: the legs behind it in order, and the stage that it stands in.

    `rested` are the days on hold since it was entered; `own` the applicable numbers of standards, mandatory and other,
    where the enrollment has its own.
    """

    id: int
    agency: int
    kind: str
    region: str
    track: str
    agreement_on: date
    stage: str
    entered: date
    legs: tuple[Leg, ...] = ()
    end: End | None = None
    rested: int = 0
    counts: tuple[Count, ...] = ()
    own: tuple[int | None, int | None] = (None, None)
    extensions: tuple[Extension, ...] = ()

    @property
    def awarded_on(self) -> date | None:
        """The day of the award, where there was one."""
        return self.end.on if self.end is not None and self.end.status is Status.AWARDED else None


def deadline(journey: Journey, policy: Policy, clock: Clock) -> date:
    """Return the end of the program's window, or of the accrediting body's limit with its extensions."""
    track = policy.tracks[journey.track]
    if clock is Clock.LIMIT:
        return add_months(journey.agreement_on, track.limit_months + sum(each.months for each in journey.extensions))
    return add_months(journey.agreement_on, (track.window or policy.window).until_month)


def as_known(journeys: Iterable[Journey], day: date, known_on: date | None = None) -> Iterator[Journey]:
    """Yield the enrollments of a day, each as far as was known by the end of another; by default on the same."""
    for journey in journeys:
        if journey.agreement_on <= day:
            yield _known(journey, day, known_on or day)


def _known(journey: Journey, day: date, by: date) -> Journey:
    legs = tuple(leg for leg in journey.legs if leg.known_on <= by and leg.left <= day)
    end = journey.end
    seen = journey._replace(
        legs=legs, end=end if end is not None and end.known_on <= by and end.on <= day else None,
        counts=tuple(count for count in journey.counts if count.known_on <= by and count.counted.on <= day),
        extensions=tuple(each for each in journey.extensions if each.known_on <= by),
    )
    if len(legs) == len(journey.legs):
        return seen
    after = journey.legs[len(legs)]
    return seen._replace(stage=after.stage, entered=after.entered, rested=0)
