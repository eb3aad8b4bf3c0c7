"""A program's fit with its tables, and how an enrollment is looked up in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np

from models.rules.forecast.fitting import Fit
from models.rules.forecast.journeys import Journey
from models.rules.forecast.pacing import StagePace, days_ahead, moved
from models.rules.forecast.progress import Progress, reached
from models.rules.forecast.seen import Floats, lasted_days
from models.rules.forecast.tables import Asked, Tables, tables, wait_for_a_conference
from models.rules.policy import Policy


class Place(NamedTuple):
    """Where a case stands: `spent` days in its stage by `since`, the day from which the days ahead are counted."""

    track: str
    stage: str
    pace: float
    spent: int
    since: date


@dataclass(frozen=True)
class Forecaster:
    """Answers from one fit under one policy. The tables are worked out at the first question."""

    policy: Policy
    fit: Fit

    @cached_property
    def tables(self) -> Tables:
        """The curves of the fit."""
        return tables(self.fit, self.policy)

    @cached_property
    def wait(self) -> float:
        """The share that does not leave between being ready and the conference."""
        return wait_for_a_conference(self.policy, self.fit.exits_a_month)

    @cached_property
    def stage_paces(self) -> dict[str, dict[str, StagePace]]:
        """How each stage moves an agency's pace, by track."""
        return {track: self.fit.paces(self.policy, track) for track in self.fit.medians}

    def paces(self, journeys: Iterable[Journey]) -> dict[int, float]:
        """Return each enrollment's pace: what its stages tell, and before them those of its agency's earlier ones."""
        found: dict[int, float] = {}
        of_agency: dict[int, float] = {}
        for journey in sorted(journeys, key=lambda each: (each.agreement_on, each.id)):
            pace = of_agency.get(journey.agency, 0.0)
            stages = self.stage_paces.get(journey.track, {})
            for leg in journey.legs:
                if leg.stage in stages:
                    pace = moved(pace, stages[leg.stage], (leg.left - leg.entered).days - leg.rested)
            found[journey.id] = of_agency[journey.agency] = pace
        return found

    def knows(self, journey: Journey) -> bool:
        """Whether the fit has the journey's track and stage: a policy may be newer."""
        return journey.track in self.fit.medians and journey.stage in self.fit.medians[journey.track]

    def place(self, journey: Journey, day: date, paces: Mapping[int, float]) -> Place:
        """Return where an open enrollment stands on a day.

        A stage that ends on a conference tells nothing new until the next one has gone by.
        """
        stage = self.policy.stage[journey.stage]
        lasted = lasted_days(stage, self.policy, between=(journey.entered, day))
        since = journey.entered + timedelta(days=lasted)
        pace = paces[journey.id]
        since -= timedelta(days=self._days_ahead(journey, pace))
        return Place(journey.track, journey.stage, pace, lasted - journey.rested, since)

    def _days_ahead(self, journey: Journey, pace: float) -> int:
        """Return how many days a journey is ahead by what was counted in its stage: as `risk.days_gained` does."""
        terms, shares = self.policy.forecast, self.policy.stage[journey.stage].gate.shares
        if not shares or not journey.counts or terms is None or terms.visits is None or not self.knows(journey):
            return 0
        enough = {share.count: self.policy.asked_for(share, journey.track, journey.own) for share in shares}
        counted = [count.counted for count in journey.counts]
        there = reached(counted, enough, entered=journey.entered, begun=terms.visits.share_at_entry)
        if there is None:
            return 0
        rested = max(count.rested for count in journey.counts if count.counted.on == there.on)
        seen = Progress(there.done, max((there.on - journey.entered).days - rested, 1))
        return days_ahead(pace, self.stage_paces[journey.track][journey.stage], seen, spread=terms.visits.spread)

    def asked(self, places: Sequence[Place]) -> Asked:
        """Return many places as the tables take them."""
        tracks = {track: number for number, track in enumerate(self.tables.tracks)}
        stages = {stage: number for number, stage in enumerate(self.tables.stages)}
        return Asked(
            np.array([tracks[place.track] for place in places], dtype=np.int64),
            np.array([stages[place.stage] for place in places], dtype=np.int64),
            np.array([place.pace for place in places], dtype=np.float64),
            np.array([place.spent for place in places], dtype=np.float64),
        )

    def last_slot(self, deadline: date, day: date) -> date | None:
        """Return the last day after `day` on which an award can fall by the deadline; None where there is none."""
        if not self.policy.snaps:
            return deadline if deadline > day else None
        days = self.policy.conference_days
        upto = bisect_right(days, deadline)
        return days[upto - 1] if upto and days[upto - 1] > day else None

    def chances(self, places: Sequence[Place], deadlines: Sequence[date], day: date) -> Floats:
        """Return for each place on a day the chance of an award by its deadline."""
        if not places:
            return np.zeros(0)
        slots = [self.last_slot(deadline, day) for deadline in deadlines]
        ahead = [
            -1 if slot is None else (slot - place.since).days for slot, place in zip(slots, places, strict=True)
        ]
        return self.wait * self.tables.chance(self.asked(places), np.array(ahead, dtype=np.float64))
