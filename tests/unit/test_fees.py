"""What an enrollment costs: dated tables, looked up by track, staff and day; integer cents."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from models.rules.errors import Refused
from models.rules.fees import Price, extension_fee, fee_on, initial_fee
from models.rules.policy.checks import parse_policy
from tests.building import document, program

TODAY = date(2023, 4, 3)
LE, ACADEMY = "law_enforcement_tier1", "academy"

# track, staff -> initial fee, an extension of so many months
PRICES = [
    (LE, 1, 8_475_00, 12, 2_966_25),
    (LE, 24, 8_475_00, 12, 2_966_25),
    (LE, 25, 11_450_00, 12, 4_007_50),
    (LE, 199, 11_450_00, 6, 4_007_50),
    (LE, 200, 16_125_00, 13, 11_287_50),
    (LE, 1000, 19_950_00, 24, 13_965_00),
    (ACADEMY, 40, 6_550_00, 12, 3_602_50),
]


@pytest.mark.parametrize(("track", "staff", "initial", "months", "extension"), PRICES)
def test_the_price_is_by_staff_and_an_extension_by_the_year_begun(
    track: str, staff: int, initial: int, months: int, extension: int
) -> None:
    fee = fee_on(program().policy, track, TODAY)
    assert fee is not None
    assert initial_fee(fee, staff) == Price(initial, initial)
    assert extension_fee(fee, staff, months) == Price(extension, extension)


def test_of_an_agency_whose_staff_is_not_known_the_range_is_told() -> None:
    fee = fee_on(program().policy, LE, TODAY)
    assert fee is not None
    assert initial_fee(fee, None) == Price(8_475_00, 19_950_00)
    assert extension_fee(fee, None) == Price(2_966_25, 6_982_50)


def test_a_price_is_valid_from_its_day() -> None:
    tables = deepcopy(document())
    dearer = tables["fees"][1] | {"since": date(2024, 1, 1), "initial": [{"staff_from": 0, "cents": 7_000_01}]}
    policy = parse_policy(tables | {"fees": [*tables["fees"], dearer]})
    days = (date(2014, 12, 31), date(2023, 12, 31), date(2024, 1, 1))
    found = [fee_on(policy, ACADEMY, on) for on in days]
    assert [fee and initial_fee(fee, 1).low for fee in found] == [None, 6_550_00, 7_000_01]
    assert found[2] is not None
    assert extension_fee(found[2], 1).low == 3_850_01, "half a cent is rounded up"


def _changed(index: int, **changed: Any) -> dict[str, Any]:
    tables = deepcopy(document())
    tables["fees"][index] |= changed
    return tables


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown track": (_changed(0, tracks=["acadmy"]), r"fees\[0\]\.tracks", 'Did you mean "academy"'),
    "a gap below the first bracket": (
        _changed(1, initial=[{"staff_from": 10, "cents": 1}]), r"fees\[1\]\.initial", "staff_from = 0"
    ),
    "brackets out of order": (
        _changed(1, initial=[{"staff_from": n, "cents": 1} for n in (0, 50, 25)]), r"fees\[1\]\.initial", "higher"
    ),
    "two prices of one day": (_changed(0, tracks=["academy"]), 'two prices of "academy" since 2015', "Keep one"),
    "no currency": (
        {name: table for name, table in document().items() if name != "currency"}, "currency: is missing", "USD"
    ),
    "less than nothing": (_changed(1, extension_percent=-1), r"fees\[1\]\.extension_percent", "Correct the value"),
}


@pytest.mark.parametrize(("tables", "place", "remedy"), REFUSED.values(), ids=REFUSED)
def test_fees_that_nobody_could_look_up_are_refused(tables: dict[str, Any], place: str, remedy: str) -> None:
    with pytest.raises(Refused, match=place) as refusal:
        parse_policy(tables)
    assert remedy in str(refusal.value)
