"""What is probably not meant, found before it keeps somebody from being told."""

from __future__ import annotations

import sys

from deployments.cli.base import AsJson, AsOf, app, ready, say


@app.command
def lint(program: str | None = None, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Look for what will keep somebody from being told: in the program, its roster and its templates.

    Exit code 1 where an error is found, 0 where there are only warnings and notes.

    Args:
        program: a folder, or a shipped one's name, by itself; by default the one in force, with its roster.
    """
    from deployments.printing import print_findings
    from models.rules.lint import Severity
    from tasks.views.lint import lint_program, lint_roster

    if program is not None:
        from tasks.store.clock import real_now
        from tasks.store.programs import folder_of, read_policy

        found = lint_program(read_policy(folder_of(program)), as_of or real_now().date())
    else:
        from tasks.store import clock
        from tasks.store.database import reading
        from tasks.store.programs import current_program

        engine = ready()
        here = current_program(engine)
        day = as_of or clock.today(engine, here.policy.zone)
        with reading(engine) as connection:
            found = [*lint_program(here.policy, day), *lint_roster(connection, here, day)]
    if as_json:
        say([finding._asdict() for finding in found], as_json, str)
    else:
        print_findings(found)
    sys.exit(any(finding.severity is Severity.ERROR for finding in found))
