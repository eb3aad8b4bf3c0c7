"""A second look, for what cannot be taken back: the run pauses, says what it is about to do, and waits some minutes.

Not for days: the process and its place in the queue stay taken meanwhile.
"""

from __future__ import annotations

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field

from models.rules.errors import Refused

WAITS_SECONDS = 300


class Approval(RunInput):
    """What the person who resumes the run is asked."""

    approve: bool = Field(default=False, description="Tick it to go on. Otherwise nothing is changed.")


def require_approval(question: str, what_follows: str) -> None:
    """Pause until somebody approves.

    Raises:
        Refused: it was not approved, or nobody answered in time; nothing was changed.
    """
    asked = Approval.with_initial_data(description=f"## {question}\n\n{what_follows}", approve=False)
    try:
        answer = pause_flow_run(wait_for_input=asked, timeout=WAITS_SECONDS, poll_interval=1)
    except FlowPauseTimeout:
        what = f"nobody answered within {WAITS_SECONDS // 60} minutes."
        raise Refused.one("approval", what, "Nothing was changed; start the form again.") from None
    if not answer.approve:
        raise Refused.one("approval", "was not given.", "Nothing was changed.")
