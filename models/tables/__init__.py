"""Every table. What the database can hold as an invariant is a constraint here, not a hope in code.

Closed choices are stored by value with a CHECK; a timestamp is aware UTC; a deadline is a date. Facts, assignments and
policy loads carry `recorded_at` beside their own date, so that a past day can be rebuilt with what was known then.
"""

from models.tables.answers import Absence, AnswerLink, Proposal, Snooze
from models.tables.enrollments import DeadlineChange, Enrollment, Milestone, StageChange
from models.tables.forecasts import Forecast, ForecastFit
from models.tables.notices import Email, Escalation, Notice, ParkedBatch
from models.tables.people import Agency, Assignment, FormerTenure, Person
from models.tables.program import Installation, PolicyVersion
from models.tables.reports import EvidencePack, ReportFiled, VarianceReason
from models.tables.runs import Incident, Outlet, Sweep

__all__ = [
    "Absence",
    "Agency",
    "AnswerLink",
    "Assignment",
    "DeadlineChange",
    "Email",
    "Enrollment",
    "Escalation",
    "EvidencePack",
    "Forecast",
    "ForecastFit",
    "FormerTenure",
    "Incident",
    "Installation",
    "Milestone",
    "Notice",
    "Outlet",
    "ParkedBatch",
    "Person",
    "PolicyVersion",
    "Proposal",
    "ReportFiled",
    "Snooze",
    "StageChange",
    "Sweep",
    "VarianceReason",
]
