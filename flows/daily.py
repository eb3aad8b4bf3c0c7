"""The daily sweep, as operators watch and start it."""

from __future__ import annotations

from datetime import date

from prefect import flow

from tasks.store.database import engine_of, require_schema
from tasks.sweep import day_to_sweep, sweep, sweep_batch
from tasks.views.artifacts import name_this_run, publish_sweep


@flow(name="daily sweep", flow_run_name="sweep", persist_result=False)
def daily_sweep(as_of: date | None = None) -> str:
    """Look at everything that is due: advance stages, decide reminders, open, climb and close escalations.

    Safe to start at any time and as often as one likes: what was decided is not decided twice.

    Args:
        as_of: The day to sweep. Leave it empty for today in the program's zone. A day before the last sweep or
            after today is refused.
    """
    engine = engine_of()
    require_schema(engine)
    day = day_to_sweep(engine, as_of)
    tally = sweep(day, sweep_batch)
    name: str = publish_sweep(day, tally)
    name_this_run(name)
    return name
