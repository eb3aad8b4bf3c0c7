"""Reports on their days, and whenever somebody asks for one."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.forms import PersonCode, Reference
from models.rules.reporting.quarters import parse_quarter
from models.rules.words import Language
from tasks.door import door
from tasks.reports.publishing import last_quarter, publish_quarterly, publish_weekly
from tasks.reports.quarterly import Asked
from tasks.reports.reasons import file_report
from tasks.store.database import engine_of, transaction
from tasks.store.programs import current_program, program_day
from tasks.views.artifacts import count, name_this_run
from tasks.views.report_pages import publish_indicators, publish_week
from tasks.weekly.reports import remind_of_the_report


@flow(name="quarterly report", flow_run_name="quarterly report", persist_result=False)
@door
def quarterly_report(
    quarter: Annotated[str, Field(pattern=r"^(\d{4}Q[1-4])?$", examples=["2019Q3"])] = "",
    as_of: date | None = None,
    known_on: date | None = None,
) -> str:
    """Write the sponsor's report of a quarter to reports/ in the installation's home, and show its indicators.

    Args:
        quarter: The quarter. Leave it empty for the last one that is over.
        as_of: The day that the figures are about. Leave it empty for the quarter's last.
        known_on: Only what was recorded by the end of this day. Leave it empty for today.
    """
    engine = engine_of()
    wanted = parse_quarter(quarter) if quarter else last_quarter(engine)
    done = publish_quarterly(engine, Asked(wanted, as_of, known_on), languages=list(Language))
    publish_indicators(done)
    name = f"report {done.name}: {count(len(done.files.paths), 'file')}, owed by {done.found.due_on}"
    name_this_run(name)
    return name


@flow(name="director's week", flow_run_name="director's week", persist_result=False)
@door
def directors_week(as_of: date | None = None, known_on: date | None = None) -> str:
    """Write the director's week to reports/ in the installation's home, and show its plots.

    Args:
        as_of: The day that the week ends with. Leave it empty for today.
        known_on: Only what was recorded by the end of this day. Leave it empty for today.
    """
    engine = engine_of()
    languages = [current_program(engine).policy.language]
    done = publish_weekly(engine, (as_of, known_on), languages=languages)
    publish_week(done)
    name = f"{done.found.name}: {count(len(done.files.paths), 'file')}, {len(done.found.missing)} will miss their dates"
    name_this_run(name)
    return name


@flow(name="hand in a report", flow_run_name="hand in {quarter}", persist_result=False)
@door
def hand_in_report(
    quarter: Annotated[str, Field(pattern=r"^\d{4}Q[1-4]$", examples=["2019Q3"])],
    handed_in_on: date,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
) -> str:
    """Record that the sponsor's report of a quarter was handed in: its reminders end.

    Args:
        quarter: The quarter.
        handed_in_on: The day.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
    """
    with transaction(engine_of()) as connection:
        file_report(connection, parse_quarter(quarter), handed_in_on, actor=recorded_by, reference=reference)
    name = f"report {quarter}: handed in on {handed_in_on}"
    name_this_run(name)
    return name


@flow(name="report reminder", flow_run_name="report reminder", persist_result=False)
@door
def report_reminder() -> str:
    """Remind whoever the program names of the quarterly report that is owed, so many days before: each once.

    Safe to start at any time and as often as one likes; nothing is told once the report is on record as handed in.
    """
    engine = engine_of()
    today = program_day(engine)
    name = f"report reminder {today}: {count(remind_of_the_report(today), 'notice')}"
    name_this_run(name)
    return name
