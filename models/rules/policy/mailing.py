"""How much mail is too much: for one person in a week, and for one run before somebody has looked at it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.rules.policy.base import Data


class Mailing(Data):
    """The budget of emails for a person and week, and the cap for one run; None: there is none.

    Over the budget a notice joins the first digest of the next week. What exceeds the cap is parked for an operator.
    """

    a_week: Annotated[int, Field(ge=1, le=100)] | None = None
    a_run: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
