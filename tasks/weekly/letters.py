"""Mails of the week as letters: what is pending for people, written from what is true today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from models.rules.case import Program
from models.rules.letter import Letter, reference_of, weekly_because
from models.rules.policy import Weekly
from models.rules.words import EmailKind, Language, NoticeState, Reason, Subject
from models.schema import EMAIL, NOTICE, PERSON, same
from tasks.mail.rendering import spell_day
from tasks.store.cases import IDS
from tasks.store.rows import rows_of
from tasks.weekly import reports
from tasks.weekly.desks import Desk, Desks
from tasks.weekly.holdings import Holdings, holdings
from tasks.weekly.parts import next_step, told_of

A_WEEK = timedelta(days=7)
LOOKED_BACK = 13 * A_WEEK
"""So far back lies the oldest mail that counts as the last one: what changed before it is told by reports."""
_N, _P = NOTICE.c, PERSON.c
PENDING = (
    select(
        _N.id, _N.rule, _N.post, _N.anchor_on, _N.planned_for, _N.email_id, _N.waits_until, _N.batch_id,
        _P.id.label("person_id"), _P.code.label("person_code"), _P.given_names, _P.surname, _P.second_surname,
        _P.email, _P.language, _P.time_zone, _P.undeliverable_since,
    )
    .join(PERSON, _P.id == _N.subject_id)
    .where(
        same(_N.state, NoticeState.PENDING), same(_N.subject_kind, Subject.PERSON),
        _N.planned_for <= bindparam("today"),
    )
    .order_by(_N.planned_for, _N.id)
    .limit(bindparam("size"))
)
# By its own index: what one person was ever told by one rule.
_LAST = (
    select(_N.subject_id, _N.rule, EMAIL.c.day, EMAIL.c.gist)
    .join(EMAIL, EMAIL.c.id == _N.email_id)
    .where(
        same(_N.subject_kind, Subject.PERSON), _N.subject_id.in_(IDS), _N.state == NoticeState.SENT,
        EMAIL.c.day >= bindparam("since"),
    )
    .order_by(EMAIL.c.day)
)


class Last(NamedTuple):
    """When somebody last got a mail of a rule, and what it told."""

    on: date
    gist: str | None


class Weeklies:
    """Writes the mails of the week of some people, whose desks are read together.

    Each tells what changed since the last one of its rule that its reader got, however many weeks were left out.
    """

    def __init__(
        self, connection: Connection, program: Program, rows: Sequence[Row[Any]], *, today: date, is_demo: bool
    ) -> None:
        self._connection, self._program, self._today, self._is_demo = connection, program, today, is_demo
        self._held: dict[str, Holdings] = {}
        for name in {row.rule for row in rows} & program.weekly.keys():
            people = {row.person_id for row in rows if row.rule == name}
            self._held[name] = holdings(connection, program.weekly[name].to, people, today=today)
        cases = {case for held in self._held.values() for mine in held.values() for case in mine}
        sections = {section for name in self._held for section in program.weekly[name].sections}
        asked = {"since": today - LOOKED_BACK}
        rows_of_last = rows_of(connection, _LAST, sorted({row.person_id for row in rows}), **asked)
        self._last = {
            (row.subject_id, row.rule): Last(row.day, row.gist) for row in rows_of_last if row.rule in self._held
        }
        since = min((last.on for last in self._last.values()), default=today)
        self._desks = Desks(
            connection, program, cases, since=min(since, today - A_WEEK), today=today, sections=sections
        )

    def letter(self, row: Row[Any]) -> Letter | Reason:
        """Return the letter of a notice, or why there is none."""
        if row.rule == reports.RULE:
            return reports.letter(self._connection, self._program, row, today=self._today, is_demo=self._is_demo)
        rule = self._program.weekly.get(row.rule)
        if rule is None:
            return Reason.RULE_DROPPED
        holding = self._held[row.rule].get(row.person_id)
        if not holding:
            return Reason.HOLDER_LEFT
        last, language = self._last.get((row.person_id, row.rule)), Language(row.language)
        desk = self._desks.of(holding, since=self._today - A_WEEK if last is None else last.on)
        desk = desk._replace(reader=row.person_code)
        told = told_of(desk, rule.sections, language)
        if told is None:
            return Reason.NOTHING_TO_SAY
        quiet = last is not None and not told.gist.adds_to(last.gist)
        if last is not None and quiet and self._today < last.on + rule.quiet_weeks * A_WEEK:
            return Reason.NOTHING_NEW
        post = self._post(rule, desk, language)
        policy, monday = self._program.policy, spell_day(row.anchor_on, language)
        return Letter(
            given_names=row.given_names, surname=row.surname, second_surname=row.second_surname, post_name=post,
            language=language, kind=EmailKind.WEEKLY, items=(), today=self._today, is_demo=self._is_demo,
            reference=reference_of(f"{row.person_id}/{self._today}/{EmailKind.WEEKLY}"),
            program_name=policy.name.text(language), title=rule.name.text(language), parts=told.parts,
            because=weekly_because(row.rule, post, len(desk.held), language=language, monday=monday),
            gist=str(told.gist), unchanged_since=last.on if last is not None and quiet else None,
            next_step=next_step(desk, language) if quiet else "",
        )

    def _post(self, rule: Weekly, desk: Desk, language: Language) -> str:
        """Name the posts by which somebody holds their cases, in the rule's order."""
        mine = {post for held in desk.held for post in held.posts}
        return ", ".join(self._program.policy.posts[post].text(language) for post in rule.to if post in mine)
