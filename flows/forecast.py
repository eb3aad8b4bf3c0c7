"""The forecast's fit, as operators watch and start it."""

from __future__ import annotations

from datetime import date

from prefect import flow

from tasks.forecasting import fit_is_due, make_fit
from tasks.store.database import engine_of, require_schema
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run


@flow(name="fit forecast", flow_run_name="fit", persist_result=False)
def fit_forecast(as_of: date | None = None, *, anyway: bool = False) -> str:
    """Learn how long stages take from the program's own history, when there is something new to learn.

    Every open case is looked at once by the next sweep.

    Args:
        as_of: The day whose history is fitted. Leave it empty for today in the program's zone.
        anyway: Fit even if no fit is due.
    """
    engine = engine_of()
    require_schema(engine)
    day = day_to_sweep(engine, as_of)
    why = fit_is_due(engine, day)
    if why is None and not anyway:
        name = f"no fit is due on {day}"
    else:
        made = make_fit(engine, day)
        name = f"fit {made.id} of {day}: {made.finished} stages of {made.enrollments}, {made.due} cases due"
    name_this_run(name)
    return name
