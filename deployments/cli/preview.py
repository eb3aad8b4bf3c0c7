"""What would go out in the days to come, under this policy or another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from deployments.cli.base import AsJson, app, ready

Days = Annotated[int, Parameter(help="How many days, today included.", validator=Number(gte=1, lte=1000))]


@app.command
def simulate(*, days: Days = 90, out: Path | None = None, as_json: AsJson = False) -> None:
    """List every mail that would go out if nothing happened, to whom, in their language.

    Args:
        out: a page to write, with a calendar of it all (FILE.html).
    """
    from tasks.preview import preview

    found = preview(ready(), days)
    if out is not None:
        from tasks.views.calendar_page import write_calendar

        write_calendar(found, out)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing_preview import print_preview

    print_preview(found, out)


@app.command(name="what-if")
def what_if_(*, policy: str, days: Days = 90, as_json: AsJson = False) -> None:
    """Compare the mail to come, if nothing happened, with that under another policy.

    Args:
        policy: the other one, a folder with TOML files; it is not put in force.
    """
    from tasks.preview import what_if
    from tasks.store.programs import folder_of, read_policy

    found = what_if(ready(), read_policy(folder_of(policy)), days)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing_preview import print_compared

    print_compared(found)
