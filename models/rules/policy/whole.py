"""The policy: all that rules read of a program, in one frozen value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from models.rules.policy.answers import Answers
from models.rules.policy.base import Code, Data, Days, Label
from models.rules.policy.calendar import Closure, Conference, Lead, WorkCalendar, WorkingHours
from models.rules.policy.duties import Duty
from models.rules.policy.fees import Fee
from models.rules.policy.forecast import Forecasting
from models.rules.policy.mailing import Mailing
from models.rules.policy.places import Entity, Government, Region
from models.rules.policy.reports import Reporting
from models.rules.policy.rules import EscalationRule, ReminderRule
from models.rules.policy.stages import Milestone, Share, Stage
from models.rules.policy.tracks import AgencyKind, Reaccreditation, Terms, Track, Window
from models.rules.policy.weekly import Weekly
from models.rules.words import Language, Post, Status


class Policy(Data):
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
    reaccreditation: Reaccreditation | None = None
    endings: dict[Status, Code]
    milestones: dict[Code, Milestone]
    kinds: dict[Code, AgencyKind]
    tracks: Annotated[dict[Code, Track], Field(min_length=1)]
    posts: dict[Post, Label]
    reasons: dict[Code, Label] = Field(default_factory=dict)
    """Why a date is moved, a fact voided or something put off: people choose one, and may name a document beside it.

    `answers` says which of them whoever is written to can choose.
    """
    began_on: date | None = None
    """The program's first day: nothing that counts lies before it."""
    reminders: tuple[ReminderRule, ...] = ()
    duties: tuple[Duty, ...] = ()
    escalations: tuple[EscalationRule, ...] = ()
    weekly: tuple[Weekly, ...] = ()
    mail: Mailing = Mailing()
    answers: Answers = Answers()
    calendar: str | None = None
    """The calendar of all places and people that name no other; None: every weekday of the working hours is worked."""
    calendars: dict[str, WorkCalendar] = {}  # noqa: RUF012 - pydantic copies a default for each value
    closures: tuple[Closure, ...] = ()
    conferences: tuple[Conference, ...] = ()
    leads: tuple[Lead, ...] = ()
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    fees: tuple[Fee, ...] = ()
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    entities: dict[str, Entity]
    governments: dict[str, Government] = {}  # noqa: RUF012 - pydantic copies a default for each value
    government_margin_days: Days = 0
    """How much earlier a case is at risk for each change of government in the stretch that remains."""
    forecast: Forecasting | None = None
    reports: Reporting | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_list_of_reasons(cls, tables: Any) -> Any:
        """Read a version that was stored when answers had a list of their own, names and all."""
        own = tables.get("answers", {}).get("reasons") if isinstance(tables, dict) else None
        if not isinstance(own, dict):
            return tables
        return tables | {
            "reasons": {**tables.get("reasons", {}), **own}, "answers": tables["answers"] | {"reasons": list(own)},
        }

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a policy with some parts replaced; what was worked out of this one is not taken along."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    @cached_property
    def answer_reasons(self) -> dict[str, Label]:
        """The reasons that whoever is written to can choose, in the order in which they are offered."""
        return {code: self.reasons[code] for code in self.answers.reasons}

    @cached_property
    def written(self) -> str:
        """The whole policy as JSON."""
        return json.dumps(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> str:
        """What tells two policies apart: equal rules give an equal digest, whatever the layout of the files."""
        return hashlib.sha256(json.dumps(json.loads(self.written), sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def stage(self) -> dict[str, Stage]:
        """The stages by code."""
        return {stage.code: stage for stage in self.stages}

    @cached_property
    def path(self) -> tuple[Stage, ...]:
        """The stages from the start to the award, in order; it breaks off at a name that no stage has."""
        return self._path_from(self.start)

    @cached_property
    def later_path(self) -> tuple[Stage, ...]:
        """The stages of a cycle that an award opened, in order; the first cycle's where a program opens none."""
        return self.path if self.reaccreditation is None else self._path_from(self.reaccreditation.start)

    def path_of(self, cycle: int) -> tuple[Stage, ...]:
        """Return the stages of a cycle, counted from 1, in order."""
        return self.path if cycle == 1 else self.later_path

    def _path_from(self, start: str) -> tuple[Stage, ...]:
        path: list[Stage] = []
        stage = self.stage.get(start)
        while stage is not None and len(path) <= len(self.stages):
            path.append(stage)
            stage = self.stage.get(stage.next) if stage.next is not None else None
        return tuple(path)

    def terms(self, track: str, cycle: int) -> Terms:
        """Return what the dates of a track are counted by in a cycle."""
        its, later = self.tracks[track], self.reaccreditation
        if cycle == 1 or later is None:
            return Terms(its.window or self.window, its.limit_months, its.pace)
        return Terms(later.window, later.limit_months, later.pace)

    def asked_for(self, share: Share, track: str, own: tuple[int | None, int | None]) -> int:
        """Return how many standards a share asks for: of an enrollment's own numbers, else of its track's.

        Args:
            share: the gate's.
            track: the enrollment's.
            own: the numbers that apply to it, mandatory and other, where it has its own.
        """
        its = self.tracks[track]
        number, listed = (own[0], its.mandatory) if share.of == "mandatory" else (own[1], its.other)
        return math.ceil(share.at_least * (number if number is not None else listed or 0) - 1e-9)

    def start_of(self, cycle: int) -> str:
        """Return the stage that a cycle begins in."""
        return self.start if cycle == 1 or self.reaccreditation is None else self.reaccreditation.start

    @cached_property
    def region_of(self) -> dict[str, str]:
        """The region's code by entity."""
        return {entity: region.code for region in self.regions for entity in region.entities}

    @cached_property
    def conference_days(self) -> tuple[date, ...]:
        """The days at which an award can be decided, in order."""
        return tuple(sorted(conference.on for conference in self.conferences))

    @cached_property
    def snaps(self) -> bool:
        """Whether a first award waits for a conference."""
        return self.path[-2].gate.conference_lead_days is not None

    def of_agency(self, milestone: str) -> bool:
        """Whether a fact of this name, if it is known at all, is the agency's and not one enrollment's."""
        known = self.milestones.get(milestone)
        return known is not None and known.agency

    def zone_of(self, entity: str, municipality: str | None) -> str:
        """Return the IANA zone of a place: its municipality's where that differs, else its entity's."""
        place = self.entities[entity]
        return place.municipality_zones.get(municipality or "", place.zone)

    @cached_property
    def zones(self) -> frozenset[str]:
        """Every zone that an agency of the program can be in, and the program's own."""
        places = self.entities.values()
        return frozenset(
            {self.zone, *(p.zone for p in places), *(zone for p in places for zone in p.municipality_zones.values())}
        )
