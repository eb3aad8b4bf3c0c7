"""What came before an escalation's next word: who was told, who took it, and what was recorded of the case since.

Whoever hears of a case again must hear something new, or the mail is not read. A few set queries for all letters of a
run, and none where nothing has climbed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.letter import News, Taken, Told
from models.rules.words import Language, NoticeState, Post
from models.schema import CHANGE, EMAIL, ESCALATION, MILESTONE, NOTICE, OF_A_CASE, PERSON, STAGE_CHANGE
from tasks.mail.letters.moved import CHANGED
from tasks.store.cases import IDS
from tasks.store.rows import by_case, rows_of

MOST_TOLD, MOST_NEWS = 6, 8
"""So many of each are shown, the latest; nobody reads more."""

_N, _P = NOTICE.c, PERSON.c
_TOLD = (
    select(_N.subject_id, _N.rule, _N.occurrence, _N.anchor_on, _N.post, EMAIL.c.day, _P.given_names, _P.surname)
    .join(EMAIL, EMAIL.c.id == _N.email_id)
    .join(PERSON, _P.id == EMAIL.c.person_id)
    .where(OF_A_CASE, _N.subject_id.in_(IDS), _N.state == NoticeState.SENT)
    .order_by(EMAIL.c.day, _N.id)
)
_X = ESCALATION.c
_TAKEN = (
    select(
        _X.enrollment_id, _X.rule, _X.occurrence, _X.anchor_on, _X.acknowledged_on, _X.acknowledged_reason,
        _X.acknowledged_by, _P.given_names, _P.surname,
    )
    .outerjoin(PERSON, _P.code == _X.acknowledged_by)
    .where(_X.enrollment_id.in_(IDS), _X.acknowledged_on.is_not(None))
)
_F = MILESTONE.c
_FACTS = select(_F.enrollment_id, _F.occurred_on, _F.recorded_at, _F.milestone).where(
    _F.enrollment_id.in_(IDS), _F.voided_at.is_(None)
)
_STEPS = select(STAGE_CHANGE.c.enrollment_id, STAGE_CHANGE.c.decided_on, STAGE_CHANGE.c.to_stage).where(
    STAGE_CHANGE.c.enrollment_id.in_(IDS), STAGE_CHANGE.c.takes_back.is_(None)
)
_CHANGES = select(CHANGE.c.enrollment_id, CHANGE.c.recorded_at, CHANGE.c.kind).where(CHANGE.c.enrollment_id.in_(IDS))

_WORDS: dict[Language, dict[str, str]] = {
    Language.ES_MX: {
        "stage": "pasó a la etapa “{name}”", "came": "nueva persona en el cargo: {name}",
        "left": "quedó sin titular el cargo: {name}",
    },
    Language.EN: {
        "stage": "moved to stage “{name}”", "came": "somebody new in the post: {name}",
        "left": "nobody is left in the post: {name}",
    },
}


class Story(NamedTuple):
    """What tells one escalation from another: its enrollment and rule, what it is about, the date it counts from."""

    enrollment: int
    rule: str
    about: str
    anchor_on: date


def _story(row: Row[Any]) -> Story:
    """Return the story that a notice is part of, whichever rung it speaks from."""
    return Story(row.subject_id, row.rule, row.occurrence.rsplit("/", 1)[0], row.anchor_on)


class Histories:
    """The histories of the escalations that some notices are about."""

    def __init__(self, connection: Connection, program: Program, rows: Iterable[Row[Any]], *, today: date) -> None:
        self._policy, self._today = program.policy, today
        ids = sorted({row.subject_id for row in rows if row.rule in program.escalations and _is_later(row.facts)})
        self._told: dict[Story, list[Row[Any]]] = defaultdict(list)
        for row in rows_of(connection, _TOLD, ids):
            if row.rule in program.escalations:
                self._told[_story(row)].append(row)
        self._taken = {Story(*row[:4]): row for row in rows_of(connection, _TAKEN, ids)}
        # What was recorded is news only to somebody who was told before.
        told = sorted({story.enrollment for story in self._told})
        self._facts = by_case(rows_of(connection, _FACTS, told))
        self._steps = by_case(rows_of(connection, _STEPS, told))
        self._changes = by_case(rows_of(connection, _CHANGES, told))

    def of(self, row: Row[Any], case: Case, language: Language) -> dict[str, Any]:
        """Return what the letter about a notice tells of what came before, in its reader's language."""
        story = _story(row)
        told, taken = self._told.get(story, ()), self._taken.get(story)
        found: dict[str, Any] = {
            "skipped": tuple(self._policy.posts[Post(post)].text(language) for post in row.facts.get("skipped", ())),
        }
        if taken is not None:
            found["taken"] = self._taken_by(taken, language)
        if told:
            since = told[-1].day
            news = sorted(set(self._news(case, since, language)))
            found |= {"since": since, "news": tuple(news[-MOST_NEWS:])}
            found["told"] = tuple(dict.fromkeys(self._one(each, language) for each in told))[-MOST_TOLD:]
        return found

    def _one(self, row: Row[Any], language: Language) -> Told:
        return Told(f"{row.given_names} {row.surname}".strip(), self._policy.posts[row.post].text(language), row.day)

    def _taken_by(self, row: Row[Any], language: Language) -> Taken:
        name = row.acknowledged_by if row.surname is None else f"{row.given_names} {row.surname}".strip()
        why = self._policy.reasons.get(row.acknowledged_reason or "")
        return Taken(name, row.acknowledged_on, "" if why is None else why.text(language))

    def _news(self, case: Case, since: date, language: Language) -> Iterator[News]:
        policy, words = self._policy, _WORDS[language]
        for fact in self._facts.get(case.id, ()):
            # What happened later, and what happened before and was recorded later.
            if fact.occurred_on > since or fact.recorded_at.date() > since:
                known = policy.milestones.get(fact.milestone)
                yield News(fact.occurred_on, fact.milestone if known is None else known.name.text(language))
        for step in self._steps.get(case.id, ()):
            if step.decided_on > since:
                stage = policy.stage[step.to_stage].name.text(language)
                yield News(step.decided_on, words["stage"].format(name=stage))
        for change in self._changes.get(case.id, ()):
            if change.recorded_at.date() > since:
                yield News(change.recorded_at.date(), CHANGED[language][change.kind])
        yield from self._people(case, since, language)

    def _people(self, case: Case, since: date, language: Language) -> Iterator[News]:
        for seat in case.seats:
            label = self._policy.posts.get(seat.post)
            name = seat.post.value if label is None else label.text(language)
            if since < seat.since <= self._today:
                yield News(seat.since, _WORDS[language]["came"].format(name=name))
            ended = seat.until is not None and since <= seat.until < self._today
            if ended and not any(other.post is seat.post and other.held(self._today) for other in case.seats):
                yield News(seat.until or since, _WORDS[language]["left"].format(name=name))


def _is_later(facts: Mapping[str, Any]) -> bool:
    """Whether a notice is not the first word of its escalation."""
    return bool(facts.get("rung", 0) > 1 or facts.get("repeat", 0))
