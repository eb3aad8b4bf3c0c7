"""Reports on their days, and whenever somebody asks for one."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.rules.reporting.quarters import parse_quarter
from models.rules.words import Language
from tasks.door import door
from tasks.reports.publishing import last_quarter, publish_quarterly
from tasks.reports.quarterly import Asked
from tasks.store.database import engine_of
from tasks.views.artifacts import count, name_this_run
from tasks.views.report_pages import publish_indicators


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
