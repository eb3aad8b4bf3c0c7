"""A program as data: what its folder may say.

The shape is checked here by pydantic. Whether it can be carried out (every stage reachable, every name known, no
reminder before its stage begins) is checked by `policy_checks`, which is also where a document becomes a policy.
Durations are in days or months as named; a figure that is an assumption is marked `[A]` in the folder, not here.
"""

from __future__ import annotations

from datetime import date, time
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.rules.words import Cause, Clock, Language, Post, Status

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Days = Annotated[int, Field(ge=0, le=3650)]
Months = Annotated[int, Field(ge=1, le=240)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Data):
    """A name in every language that mail is written in."""

    es_MX: Annotated[str, Field(min_length=1)]  # noqa: N815 - the locale's own spelling
    en: Annotated[str, Field(min_length=1)]

    def text(self, language: Language) -> str:
        """Return the name in one language."""
        return self.es_MX if language is Language.ES_MX else self.en


class Window(_Data):
    """The program's own promise: award between these months after the countersigned agreement."""

    from_month: Months
    until_month: Months


class WorkingHours(_Data):
    """When mail may reach a person, in the person's own zone; Monday is 0."""

    start: time
    end: time
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...]


class Milestone(_Data):
    """A dated fact that a person records. `count` facts carry a number; `activity` facts end a stall."""

    name: Label
    count: bool = False
    activity: bool = True


class Share(_Data):
    """A count fact that must reach a share of the enrollment's applicable number."""

    count: Code
    of: Annotated[str, Field(pattern="^(mandatory|other)$")]
    at_least: Annotated[float, Field(gt=0, le=1)]


class Gate(_Data):
    """What must be true to leave a stage; `conference_lead_days`: at the first conference that long after entry."""

    milestones: tuple[Code, ...] = ()
    posts: tuple[Post, ...] = ()
    shares: tuple[Share, ...] = ()
    conference_lead_days: Days | None = None


class Stage(_Data):
    """One step of the lifecycle. A stage without `next` is the award."""

    code: Code
    name: Label
    next: Code | None = None
    expected_days: Days = 0
    stall_days: Annotated[Days, Field(ge=1)] = 90
    overstay_days: Annotated[Days, Field(ge=1)] | None = None
    gate: Gate = Gate()


class Track(_Data):
    """What one is accredited for. `pace` scales the stages' expected days; `limit_months` is the accrediting body's."""

    name: Label
    kinds: Annotated[tuple[Code, ...], Field(min_length=1)]
    limit_months: Months
    pace: Annotated[float, Field(gt=0, le=10)] = 1.0
    mandatory: Annotated[int, Field(ge=0)] | None = None
    other: Annotated[int, Field(ge=0)] | None = None
    window: Window | None = None


class AgencyKind(_Data):
    """A kind of agency, and the words a roster may use for it."""

    name: Label
    also: tuple[str, ...] = ()


class ReminderRule(_Data):
    """A word to a post so many days before a clock's date."""

    rule: Code
    notice: Code
    clock: Clock
    days_before: Annotated[tuple[Days, ...], Field(min_length=1)]
    to: Annotated[tuple[Post, ...], Field(min_length=1)]
    stages: tuple[Code, ...] = ()

    @field_validator("days_before")
    @classmethod
    def _furthest_first(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names the same number of days twice")
        return tuple(sorted(value, reverse=True))


class Rung(_Data):
    """Who is told, so many days after the rung below was told."""

    to: Annotated[tuple[Post, ...], Field(min_length=1)]
    after_days: Days


class EscalationRule(_Data):
    """An open case that climbs a ladder until it is acknowledged or solved.

    `clock` belongs to the causes `pace` and `overdue`, `posts` to `vacancy`. After the last rung it is told again
    every `repeat_days`, at most `repeats` times.
    """

    rule: Code
    notice: Code
    cause: Cause
    clock: Clock | None = None
    posts: tuple[Post, ...] = ()
    grace_days: Days = 0
    ladder: Annotated[tuple[Rung, ...], Field(min_length=1)]
    repeat_days: Annotated[Days, Field(ge=1)] | None = None
    repeats: Annotated[int, Field(ge=0, le=100)] = 0


class Conference(_Data):
    """A dated slot at which an award can be decided."""

    on: date
    name: str


class Region(_Data):
    """Who supervises where: the entities of one regional manager."""

    code: Code
    name: str
    entities: tuple[str, ...]


class Entity(_Data):
    """A first-level division: its zone, and the municipalities whose zone differs."""

    name: str
    zone: str
    also: tuple[str, ...] = ()
    municipality_zones: dict[str, str] = {}


class Policy(_Data):
    """Everything that rules read of a program, validated; a frozen value."""

    code: Code
    name: Label
    zone: str
    language: Language
    window: Window
    working_hours: WorkingHours
    risk_margin_days: Days
    start: Code
    stages: Annotated[tuple[Stage, ...], Field(min_length=2)]
    endings: dict[Status, Code]
    milestones: dict[Code, Milestone]
    kinds: dict[Code, AgencyKind]
    tracks: Annotated[dict[Code, Track], Field(min_length=1)]
    posts: dict[Post, Label]
    reminders: tuple[ReminderRule, ...] = ()
    escalations: tuple[EscalationRule, ...] = ()
    conferences: tuple[Conference, ...] = ()
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    entities: dict[str, Entity]

    @cached_property
    def stage(self) -> dict[str, Stage]:
        """The stages by code."""
        return {stage.code: stage for stage in self.stages}

    @cached_property
    def path(self) -> tuple[Stage, ...]:
        """The stages from the start to the award, in order; it breaks off at a name that no stage has."""
        path: list[Stage] = []
        stage = self.stage.get(self.start)
        while stage is not None and len(path) <= len(self.stages):
            path.append(stage)
            stage = self.stage.get(stage.next) if stage.next is not None else None
        return tuple(path)

    @cached_property
    def region_of(self) -> dict[str, str]:
        """The region's code by entity."""
        return {entity: region.code for region in self.regions for entity in region.entities}

    def zone_of(self, entity: str, municipality: str | None) -> str:
        """Return the IANA zone of a place: its municipality's where that differs, else its entity's."""
        place = self.entities[entity]
        return place.municipality_zones.get(municipality or "", place.zone)
