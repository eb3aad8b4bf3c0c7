"""Lint over a policy by itself: what can be carried out and is still not what somebody meant."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from models.rules.lint import Severity, policy_findings
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from tasks.store.programs import SHIPPED, read_policy
from tasks.views import lint
from tests.building import document

TODAY = date(2023, 4, 3)


def policy(**changed: Any) -> Policy:
    return parse_policy(deepcopy(document()) | changed)


def escalations(rule: str, **changed: Any) -> list[dict[str, Any]]:
    """Return the reference rules, one of them changed."""
    return [each | changed if each["rule"] == rule else each for each in deepcopy(document()["escalations"])]


def found(given: Policy, place: str, today: date = TODAY) -> list[tuple[Severity, str]]:
    return [(each.severity, each.what) for each in policy_findings(given, today) if each.place.startswith(place)]


def rung(days: int, *posts: str) -> dict[str, Any]:
    return {"to": list(posts), "after_days": days}


def test_the_shipped_programs_have_no_error_and_no_warning() -> None:
    for place in SHIPPED.glob("*/program.toml"):
        severities = {each.severity for each in lint.lint_program(read_policy(place.parent), TODAY)}
        assert severities <= {Severity.NOTE}


def test_a_rung_that_reaches_nobody_new_is_found() -> None:
    ladder = [rung(0, "sme_1", "sme_2"), rung(14, "regional_manager"), rung(30, "sme_2", "regional_manager")]
    (finding,) = found(policy(escalations=escalations("stall", ladder=ladder)), "escalations[0]")
    assert finding == (Severity.WARNING, 'rung 3 of "stall" reaches nobody whom a rung below did not.')


def test_a_ladder_that_outlives_every_window_is_found() -> None:
    ladder = [rung(0, "sme_1"), rung(1000, "regional_manager"), rung(100, "director")]
    ((severity, what),) = found(policy(escalations=escalations("stall", ladder=ladder)), "escalations[0]")
    assert severity is Severity.ERROR
    assert "comes 1100 days after the first" in what


@pytest.mark.parametrize(
    ("days", "margin", "late"),
    [(29, 30, None), (30, 30, "commission_review (1 days)"), (30, 31, None), (400, 30, "proofs (")],
)
def test_a_rung_after_the_end_that_it_warns_of_is_found(days: int, margin: int, late: str | None) -> None:
    changed = escalations("window_at_risk", ladder=[rung(0, "sme_1"), rung(days, "director")])
    number = [each["rule"] for each in changed].index("window_at_risk")
    texts = [what for _, what in found(policy(escalations=changed, risk_margin_days=margin), f"escalations[{number}]")]
    assert bool(texts) == (late is not None)
    assert late is None or late in texts[0]


@pytest.mark.parametrize(
    ("today", "severity"),
    [
        (date(2016, 1, 1), None), (date(2026, 6, 1), Severity.NOTE), (date(2028, 1, 1), Severity.WARNING),
        (date(2030, 1, 1), Severity.ERROR),
    ],
)
def test_conferences_that_end_too_early_are_found(today: date, severity: Severity | None) -> None:
    assert [each for each, _ in found(policy(), "conferences", today)] == ([] if severity is None else [severity])


def test_a_calendar_that_ends_too_early_is_found() -> None:
    assert any("calendars." in each.place for each in policy_findings(policy(), date(2060, 1, 1)))


def test_entities_without_a_change_of_government_ahead_are_named() -> None:
    """All 32 have one of either kind while the program's lists last; a program that reads none is told nothing."""
    assert found(policy(), "governments") == []
    some = {"JAL": {"state": [date(2024, 12, 6)], "municipal": []}, "SON": {"state": [date(2021, 9, 13)]}}
    said = [what for _, what in found(policy(governments=some), "governments")]
    none = ", ".join(sorted(document()["entities"]))
    assert said == [
        f"name no change of a municipal government of {none}: no risk reads one.",
        f"name no change of a state government of {none.replace('JAL, ', '').replace('SON, ', '')}: no risk reads one.",
        "name no later change of a state government of SON: no risk reads one.",
    ]
    assert found(policy(governments={}, government_margin_days=0), "governments") == []


def test_a_policy_without_reasons_is_found() -> None:
    assert found(policy(answers={}), "answers") == [
        (Severity.WARNING, "offers no reason, so nobody can acknowledge or put anything off.")
    ]


def test_a_notice_without_templates_is_found() -> None:
    given = policy(escalations=escalations("stall", notice="stal"))
    (finding,) = [each for each in lint.lint_program(given, TODAY) if each.place == "templates/emails/stal"]
    assert (finding.severity, finding.remedy) == (Severity.ERROR, 'Did you mean "stall"?')
