"""Who is told what and when: reminders and escalations."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from models.rules.policy.base import Code, Data, Days
from models.rules.words import Cause, Clock, Cycle, Misfire, OnUnknown, Post


class SkipAfter(Data):
    """The nearest threshold only, and none that is more than so many days late."""

    skip_after: Days


class Reminding(Data):
    """A word to posts so many days before a date; whoever inherits says which date.

    `on_working_days`: planned for the last working day of the agency until that day. `misfire` says what becomes of
    thresholds that were missed, because the service was down or a fact came late.
    """

    rule: Code
    notice: Code
    days_before: Annotated[tuple[Days, ...], Field(min_length=1)]
    to: Annotated[tuple[Post, ...], Field(min_length=1)]
    on_unknown: OnUnknown = OnUnknown.RESEND
    cycle: Cycle = Cycle.EVERY
    on_working_days: bool = False
    misfire: Misfire | SkipAfter = Misfire.COALESCE

    @field_validator("days_before")
    @classmethod
    def _furthest_first(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names the same number of days twice")
        return tuple(sorted(value, reverse=True))


class ReminderRule(Reminding):
    """A word to a post so many days before a clock's date."""

    clock: Clock
    stages: tuple[Code, ...] = ()


class Wait(NamedTuple):
    """So many days, of the calendar or worked ones."""

    days: int
    worked: bool = False


class Rung(Data):
    """Who is told, so many days after the rung below was told; on the first rung, after the cause was found.

    The days are either of the calendar or the agency's working ones: each rung, and so each role, has its own patience.
    """

    to: Annotated[tuple[Post, ...], Field(min_length=1)]
    after_days: Days | None = None
    after_working_days: Days | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.after_days is None) == (self.after_working_days is None):
            raise ValueError("gives either after_days or after_working_days")
        return self

    @property
    def wait(self) -> Wait:
        """How long the rung below has to act."""
        if self.after_working_days is not None:
            return Wait(self.after_working_days, worked=True)
        assert self.after_days is not None, "one of both is given"
        return Wait(self.after_days)


class EscalationRule(Data):
    """An open case that climbs a ladder until it is acknowledged or solved.

    `clock` belongs to the causes `pace` and `overdue`, `posts` to `vacancy` and `undeliverable`, `duties` to `duty`.
    After the last rung it is told again every `repeat_days`, at most `repeats` times; or once after each of
    `repeat_working_days`, which grow. While one stands that `raises_risk`, the case is at risk, whatever its pace.
    """

    rule: Code
    notice: Code
    cause: Cause
    clock: Clock | None = None
    posts: tuple[Post, ...] = ()
    duties: tuple[Code, ...] = ()
    raises_risk: bool = False
    cycle: Cycle = Cycle.EVERY
    grace_days: Days = 0
    grace_in_working_days: bool = False
    on_unknown: OnUnknown = OnUnknown.RESEND
    ladder: Annotated[tuple[Rung, ...], Field(min_length=1)]
    repeat_days: Annotated[Days, Field(ge=1)] | None = None
    repeats: Annotated[int, Field(ge=0, le=100)] = 0
    repeat_working_days: Annotated[tuple[Annotated[Days, Field(ge=1)], ...], Field(max_length=100)] = ()

    def repeated_after(self, repeat: int) -> Wait | None:
        """Return how long after a repeat of the last rung (0: its first word) the next one is due; None: never."""
        if repeat < len(self.repeat_working_days):
            return Wait(self.repeat_working_days[repeat], worked=True)
        if self.repeat_days is not None and repeat < self.repeats:
            return Wait(self.repeat_days)
        return None
