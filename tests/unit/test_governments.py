"""Changes of government: a dated layer that the risk reads, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from models.rules.apply import apply
from models.rules.case import Case, Program, Site
from models.rules.decide import decide
from models.rules.explain import explain
from models.rules.governments import changes_ahead, lost_ahead
from models.rules.words import Closing, Risk
from tests.building import case, day, program

STATE, TOWN = Site("JAL-POL-01", "JAL"), Site("JAL-POL-02", "JAL", municipal=True)
SINCE, UNTIL = date(2018, 10, 1), date(2024, 12, 6)

# where, from when until when -> the changes that lie between: the day itself is over, the last day counts
AHEAD: dict[str, tuple[Site | None, date, date, list[date]]] = {
    "a state's": (STATE, SINCE, UNTIL, [date(2018, 12, 6), date(2024, 12, 6)]),
    "a municipality's": (TOWN, SINCE, UNTIL, [date(2021, 10, 1), date(2024, 10, 1)]),
    "the last day counts": (TOWN, SINCE, date(2021, 10, 1), [date(2021, 10, 1)]),
    "a day before, none": (TOWN, SINCE, date(2021, 9, 30), []),
    "where nothing is listed": (Site("XXX-1", "XXX"), SINCE, UNTIL, []),
    "where nobody knows": (None, SINCE, UNTIL, []),
}


@pytest.mark.parametrize(("site", "after", "until", "days"), AHEAD.values(), ids=AHEAD)
def test_the_changes_ahead(site: Site | None, after: date, until: date, days: list[date]) -> None:
    changes = changes_ahead(program().policy, site, after, until=until)
    assert list(changes) == days
    margin = program().policy.government_margin_days
    lost = lost_ahead(program().policy, site, after, until=until)
    assert lost == (changes, timedelta(days=margin * len(days)))


def test_a_change_ahead_puts_a_case_at_risk_earlier_and_one_that_is_over_does_not() -> None:
    policy = program().policy.model_copy(update={"reminders": (), "escalations": (), "duties": ()})
    quiet = Program(policy, 1)
    late = case("directives", 300, site=TOWN)
    change = (date(2021, 10, 1) - day(0)).days
    first = next(n for n in range(300, change) if decide(late, quiet, day(n)).risk is Risk.AT_RISK)
    other = next(n for n in range(300, 1100) if decide(replace(late, site=None), quiet, day(n)).risk is Risk.AT_RISK)
    assert other - first == policy.government_margin_days
    assert decide(late, quiet, day(first - 1)).next_review_on == day(first)


def test_a_change_ahead_escalates_a_window_at_risk_earlier_and_once_it_is_over_no_longer() -> None:
    """At pace alone: what is lost to the change is lost to the ladder as to the risk, until the day it happens."""
    late = case("directives", 340, site=TOWN, agreement_on=day(40))
    change = (date(2021, 10, 1) - day(0)).days

    def opens_on(site: Site | None) -> int:
        moved = replace(late, site=site)
        return next(n for n in range(300, 1100) if _at_risk_rule(moved, n))

    first, other = opens_on(TOWN), opens_on(None)
    assert other - first == program().policy.government_margin_days
    assert first < change < other
    looked = decide(late, program(), day(first - 1)).next_review_on
    assert looked is not None
    assert looked <= day(first)
    stood = apply(late, decide(late, program(), day(first)))
    assert decide(stood, program(), day(change - 1)).closed == []
    over = [each for each in decide(stood, program(), day(change)).closed if each.reason is Closing.RECOVERED]
    assert len(over) == 1


def _at_risk_rule(moved: Case, number: int) -> bool:
    return any(opened.rule == "window_at_risk" for opened in decide(moved, program(), day(number)).opened)


def test_why_names_the_change() -> None:
    told = [s.text for s in explain(case(site=TOWN), program(), day(30)) if s.rule == "government"]
    assert told == [
        "The government changes on 2021-10-01, before 2023-01-01: until then the case is at risk 30 days earlier."
    ]
