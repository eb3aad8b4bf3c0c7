"""The reminder of a quarterly report: so many days before it is owed, to the posts that the program names, each once.

The notice is about the person, like a mail of the week, and takes the same way. Of several days that have come the
nearest alone is told; once the report is on record as handed in, nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection, Row, or_, select

from models.rules.case import Program
from models.rules.letter import Form, Letter, reference_of, report_because
from models.rules.reporting.quarters import Quarter, quarter_of
from models.rules.words import EmailKind, Language, Post, Reason
from models.schema import ASSIGNMENT
from tasks.mail.rendering import spell_day
from tasks.reports.reasons import filed_on
from tasks.store.cases import WIDE
from tasks.store.database import engine_of, transaction
from tasks.store.programs import program_in_force
from tasks.views.forms import AT_THE_UI, Forms
from tasks.weekly.notices import tell
from tasks.weekly.owed import TEMPLATE, owed

RULE = "quarterly_report"
_A = ASSIGNMENT.c


@task(task_run_name="remind of the report on {today}", cache_policy=NO_CACHE, persist_result=False)
def remind_of_the_report(today: date) -> int:
    """Decide who is reminded of the report that is owed; return how many notices that added."""
    with transaction(engine_of()) as connection:
        return decide_reminders(connection, today)


def decide_reminders(connection: Connection, today: date) -> int:
    """Decide inside a transaction that somebody else commits."""
    program = program_in_force(connection)
    owing = program.policy.reports.quarterly if program.policy.reports is not None else None
    if owing is None:
        return 0
    quarter = quarter_of(today).before
    due_on = quarter.due_on(owing.due_days)
    reached = [days for days in owing.days_before if due_on - timedelta(days=days) <= today <= due_on]
    if not reached or filed_on(connection, quarter) is not None or _before(program, quarter):
        return 0
    notices = [
        {
            "rule": RULE, "post": post, "subject_id": person, "template": TEMPLATE, "anchor_on": due_on,
            "occurrence": str(min(reached)), "planned_for": due_on - timedelta(days=min(reached)),
        }
        for person, post in dict(_holders(connection, owing.to, today)).items()
    ]
    return tell(connection, program, notices, today=today)


def reminder_days(connection: Connection, after: date) -> list[date]:
    """Return the days to come on which somebody is to be reminded of a report of this quarter or the last."""
    program = program_in_force(connection)
    if program.policy.reports is None:
        return []
    owing, this = program.policy.reports.quarterly, quarter_of(after)
    days = [
        quarter.due_on(owing.due_days) - timedelta(days=before)
        for quarter in (this.before, this) for before in owing.days_before
    ]
    return [day for day in days if day > after]


def _before(program: Program, quarter: Quarter) -> bool:
    return program.policy.began_on is not None and quarter.until < program.policy.began_on


def _holders(connection: Connection, posts: tuple[Post, ...], today: date) -> Iterator[tuple[int, Post]]:
    """Yield who holds a post of the program on a day; who holds several, with the first of them last."""
    rows = connection.execute(
        select(_A.person_id, _A.post).where(
            WIDE, _A.region.is_(None), _A.post.in_(posts), _A.since <= today, or_(_A.until.is_(None), _A.until >= today)
        ).order_by(_A.id)
    ).all()
    yield from sorted(((row.person_id, row.post) for row in rows), key=lambda each: -posts.index(each[1]))


def letter(connection: Connection, program: Program, row: Row[Any], *, today: date, is_demo: bool) -> Letter | Reason:
    """Return the letter of a reminder, or why there is none."""
    quarter = quarter_of(row.anchor_on).before
    if program.policy.reports is None:
        return Reason.RULE_DROPPED
    if filed_on(connection, quarter) is not None:
        return Reason.FULFILLED
    if row.anchor_on < today:
        return Reason.DATE_PASSED
    language = Language(row.language)
    title, part = owed(quarter, row.anchor_on, today=today, language=language)
    post, due = program.policy.posts[Post(row.post)].text(language), spell_day(row.anchor_on, language)
    hand_in = Forms(program, today).hand_in(str(quarter)) if Post(row.post) in AT_THE_UI else None
    if hand_in is not None:
        part = part._replace(rows=tuple(each._replace(forms=(Form("hand_in", hand_in),)) for each in part.rows))
    return Letter(
        given_names=row.given_names, surname=row.surname, second_surname=row.second_surname, post_name=post,
        language=language, kind=EmailKind.WEEKLY, items=(), today=today, is_demo=is_demo, frame=TEMPLATE, title=title,
        reference=reference_of(f"{row.person_id}/{today}/{EmailKind.WEEKLY}"),
        program_name=program.policy.name.text(language), because=report_because(RULE, post, due, language=language),
        parts=(part,),
    )
