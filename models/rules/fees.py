"""What an enrollment costs, looked up in the program's dated fees. Integer cents throughout."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from models.rules.policy import Fee, Policy

MONTHS_A_YEAR = 12


class Price(NamedTuple):
    """Cents, of the program's currency. `low` and `high` differ only where the agency's staff is not known."""

    low: int
    high: int

    def times(self, number: int) -> Price:
        """Return the price of so many."""
        return Price(self.low * number, self.high * number)


FREE = Price(0, 0)


def spell_price(price: Price, currency: str) -> str:
    """Write a price out, a range where it is one; the same in every language that mail is written in.

    >>> spell_price(Price(296_625, 698_250), "USD"), spell_price(Price(400_750, 400_750), "USD")
    ('USD 2,966.25-6,982.50', 'USD 4,007.50')
    """
    low, high = (f"{cents // 100:,}.{cents % 100:02}" for cents in price)
    return f"{currency} {low}" if low == high else f"{currency} {low}-{high}"


def fee_on(policy: Policy, track: str, on: date) -> Fee | None:
    """Return the fee of a track that is valid on a day; None where the program names none."""
    valid = [fee for fee in policy.fees if track in fee.tracks and fee.since <= on]
    return max(valid, key=lambda fee: fee.since, default=None)


def initial_fee(fee: Fee, staff: int | None) -> Price:
    """Return what the agreement costs, by the agency's staff."""
    if staff is None:
        cents = [bracket.cents for bracket in fee.initial]
        return Price(min(cents), max(cents))
    # The brackets ascend from 0, as policy.checks sees to.
    found = [bracket.cents for bracket in fee.initial if bracket.staff_from <= staff][-1]
    return Price(found, found)


def extension_fee(fee: Fee, staff: int | None, months: int = MONTHS_A_YEAR) -> Price:
    """Return what an extension costs: a share of the initial fee for every year that is begun, rounded to the cent."""
    years = -(-months // MONTHS_A_YEAR)
    return Price(*((cents * fee.extension_percent + 50) // 100 for cents in initial_fee(fee, staff))).times(years)
