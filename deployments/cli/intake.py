"""What comes in by file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deployments.cli.base import AsJson, By, DryRun, app, ready, say
from models.rules.errors import AcreditaError, Refused

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.rules.policy import Policy
    from tasks.intake.imports import ImportOptions


@app.command(name="import")
def import_(
    file: Path | None = None,
    *,
    date_format: Literal["YMD", "DMY", "MDY"] = "YMD",
    reason: str | None = None,
    by: By = "operator",
    template: Path | None = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a roster, people or facts from CSV or XLSX: all of the file or nothing, and the same file twice is once.

    Args:
        file: the file; what it holds is recognised by its header, in English or Spanish.
        date_format: how the file writes its dates.
        reason: why numbers or agreements on record are corrected, by its code in the program's [reasons].
        template: a folder to write a template of each file to, instead, in the words of the program in force.
    """
    from tasks.intake import imports

    if template is not None:
        for path in imports.write_templates(template, policy=_policy_in_force()):
            print(path)
        return
    if file is None:
        raise AcreditaError("import: names no file. Give a CSV or XLSX file, or --template FOLDER.")
    engine = ready()
    options = replace(_import_options(engine, date_format), reason=reason, actor=by, dry_run=dry_run)
    report = imports.import_file(engine, file, options)
    say(report.as_dict(), as_json, lambda: str(report))


def _policy_in_force() -> Policy | None:
    """Return the policy in force; None while there is none: whoever prepares a roster may come before it."""
    from tasks.store.programs import current_program

    with suppress(Refused):
        return current_program(ready()).policy
    return None


def _import_options(engine: Engine, date_format: str) -> ImportOptions:
    from models.rules.intake.cells import DateFormat
    from tasks.intake import imports
    from tasks.store.programs import program_day

    return imports.ImportOptions(program_day(engine), date_format=DateFormat(date_format))
