"""The lifecycle: milestones, gates, stages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Days, Label
from models.rules.words import Cycle, Post, Status


class Milestone(Data):
    """A dated fact that a person records. `count` facts carry a number; `activity` facts end a stall.

    One of the `agency` is recorded once and stands in every open enrollment of it.
    """

    name: Label
    count: bool = False
    activity: bool = True
    agency: bool = False


class Share(Data):
    """A count fact that must reach a share of the enrollment's applicable number."""

    count: Code
    of: Annotated[str, Field(pattern="^(mandatory|other)$")]
    at_least: Annotated[float, Field(gt=0, le=1)]


class Gate(Data):
    """What must be true to leave a stage; `conference_lead_days`: at the first conference that long after entry.

    Of `any_of` one milestone is enough, whichever comes first.
    """

    milestones: tuple[Code, ...] = ()
    any_of: tuple[Code, ...] = ()
    posts: tuple[Post, ...] = ()
    shares: tuple[Share, ...] = ()
    conference_lead_days: Days | None = None

    @property
    def usual(self) -> tuple[Code, ...]:
        """The milestones of the usual way through: of those of which one is enough, the first."""
        return (*self.milestones, *self.any_of[:1])


class Verdict(Data):
    """A recorded decision that does not let a case through: it enters a stage again, or ends."""

    milestone: Code
    reenter: Code | None = None
    ends: Status | None = None
    cycle: Cycle = Cycle.EVERY


class Stage(Data):
    """One step of the lifecycle. A stage without `next` is the award."""

    code: Code
    name: Label
    next: Code | None = None
    expected_days: Days = 0
    stall_days: Annotated[Days, Field(ge=1)] = 90
    overstay_days: Annotated[Days, Field(ge=1)] | None = None
    gate: Gate = Gate()
    verdicts: tuple[Verdict, ...] = ()
