"""The moments between two writes at which a run may die. What stands in the database then must be enough.

Each is reached outside every transaction. `ACREDITA_CRASH_AT=<boundary>[:n]` kills the process the n-th time it reaches
one, without a chance to clean up: that is how the fault campaign tries every one of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

CRASH_AT = "ACREDITA_CRASH_AT"


class Boundary(StrEnum):
    """Where a run stands: after what was written, or before what goes out."""

    CLAIMED = "claimed"
    POSTING = "posting"
    POSTED = "posted"
    SETTLED = "settled"
    LAPSED = "lapsed"
    ASKED = "asked"
    RESOLVED = "resolved"


Reached = Callable[[Boundary], None]


def _on_we_go(_boundary: Boundary) -> None:
    """Do nothing."""


def crash_point() -> Reached:
    """Return what is called at every boundary: nothing, unless the environment names one to die at."""
    name, _, times = os.environ.get(CRASH_AT, "").partition(":")
    if not name:
        return _on_we_go
    deadly, after, met = Boundary(name), int(times or 1), Counter[Boundary]()

    def reached(boundary: Boundary) -> None:
        met[boundary] += 1
        if boundary is deadly and met[boundary] == after:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached
