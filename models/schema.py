"""The tables as SQLAlchemy Core knows them: what bulk statements and set queries are built of, without the ORM."""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel

from models import tables


def table(model: type[SQLModel]) -> Table:
    """Return a model's table."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


AGENCY = table(tables.Agency)
ASSIGNMENT = table(tables.Assignment)
CHANGE = table(tables.DeadlineChange)
EMAIL = table(tables.Email)
ENROLLMENT = table(tables.Enrollment)
ESCALATION = table(tables.Escalation)
INCIDENT = table(tables.Incident)
INSTALLATION = table(tables.Installation)
MILESTONE = table(tables.Milestone)
NOTICE = table(tables.Notice)
PERSON = table(tables.Person)
POLICY_VERSION = table(tables.PolicyVersion)
STAGE_CHANGE = table(tables.StageChange)
SWEEP = table(tables.Sweep)
