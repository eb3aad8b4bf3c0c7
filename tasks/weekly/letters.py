"""Mails of the week as letters: what is pending for people, written from what is true today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from models.rules.case import Program
from models.rules.letter import Letter, reference_of, weekly_because
from models.rules.policy import Weekly
from models.rules.words import EmailKind, Language, NoticeState, Reason, Subject
from models.schema import NOTICE, PERSON, same
from tasks.mail.rendering import spell_day
from tasks.weekly import reports
from tasks.weekly.desks import Desk, Desks
from tasks.weekly.holdings import Holdings, holdings
from tasks.weekly.parts import parts_of

A_WEEK = timedelta(days=7)
_N, _P = NOTICE.c, PERSON.c
PENDING = (
    select(
        _N.id, _N.rule, _N.post, _N.anchor_on, _N.planned_for, _N.email_id, _N.batch_id, _P.id.label("person_id"),
        _P.given_names, _P.surname, _P.second_surname, _P.email, _P.language, _P.time_zone, _P.undeliverable_since,
    )
    .join(PERSON, _P.id == _N.subject_id)
    .where(
        same(_N.state, NoticeState.PENDING), same(_N.subject_kind, Subject.PERSON),
        _N.planned_for <= bindparam("today"),
    )
    .order_by(_N.planned_for, _N.id)
    .limit(bindparam("size"))
)


class Weeklies:
    """Writes the mails of the week of some people, whose desks are read together."""

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
        self._desks = Desks(connection, program, cases, since=today - A_WEEK, today=today, sections=sections)

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
        desk, language = self._desks.of(holding), Language(row.language)
        parts = parts_of(desk, rule.sections, language)
        if not parts:
            return Reason.NOTHING_TO_SAY
        post = self._post(rule, desk, language)
        policy, monday = self._program.policy, spell_day(row.anchor_on, language)
        return Letter(
            given_names=row.given_names, surname=row.surname, second_surname=row.second_surname, post_name=post,
            language=language, kind=EmailKind.WEEKLY, items=(), today=self._today, is_demo=self._is_demo,
            reference=reference_of(f"{row.person_id}/{self._today}/{EmailKind.WEEKLY}"),
            program_name=policy.name.text(language), title=rule.name.text(language), parts=parts,
            because=weekly_because(row.rule, post, len(desk.held), language=language, monday=monday),
        )

    def _post(self, rule: Weekly, desk: Desk, language: Language) -> str:
        """Name the posts by which somebody holds their cases, in the rule's order."""
        mine = {post for held in desk.held for post in held.posts}
        return ", ".join(self._program.policy.posts[post].text(language) for post in rule.to if post in mine)
