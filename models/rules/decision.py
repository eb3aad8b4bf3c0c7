"""What `decide` answers: values, to be written down by whoever asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from models.rules.case import Key, Standing
from models.rules.gates import Evidence
from models.rules.words import Closing, NoticeState, Post, Reason, Risk, Status


class Advance(NamedTuple):
    """A stage that was left, or an enrollment that ended, on the day its facts made it so.

    `again`: a verdict sent the case back, and only what is recorded of later days opens gates from there on.
    With `takes_back` it is the undoing of the step of that number and all after it; `on` is then the day since which
    the earlier stage holds.
    """

    seq: int
    from_stage: str
    to_stage: str
    status: Status
    on: date
    evidence: Evidence
    again: bool = False
    takes_back: int | None = None


class Telling(NamedTuple):
    """A notice decided today: pending, or held back with its reason."""

    key: Key
    template: str
    planned_for: date
    state: NoticeState
    reason: Reason | None
    facts: dict[str, Any]


class Cancelling(NamedTuple):
    """A notice decided earlier that will not go out, and why."""

    notice_id: int
    reason: Reason


class Closed(NamedTuple):
    """An escalation that is over, since when, and why."""

    escalation_id: int
    reason: Closing
    on: date


class NextCycle(NamedTuple):
    """What an award opens: the enrollment of the same agency and track in the cycle after, counted from the award."""

    cycle: int
    stage: str
    award_on: date
    keeps: tuple[Post, ...]


class Forecast(NamedTuple):
    """What a fit says of a case on a day: chances in percent, None where it cannot say; days of the award if it stays.

    A day after the last listed conference is None.
    """

    fit: int
    in_window: int | None
    in_limit: int | None
    p10: date | None
    p50: date | None
    p90: date | None


@dataclass(slots=True)
class Decision:
    """Everything that changes about one case on one day. Without effects only `next_review_on` is news."""

    case_id: int
    stage: str
    stage_entered_on: date
    stage_seq: int
    status: Status
    risk: Risk
    reentered_on: date | None = None
    next_review_on: date | None = None
    advances: list[Advance] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    cancellings: list[Cancelling] = field(default_factory=list)
    revived: list[int] = field(default_factory=list)
    """Notices by id that are pending again: the deadline was moved back, the cause returned, a snooze ended."""
    opened: list[Standing] = field(default_factory=list)
    moved: list[Standing] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    next_cycle: NextCycle | None = None
    pace: float = 0.0
    forecast: Forecast | None = None
    """What the forecast says, where its band or its fit is another than before."""
