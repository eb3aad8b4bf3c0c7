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
from tasks.store.database import engine_of, transaction
from tasks.store.programs import program_in_force
from tasks.weekly.holdings import holders
from tasks.weekly.notices import tell

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
    monday = monday_of(today)
    notices = [
        {
            "rule": rule.rule, "post": rule.to[0], "subject_id": person, "template": TEMPLATE, "anchor_on": monday,
            "occurrence": week_of(today), "planned_for": monday + timedelta(days=rule.weekday),
        }
        for rule in rules for person in holders(connection, rule.to, today)
    ]
    return tell(connection, program, notices, today=today)


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
