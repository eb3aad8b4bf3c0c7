"""What would go out in the days to come, under this policy or another."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from deployments.cli.base import AsJson, app, ready
from deployments.cli.forecasts import AsHappened
from models.rules.errors import AcreditaError

DAYS = 90
Days = Annotated[int, Parameter(help="How many days, today included.", validator=Number(gte=1, lte=1000))]


@app.command
def simulate(*, days: Days = DAYS, out: Path | None = None, as_json: AsJson = False) -> None:
    """List every mail that would go out if nothing happened, to whom, in their language.

    Args:
        out: a page to write, with a calendar of it all (FILE.html).
    """
    from deployments.bars import watching
    from tasks.preview import preview

    with watching() as watcher:
        found = preview(ready(), days, watcher=watcher)
    if out is not None:
        from tasks.views.calendar_page import write_calendar

        write_calendar(found, out)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing_preview import print_preview

    print_preview(found, out)


@app.command(name="what-if")
def what_if_(
    *,
    policy: str,
    days: Days | None = None,
    past: Annotated[bool, Parameter(negative="")] = False,
    synthetic: int | None = None,
    as_happened: AsHappened = False,
    since: Annotated[date | None, Parameter(name="--from")] = None,
    until: Annotated[date | None, Parameter(name="--to")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the mail to come, if nothing happened, with that under another policy; or the mail of a past.

    Args:
        policy: the other one, a folder with TOML files; it is not put in force.
        days: how many days to come, today included; 90 by default.
        past: live through what was recorded here instead, day by day as it became known.
        synthetic: live through the synthetic past of this seed instead.
        since: the first day of the past; by default the first on which anything was known.
        until: the last day of the past.
    """
    from deployments.bars import watching
    from tasks import what_if as compare
    from tasks.store.programs import folder_of, read_policy

    is_past = past or synthetic is not None
    if is_past and days is not None:
        raise AcreditaError("--days: belongs to the days to come. Name those of a past with --from and --to.")
    if not is_past and (since, until, as_happened) != (None, None, False):
        raise AcreditaError("--from, --to, --as-happened: belong to a past. Add --past or --synthetic SEED.")
    other, span = read_policy(folder_of(policy)), compare.Days(since, until)
    with watching() as watcher:
        if synthetic is not None:
            found = compare.what_if_synthetic(synthetic, other, span, watcher=watcher)
        elif past:
            found = compare.what_if_then(ready(), other, span, as_happened=as_happened, watcher=watcher)
        else:
            found = compare.what_if(ready(), other, days or DAYS, watcher=watcher)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing_preview import print_compared

    print_compared(found)
