"""The mails of the week, decided in the morning; the delivery that follows sends them."""

from __future__ import annotations

from prefect import flow

from tasks.door import door
from tasks.store.database import engine_of
from tasks.store.programs import program_day
from tasks.views.artifacts import count, name_this_run
from tasks.weekly.deciding import decide_the_week, week_of


@flow(name="weekly mail", flow_run_name="weekly mail", persist_result=False)
@door
def weekly_mail() -> str:
    """Decide who gets a mail of this week about all that they hold: each person, rule and week once.

    Safe to start at any time and as often as one likes.
    """
    engine = engine_of()
    today = program_day(engine)
    name = f"weekly mail {week_of(today)}: {count(decide_the_week(today), 'notice')}"
    name_this_run(name)
    return name
