"""What whoever is written to may answer, and for how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Code, Data

LONGEST_DAYS = 366


class Answers(Data):
    """Which of the program's reasons an acknowledgement or a snooze is given for, and the days that each may last.

    Without reasons nobody can put anything off: an answer has one.
    """

    reasons: tuple[Code, ...] = ()
    acknowledge_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = LONGEST_DAYS
    snooze_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 30
