"""The tables as SQLAlchemy Core knows them: what bulk statements and set queries are built of, without the ORM."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, literal_column
from sqlmodel import SQLModel

from models import tables
from models.rules.words import Subject


def table(model: type[SQLModel]) -> Table:
    """Return a model's table."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


def same(column: ColumnElement[Any], value: StrEnum) -> ColumnElement[bool]:
    """Return `column = 'value'` with the value written out: a partial index serves only a query that spells it."""
    return column == literal_column(f"'{value}'")


def other(column: ColumnElement[Any], value: StrEnum) -> ColumnElement[bool]:
    """Return `column <> 'value'`, written out for the same reason."""
    return column != literal_column(f"'{value}'")


ABSENCE = table(tables.Absence)
AGENCY = table(tables.Agency)
ANSWER_LINK = table(tables.AnswerLink)
ASSIGNMENT = table(tables.Assignment)
CHANGE = table(tables.DeadlineChange)
EMAIL = table(tables.Email)
ENROLLMENT = table(tables.Enrollment)
ESCALATION = table(tables.Escalation)
EVIDENCE_PACK = table(tables.EvidencePack)
FORMER_TENURE = table(tables.FormerTenure)
FORECAST = table(tables.Forecast)
FORECAST_FIT = table(tables.ForecastFit)
INCIDENT = table(tables.Incident)
INSTALLATION = table(tables.Installation)
MILESTONE = table(tables.Milestone)
NOTICE = table(tables.Notice)
OUTLET = table(tables.Outlet)
PARKED_BATCH = table(tables.ParkedBatch)
PERSON = table(tables.Person)
POLICY_VERSION = table(tables.PolicyVersion)
PROPOSAL = table(tables.Proposal)
REPORT_FILED = table(tables.ReportFiled)
SNOOZE = table(tables.Snooze)
STAGE_CHANGE = table(tables.StageChange)
SWEEP = table(tables.Sweep)
VARIANCE_REASON = table(tables.VarianceReason)
OF_A_CASE = same(NOTICE.c.subject_kind, Subject.ENROLLMENT)
"""Whether a notice's `subject_id` is an enrollment's."""
