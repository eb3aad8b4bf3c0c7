"""Every table. What the database can hold as an invariant is a constraint here, not a hope in code.

Closed choices are stored by value with a CHECK; a timestamp is aware UTC; a deadline is a date. Facts, assignments and
policy loads carry `recorded_at` beside their own date, so that a past day can be rebuilt with what was known then.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy import Enum as SqlEnum
from sqlmodel import Field, SQLModel

from models.rules.words import (
    Change,
    Closing,
    EmailKind,
    EmailState,
    EscalationState,
    Language,
    NoticeState,
    Post,
    Reason,
    Risk,
    Status,
    Subject,
)

# Before the first table: SQLite can only alter what has a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _now() -> datetime:
    return datetime.now(UTC)


def _choice(kind: type[StrEnum], name: str, *, nullable: bool = False, default: StrEnum | None = None) -> Any:
    column: Column[Any] = Column(
        name,
        SqlEnum(
            kind,
            name=name,
            native_enum=False,
            create_constraint=True,
            length=24,
            values_callable=lambda members: [member.value for member in members],
        ),
        nullable=nullable,
    )
    return Field(default=default, sa_column=column) if default or nullable else Field(sa_column=column)


def _key(target: str, *, nullable: bool = False, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(ForeignKey(target), nullable=nullable, index=index))


class PolicyVersion(SQLModel, table=True):
    """A program's policy as it was loaded, whole: what was decided can be explained by the rules of its day."""

    __tablename__ = "policy_version"
    id: int | None = Field(default=None, primary_key=True)
    program: str
    digest: str = Field(unique=True)
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    recorded_at: datetime = Field(default_factory=_now)


class Installation(SQLModel, table=True):
    """This database's one row: its program, the day mail begins, and the clock it lives by."""

    __table_args__ = (CheckConstraint("id = 1", name="single"),)
    id: int = Field(default=1, primary_key=True)
    policy_version_id: int = _key("policy_version.id")
    live_from: date | None = None
    clock_offset_seconds: int = 0
    """How far a labelled clock runs behind the real one; 0 in production."""
    is_demo: bool = False
    last_swept_on: date | None = None


class Agency(SQLModel, table=True):
    """Who is accredited, and where: its zone decides which day it is there."""

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    kind: str
    entity: str
    municipality: str | None = None
    government: str | None = None
    region: str = Field(index=True)
    time_zone: str
    recorded_at: datetime = Field(default_factory=_now)


class Person(SQLModel, table=True):
    """Who is written to. Given names and two surnames are three fields and never split."""

    __table_args__ = (CheckConstraint("deputy_id <> id", name="not_own_deputy"),)
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    given_names: str
    surname: str
    second_surname: str | None = None
    email: str
    language: Language = _choice(Language, "language")
    time_zone: str
    deputy_id: int | None = _key("person.id", nullable=True)
    recorded_at: datetime = Field(default_factory=_now)


class Enrollment(SQLModel, table=True):
    """One agency on one track for one cycle. Its stage is what replaying its stage changes gives.

    `next_review_on` is the next day on which anything can change by itself; NULL once it has ended. It alone is read
    to find what is due, so a sweep costs what is due and not what exists.
    """

    __table_args__ = (
        UniqueConstraint("agency_id", "track", "cycle"),
        CheckConstraint("cycle >= 1", name="cycle"),
        CheckConstraint("(status = 'open') = (ended_on IS NULL)", name="ended"),
        CheckConstraint("status = 'open' OR next_review_on IS NULL", name="no_review_after_end"),
        Index(
            "ix_enrollment_due", "next_review_on", "id",
            sqlite_where=text("next_review_on IS NOT NULL"), postgresql_where=text("next_review_on IS NOT NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    agency_id: int = _key("agency.id")
    track: str
    cycle: int = 1
    agreement_on: date
    """The day the accrediting body countersigned: the clock of window and limit."""
    mandatory: int | None = None
    other: int | None = None
    stage: str
    stage_entered_on: date
    stage_seq: int = 0
    status: Status = _choice(Status, "status", default=Status.OPEN)
    risk: Risk = _choice(Risk, "risk", default=Risk.ON_TRACK)
    ended_on: date | None = None
    next_review_on: date | None = None
    recorded_at: datetime = Field(default_factory=_now)


class Milestone(SQLModel, table=True):
    """A dated fact that a person recorded, visits and standards in compliance among them."""

    __table_args__ = (UniqueConstraint("enrollment_id", "milestone", "occurred_on", "reference"),)
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = _key("enrollment.id")
    milestone: str
    occurred_on: date
    value: int | None = None
    reference: str = ""
    recorded_by: str
    recorded_at: datetime = Field(default_factory=_now)


class DeadlineChange(SQLModel, table=True):
    """Why today's limit is not the first one; the sum of the rows is today's limit."""

    __tablename__ = "deadline_change"
    __table_args__ = (
        CheckConstraint("kind <> 'extension' OR (months >= 1 AND approver IS NOT NULL)", name="extension"),
        CheckConstraint("kind <> 'correction' OR anchor_on IS NOT NULL", name="correction"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = _key("enrollment.id", index=True)
    kind: Change = _choice(Change, "kind")
    months: int | None = None
    anchor_on: date | None = None
    reason: str
    actor: str
    approver: str | None = None
    recorded_at: datetime = Field(default_factory=_now)


class Assignment(SQLModel, table=True):
    """Somebody in a post from a day, until a day or for good: of an enrollment, agency or region, or the program's."""

    __table_args__ = (
        CheckConstraint(
            "CASE WHEN post IN ('sme_1', 'sme_2')"
            " THEN enrollment_id IS NOT NULL AND agency_id IS NULL AND region IS NULL"
            " WHEN post IN ('accreditation_manager', 'head')"
            " THEN enrollment_id IS NULL AND agency_id IS NOT NULL AND region IS NULL"
            " WHEN post = 'regional_manager' THEN enrollment_id IS NULL AND agency_id IS NULL AND region IS NOT NULL"
            " ELSE enrollment_id IS NULL AND agency_id IS NULL AND region IS NULL END",
            name="scope",
        ),
        CheckConstraint("until IS NULL OR until >= since", name="order"),
        # Partial, so that none serves the search for another's: a region's few seats stand among millions of others.
        *(
            Index(f"ix_assignment_{name}", column, sqlite_where=text(where), postgresql_where=text(where))
            for name, column, where in (
                ("enrollment", "enrollment_id", "enrollment_id IS NOT NULL"),
                ("agency", "agency_id", "agency_id IS NOT NULL"),
                ("wide", "post", "enrollment_id IS NULL AND agency_id IS NULL"),
            )
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = _key("person.id", index=True)
    post: Post = _choice(Post, "post")
    enrollment_id: int | None = _key("enrollment.id", nullable=True)
    agency_id: int | None = _key("agency.id", nullable=True)
    region: str | None = None
    since: date
    until: date | None = None
    recorded_at: datetime = Field(default_factory=_now)


class StageChange(SQLModel, table=True):
    """A stage that was left or an enrollment that ended, with the facts that made it so."""

    __tablename__ = "stage_change"
    __table_args__ = (UniqueConstraint("enrollment_id", "seq"),)
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = _key("enrollment.id")
    seq: int
    from_stage: str
    to_stage: str
    status: Status = _choice(Status, "status")
    changed_on: date
    decided_on: date
    evidence: dict[str, list[int]] = Field(sa_column=Column(JSON, nullable=False))
    policy_version_id: int = _key("policy_version.id")
    recorded_at: datetime = Field(default_factory=_now)


class Escalation(SQLModel, table=True):
    """An open case that climbs its ladder until it is acknowledged or solved."""

    __table_args__ = (
        UniqueConstraint("enrollment_id", "rule", "occurrence", "anchor_on"),
        CheckConstraint("(state = 'closed') = (closed_on IS NOT NULL)", name="closed"),
        CheckConstraint("(state = 'closed') = (closing IS NOT NULL)", name="closing_given"),
        CheckConstraint("state <> 'acknowledged' OR acknowledged_until IS NOT NULL", name="acknowledged"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = _key("enrollment.id")
    rule: str
    occurrence: str
    anchor_on: date
    state: EscalationState = _choice(EscalationState, "state", default=EscalationState.OPEN)
    opened_on: date
    rung: int
    rung_on: date
    repeat: int = 0
    acknowledged_by: str | None = None
    acknowledged_on: date | None = None
    acknowledged_until: date | None = None
    closed_on: date | None = None
    closing: Closing | None = _choice(Closing, "closing", nullable=True)
    policy_version_id: int = _key("policy_version.id")
    recorded_at: datetime = Field(default_factory=_now)


class Email(SQLModel, table=True):
    """One message to one person; the text is stored as it was sent. Once a day and kind for each person."""

    __table_args__ = (
        UniqueConstraint("person_id", "day", "kind"),
        Index(
            "ix_email_unsettled", "state",
            sqlite_where=text("state <> 'sent'"), postgresql_where=text("state <> 'sent'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = _key("person.id")
    day: date
    kind: EmailKind = _choice(EmailKind, "kind")
    state: EmailState = _choice(EmailState, "state")
    reference: str = Field(unique=True)
    address: str
    subject: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(Text, nullable=False))
    attempt: int = 1
    claimed_at: datetime
    settled_at: datetime | None = None
    note: str | None = None
    """What the provider or the renderer said, for an operator; never an address or a name."""


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
    subject_kind: Subject = _choice(Subject, "subject_kind")
    subject_id: int
    rule: str
    occurrence: str
    anchor_on: date
    post: Post = _choice(Post, "post")
    template: str
    planned_for: date
    decided_on: date
    state: NoticeState = _choice(NoticeState, "state")
    reason: Reason | None = _choice(Reason, "reason", nullable=True)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    policy_version_id: int = _key("policy_version.id")
    email_id: int | None = _key("email.id", nullable=True, index=True)
    recorded_at: datetime = Field(default_factory=_now)


class Sweep(SQLModel, table=True):
    """One look at everything due on a day, and what came of it."""

    id: int | None = Field(default=None, primary_key=True)
    as_of: date = Field(index=True)
    due: int = 0
    advances: int = 0
    notices: int = 0
    escalations: int = 0
    failed: int = 0
    finished_at: datetime = Field(default_factory=_now)


class Incident(SQLModel, table=True):
    """One item that could not be handled and was left alone, for an operator: ids and codes, never a name."""

    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(unique=True)
    what: str
    times: int = 1
    recorded_at: datetime = Field(default_factory=_now)
