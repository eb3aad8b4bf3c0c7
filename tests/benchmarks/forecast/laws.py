"""Cohorts drawn from laws that are not the model's own, each with the journeys that came of it (laws.toml).

A sibling of the synthetic cohort of `models/rules/cohort`: that one is conditioned on what is published and made of
facts, to live through; these are free draws, made of stage changes, to be forecast over and over.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from models.rules.cohort.margins import Margins, parse_margins
from models.rules.forecast.journeys import Count, End, Journey, Leg
from models.rules.forecast.progress import Counted
from models.rules.policy import Policy
from models.rules.words import Status
from tasks.store.programs import folder_of, read_policy

FILE = Path(__file__).with_name("laws.toml")
MONTH = 30.44
ONE_DAY = timedelta(days=1)


@cache
def document() -> dict[str, Any]:
    """Return the laws, the seeds and how is judged."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def seeds(which: str) -> range:
    first, last = document()["seeds"][which]
    return range(first, last + 1)


@cache
def reference() -> tuple[Policy, Margins]:
    folder = folder_of("mexico")
    policy = read_policy(folder)
    margins = tomllib.loads((folder / "synthetic" / "cohort.toml").read_text(encoding="utf-8"))
    return policy, parse_margins(margins, policy)


@dataclass(frozen=True)
class Pauses:
    """Days at less than full pace, the same for whoever they concern: (first, last, speed)."""

    spans: tuple[tuple[date, date, float], ...] = ()

    def elapse(self, begin: date, work: float) -> date:
        """Return the day on which so many days of work are done."""
        day = begin
        for first, last, speed in self.spans:
            if day > last:
                continue
            before = max(0, (first - day).days)
            if work <= before:
                break
            work, day = work - before, max(day, first)
            within = ((last - day).days + 1) * speed
            if work <= within:
                return day + timedelta(days=round(work / speed))
            work, day = work - within, last + ONE_DAY
        return day + timedelta(days=round(work))


    def worked(self, begin: date, until: date) -> float:
        """Return how many days of work are done from one day to another."""
        lost = 0.0
        for first, last, speed in self.spans:
            lost += (1 - speed) * max(0, (min(until, last + ONE_DAY) - max(begin, first)).days)
        return (until - begin).days - lost


def draw(name: str, seed: int, *, counted: bool = False) -> list[Journey]:
    """Draw a cohort: every journey to its end, the day known of each leg being the day itself.

    Args:
        name: the law.
        seed: one cohort of it.
        counted: whether standards in compliance are counted at visits.
    """
    law = document()["laws"][name]
    rng = np.random.default_rng([sum(name.encode()), seed])
    policy, _ = reference()
    regions = [region.code for region in policy.regions]
    shocks = {region: Pauses(tuple(_shocks(rng, law))) for region in regions}
    drawn = [
        _journey(rng, law, begun=(number, regions[rng.integers(len(regions))], *start), shocks=shocks)
        for number, start in enumerate(_starts(rng), start=1)
    ]
    if not counted:
        return [journey for journey, _ in drawn]
    # A generator of their own: with and without counts it is the same cohort.
    visits = np.random.default_rng([sum(b"visits"), seed])
    return [journey._replace(counts=tuple(_counts(visits, journey, pauses))) for journey, pauses in drawn]


def _counts(rng: Generator, journey: Journey, pauses: Pauses) -> Iterator[Count]:
    """Yield what was counted at visits in the stage that waits for a share, on the way to the day it is left."""
    law, (policy, _) = document()["visits"], reference()
    for leg in journey.legs:
        shares = policy.stage[leg.stage].gate.shares
        begun, bend = rng.uniform(*law["share_at_entry"]), float(np.exp(law["bend_log_sd"] * rng.standard_normal()))
        whole = pauses.worked(leg.entered, leg.left) if shares else 0.0
        day = leg.entered + timedelta(days=int(rng.integers(law["every_days"])))
        while shares and day < leg.left:
            done = (pauses.worked(leg.entered, day) / whole) ** bend
            seen = begun + (1 - begun) * done + law["noise"] * rng.standard_normal()
            for share in shares:
                enough = policy.asked_for(share, journey.track, journey.own)
                value = min(max(round(seen * enough), 0), enough - 1)
                yield Count(Counted(day, share.count, value), day)
            day += timedelta(days=law["every_days"] + int(rng.integers(-law["jitter"], law["jitter"] + 1)))


def _starts(rng: Generator) -> Iterator[tuple[str, str, date]]:
    """Yield kind, track and agreement of every agency."""
    _, margins = reference()
    tracks = [(track.kind, track.track) for track in margins.tracks for _ in range(track.accredited + track.left)]
    days = [
        intake.first + timedelta(days=int(rng.integers((intake.last - intake.first).days + 1)))
        for intake in margins.enrolment for _ in range(intake.agencies)
    ]
    for index, on in zip(rng.permutation(len(tracks)), sorted(days), strict=True):
        yield *tracks[index], on


def _shocks(rng: Generator, law: dict[str, Any]) -> Iterator[tuple[date, date, float]]:
    shocks = law.get("shocks")
    if shocks is None:
        return
    day = date(2016, 1, 1)
    while day < date(2030, 1, 1):
        first = day + timedelta(days=round(rng.exponential(shocks["every_months"] * MONTH)))
        day = first + timedelta(days=round(rng.uniform(*shocks["months"]) * MONTH))
        yield first, day - ONE_DAY, shocks["speed"]


def noise(law: dict[str, Any]) -> Callable[[Generator], float]:
    """Return what draws a stage's own factor, 1 in the median."""
    match law["durations"]:
        case "student_t":
            return lambda rng: float(np.exp(law["log_scale"] * rng.standard_t(law["degrees"])))
        case "gamma":
            from scipy.stats import gamma

            median = float(gamma.median(law["shape"]))
            return lambda rng: float(rng.gamma(law["shape"]) / median)
    raise AssertionError(law["durations"])


def _journey(
    rng: Generator, law: dict[str, Any], *, begun: tuple[int, str, str, str, date], shocks: dict[str, Pauses]
) -> tuple[Journey, Pauses]:
    number, region, kind, track, agreed = begun
    policy, _ = reference()
    factor = float(np.exp(law["agency_log_sd"] * rng.standard_normal()))
    own = noise(law)
    pauses = shocks[region]
    closure = law.get("closure")
    if closure is not None and rng.random() < closure["share"]:
        pauses = Pauses(((closure["first"], closure["last"], 1e-9),))
    gone_on = agreed + timedelta(days=1 + int(rng.exponential(MONTH / law["exits_a_month"])))
    legs: list[Leg] = []
    day: date | None = agreed
    for stage in policy.path[:-1]:
        assert day is not None
        entered = day
        work = max(1.0, stage.expected_days * policy.tracks[track].pace * factor * own(rng))
        day = pauses.elapse(entered, work)
        if stage.gate.conference_lead_days is not None:
            ready = max(day, entered + timedelta(days=stage.gate.conference_lead_days))
            day = min((conference.on for conference in policy.conferences if conference.on >= ready), default=None)
        if day is None or gone_on < day:
            left = Journey(number, number, kind, region, track, agreed, stage.code, entered, tuple(legs))
            return left._replace(end=End(Status.WITHDRAWN, gone_on, gone_on)), pauses
        legs.append(Leg(stage.code, entered, day, day))
    assert day is not None
    award = policy.path[-1].code
    there = Journey(number, number, kind, region, track, agreed, award, day, tuple(legs), End(Status.AWARDED, day, day))
    return there, pauses
