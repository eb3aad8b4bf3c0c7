"""Who gets a mail of the week: one notice a person, rule and week, decided once however often anybody looks.

The notice is about the person and not about a case: they get it for all that they hold. What it says is read when it is
written. A week that nobody looked at is left out: the next mail tells what is true by then.
"""

from __future__ import annotations

from datetime import date, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from models.rules.budget import monday_of
from models.rules.policy import Weekly
from models.rules.words import NoticeState, Reason, Subject
from models.schema import NOTICE
from tasks.store.bulk import add_once
from tasks.store.clock import now_in
from tasks.store.database import engine_of, transaction
from tasks.store.programs import program_in_force
from tasks.weekly.holdings import holders

TEMPLATE = "weekly"


@task(task_run_name="decide the weekly mail of {today}", cache_policy=NO_CACHE, persist_result=False)
def decide_the_week(today: date) -> int:
    """Decide who gets a mail of this week; return how many notices that added."""
    with transaction(engine_of()) as connection:
        return decide_weekly(connection, today)


def decide_weekly(connection: Connection, today: date) -> int:
    """Decide inside a transaction that somebody else commits."""
    program = program_in_force(connection)
    rules = [rule for rule in program.policy.weekly if is_due(rule, today)]
    rows = [
        {
            "rule": rule.rule, "post": rule.to[0], "subject_id": person,
            "planned_for": monday_of(today) + timedelta(days=rule.weekday),
        }
        for rule in rules for person in holders(connection, rule.to, today)
    ]
    if not rows:
        return 0
    silent = program.live_from is None or today < program.live_from
    state = NoticeState.SUPPRESSED if silent else NoticeState.PENDING
    shared = {
        "subject_kind": Subject.PERSON, "template": TEMPLATE, "anchor_on": monday_of(today), "decided_on": today,
        "state": state, "reason": Reason.BEFORE_LIVE if silent else None, "facts": {},
        "policy_version_id": program.version, "recorded_at": now_in(connection), "occurrence": week_of(today),
    }
    return sum(add_once(connection, NOTICE, row | shared, returning=NOTICE.c.id).first() is not None for row in rows)


def week_of(day: date) -> str:
    """Return the name of a week.

    >>> week_of(date(2024, 12, 30))
    '2025-W01'
    """
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def is_due(rule: Weekly, today: date) -> bool:
    """Whether a week's mail is to be decided by a day: its weekday has come."""
    return today.weekday() >= rule.weekday
