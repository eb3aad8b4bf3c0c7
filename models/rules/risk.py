"""When an end is at risk: by the forecast where the program has one, by the expected days of its stages where not.

The forecast speaks of a first award, on stages that its fit knows, towards a slot that is listed: the last conference
by the end that is watched. Where any of that is missing it cannot say, and the pace of the policy answers (`pace`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from models.rules.case import Case, Program, StagePlan
from models.rules.clock import Pause, holds
from models.rules.decision import Advance, Forecast
from models.rules.forecast.outlook import Outlook, StageOutlook
from models.rules.forecast.pacing import days_ahead, moved
from models.rules.forecast.progress import Counted, Progress, reached
from models.rules.gates import Dossier, needed
from models.rules.pace import risk_from
from models.rules.words import Status

ONE_DAY = timedelta(days=1)


class Watched(NamedTuple):
    """An end that is watched, less the days that are known to be lost before it.

    `gained` are the days that the case is ahead by what was counted (`days_gained`). `stands` says that it was at risk
    already: it then is until the chance has risen beyond the band's upper end.
    """

    end: date
    gained: int
    lost: timedelta = timedelta()
    stands: bool = False


class View(NamedTuple):
    """A case as the forecast sees it, looking at one end: `slot` is the last day by it on which an award can fall.

    By what was counted in its stage it is some days ahead of what its days alone say (`days_gained`), or behind.
    """

    outlook: Outlook
    stage: StageOutlook
    case: Case
    gained: int
    slot: date
    conferences: Sequence[date]
    holds: Sequence[Pause]

    def below_on(self, level: int) -> date:
        """Return the first day on which the chance is below a level (percent), if nothing happens."""
        entered, total = self.case.stage_entered_on, (self.slot - self.case.stage_entered_on).days
        if self.stage.waits:
            days = self._days(total, level)
            # Between two conferences nothing is learned: the chance falls on the day after one that went by.
            ahead = bisect_left(self.conferences, entered + timedelta(days=days))
            return entered if days == 0 else min(self.conferences[ahead : ahead + 1], default=self.slot) + ONE_DAY
        if not self.holds:
            return entered + timedelta(days=self._days(total, level))
        low, high = 0, max(total, 0)
        while low < high:
            middle = (low + high) // 2
            rest = rest_days(self.holds, entered, entered + timedelta(days=middle))
            if middle - rest >= self._days(total - rest, level):
                high = middle
            else:
                low = middle + 1
        return entered + timedelta(days=low)

    def chance(self, today: date) -> int:
        """Return the chance in percent on a day."""
        if self.slot < today:
            return 0
        spent, rest = self.spent(today)
        total = (self.slot - self.case.stage_entered_on).days - rest
        if spent >= total:
            return 0
        return self.outlook.chance(self.stage, self.case.pace, total=total + self.gained, spent=spent)

    def spent(self, today: date) -> tuple[int, int]:
        """Return the days of work in the stage, and those of rest; where a conference is waited for, until the last."""
        entered = self.case.stage_entered_on
        if not self.stage.waits:
            rest = rest_days(self.holds, entered, today)
            return (today - entered).days - rest, rest
        before = bisect_left(self.conferences, today)
        return max((self.conferences[before - 1] - entered).days, 0) if before else 0, 0

    def award_on(self, today: date) -> tuple[date | None, date | None, date | None]:
        """Return the day of the award, p10, p50 and p90, if it stays; None: after the last listed conference."""
        spent, rest = self.spent(today)
        since = self.case.stage_entered_on + timedelta(days=spent + rest)
        p10, p50, p90 = (
            self._slot_from(max(since + timedelta(days=days - self.gained), today))
            for days in self.outlook.days_to_ready(self.stage, self.case.pace, spent)
        )
        return p10, p50, p90

    def _slot_from(self, day: date) -> date | None:
        if not self.conferences:
            return day
        after = bisect_left(self.conferences, day)
        return self.conferences[after] if after < len(self.conferences) else None

    def _days(self, total: int, level: int) -> int:
        found = self.outlook.days_until_below(self.stage, self.case.pace, total=total + self.gained, level=level)
        return min(found, max(total, 0))


def days_gained(case: Case, program: Program, known: Dossier) -> int:
    """Return how many days sooner an award is to be expected by what was counted at visits in a case's stage.

    Nothing of it is kept: once the stage is left its length tells all, and a wrong count is not there any more.
    """
    gate, terms = program.policy.stage[case.stage].gate, program.policy.forecast
    if not gate.shares or program.outlook is None or terms is None or terms.visits is None or case.cycle != 1:
        return 0
    stage = program.outlook.of(case.track, case.stage)
    counted = [Counted(fact.on, name, fact.value or 0) for name, facts in known.counts.items() for fact in facts]
    enough = {share.count: needed(case, program, share) for share in gate.shares}
    there = reached(counted, enough, entered=case.stage_entered_on, begun=terms.visits.share_at_entry)
    if stage is None or there is None:
        return 0
    rested = rest_days(holds(case.changes), case.stage_entered_on, there.on)
    seen = Progress(there.done, max((there.on - case.stage_entered_on).days - rested, 1))
    return days_ahead(case.pace, stage.pace, seen, spread=terms.visits.spread)


def view(case: Case, program: Program, end: date, *, gained: int) -> View | None:
    """Return a case as the forecast sees it, so many days ahead; None where it cannot say."""
    outlook = program.outlook
    if outlook is None or program.policy.forecast is None or case.cycle != 1:
        return None
    stage = outlook.of(case.track, case.stage)
    snaps = program.policy.snaps
    conferences = program.conferences if snaps else ()
    slot = last_slot(conferences, end) if snaps else end
    if stage is None or slot is None:
        return None
    return View(outlook, stage, case, gained, slot, conferences, holds(case.changes))


def last_slot(conferences: tuple[date, ...], end: date) -> date | None:
    """Return the last conference by an end; None where the list breaks off so far before it that others must follow."""
    upto = bisect_right(conferences, end)
    if upto == len(conferences) and (not upto or (end - conferences[-1]).days > longest_gap(conferences)):
        return None
    return conferences[upto - 1] if upto else conferences[0] - ONE_DAY


@lru_cache(maxsize=32)
def longest_gap(conferences: tuple[date, ...]) -> int:
    """Return the most days between two listed conferences in turn."""
    return max(((later - day).days for day, later in pairwise(conferences)), default=0)


def at_risk_from(case: Case, program: Program, *, plan: StagePlan, watched: Watched) -> date:
    """Return the first day on which an end is at risk if the case stays in its stage and nothing is recorded.

    Args:
        case: the enrollment.
        program: the policy in force, with its outlook.
        plan: the stage on its track.
        watched: the end that is watched.
    """
    end = watched.end - watched.lost
    seen = None if program.outlook is None else view(case, program, end, gained=watched.gained)
    if seen is None or program.policy.forecast is None:
        return risk_from(case.stage_entered_on, plan, end - program.risk_margin, holds=holds(case.changes))
    band = program.policy.forecast.band
    return seen.below_on(band.recovered_from if watched.stands else band.at_risk_below)


def paced(case: Case, advances: Iterable[Advance], program: Program, *, entered: date) -> float:
    """Return the agency's pace once it has left these stages: ended and repeated ones tell nothing.

    Args:
        case: the enrollment before the advances.
        advances: the stages that it left, in order.
        program: the policy in force, with its outlook.
        entered: the day on which the first of them was entered.
    """
    pace, outlook = case.pace, program.outlook
    if outlook is None or case.cycle != 1:
        return pace
    pauses = holds(case.changes)
    for step in advances:
        stage = outlook.of(case.track, step.from_stage)
        if stage is not None and not step.again and step.status in {Status.OPEN, Status.AWARDED}:
            pace = moved(pace, stage.pace, (step.on - entered).days - rest_days(pauses, entered, step.on))
        entered = step.on
    return pace


def rest_days(pauses: Iterable[Pause], since: date, until: date) -> int:
    """Return how many days of rest lie between two days."""
    return sum(max(0, (min(pause.until, until) - max(pause.since, since)).days) for pause in pauses)


def forecast(case: Case, program: Program, *, ends: tuple[date, date], today: date, gained: int) -> Forecast | None:
    """Return what the forecast says of a case on a day; None without one.

    Args:
        case: the enrollment.
        program: the policy in force.
        ends: the end of the window, and the limit.
        today: the day.
        gained: the days that it is ahead (`days_gained`).
    """
    views = [view(case, program, end, gained=gained) for end in ends]
    seen = next((each for each in views if each is not None), None)
    if seen is None:
        return None
    in_window, in_limit = (None if each is None else each.chance(today) for each in views)
    return Forecast(seen.outlook.fit, in_window, in_limit, *seen.award_on(today))
