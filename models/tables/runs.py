"""What the service itself did, and what it could not do."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from models.tables.columns import now


class Sweep(SQLModel, table=True):
    """One look at everything due on a day, and what came of it."""

    id: int | None = Field(default=None, primary_key=True)
    as_of: date = Field(index=True)
    due: int = 0
    advances: int = 0
    notices: int = 0
    escalations: int = 0
    failed: int = 0
    sent_back: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Of `advances`, those by which a verdict let a case enter an earlier stage again."""
    finished_at: datetime = Field(default_factory=now)


class Incident(SQLModel, table=True):
    """One item that could not be handled and was left alone, for an operator: ids and codes, never a name."""

    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(unique=True)
    what: str
    times: int = 1
    recorded_at: datetime = Field(default_factory=now)


class Outlet(SQLModel, table=True):
    """What a sender as a whole met with (`models.rules.delivery.Outlet`): barred by its provider, or paused."""

    name: str = Field(primary_key=True)
    barred_by: str | None = None
    barred_at: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0
