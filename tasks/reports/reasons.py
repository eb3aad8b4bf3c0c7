"""What people record of a report: why an indicator differs from its target, and that the report was handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from models.rules.case import Program
from models.rules.errors import Refused, nearest
from models.rules.policy.reports import Reporting
from models.rules.reporting.quarters import Quarter
from models.schema import REPORT_FILED, VARIANCE_REASON
from tasks.operations.asked import Because, require_reason
from tasks.store import clock
from tasks.store.programs import program_in_force

_V, _F = VARIANCE_REASON.c, REPORT_FILED.c


def reasons_of(connection: Connection, quarter: Quarter, *, known_on: date, zone: str) -> Mapping[str, Sequence[str]]:
    """Return by indicator the reasons recorded for a quarter by the end of a day; the newest word counts."""
    midnight = datetime.combine(known_on + timedelta(days=1), time(), ZoneInfo(zone))
    rows = connection.execute(
        select(_V.indicator, _V.reasons).where(_V.quarter == str(quarter), _V.recorded_at < midnight).order_by(_V.id)
    )
    return {row.indicator: tuple(row.reasons) for row in rows}


def give_reasons(
    connection: Connection, quarter: Quarter, *, indicator: str, reasons: Sequence[str], why: Because
) -> None:
    """Record why an indicator differs in a quarter: what was said of it before counts no more, and stays on record.

    Raises:
        Refused: the indicator or a reason is unknown.
    """
    program = program_in_force(connection)
    known = [each.code for each in require_reports(program).indicators]
    if indicator not in known:
        raise Refused.one("indicator", f'"{indicator}" is none of the program\'s.', nearest(indicator, known))
    for reason in reasons:
        require_reason(program, reason)
    connection.execute(insert(VARIANCE_REASON).values(
        quarter=str(quarter), indicator=indicator, reasons=list(dict.fromkeys(reasons)), reference=why.reference,
        actor=why.actor, recorded_at=clock.now_in(connection),
    ))


def file_report(connection: Connection, quarter: Quarter, on: date, *, actor: str, reference: str = "") -> None:
    """Record that a quarter's report was handed in: its reminders end.

    Raises:
        Refused: it was before, or the day lies before the quarter's end or after today.
    """
    program = program_in_force(connection)
    before = filed_on(connection, quarter)
    if before is not None:
        raise Refused.one("quarter", f"the report of {quarter} was handed in on {before}.", "Nothing is left to do.")
    today = clock.now_in(connection).astimezone(ZoneInfo(program.policy.zone)).date()
    if not quarter.until < on <= today:
        what = f"the report of {quarter} cannot have been handed in on {on}."
        remedy = f"Name a day after {quarter.until} and until {today}."
        raise Refused.one("--on", what, remedy)
    connection.execute(insert(REPORT_FILED).values(
        quarter=str(quarter), filed_on=on, reference=reference, actor=actor, recorded_at=clock.now_in(connection),
    ))


def filed_on(connection: Connection, quarter: Quarter) -> date | None:
    """Return the day on which a quarter's report was handed in; None while it was not."""
    found: date | None = connection.scalar(select(_F.filed_on).where(_F.quarter == str(quarter)))
    return found


def require_reports(program: Program) -> Reporting:
    """Return what a program says of reports.

    Raises:
        Refused: it says nothing.
    """
    if program.policy.reports is None:
        remedy = "Add reports.toml with [reports], as the reference program has it; then `acredita init`."
        raise Refused.one("reports", f'"{program.policy.code}" has none.', remedy)
    return program.policy.reports
