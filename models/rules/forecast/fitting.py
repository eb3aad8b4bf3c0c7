"""What a program's own history says about how long stages take, set against what its policy assumed.

The logarithm of the days that a stage takes is its stage's and track's median, plus the agency's own pace for good,
plus a logistic noise of its own. Stages that are not over yet count as longer than they have lasted, an award on a
conference's day as readiness at some time since the conference before it: both are censored fits (`logistic`). Three
rounds: who reached a late stage early was fast, so a stage is fitted with each agency's
pace taken out, and the pace of each agency from its stages as fitted.

Every estimate is drawn to the policy's prior, by the prior's weight against the number it was learned from. With no
history the fit *is* the prior; a fit says of each number how much of it is data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from models.rules.forecast.journeys import Journey
from models.rules.forecast.logistic import between, density, fitted
from models.rules.forecast.pacing import StagePace, told
from models.rules.forecast.seen import Floats, Ints, Seen, seen_of
from models.rules.policy import Policy
from models.rules.policy.forecast import Forecasting
from models.rules.words import Status

MONTH = 30.44
ROUNDS = 3
FEWEST = 3
"""A stage that fewer have finished is left to the prior: two points fit any curve."""
FARTHEST = 1.2
"""No median is believed to be more than e^1.2 = 3.3 times the policy's, or less than a third of it."""
# What is known of a stage that ended on a conference is only between which two it became ready: worth a quarter.
SNAPPED = 0.25
LOGISTIC = 3 / math.pi**2
"""A logistic's squared scale, by its variance."""
NODES = np.linspace(-2.4, 2.4, 9)
SPREADS = np.array([0.08, 0.12, 0.16, 0.2, 0.25, 0.31, 0.39, 0.48])
# How far the logarithm of the agencies' spread is believed to be from its prior: about half or one and a half times.
SPREAD_LOG_SD = 0.4


class Learned(NamedTuple):
    """How a number came about: the policy's value times `ratio`, of which the share `data` was learned."""

    ratio: float
    spread: float
    finished: int
    waiting: int
    data: float


class Fit(NamedTuple):
    """Everything a forecast needs, as numbers that can be stored.

    `medians` are days by track and stage; `stages` and `tracks` tell how they came about.
    """

    as_of: date
    medians: dict[str, dict[str, float]]
    agency_spread: float
    exits_a_month: float
    stages: dict[str, Learned]
    tracks: dict[str, Learned]
    enrollments: int
    finished: int
    exits: int

    def paces(self, policy: Policy, track: str) -> dict[str, StagePace]:
        """Return how each stage of a track moves an agency's pace."""
        known, found = self.agency_spread**-2, {}
        after = sum(self.medians[track][stage.code] for stage in policy.path[:-1])
        for stage in policy.path[:-1]:
            spread, tells = self.stages[stage.code].spread, stage.gate.conference_lead_days is None
            median = self.medians[track][stage.code]
            after = max(after - median, 0.0)
            found[stage.code] = StagePace(median, spread, known, tells, after)
            known += told(spread) if tells else 0
        return found


class _State(NamedTuple):
    """Where the rounds stand: by stage, by track, and by agency (mean and variance of its pace)."""

    location: Floats
    spread: Floats
    track: Floats
    pace: Floats
    unsure: Floats
    agency_spread: float


def fit(journeys: Sequence[Journey], policy: Policy, as_of: date) -> Fit:
    """Fit a history as it was known on a day.

    Args:
        journeys: every enrollment that was known, ended or not; none is fine.
        policy: stages, tracks, conferences and the priors (`policy.forecast`, which must be there).
        as_of: the day.
    """
    prior = policy.forecast
    assert prior is not None, "whoever fits asks first whether the program forecasts"
    path = policy.path[:-1]
    tracks = sorted(policy.tracks)
    seen = seen_of(journeys, policy, as_of)
    of_track = np.array([tracks.index(journey.track) for journey in journeys], dtype=np.int64)
    agencies = {agency: n for n, agency in enumerate(dict.fromkeys(journey.agency for journey in journeys))}
    of_agency = np.array([agencies[journey.agency] for journey in journeys], dtype=np.int64)
    shape = (len(path), len(tracks), len(agencies))
    state = _nothing_known(prior, shape)
    for number in range(ROUNDS if journeys else 0):
        state = _stages_fitted(seen, state, prior=prior, offsets=(of_track, of_agency), first=number == 0)
        state = _agencies_fitted(seen, state, prior=prior, offsets=(of_track, of_agency))
    return _told(journeys, policy, as_of=as_of, state=state, seen=seen)


def _nothing_known(prior: Forecasting, shape: tuple[int, int, int]) -> _State:
    stages, tracks, agencies = shape
    return _State(
        np.zeros(stages), np.full(stages, prior.stage_spread), np.zeros(tracks), np.zeros(agencies),
        np.full(agencies, prior.agency_spread**2), prior.agency_spread,
    )


Offsets = tuple[Ints, Ints]
"""Of each enrollment: the number of its track, and of its agency."""


def _stages_fitted(seen: Seen, state: _State, *, prior: Forecasting, offsets: Offsets, first: bool) -> _State:
    """Fit each stage with the track's offset and each agency's pace taken out, and draw it to the prior."""
    of_track, of_agency = offsets
    taken_out = (state.track[of_track] + state.pace[of_agency])[seen.who]
    location, spread = state.location.copy(), state.spread.copy()
    for number in range(location.size):
        here = seen.stage == number
        mine, out = seen.only(here), taken_out[here]
        finished = float(mine.exact.sum() + SNAPPED * (~mine.exact & (mine.high < math.inf)).sum())
        if finished < FEWEST:
            continue
        at, scale = fitted(mine.low - out, mine.high - out)
        # The noise holds the agencies' pace as well in the first round, and lacks what is unsure of it in later ones.
        pace = LOGISTIC * (prior.agency_spread**2 if first else float(state.unsure[of_agency][mine.who].mean()))
        variance = max(scale**2 - pace, scale**2 / 4) if first else scale**2 + pace
        scale = min(max(math.sqrt(variance), prior.stage_spread / 3), 3 * prior.stage_spread)
        data = finished / (finished + prior.weight)
        location[number] = data * min(max(at, -FARTHEST), FARTHEST)
        spread[number] = scale**data * prior.stage_spread ** (1 - data)
    return state._replace(location=location, spread=spread)


def _agencies_fitted(seen: Seen, state: _State, *, prior: Forecasting, offsets: Offsets) -> _State:
    """Weigh how far agencies differ, what each one's pace is, and what is common to a track."""
    of_track, of_agency = offsets
    at = state.location[seen.stage] + state.track[of_track][seen.who]
    likely = np.stack([
        _log_likelihood(seen, at, spread * NODES, stage_spread=state.spread, agencies=(of_agency, state.pace.size))
        for spread in SPREADS
    ])
    evidence = np.logaddexp.reduce(likely, axis=2).sum(axis=1)
    evidence -= 0.5 * (np.log(SPREADS / prior.agency_spread) / SPREAD_LOG_SD) ** 2
    weight = np.exp(evidence - evidence.max())
    spread = float(np.exp((weight * np.log(SPREADS)).sum() / weight.sum()))
    nearest = likely[int(np.argmin(np.abs(SPREADS - spread)))]
    posterior = np.exp(nearest - nearest.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    pace = posterior @ NODES * spread
    unsure = posterior @ NODES**2 * spread**2 - pace**2
    track = _tracks_fitted(state, (pace, np.clip(1 - unsure / spread**2, 0, 1)), prior=prior, offsets=offsets)
    return state._replace(track=track, pace=pace, unsure=unsure, agency_spread=spread)


def _log_likelihood(
    seen: Seen, at: Floats, paces: Floats, *, stage_spread: Floats, agencies: tuple[Ints, int]
) -> Floats:
    """Return for each agency how likely what was seen of it is at each pace, the pace's own odds included."""
    of_agency, number = agencies
    odds = -0.5 * NODES**2
    total = np.tile(odds - np.logaddexp.reduce(odds), (number, 1))
    scale = stage_spread[seen.stage][:, None]
    low, high = ((end[:, None] - at[:, None] - paces) / scale for end in (seen.low, seen.high))
    exact = seen.exact
    each = np.empty(low.shape)
    each[exact] = density(low[exact]) - np.log(scale[exact])
    each[~exact] = np.log(np.maximum(between(low[~exact], high[~exact]), 1e-12))
    np.add.at(total, of_agency[seen.who], each)
    return total


def _tracks_fitted(
    state: _State, agencies: tuple[Floats, Floats], *, prior: Forecasting, offsets: Offsets
) -> Floats:
    """Move what is common to a track's agencies into the track, as far as it is sure and outweighs the prior."""
    of_track, of_agency = offsets
    pace, sure = agencies
    found = state.track.copy()
    for number in range(found.size):
        mine = np.unique(of_agency[of_track == number])
        common = pace[mine] + found[number] * sure[mine]
        found[number] = common.sum() / (sure[mine].sum() + prior.weight)
    return found


def _told(journeys: Sequence[Journey], policy: Policy, *, as_of: date, state: _State, seen: Seen) -> Fit:
    """Turn where the rounds ended into a fit that says how each number came about."""
    prior = policy.forecast
    assert prior is not None
    path, tracks = policy.path[:-1], sorted(policy.tracks)
    exits = sum(j.end is not None and j.end.status is not Status.AWARDED for j in journeys)
    months = sum(((j.end.on if j.end is not None else as_of) - j.agreement_on).days for j in journeys) / MONTH
    done = seen.high < math.inf
    stages = {}
    for number, stage in enumerate(path):
        here = seen.stage == number
        worth = float((here & seen.exact).sum() + SNAPPED * (here & done & ~seen.exact).sum())
        stages[stage.code] = Learned(
            float(np.exp(state.location[number])), float(state.spread[number]), int((here & done).sum()),
            int((here & ~done).sum()), worth / (worth + prior.weight) if worth >= FEWEST else 0.0,
        )
    learned = {}
    for number, track in enumerate(tracks):
        mine = np.array([j.track == track for j in journeys], dtype=bool)
        there = mine[seen.who] if seen.who.size else np.zeros(0, dtype=bool)
        agencies = len({j.agency for j in journeys if j.track == track})
        learned[track] = Learned(
            float(np.exp(state.track[number])), 0.0, int((there & done).sum()), int((there & ~done).sum()),
            agencies / (agencies + prior.weight),
        )
    return Fit(
        as_of=as_of,
        medians={
            track: {
                stage.code: stage.expected_days * policy.tracks[track].pace * learned[track].ratio
                * stages[stage.code].ratio for stage in path
            } for track in tracks
        },
        agency_spread=state.agency_spread,
        exits_a_month=(exits + prior.exits_a_month * prior.exit_weight_months) / (months + prior.exit_weight_months),
        stages=stages, tracks=learned, enrollments=len(journeys), finished=int(done.sum()), exits=int(exits),
    )
