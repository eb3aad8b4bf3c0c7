"""What the people who are written to answer, and the links that let them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from models.rules.words import ProposalState, Proposed, Purpose
from models.tables.columns import choice, key, now


class Snooze(SQLModel, table=True):
    """Somebody's wish not to hear of a rule about an enrollment until a day, for as long as they hold their seat."""

    __table_args__ = (
        CheckConstraint("until >= since", name="order"),
        CheckConstraint("(ended_on IS NULL) = (ended_by IS NULL)", name="ended"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id", index=True)
    assignment_id: int = key("assignment.id")
    rule: str
    since: date
    until: date
    reason: str
    """A code of the program's policy."""
    actor: str
    ended_on: date | None = None
    """The day from which it holds no more, where it was ended early; on its first day, it never held."""
    ended_by: str | None = None
    ended_why: str | None = None
    recorded_at: datetime = Field(default_factory=now)


class Proposal(SQLModel, table=True):
    """What somebody without a say over the records reports: a fact, or a post they left. An operator settles it."""

    __table_args__ = (
        CheckConstraint("kind <> 'fact' OR (enrollment_id IS NOT NULL AND milestone IS NOT NULL)", name="fact"),
        CheckConstraint("kind <> 'left' OR assignment_id IS NOT NULL", name="left"),
        CheckConstraint("(state = 'open') = (settled_by IS NULL)", name="settled"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: Proposed = choice(Proposed, "kind")
    person_id: int = key("person.id")
    enrollment_id: int | None = key("enrollment.id", nullable=True)
    assignment_id: int | None = key("assignment.id", nullable=True)
    milestone: str | None = None
    occurred_on: date
    """The day of the fact, or the last day in the post."""
    value: int | None = None
    note: str = ""
    state: ProposalState = choice(ProposalState, "state", default=ProposalState.OPEN)
    settled_by: str | None = None
    settled_on: date | None = None
    recorded_at: datetime = Field(default_factory=now)


class AnswerLink(SQLModel, table=True):
    """A link in a mail: for one person, one case and one purpose, once, until it expires. The token is not kept."""

    __tablename__ = "answer_link"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    """SHA-256 of the token, in hexadecimal."""
    purpose: Purpose = choice(Purpose, "purpose")
    person_id: int = key("person.id")
    enrollment_id: int = key("enrollment.id")
    assignment_id: int = key("assignment.id")
    holder_id: int = key("person.id")
    """Who held the seat when the mail was written: `person_id`, or whom that person stands in for."""
    rule: str
    email_id: int = key("email.id", index=True)
    expires_at: datetime
    used_at: datetime | None = None
    recorded_at: datetime = Field(default_factory=now)


class Absence(SQLModel, table=True):
    """Somebody who is away from a day to a day, both included: whoever stands in for them gets their mail."""

    __table_args__ = (CheckConstraint("until >= since", name="order"),)
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = key("person.id", index=True)
    since: date
    until: date = Field(index=True)
    recorded_at: datetime = Field(default_factory=now)
