"""What comes in by file. The file stays where it is: Prefect is told its path and never what it holds."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from models.forms import FilePath, PersonCode
from models.rules.intake.cells import DateFormat
from tasks.door import door
from tasks.intake.imports import ImportOptions, import_file
from tasks.store.database import engine_of
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run, sweep_and_tell


@flow(name="import a file", flow_run_name="import", persist_result=False)
@door
def import_a_file(
    file: FilePath,
    *,
    date_format: DateFormat = DateFormat.YMD,
    because: str | None = None,
    recorded_by: PersonCode = "operator",
    dry_run: bool = True,
) -> str:
    """Import a roster, people or facts from CSV or XLSX, all of the file or nothing, and sweep what it changes.

    Args:
        file: The absolute path of the file on the machine that runs the flows. Its header tells what it holds.
        date_format: How the file writes its dates.
        because: Why numbers or agreements on record are corrected, by its code in the program; empty where none is.
        recorded_by: The code of the person who corrects them.
        dry_run: Say only what it would change. Untick it to import.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    options = ImportOptions(today, dry_run=dry_run, date_format=date_format, reason=because, actor=recorded_by)
    report = import_file(engine, Path(file), options)
    told = f"{report.kind}: {report.rows} rows, {len(report.created)} new, {len(report.changes)} changed fields"
    name_this_run(f"{'would import' if dry_run else 'imported'} {told}")
    return told if dry_run else f"{told}; sweep {today}: {sweep_and_tell(today)}"
