"""The day on which mail begins: seen first, then set."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

from cyclopts import Parameter

from deployments.cli.base import app, ready
from models.rules.errors import Refused


@app.command(name="go-live")
def go_live_(
    day: date,
    *,
    preview: Annotated[bool, Parameter(negative="", help="Show the first day's mails; nothing is set.")] = False,
    yes: Annotated[bool, Parameter(negative="", help="Set it without being asked.")] = False,
) -> None:
    """Let mail go out from a day on. What came due before it is never mailed.

    Args:
        day: the first day, YYYY-MM-DD; today or later.
    """
    from tasks.store.programs import check_go_live, go_live

    engine = ready()
    if preview:
        from deployments.printing_preview import print_first_day
        from tasks.preview import first_day

        print_first_day(first_day(engine, day))
        return
    check_go_live(engine, day)
    if not (yes or _agreed(day)):
        print("nothing was set")
        return
    go_live(engine, day)
    print(f"mail goes out from {day} on")


def _agreed(day: date) -> bool:
    if not sys.stdin.isatty():
        what = "asks before it sets a day, and nobody is there to answer."
        raise Refused.one("go-live", what, "Look with --preview first, then give --yes.")
    print(f"From {day} on people are written to. `acredita go-live {day} --preview` shows the first day's mails.")
    return input("Set it? [y/N] ").strip().lower() in {"y", "yes", "s", "sí"}
