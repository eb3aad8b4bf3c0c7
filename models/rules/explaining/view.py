"""One finding, and the case that findings are made of."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from models.rules.case import Case, Fact
from models.rules.decision import Decision
from models.rules.escalations import Scene
from models.rules.naming import post_name
from models.rules.spanish import say
from models.rules.words import Language, Post


class Outcome(StrEnum):
    """What a finding says, for whoever reads it by program."""

    STANDS = "stands"
    ADVANCES = "advances"
    ENDED = "ended"
    WAITS = "waits"
    OPENS = "opens"
    CLOCK = "clock"
    ON_HOLD = "on_hold"
    SAID = "said"
    HELD_BACK = "held_back"
    CANCELLED = "cancelled"
    NEXT = "next"
    SILENT = "silent"
    NOT_HERE = "not_here"
    ESCALATED = "escalated"
    CLOSED = "closed"
    WOULD_OPEN = "would_open"
    SNOOZED = "snoozed"
    DONE = "done"
    FORECAST = "forecast"
    REVIEW = "review"


class Sentence(NamedTuple):
    """One finding. `on` is the day it speaks of: of what is to come where the outcome looks ahead."""

    rule: str
    outcome: Outcome
    on: date | None
    text: str


class View(NamedTuple):
    """A case at the end of the day, with all that its rules read, and the language to tell it in."""

    case: Case
    decision: Decision
    scene: Scene
    language: Language

    def say(self, text: str, **values: Any) -> str:
        """Return a sentence in the language."""
        return say(self.language, text, **values)

    def stage(self, code: str) -> str:
        """Name a stage."""
        return self.scene.program.policy.stage[code].name.text(self.language)

    def milestone(self, name: str) -> str:
        """Name a milestone."""
        return self.scene.program.policy.milestones[name].name.text(self.language)

    def post(self, post: str) -> str:
        """Name a post."""
        return post_name(self.scene.program.policy, Post(post), self.language)

    def recorded(self, fact: Fact) -> str:
        """Say what was recorded, and when it was."""
        return self.say("{milestone} on {on}", milestone=self.milestone(fact.milestone), on=fact.on)

    def from_today(self, on: date) -> str:
        """Say how far off a day is."""
        days = (on - self.scene.today).days
        return self.say("{days} days from now", days=days) if days >= 0 else self.say("{days} days ago", days=-days)
