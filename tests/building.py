"""Short ways to build the values that tests are made of. Days are counted from the agreement, day 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

from models.rules.case import Case, Fact, Key, Program, Said, Seat, Standing
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from models.rules.words import EscalationState, NoticeState, Post, Status
from tasks.store.programs import folder_of, read_policy, read_tables

DAY_0 = date(2020, 1, 1)
CREW = ("accreditation_manager", "head", "sme_1", "sme_2", "regional_manager", "director")
ONBOARDED = [("accreditation_manager_trained", 20), ("kickoff_visit", 30)]
LE_TIER_1 = "law_enforcement_tier1"


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


def number(on: date | None) -> int | None:
    return None if on is None else (on - DAY_0).days


@cache
def document(program: str = "mexico") -> dict[str, Any]:
    """Return a shipped program's tables, holidays filled in; copy before changing them."""
    return read_tables(folder_of(program))[0]


@cache
def program(name: str = "mexico") -> Program:
    """Return a shipped program that has been live since long before day 0."""
    return Program(read_policy(folder_of(name)), 1, live_from=date(2000, 1, 1))


def program_with(**changed: Any) -> Program:
    """Return the reference program with some of its tables replaced; a report names only the rules that are left."""
    tables = deepcopy(document()) | changed
    left, reports = {rule["rule"] for rule in tables["escalations"]}, tables["reports"]
    reports["rule_names"] = {name: label for name, label in reports["rule_names"].items() if name in left}
    return Program(parse_policy(tables), 2, live_from=date(2000, 1, 1))


class Numbers(NamedTuple):
    """What differs between the quick policies that laws draw; `repeats` are the days between and the times."""

    pace: int
    grace_days: int
    rung_days: int
    repeats: tuple[int, int]
    margin: int
    misfire: str | int = "coalesce"
    working_days: bool = False
    first_days: int = 0


_DAYS_OFF = (-3, 4, 5, 21, 22, 23, 24, 50, 63, 64, 99)
_QUICK_HOLIDAYS = [{"on": day(number), "name": f"day {number}"} for number in _DAYS_OFF]


@cache
def quick_policy(numbers: Numbers) -> Policy:
    """Return the reference lifecycle at a tenth of its length, so that a whole life fits in months."""
    tables = deepcopy(document())
    for stage in tables["stages"]:
        for name in ("expected_days", "stall_days", "overstay_days"):
            if name in stage:
                stage[name] = stage[name] // 10 + 1
        if stage["code"] == "commission_review":
            stage["gate"]["conference_lead_days"] = 5
    tables["working_hours"] |= {"spread_minutes": 0}
    for lead in tables["leads"]:
        lead |= {name: lead[name] // 10 for name in ("at_least_days", "at_most_days")}
    for track in tables["tracks"].values():
        track |= {"limit_months": track["limit_months"] // 10, "pace": numbers.pace / 10}
    for rule in tables["reminders"]:
        rule |= {"on_working_days": numbers.working_days, "misfire": _misfire(numbers.misfire)}
        rule["days_before"] = [3, 0] if rule["clock"] == "stage_target" else [50, 20, 7, 0]
        if rule["clock"] == "stage_target":
            rule["stages"] = ["onboarding", "directives", "proofs"]
    tables["escalations"] = [_quick_escalation(rule, numbers) for rule in tables["escalations"]]
    tables |= {
        "regions": [{"code": "centre", "name": "Centro", "entities": ["CMX"]}],
        "entities": {"CMX": tables["entities"]["CMX"]},
    }
    tables["calendars"] = {"MX": {"since": day(-40), "until": day(400), "holidays": _QUICK_HOLIDAYS}}
    tables["conferences"] = [{"on": day(n), "name": f"day {n}"} for n in range(20, 170, 30)]
    tables |= {"window": {"from_month": 2, "until_month": 3}, "risk_margin_days": numbers.margin}
    tables["reaccreditation"] |= {"window": {"from_month": 2, "until_month": 3}, "limit_months": 4}
    tables["governments"] = {"CMX": {"state": [day(40), day(75)], "municipal": [day(60)]}}
    tables["government_margin_days"] = 6
    tables["duties"] = [_quick_duty(duty) for duty in tables["duties"]]
    return parse_policy(tables)


def _misfire(named: str | int) -> str | dict[str, int]:
    return {"skip_after": named} if isinstance(named, int) else named


def _quick_duty(duty: dict[str, Any]) -> dict[str, Any]:
    """Return a duty of every cycle whose dates lie days apart, or days after a change."""
    if "posts" in duty:
        return duty | {"due": [{"days": 8}], "days_before": [8, 2]}
    due = [{"days": 20}, {"days": 45}, {"months": 2}, {"months": 3, "days": -10}][: len(duty["due"])]
    return duty | {"cycle": "every", "due": due, "early_days": 15, "days_before": [12, 3, 0]}


def _quick_escalation(rule: dict[str, Any], numbers: Numbers) -> dict[str, Any]:
    # Every other policy counts its rungs and repeats in working days.
    after = "after_working_days" if numbers.working_days else "after_days"
    ladder = [
        {"to": rung["to"], after: numbers.rung_days if step else numbers.first_days}
        for step, rung in enumerate(rule["ladder"])
    ]
    quick = {name: value for name, value in rule.items() if not name.startswith("repeat")}
    working = numbers.working_days and rule["cause"] not in {"inactivity", "overstay"}
    quick |= {"ladder": ladder, "grace_days": numbers.grace_days, "grace_in_working_days": working}
    quick |= {"cycle": "every"} if rule["cause"] == "duty" else {}
    days, times = numbers.repeats
    if numbers.working_days and times:
        return quick | {"repeat_working_days": [days + number for number in range(times)]}
    return quick | ({"repeat_days": days, "repeats": times} if times else {})


FactRow = tuple[str, int] | tuple[str, int, int]
SeatRow = tuple[str, int] | tuple[str, int, int | None] | tuple[str, int, int | None, int]
"""A post, the day it was taken, the last day in it if there is one, and who holds it."""


def crew(*, without: Iterable[str] = ()) -> list[SeatRow]:
    return [(post, 0) for post in CREW if post not in set(without)]


def facts(rows: Sequence[FactRow]) -> list[Fact]:
    return [Fact(i, row[0], day(row[1]), row[2] if len(row) > 2 else None) for i, row in enumerate(rows, 1)]


def seats(rows: Sequence[SeatRow]) -> list[Seat]:
    return [_seat(i, *row) for i, row in enumerate(rows, 1)]


def _seat(number_: int, post: str, since: int, until: int | None = None, person: int = 0) -> Seat:
    return Seat(number_, Post(post), day(since), None if until is None else day(until), person)


def case(stage: str = "onboarding", entered: int = 0, **more: Any) -> Case:
    """Build an open Law Enforcement Tier 1 case, every post held since day 0. `facts` and `seats` are rows."""
    more["facts"] = facts(more.get("facts", ()))
    more["seats"] = seats(more.get("seats", crew()))
    built: dict[str, Any] = {
        "id": 1,
        "track": LE_TIER_1,
        "stage": stage,
        "stage_entered_on": day(entered),
        "stage_seq": 0,
        "status": Status.OPEN,
        "agreement_on": DAY_0,
    }
    return Case(**(built | more))


def said(rule: str, occurrence: str, anchor: int, post: str = "sme_1") -> Said:
    """Build a pending notice."""
    return Said(77, Key(rule, occurrence, day(anchor), Post(post)), NoticeState.PENDING)


def standing(rule: str, occurrence: str, anchor: int, **more: Any) -> Standing:
    """Build an open escalation whose first rung was told on day `rung_on`."""
    rung_on = day(more.pop("rung_on"))
    built: dict[str, Any] = {"state": EscalationState.OPEN, "rung": 1, "opened_on": rung_on}
    return Standing(55, rule, occurrence, day(anchor), rung_on=rung_on, **(built | more))


def on(number_: int, decided: Case, given: Program | None = None) -> Decision:
    """Decide a case on a day."""
    return decide(decided, given or program(), day(number_))


def words(decision: Decision, rule: str | None = None) -> list[tuple[str, str, str, str]]:
    """Return what a decision tells as (rule, occurrence, post, state or the reason it was held back)."""
    return [
        (t.key.rule, t.key.occurrence, t.key.post.value, (t.reason or t.state).value)
        for t in decision.tellings
        if rule is None or t.key.rule == rule
    ]
