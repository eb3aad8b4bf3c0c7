"""The program in force here, and every policy that ever was."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, SQLModel

from models.tables.columns import key, now


class PolicyVersion(SQLModel, table=True):
    """A program's policy as it was loaded, whole: what was decided can be explained by the rules of its day."""

    __tablename__ = "policy_version"
    id: int | None = Field(default=None, primary_key=True)
    program: str
    digest: str = Field(unique=True)
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    recorded_at: datetime = Field(default_factory=now)


class Installation(SQLModel, table=True):
    """This database's one row: its program, the day mail begins, and the clock it lives by."""

    __table_args__ = (CheckConstraint("id = 1", name="single"),)
    id: int = Field(default=1, primary_key=True)
    policy_version_id: int = key("policy_version.id")
    live_from: date | None = None
    clock_offset_seconds: int = 0
    """How far a labelled clock runs behind the real one; 0 in production."""
    is_demo: bool = False
    last_swept_on: date | None = None
    token: str | None = None
    """What tells this installation from every other, and its copies from none."""
    generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many runs have sent mail; a copy from before some of them has fewer than are noted outside the database."""
    last_delivered_at: datetime | None = None
    restored_at: datetime | None = None
    """When a copy from `last_delivered_at` took this one's place: what was due in between may have gone out."""
