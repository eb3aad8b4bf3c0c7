"""A band that would hold and not hold at once."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem
from models.rules.policy import Policy


def forecasting(policy: Policy) -> Iterator[Problem]:
    """Yield a band that ends before it begins."""
    if policy.forecast is None:
        return
    band = policy.forecast.band
    if band.recovered_from < band.at_risk_below:
        what = f"is {band.recovered_from} %, below at_risk_below, {band.at_risk_below} %: both would hold at once."
        yield Problem("forecast.band.recovered_from", what, "Use at least as much.")
