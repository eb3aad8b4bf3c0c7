"""A mail of the week: what all that somebody holds came to, whatever reminders and escalations there were."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data, Label
from models.rules.words import Post, Section


class Weekly(Data):
    """A mail a week to whoever holds one of some posts, about all the cases that they hold it in; Monday is 0.

    Who holds several of the posts gets one. `sections` stand in the mail in this order. A mail that would say what the
    last one said is left out, until that one is `quiet_weeks` old; then it goes out and says that nothing changed.
    """

    rule: Code
    name: Label
    to: Annotated[tuple[Post, ...], Field(min_length=1)]
    weekday: Annotated[int, Field(ge=0, le=6)] = 0
    sections: Annotated[tuple[Section, ...], Field(min_length=1)] = (
        Section.RISK, Section.CHANGES, Section.ASKED,
    )
    quiet_weeks: Annotated[int, Field(ge=1, le=12)] = 4
