"""Reports for sponsors and directors, and what people record of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from deployments.cli.base import By, KnownOn, app, ready
from models.rules.words import Language

if TYPE_CHECKING:
    from tasks.reports.files import Files

report = App(name="report", help="What sponsors and directors are shown, as it was known on any day.")
app.command(report)

About = Annotated[date | None, Parameter(name="--as-of", help="The day that the figures are about, YYYY-MM-DD.")]
Out = Annotated[Path | None, Parameter(help="The folder to write to; reports/ in ACREDITA_HOME by default.")]


@report.command(name="quarterly")
def quarterly_(
    quarter: str | None = None,
    *,
    out: Out = None,
    language: Language | None = None,
    as_of: About = None,
    known_on: KnownOn = None,
    rows: bool = False,
) -> None:
    """The sponsor's report of a quarter: pages in English and Spanish, PDF, plots, and every table as CSV.

    Args:
        quarter: the quarter, as in 2019Q3; the last one that is over by default.
        language: only this one, en or es_MX.
        rows: write the single cases behind the totals too: not for the sponsor.
    """
    from time import perf_counter

    from models.rules.reporting.quarters import parse_quarter
    from tasks.reports import quarterly
    from tasks.reports.publishing import last_quarter, publish_quarterly

    start, engine = perf_counter(), ready()
    wanted = last_quarter(engine) if quarter is None else parse_quarter(quarter)
    languages = [language] if language is not None else list(Language)
    asked = quarterly.Asked(wanted, as_of, known_on)
    done = publish_quarterly(engine, asked, languages=languages, out=out, rows=rows)
    _print(done.files)
    print(f"{done.name}: {len(done.files.paths)} files in {perf_counter() - start:.1f} s")


@report.command(name="weekly")
def weekly_(
    *, out: Out = None, language: Language | None = None, as_of: About = None, known_on: KnownOn = None
) -> None:
    """The director's week: who will miss what, who can make the next conference, vacant posts, load, escalations.

    Args:
        language: only this one, en or es_MX; the program's own by default.
    """
    from tasks.reports.publishing import publish_weekly
    from tasks.store.programs import current_program

    engine = ready()
    chosen = language or current_program(engine).policy.language
    done = publish_weekly(engine, (as_of, known_on), languages=[chosen], out=out)
    _print(done.files)


def _print(files: Files) -> None:
    for line in (*files.paths, *files.without):
        print(line)


@report.command(name="reason")
def reason_(quarter: str, indicator: str, *reasons: str, document: str = "", by: By = "operator") -> None:
    """Record why an indicator differs from its target in a quarter; the newest word counts.

    Args:
        quarter: the quarter, as in 2019Q3.
        indicator: its code in the program's [reports].
        reasons: codes of the program's [reasons].
        document: a document's number, no name.
    """
    from models.rules.reporting.quarters import parse_quarter
    from tasks.operations.asked import Because
    from tasks.reports.reasons import give_reasons
    from tasks.store.database import transaction
    from tasks.sweep import day_to_sweep

    engine = ready()
    why = Because("", day_to_sweep(engine, None), actor=by, reference=document)
    with transaction(engine) as connection:
        give_reasons(connection, parse_quarter(quarter), indicator=indicator, reasons=reasons, why=why)
    print(f"{indicator} in {quarter}: {', '.join(reasons) or 'no reason'}")


@report.command(name="filed")
def filed(quarter: str, *, on: date, document: str = "", by: By = "operator") -> None:
    """Record that a quarter's report was handed in: its reminders end.

    Args:
        quarter: the quarter, as in 2019Q3.
        on: the day.
        document: a document's number, no name.
    """
    from models.rules.reporting.quarters import parse_quarter
    from tasks.reports.reasons import file_report
    from tasks.store.database import transaction

    with transaction(ready()) as connection:
        file_report(connection, parse_quarter(quarter), on, actor=by, reference=document)
    print(f"the report of {quarter} was handed in on {on}")
