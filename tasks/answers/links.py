"""The links of mails: who may answer what, once, until when.

A token is 256 random bits. The database keeps its SHA-256 only: whoever reads the database can answer for nobody. A
link is good for one person, one case and one purpose, while the seat is held by that person or whom they stand in for.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from models.rules.letter import Answer
from models.rules.words import Purpose
from models.schema import AGENCY, ANSWER_LINK, ASSIGNMENT, EMAIL, ENROLLMENT, PERSON

PATH = "/a/"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_L, _E, _A, _P = ANSWER_LINK.c, ENROLLMENT.c, ASSIGNMENT.c, PERSON.c


class Subject(NamedTuple):
    """Whose link it is, and about what."""

    person_id: int
    enrollment_id: int
    assignment_id: int
    holder_id: int
    rule: str


class Link(NamedTuple):
    """A link as it is stored with the email that carries it."""

    digest: str
    purpose: Purpose
    subject: Subject


class Issuer:
    """Makes the links of one letter; nothing is good for anything before `keep` stored it."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.links: list[Link] = []

    def answer(self, purpose: Purpose, subject: Subject, post_name: str = "") -> Answer:
        """Return a new link for a letter."""
        token = new_token()
        self.links.append(Link(digest(token), purpose, subject))
        return Answer(purpose, f"{self._base}{PATH}{token}", post_name)


def new_token() -> str:
    """Return what is good for nothing before the link of its digest is stored."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def keep(connection: Connection, links: Sequence[Link], *, email_id: int, now: datetime, days: int) -> None:
    """Store the links of an email in the transaction that claims it."""
    same = {"email_id": email_id, "expires_at": now + timedelta(days=days), "recorded_at": now}
    rows = [{"digest": link.digest, "purpose": link.purpose, **link.subject._asdict(), **same} for link in links]
    if rows:
        connection.execute(insert(ANSWER_LINK), rows)


_DROP = delete(ANSWER_LINK).where(_L.email_id == bindparam("email"))


def drop(connection: Connection, email_id: int) -> None:
    """Delete the links of a text that certainly reached nobody: it is written anew, with others."""
    connection.execute(_DROP, {"email": email_id})


_GRANT = (
    select(
        _L.id, _L.purpose, _L.person_id, _L.enrollment_id, _L.assignment_id, _L.rule, _L.expires_at,
        _P.code.label("person"), _P.given_names, _P.surname, _P.second_surname, _P.language,
        _A.post, _A.since, AGENCY.c.code, AGENCY.c.name.label("agency"), _E.track, _E.cycle, _E.status, _E.agreement_on,
        EMAIL.c.subject, EMAIL.c.day, _L.email_id, _L.holder_id,
    )
    .join(PERSON, _P.id == _L.person_id)
    .join(ASSIGNMENT, _A.id == _L.assignment_id)
    .join(ENROLLMENT, _E.id == _L.enrollment_id)
    .join(AGENCY, AGENCY.c.id == _E.agency_id)
    .join(EMAIL, EMAIL.c.id == _L.email_id)
    .where(
        _L.digest == bindparam("digest"), _L.used_at.is_(None), _L.expires_at > bindparam("now"),
        _A.person_id == _L.holder_id, or_(_A.until.is_(None), _A.until >= bindparam("today")),
    )
)


def grant_of(connection: Connection, token: str, *, now: datetime, today: date) -> Row[Any] | None:
    """Return what a token lets its holder do, today; None where it was never given, was used, or is over."""
    if not _TOKEN.fullmatch(token):
        return None
    return connection.execute(_GRANT, {"digest": digest(token), "now": now, "today": today}).first()


def use(connection: Connection, link_id: int, now: datetime) -> bool:
    """Spend a link; False where somebody else did so first."""
    spent = update(ANSWER_LINK).where(_L.id == link_id, _L.used_at.is_(None)).values(used_at=now)
    return connection.execute(spent).rowcount == 1


def forget_expired(connection: Connection, now: datetime) -> int:
    """Delete links that nobody can use any more and nobody used."""
    return connection.execute(delete(ANSWER_LINK).where(_L.expires_at <= now, _L.used_at.is_(None))).rowcount
