"""A fit as `decide` reads it: on which day, if nothing happens, a case's chance falls below a level. No numpy.

While a case stays in its stage and nothing is recorded, its chance of an award by a given slot only falls; so each
level is crossed on one day, and all that is needed of it is how many days must have been spent in the stage by then.
These are worked out when a fit is made (`compiling`), for each track, stage, pace class and number of days from
entering the stage to the slot. A sweep looks its neighbours up and mixes them; the chance itself is read off the same
table, the other way round, so that a number and a band never disagree.
"""

from __future__ import annotations

import base64
import json
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from models.rules.forecast.pacing import StagePace
from models.rules.policy.forecast import LEVEL

LEVELS = tuple(range(LEVEL, 100, LEVEL))
"""Percent; the table has a layer for each."""
CLASS_COUNT = 9
CLASS_STEP = 0.5
"""Pace classes lie half a standard deviation apart, around the middle one."""
TOTAL_STEP, TOTAL_COUNT = 30, 80
"""Days from entering a stage to the slot: every thirty, up to six and a half years."""
SPENT_COUNT = 20
QUANTILE_COUNT = 3


class StageOutlook(NamedTuple):
    """One stage on one track. `waits` says that it ends on a conference.

    `falls` holds days spent, by level, class and total, negative where the chance is below a level from the first day;
    `ready` the days that remain by class, multiple of the median spent, and quantile (p10, p50, p90).
    """

    pace: StagePace
    waits: bool
    falls: array[int]
    ready: array[int]


class Outlook(NamedTuple):
    """The tables of one fit, and the row it is stored as. `spent` are the multiples of a median that `ready` has."""

    fit: int
    as_of: date
    agency_spread: float
    spent: tuple[float, ...]
    stages: Mapping[tuple[str, str], StageOutlook]

    def of(self, track: str, stage: str) -> StageOutlook | None:
        """Return what is known of a stage; None where the fit has none such."""
        return self.stages.get((track, stage))

    def days_until_below(self, stage: StageOutlook, pace: float, *, total: int, level: int) -> int:
        """Return how many days must have been spent in a stage for the chance to be below a level (percent).

        Args:
            stage: the stage.
            pace: the agency's.
            total: the days from entering the stage to the slot; none or fewer are below any level at once.
            level: one of `LEVELS`.
        """
        found = self._crossing(stage, pace, total=total, level=level)
        return max(0, min(total, int(found) + (found > int(found))))

    def _crossing(self, stage: StageOutlook, pace: float, *, total: int, level: int) -> float:
        """Return when a level is crossed; negative where the chance is below it from the start, by about so much."""
        if total <= 0:
            return -1.0
        layer = (level // LEVEL - 1) * CLASS_COUNT * TOTAL_COUNT
        place = min(total / TOTAL_STEP, TOTAL_COUNT - 1.001)
        left = int(place)
        share = place - left
        found = 0.0
        for weight, row in self._classes(pace):
            at = layer + row * TOTAL_COUNT + left
            found += weight * ((1 - share) * stage.falls[at] + share * stage.falls[at + 1])
        return found

    def chance(self, stage: StageOutlook, pace: float, *, total: int, spent: int) -> int:
        """Return the chance in percent, between two levels by how far the days spent lie between their crossings."""
        if spent >= total:
            return 0
        crossings = [self._crossing(stage, pace, total=total, level=level) for level in LEVELS]
        # The higher a level, the earlier it is crossed: levels not yet crossed are those below the chance.
        held = sum(crossing > spent for crossing in crossings)
        if held == len(LEVELS):
            return 97  # above the highest level; nothing is certain
        below = LEVELS[held - 1] if held else 0
        later = crossings[held - 1] if held else float(total)
        earlier = crossings[held]
        share = (later - spent) / (later - earlier) if later > earlier else 0.0
        return below + min(LEVEL - 1, int(LEVEL * min(share, 1.0)))

    def days_to_ready(self, stage: StageOutlook, pace: float, spent: int) -> tuple[int, int, int]:
        """Return the days until an award can be decided, p10, p50 and p90, if the case stays."""
        multiple = spent / stage.pace.median
        upper = min(max(bisect_left(self.spent, multiple), 1), SPENT_COUNT - 1)
        low, high = self.spent[upper - 1], self.spent[upper]
        share = min(max((multiple - low) / (high - low), 0.0), 1.0)
        found = [0.0] * QUANTILE_COUNT
        for weight, row in self._classes(pace):
            for part, column in ((1 - share, upper - 1), (share, upper)):
                at = (row * SPENT_COUNT + column) * QUANTILE_COUNT
                for quantile in range(QUANTILE_COUNT):
                    found[quantile] += weight * part * stage.ready[at + quantile]
        return round(found[0]), round(found[1]), round(found[2])

    def _classes(self, pace: float) -> Iterator[tuple[float, int]]:
        """Yield the two classes around a pace, with how much each counts."""
        place = pace / self.agency_spread / CLASS_STEP + CLASS_COUNT // 2
        place = min(max(place, 0.0), CLASS_COUNT - 1.001)
        low = int(place)
        yield 1 - (place - low), low
        yield place - low, low + 1


def packed(outlook: Outlook) -> str:
    """Return an outlook as text that can be stored, without the number of its row."""
    head = {
        "as_of": outlook.as_of.isoformat(), "agency_spread": outlook.agency_spread, "spent": outlook.spent,
        "stages": [[*key, *stage.pace, stage.waits] for key, stage in outlook.stages.items()],
    }
    body = b"".join(_bytes(stage.falls) + _bytes(stage.ready) for stage in outlook.stages.values())
    return base64.b85encode(zlib.compress(json.dumps(head).encode() + b"\0" + body, 9)).decode()


def unpacked(text: str, fit: int) -> Outlook:
    """Return the outlook of a stored text."""
    head, _, body = zlib.decompress(base64.b85decode(text)).partition(b"\0")
    read = json.loads(head)
    stages, at = {}, 0
    sizes = len(LEVELS) * CLASS_COUNT * TOTAL_COUNT, CLASS_COUNT * SPENT_COUNT * QUANTILE_COUNT
    for track, stage, *pace, waits in read["stages"]:
        tables = []
        for size in sizes:
            tables.append(_numbers(body[at : at + 2 * size]))
            at += 2 * size
        stages[track, stage] = StageOutlook(StagePace(*pace), waits, *tables)
    return Outlook(fit, date.fromisoformat(read["as_of"]), read["agency_spread"], tuple(read["spent"]), stages)


def _bytes(numbers: array[int]) -> bytes:
    """Return numbers as two bytes each, the low one first, whatever machine this is."""
    if not _LITTLE:
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(text: bytes) -> array[int]:
    return array("h", memoryview(text).cast("h")) if _LITTLE else array("h", _swapped(text))


_LITTLE = array("h", [1]).tobytes()[0] == 1


def _swapped(text: bytes) -> Iterator[int]:
    return (int.from_bytes(text[at : at + 2], "little", signed=True) for at in range(0, len(text), 2))
