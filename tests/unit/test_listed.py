"""Lists of days that end before a case's time does: found for the case as it stands, by a bound that misses none."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.case import Case, ClockChange, Program
from models.rules.clock import clocks
from models.rules.dates import add_months
from models.rules.listed import Listed, too_short
from models.rules.words import Change
from tests.building import DAY_0, case, day, document, program, program_with

WINDOW_UNTIL = date(2023, 1, 1)
"""Of an agreement of day 0; its limit is the same day."""
LAST = Listed("conferences", WINDOW_UNTIL - timedelta(days=1))
LONGER = [ClockChange(1, Change.EXTENSION, months=12)]


def listed_until(conference: date, calendar: date) -> Program:
    tables = deepcopy(document())
    tables["calendars"]["MX"] |= {"until": calendar}
    tables["calendars"]["MX"]["holidays"] = [h for h in tables["calendars"]["MX"]["holidays"] if h["on"] <= calendar]
    return program_with(conferences=[{"on": conference, "name": "last"}], calendars=tables["calendars"])


FAR = date(2039, 1, 1)
ENDS = [
    ("as long as the case's time", listed_until(WINDOW_UNTIL, FAR), case(), []),
    ("a day too short", listed_until(LAST.until, FAR), case(), [LAST]),
    ("an extension later", listed_until(WINDOW_UNTIL, FAR), case(changes=LONGER),
     [Listed("conferences", WINDOW_UNTIL)]),
    ("an extension undone", listed_until(WINDOW_UNTIL, FAR),
     case(changes=[*LONGER, ClockChange(2, Change.UNDO, undoes=1)]), []),
    ("holidays a day too short", listed_until(FAR, LAST.until), case(), [Listed("calendars.MX", LAST.until)]),
]


@pytest.mark.parametrize(("here", "given_case", "short"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_a_list_that_ends_before_the_case_does_is_named(here: Program, given_case: Case, short: list[Listed]) -> None:
    assert list(too_short(given_case, here, day(10))) == short


@given(
    days=st.integers(0, 6000), until=st.integers(0, 6000), track=st.sampled_from(sorted(program().policy.tracks)),
    cycle=st.integers(1, 2),
)
def test_the_bound_misses_no_case(days: int, until: int, track: str, cycle: int) -> None:
    here = program_with(conferences=[{"on": day(until), "name": "last"}])
    its = case("maintenance" if cycle == 2 else "onboarding", days, track=track, cycle=cycle, agreement_on=day(days))
    dates = clocks(its, here.plan(track, cycle), day(days))
    late = max(dates.limit, dates.window_until) > day(until)
    assert (Listed("conferences", day(until)) in list(too_short(its, here, day(days)))) is late


def test_a_program_without_lists_is_never_short_of_days() -> None:
    assert program("iso9001").covered_agreement == date.max
    assert program().covered_agreement < add_months(DAY_0, 12 * 20)
