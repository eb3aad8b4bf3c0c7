"""What people are told: escalations, notices, and the email that carries them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.rules.words import (
    BatchState,
    Closing,
    EmailKind,
    EmailState,
    EscalationState,
    NoticeState,
    Post,
    Reason,
    Subject,
)
from models.tables.columns import choice, key, now


class Escalation(SQLModel, table=True):
    """An open case that climbs its ladder until it is acknowledged or solved."""

    __table_args__ = (
        UniqueConstraint("enrollment_id", "rule", "occurrence", "anchor_on"),
        CheckConstraint("(state = 'closed') = (closed_on IS NOT NULL)", name="closed"),
        CheckConstraint("(state = 'closed') = (closing IS NOT NULL)", name="closing_given"),
        CheckConstraint("state <> 'acknowledged' OR acknowledged_until IS NOT NULL", name="acknowledged"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id")
    rule: str
    occurrence: str
    anchor_on: date
    state: EscalationState = choice(EscalationState, "state", default=EscalationState.OPEN)
    opened_on: date
    rung: int
    rung_on: date
    repeat: int = 0
    acknowledged_by: str | None = None
    acknowledged_on: date | None = None
    acknowledged_until: date | None = None
    acknowledged_reason: str | None = None
    """A code of the program's policy."""
    closed_on: date | None = None
    closing: Closing | None = choice(Closing, "closing", nullable=True)
    policy_version_id: int = key("policy_version.id")
    recorded_at: datetime = Field(default_factory=now)


class Notice(SQLModel, table=True):
    """One decided thing to tell one post, with its reason: the unit of *once*. The unique key is that promise."""

    __table_args__ = (
        UniqueConstraint("subject_id", "rule", "occurrence", "anchor_on", "post", "subject_kind"),
        CheckConstraint("(state IN ('suppressed', 'cancelled')) = (reason IS NOT NULL)", name="reason_given"),
        CheckConstraint("(state IN ('claimed', 'sent')) <= (email_id IS NOT NULL)", name="carried"),
        Index(
            "ix_notice_pending", "planned_for", "id",
            sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    subject_kind: Subject = choice(Subject, "subject_kind")
    subject_id: int
    rule: str
    occurrence: str
    anchor_on: date
    post: Post = choice(Post, "post")
    template: str
    planned_for: date
    decided_on: date
    state: NoticeState = choice(NoticeState, "state")
    reason: Reason | None = choice(Reason, "reason", nullable=True)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    policy_version_id: int = key("policy_version.id")
    email_id: int | None = key("email.id", nullable=True, index=True)
    waits_until: date | None = None
    """Until when it waits, since its reader's week has no email left."""
    batch_id: int | None = key("parked_batch.id", nullable=True, index=True)
    recorded_at: datetime = Field(default_factory=now)


class ParkedBatch(SQLModel, table=True):
    """What one run would have sent beyond its cap: it waits for an operator."""

    __tablename__ = "parked_batch"
    __table_args__ = (CheckConstraint("(state = 'parked') = (settled_by IS NULL)", name="settled"),)
    id: int | None = Field(default=None, primary_key=True)
    state: BatchState = choice(BatchState, "state", default=BatchState.PARKED)
    emails: int
    notices: int
    settled_by: str | None = None
    settled_at: datetime | None = None
    recorded_at: datetime = Field(default_factory=now)


OPEN = "state IN ('pending', 'sending', 'unknown', 'held')"
"""What the index of unsettled mail is limited to; a query must spell it so to be served by it."""


class Email(SQLModel, table=True):
    """One message to one person; the text is stored as it was sent. Once a day and kind for each person.

    `attempt` numbers the claims, and fences their results; `failures` counts what makes the next wait longer, `again`
    how often it went out once more though it may have been taken. `owner` holds the claim until `lease_until`.
    """

    __table_args__ = (
        UniqueConstraint("person_id", "day", "kind"),
        CheckConstraint("state <> 'sending' OR (owner IS NOT NULL AND lease_until IS NOT NULL)", name="leased"),
        Index("ix_email_unsettled", "state", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = key("person.id")
    day: date
    kind: EmailKind = choice(EmailKind, "kind")
    state: EmailState = choice(EmailState, "state")
    reference: str = Field(unique=True)
    address: str
    subject: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(Text, nullable=False))
    calendar: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    gist: str | None = None
    """Of a mail of the week: what it told but for the time that passes (`models.rules.reporting.weeks.Gist`)."""
    attempt: int = 1
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    again: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    owner: str | None = None
    claimed_at: datetime
    lease_until: datetime | None = None
    next_at: datetime | None = None
    vigil: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """How long each machine has watched it in doubt (`models.rules.delivery.Vigil`)."""
    settled_at: datetime | None = None
    note: str | None = None
    """What the provider or the renderer said, for an operator; never an address or a name."""
