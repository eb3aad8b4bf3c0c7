"""Enrollments, the facts recorded of them, and what became of both."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.rules.words import Change, Risk, Status
from models.tables.columns import choice, key, now


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
        # The portfolio is counted, and its worst cases are found, without a look at the table.
        Index("ix_enrollment_portfolio", "status", "risk", "stage", "cycle", "stage_entered_on"),
    )
    id: int | None = Field(default=None, primary_key=True)
    agency_id: int = key("agency.id")
    track: str
    cycle: int = 1
    agreement_on: date
    """The day the accrediting body countersigned: the clock of window and limit."""
    mandatory: int | None = None
    other: int | None = None
    stage: str
    stage_entered_on: date
    stage_seq: int = 0
    reentered_on: date | None = None
    """The day of the last return to an earlier stage: what is older opens no gate since."""
    status: Status = choice(Status, "status", default=Status.OPEN)
    risk: Risk = choice(Risk, "risk", default=Risk.ON_TRACK)
    pace: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    """The logarithm of how many times as long as the median its agency takes, by what it has done so far."""
    forecast_fit_id: int | None = key("forecast_fit.id", nullable=True)
    """The fit by which it was forecast last."""
    ended_on: date | None = None
    next_review_on: date | None = None
    recorded_at: datetime = Field(default_factory=now)


_VALID = text("voided_at IS NULL")


class Milestone(SQLModel, table=True):
    """A dated fact that a person recorded, visits and standards in compliance among them.

    It is never changed and never deleted: one that is wrong is voided, once, and one that corrects it names it.
    """

    __table_args__ = (
        Index(
            "uq_milestone_fact", "enrollment_id", "milestone", "occurred_on", "reference",
            unique=True, sqlite_where=_VALID, postgresql_where=_VALID,
        ),
        CheckConstraint(
            "(voided_at IS NULL) = (voided_by IS NULL) AND (voided_at IS NULL) = (void_reason IS NULL)", name="voided"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id", index=True)
    milestone: str
    occurred_on: date
    value: int | None = None
    reference: str = ""
    recorded_by: str
    corrects_id: int | None = key("milestone.id", nullable=True)
    voided_at: datetime | None = None
    voided_by: str | None = None
    void_reason: str | None = None
    """A code of the program's reasons."""
    void_reference: str = ""
    recorded_at: datetime = Field(default_factory=now)


class DeadlineChange(SQLModel, table=True):
    """Why today's dates are not the first ones: the sum of the rows is today's clock, and no date is overwritten.

    An undo is a row too. It names the row that it takes back, which the database lets happen once.
    """

    __tablename__ = "deadline_change"
    __table_args__ = (
        CheckConstraint(
            "kind <> 'extension' OR (months >= 1 AND approver IS NOT NULL AND requester IS NOT NULL)", name="extension"
        ),
        CheckConstraint("kind <> 'correction' OR anchor_on IS NOT NULL", name="correction"),
        CheckConstraint("kind NOT IN ('hold', 'resume') OR effective_on IS NOT NULL", name="pause"),
        CheckConstraint("(kind = 'undo') = (undoes_id IS NOT NULL)", name="undo"),
        CheckConstraint("(cost_cents IS NULL) = (currency IS NULL) AND cost_cents >= 0", name="cost"),
        UniqueConstraint("undoes_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id", index=True)
    kind: Change = choice(Change, "kind")
    months: int | None = None
    anchor_on: date | None = None
    effective_on: date | None = None
    """The first day of a hold; of a resume, the first day on which work goes on."""
    undoes_id: int | None = key("deadline_change.id", nullable=True)
    reason: str
    """A code of the program's reasons."""
    reference: str = ""
    requester: str | None = None
    approver: str | None = None
    actor: str
    cost_cents: int | None = None
    currency: str | None = None
    limit_on: date | None = None
    """The limit that it led to, as whoever approved it was told; no rule reads it."""
    recorded_at: datetime = Field(default_factory=now)


_FELL = text("takes_back IS NOT NULL")


class StageChange(SQLModel, table=True):
    """A stage that was left or an enrollment that ended, with the facts that made it so; or both taken back.

    `changed_on` is the day since which `to_stage` and `status` hold, so that replaying the rows gives the stored state.
    A row with `takes_back` undoes the step of that number and all after it: the facts in its evidence were voided.
    """

    __tablename__ = "stage_change"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "seq"),
        CheckConstraint("takes_back < seq", name="takes_back"),
        Index("ix_stage_change_taken_back", "decided_on", sqlite_where=_FELL, postgresql_where=_FELL),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id")
    seq: int
    from_stage: str
    to_stage: str
    status: Status = choice(Status, "status")
    changed_on: date
    decided_on: date
    evidence: dict[str, list[int]] = Field(sa_column=Column(JSON, nullable=False))
    takes_back: int | None = None
    policy_version_id: int = key("policy_version.id")
    recorded_at: datetime = Field(default_factory=now)
