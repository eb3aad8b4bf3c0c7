"""What a policy says that can be carried out and still is not what somebody meant: findings, not refusals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.rules.case import Program, StagePlan
from models.rules.dates import add_months
from models.rules.policy import EscalationRule, Policy
from models.rules.words import Cause, Clock, Cycle, Post

DAYS_A_MONTH = 365.25 / 12


class Severity(StrEnum):
    """How bad a finding is: an error keeps somebody from being told, a warning may, a note is worth a look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing that is probably not meant: where, what, and the remedy."""

    severity: Severity
    place: str
    what: str
    remedy: str


def policy_findings(policy: Policy, today: date) -> Iterator[Finding]:
    """Yield what is odd about a policy by itself, in its own order."""
    for number, rule in enumerate(policy.escalations):
        place = f"escalations[{number}]"
        yield from _told_already(rule, place)
        yield from _out_of_reach(policy, rule, place)
        yield from _too_late(policy, rule, place)
    yield from _lists_that_end(policy, today)
    yield from _governments(policy, today)
    if not policy.answers.reasons:
        what = "offers no reason, so nobody can acknowledge or put anything off."
        yield Finding(Severity.WARNING, "answers", what, "Name some of [reasons] there.")
    if Post.OPERATOR not in policy.posts:
        yield Finding(Severity.NOTE, "posts", "has no operator: nobody is told of what fails.", "Name the post.")


def _told_already(rule: EscalationRule, place: str) -> Iterator[Finding]:
    told: set[Post] = set()
    for number, rung in enumerate(rule.ladder, 1):
        if told.issuperset(rung.to):
            what = f'rung {number} of "{rule.rule}" reaches nobody whom a rung below did not.'
            yield Finding(Severity.WARNING, f"{place}.ladder", what, "Name another post, or let the last rung repeat.")
        told.update(rung.to)


def _climb_days(rule: EscalationRule) -> int:
    """Return how long a ladder takes to climb; working days as the days of the calendar that they last at least."""
    waits = [rung.wait for rung in rule.ladder]
    return sum(wait.days + wait.days // 5 * 2 if wait.worked else wait.days for wait in waits)


def _out_of_reach(policy: Policy, rule: EscalationRule, place: str) -> Iterator[Finding]:
    """Yield ladders that take longer to climb than any case is open before its window closes."""
    if rule.cause not in {Cause.INACTIVITY, Cause.OVERSTAY, Cause.VACANCY}:
        return
    longest = max((track.window or policy.window).until_month for track in policy.tracks.values()) * DAYS_A_MONTH
    if _climb_days(rule) > longest:
        days = _climb_days(rule)
        what = f'the last rung of "{rule.rule}" comes {days} days after the first, when every window is over.'
        yield Finding(Severity.ERROR, f"{place}.ladder", what, "Shorten the days between its rungs.")


def _too_late(policy: Policy, rule: EscalationRule, place: str) -> Iterator[Finding]:
    """Yield ladders that warn of a date and reach their last rung after it, by the stages in which they do."""
    if rule.cause is not Cause.PACE:
        return
    late: dict[str, int] = {}
    for track in policy.tracks:
        plan = Program(policy, 0).plan(track, 2 if rule.cycle is Cycle.REACCREDITATION else 1)
        for code, stage in plan.stages.items():
            days = _climb_days(rule) + rule.grace_days - _warned_days(policy, stage)
            if stage.stage.next is not None and days > 0:
                late[code] = max(days, late.get(code, 0))
    if late:
        stages = ", ".join(f"{code} ({days} days)" for code, days in late.items())
        end = "the window's end" if rule.clock is Clock.WINDOW_UNTIL else "the limit"
        what = f'the last rung of "{rule.rule}" can come after {end}, where it opens in: {stages}.'
        yield Finding(Severity.NOTE, f"{place}.ladder", what, "Shorten the ladder, or raise risk_margin_days.")


def _warned_days(policy: Policy, stage: StagePlan) -> int:
    """Return how long before its date a case that stays in a stage is at risk, at the latest."""
    return stage.after + policy.risk_margin_days - 1


def _lists_that_end(policy: Policy, today: date) -> Iterator[Finding]:
    """Yield lists of days that end before an agreement signed today could."""
    last = add_months(today, max(track.limit_months for track in policy.tracks.values()))
    if policy.conferences:
        end = max(conference.on for conference in policy.conferences)
        if end < last:
            yield _ends("conferences", end, (last, today))
    for name, calendar in policy.calendars.items():
        if calendar.until < last:
            yield _ends(f"calendars.{name}", calendar.until, (last, today))


def _governments(policy: Policy, today: date) -> Iterator[Finding]:
    """Yield which entities have no change of government ahead, where a program reads them at all."""
    if not policy.government_margin_days:
        return
    there, lacking = policy.governments, defaultdict(list)
    for code in sorted(policy.entities):
        levels = {"state": there[code].state, "municipal": there[code].municipal} if code in there else {}
        for level in ("state", "municipal"):
            days = levels.get(level, ())
            if not days or days[-1] <= today:
                lacking[level, bool(days)].append(code)
    for (level, ended), codes in sorted(lacking.items()):
        what = f"{'name no later' if ended else 'name no'} change of a {level} government of {', '.join(codes)}:"
        remedy = "Add the dates; what is not listed counts for nothing."
        yield Finding(Severity.NOTE, "governments", f"{what} no risk reads one.", remedy)


def _ends(place: str, end: date, given: tuple[date, date]) -> Finding:
    last, today = given
    severity = Severity.ERROR if end < today else Severity.WARNING
    if severity is Severity.WARNING and end >= today + timedelta(days=365):
        severity = Severity.NOTE
    what = f"ends on {end}; the limit of an agreement signed today is {last}."
    return Finding(severity, place, what, "Add the days that are known by now.")
