"""The daily sweep, as operators watch and start it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.settings import MOST_SHARDS, settings
from tasks.door import door, swept_since_due
from tasks.store.database import engine_of
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run, publish_portfolio, sweep_and_tell


@flow(name="daily sweep", flow_run_name="sweep", persist_result=False)
@door
def daily_sweep(
    as_of: date | None = None, shards: Annotated[int | None, Field(ge=1, le=MOST_SHARDS)] = None
) -> str:
    """Look at everything that is due: advance stages, decide reminders, open, climb and close escalations.

    Safe to start at any time and as often as one likes: what was decided is not decided twice.

    Args:
        as_of: The day to sweep. Leave it empty for today in the program's zone. A day before the last sweep or
            after today is refused.
        shards: In how many parts at once: with PostgreSQL by the task runner that ACREDITA_RUNNER names, with SQLite by
            processes of this machine. Leave it empty for what ACREDITA_SHARDS says. The result is the same.
    """
    engine = engine_of()
    since = swept_since_due(engine) if as_of is None else None
    if since is not None:
        name = f"sweep: nothing to do, another ended at {since:%H:%M} UTC"
        name_this_run(name)
        return name
    day = day_to_sweep(engine, as_of)
    told = sweep_and_tell(day, shards or settings().shards)
    name = f"sweep {day}: {publish_portfolio(day)} open, {told}"
    name_this_run(name)
    return name
