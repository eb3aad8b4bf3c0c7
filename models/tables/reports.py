"""What people record of reports: why an indicator differs from its target, and that a report was handed in."""

from datetime import date, datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from models.tables.columns import key, now


class VarianceReason(SQLModel, table=True):
    """Why an indicator differs in a quarter, by codes of the program's reasons. The newest row of the two counts."""

    __tablename__ = "variance_reason"
    id: int | None = Field(default=None, primary_key=True)
    quarter: str = Field(index=True)
    indicator: str
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    reference: str = ""
    """A document's number, no name."""
    actor: str
    recorded_at: datetime = Field(default_factory=now)


class ReportFiled(SQLModel, table=True):
    """A quarter's report that was handed in: what ends its reminders, once."""

    __tablename__ = "report_filed"
    id: int | None = Field(default=None, primary_key=True)
    quarter: str = Field(unique=True)
    filed_on: date
    reference: str = ""
    actor: str
    recorded_at: datetime = Field(default_factory=now)


class EvidencePack(SQLModel, table=True):
    """An evidence pack that was made here: the head of its chain, which nobody can work out anew without this row."""

    __tablename__ = "evidence_pack"
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id")
    head: str = Field(unique=True)
    entries: int
    as_of: date
    known_on: date
    recorded_at: datetime = Field(default_factory=now)
