"""What a program promises whoever it writes to, judged on a database that was lived through: each yields breaches."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from sqlalchemy import Engine, select

from models.rules.budget import monday_of
from models.rules.case import Program, Site
from models.rules.hours import at_work, reader_of
from models.rules.words import EmailKind, Post
from models.schema import AGENCY, CHANGE, EMAIL, ENROLLMENT, ESCALATION, NOTICE, OF_A_CASE, PERSON, SWEEP
from tasks.store.database import reading

RULE = "-" * 76
A_WEEK_LATER = timedelta(days=12)
"""What the budget lets wait joins the first digest of the next week; its reader may be off for some days of it."""

Breaches = Iterator[str]
Claim = Callable[[Engine, Program], Breaches]


def rows(engine: Engine, *columns: Any, where: Any = None) -> Sequence[Any]:
    query = select(*columns).order_by(columns[0])
    with reading(engine) as connection:
        return connection.execute(query if where is None else query.where(where)).all()


def one_digest_a_day(engine: Engine, _program: Program) -> Breaches:
    e = EMAIL.c
    digests = rows(engine, e.id, e.person_id, e.day, where=e.kind == EmailKind.DIGEST)
    sent = Counter((row.person_id, row.day) for row in digests)
    yield from (f"person {who}: {number} digests on {day}" for (who, day), number in sent.items() if number > 1)


def within_the_budget(engine: Engine, program: Program) -> Breaches:
    e, budget = EMAIL.c, program.policy.mail.a_week
    assert budget is not None
    sent = Counter((row.person_id, monday_of(row.day)) for row in rows(engine, e.id, e.person_id, e.day))
    yield from (f"person {who}: {number} in the week of {on}" for (who, on), number in sent.items() if number > budget)


TIME_PASSES = re.compile(
    r"(What changed since|Qué cambió desde el) [^-]*?\d{4}\b|(escalated for|desde hace) [\d,]+ \w+"
)
"""What differs in any two weekly mails by the calendar alone."""
SAYS_SO = ("Nothing has changed", "Nada ha cambiado")


def something_new_each_time(engine: Engine, _program: Program) -> Breaches:
    """Compare what is said: a date of writing and a reference would make any two mails differ, and so would an age.

    A mail of the week is compared with the last one of its kind too, whatever lay between; where it says the same, it
    begins with that.
    """
    e = EMAIL.c
    before: dict[Any, str] = {}
    for row in rows(engine, e.id, e.person_id, e.day, e.kind, e.subject, e.text):
        opening, *body, _ = row.text.split(RULE)
        said = TIME_PASSES.sub("", " ".join(RULE.join(body).split()))
        weekly = (row.person_id, row.subject.partition(" · ")[0]) if row.kind == EmailKind.WEEKLY else row.person_id
        repeats = said in {before.get(row.person_id), before.get(weekly)}
        if repeats and not any(words in opening for words in SAYS_SO):
            yield f"person {row.person_id}: the mail of {row.day} says what the one before said"
        before[row.person_id] = before[weekly] = said


def stalls_reach_the_regional_manager(engine: Engine, program: Program) -> Breaches:
    """Judge every stall that stood for as long as its second rung waits; of cases with a hold nothing is known."""
    x, n = ESCALATION.c, NOTICE.c
    wait = program.escalations["stall"].ladder[1]
    assert wait.to == (Post.REGIONAL_MANAGER,)
    last = max(row.as_of for row in rows(engine, SWEEP.c.as_of))
    held = {row.enrollment_id for row in rows(engine, CHANGE.c.enrollment_id)}
    e, a = ENROLLMENT.c, AGENCY.c
    places = rows(engine, e.id, a.code, a.entity, where=e.agency_id == a.id)
    sites = {row.id: Site(row.code, row.entity) for row in places}
    told: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows(
        engine, n.id, n.subject_id, n.occurrence, n.anchor_on, n.decided_on, n.email_id,
        where=OF_A_CASE & (n.rule == "stall") & (n.post == Post.REGIONAL_MANAGER),
    ):
        told[row.subject_id, row.occurrence.split("/")[0], row.anchor_on].append(row)
    mailed = {row.id: row.day for row in rows(engine, EMAIL.c.id, EMAIL.c.day)}
    for row in rows(
        engine, x.id, x.enrollment_id, x.occurrence, x.anchor_on, x.opened_on, x.closed_on, where=x.rule == "stall"
    ):
        due = program.calendar_of(sites[row.enrollment_id]).plus(row.opened_on, wait.wait.days)
        if row.enrollment_id in held or min(row.closed_on or date.max, last) <= due:
            continue
        heard = [each for each in told[row.enrollment_id, row.occurrence, row.anchor_on] if each.decided_on <= due]
        if not heard:
            yield f"stall {row.id} stood since {row.opened_on}, and nothing was decided by {due}"
        for each in heard:
            if each.email_id is not None and mailed[each.email_id] > each.decided_on + A_WEEK_LATER:
                yield f"stall {row.id} was decided on {each.decided_on} and mailed on {mailed[each.email_id]}"


def mail_in_working_hours(engine: Engine, program: Program) -> Breaches:
    e, p, hours = EMAIL.c, PERSON.c, program.policy.working_hours
    for row in rows(engine, e.id, e.claimed_at, p.id.label("person"), p.time_zone, where=e.person_id == p.id):
        at = row.claimed_at if row.claimed_at.tzinfo else row.claimed_at.replace(tzinfo=UTC)
        if not at_work(hours, reader_of(program, row.person, row.time_zone), at):
            yield f"email {row.id} went out at {at}"


CLAIMS: tuple[Claim, ...] = (
    one_digest_a_day, within_the_budget, something_new_each_time, stalls_reach_the_regional_manager,
    mail_in_working_hours,
)
