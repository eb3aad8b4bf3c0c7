"""A program as data: what its folder may say, a module for each subject.

The shape is checked here by pydantic. Whether it can be carried out (every stage reachable, every name known, no
reminder before its stage begins) is checked by `checks`, which is also where a document becomes a policy.
Durations are in days or months as named; a figure that is an assumption is marked `[A]` in the folder, not here.
"""

from models.rules.policy.base import Code, Days, Label, Months
from models.rules.policy.calendar import Closure, Conference, Holiday, Lead, WorkCalendar, WorkingHours
from models.rules.policy.duties import Due, Duty
from models.rules.policy.fees import Bracket, Fee
from models.rules.policy.places import Entity, Government, Region
from models.rules.policy.rules import EscalationRule, ReminderRule, Reminding, Rung, SkipAfter, Wait
from models.rules.policy.stages import Gate, Milestone, Share, Stage, Verdict
from models.rules.policy.tracks import AgencyKind, Reaccreditation, Track, Window
from models.rules.policy.weekly import Weekly
from models.rules.policy.whole import Policy

__all__ = [
    "AgencyKind",
    "Bracket",
    "Closure",
    "Code",
    "Conference",
    "Days",
    "Due",
    "Duty",
    "Entity",
    "EscalationRule",
    "Fee",
    "Gate",
    "Government",
    "Holiday",
    "Label",
    "Lead",
    "Milestone",
    "Months",
    "Policy",
    "Reaccreditation",
    "Region",
    "ReminderRule",
    "Reminding",
    "Rung",
    "Share",
    "SkipAfter",
    "Stage",
    "Track",
    "Verdict",
    "Wait",
    "Weekly",
    "Window",
    "WorkCalendar",
    "WorkingHours",
]
