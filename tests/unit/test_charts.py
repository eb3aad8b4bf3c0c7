"""The small charts in Prefect's pages."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from models.rules.words import Risk
from tasks.views.charts import Bar, bars_by_risk

DIGIT = 8
"""At least as wide as one of 13 pixels in any sans-serif."""


@pytest.mark.parametrize("number", [1, 82, 10_000, 1_000_000])
def test_the_number_behind_the_longest_bar_is_not_cut_off(number: int) -> None:
    found = re.search(r"base64,([^)]+)", bars_by_risk([Bar("onboarding", {Risk.ON_TRACK: number})], "open"))
    assert found
    drawing = b64decode(found[1]).decode()
    width = int(re.search(r'width="(\d+)"', drawing)[1])  # type: ignore[index]
    (start,) = re.findall(rf'<text x="([\d.]+)"[^>]*>{number:,}</text>', drawing)
    assert float(start) + DIGIT * len(f"{number:,}") <= width
