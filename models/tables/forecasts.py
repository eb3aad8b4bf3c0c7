"""What was learned of how long stages take, and what it said of an enrollment."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.rules.words import Risk
from models.tables.columns import choice, key, now


class ForecastFit(SQLModel, table=True):
    """One fit: what the program's history said on a day. The latest is the one in force.

    `parameters` tell it in numbers, and of each how much is data; `outlook` are the tables that a sweep looks up in.
    """

    __tablename__ = "forecast_fit"
    id: int | None = Field(default=None, primary_key=True)
    as_of: date
    policy_version_id: int = key("policy_version.id")
    finished: int
    """How many stages were finished by then: a number of more of them makes the next fit due."""
    parameters: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    outlook: str = Field(sa_column=Column(Text, nullable=False))
    digest: str
    recorded_at: datetime = Field(default_factory=now)


class Forecast(SQLModel, table=True):
    """What a fit said of an enrollment when its band or its fit became another; chances in percent.

    NULL where it could not say, and for an award after the last listed conference.
    """

    __table_args__ = (
        UniqueConstraint("enrollment_id", "forecast_fit_id", "as_of"),
        CheckConstraint("in_window BETWEEN 0 AND 100", name="in_window"),
        CheckConstraint("in_limit BETWEEN 0 AND 100", name="in_limit"),
    )
    id: int | None = Field(default=None, primary_key=True)
    enrollment_id: int = key("enrollment.id")
    forecast_fit_id: int = key("forecast_fit.id")
    as_of: date
    in_window: int | None = None
    in_limit: int | None = None
    p10: date | None = None
    p50: date | None = None
    p90: date | None = None
    risk: Risk = choice(Risk, "risk")
    pace: float
    recorded_at: datetime = Field(default_factory=now)
