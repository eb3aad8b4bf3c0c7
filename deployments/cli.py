"""The command line: every verb an operator has, each a thin door to `tasks`.

Imports stay inside the verbs: `acredita --help` must not wait for Prefect. Errors are one line each on stderr, with
the place and the remedy, and exit code 2.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from models.rules.errors import AcreditaError
from models.rules.words import Language
from models.settings import PREFIX, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = App(
    name="acredita",
    help="Keeps every enrollment of a program moving: stages, reminders, escalations, each with its reason.",
    version_flags=["--version"],
)

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for scripts.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would change, and change nothing.")]
AsOf = Annotated[date | None, Parameter(name="--as-of", help="The day, YYYY-MM-DD; today in the program's zone.")]


def main() -> None:
    """Run the command line."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        said = _in_words(error)
        if said is None:
            raise
        for line in said.splitlines():
            print(f"acredita: {line}", file=sys.stderr)
        sys.exit(2)


def _in_words(error: Exception) -> str | None:
    """Say what a person can do something about, a line for each problem; None for what is our own mistake."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    match error:
        case AcreditaError():
            return str(error)
        case CycloptsError():
            return f"{' '.join(str(error).split())} `acredita --help` shows how."
        case ValidationError() if error.title == Settings.__name__:
            # Only the name and the rule: the value may be a key.
            return "\n".join(f"{PREFIX}{each['loc'][0]}".upper() + f": {each['msg']}." for each in error.errors())
        case DBAPIError():
            return f"database: {str(error.orig).splitlines()[0]}. Start it, or correct {PREFIX}DATABASE_URL."
        case _:
            return None


def _say(value: Any, as_json: bool, words: Callable[[], str]) -> None:  # noqa: FBT001 - a flag of the command line
    print(json.dumps(value, default=str, ensure_ascii=False) if as_json else words())


def _ready() -> Engine:
    from tasks.store.database import engine_of, require_schema

    engine = engine_of()
    require_schema(engine)
    return engine


@app.command
def up(*, port: int = 4200) -> None:
    """Start everything on this machine until Ctrl-C: Prefect server, database, demo or your program, schedules.

    Args:
        port: where the Prefect server listens, on 127.0.0.1 only.
    """
    from rich.console import Console

    from deployments.up import up as run

    run(port, Console())


@app.command
def init(program: str, *, live_from: date | None = None, dry_run: DryRun = False) -> None:
    """Bring the database to this version and put a program in force; again after its files changed.

    Args:
        program: a shipped program (mexico, iso9001) or a folder with TOML files.
        live_from: the day mail begins; before it everything is decided and nothing mailed. Without it, nothing is.
    """
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    policy = read_policy(folder_of(program))
    if dry_run:
        print(f"{policy.code}: {len(policy.stages)} stages, {len(policy.reminders)} reminders and "
              f"{len(policy.escalations)} escalations can be carried out; nothing was changed")
        return
    from tasks.store.database import engine_of, migrate

    engine = engine_of()
    migrate(engine)
    new = put_in_force(engine, policy, Terms(live_from=live_from))
    print(f"{policy.code} is in force" if new else f"{policy.code} was in force already")


@app.command(name="import")
def import_(
    file: Path | None = None,
    *,
    date_format: Literal["YMD", "DMY", "MDY"] = "YMD",
    template: Path | None = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a roster, people or facts from CSV or XLSX: all of the file or nothing, and the same file twice is once.

    Args:
        file: the file; what it holds is recognised by its header, in English or Spanish.
        date_format: how the file writes its dates.
        template: a folder to write an empty template of each file to, instead.
    """
    from tasks.intake import imports

    if template is not None:
        for path in imports.write_templates(template):
            print(path)
        return
    if file is None:
        raise AcreditaError("import: names no file. Give a CSV or XLSX file, or --template FOLDER.")
    engine = _ready()
    report = imports.import_file(engine, file, _import_options(engine, date_format, dry_run=dry_run))
    _say(report.as_dict(), as_json, lambda: str(report))


def _import_options(engine: Engine, date_format: str, *, dry_run: bool) -> Any:
    from models.rules.intake.cells import DateFormat
    from tasks.intake import imports
    from tasks.store import clock
    from tasks.store.programs import current_program

    today = clock.today(engine, current_program(engine).policy.zone)
    return imports.ImportOptions(today, dry_run=dry_run, date_format=DateFormat(date_format))


@app.command
def sweep(*, as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Decide everything that is due on a day: stages, reminders, escalations. Safe to repeat."""
    from tasks import sweep as sweeping

    engine = _ready()
    day = sweeping.day_to_sweep(engine, as_of)
    tally = sweeping.rehearse(engine, day) if dry_run else sweeping.sweep(day)
    found = {"as_of": day, "dry_run": dry_run, **dataclasses.asdict(tally)}
    _say(found, as_json, lambda: f"{'would sweep' if dry_run else 'swept'} {day}: {tally.due} due, {tally.advances} "
         f"advanced, {tally.notices} notices, {tally.escalations} escalations, {tally.failed} failed")


@app.command
def deliver(*, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Send what is pending, to whoever holds each post, in their working hours."""
    from models.settings import settings
    from tasks.mail import deliver as delivery
    from tasks.mail.senders.choice import sender_of
    from tasks.store import clock

    engine = _ready()
    now = clock.now(engine)
    if dry_run:
        waiting = delivery.rehearse(engine, now)
        _say(waiting, as_json, lambda: f"would send {len(waiting)} emails now")
        return
    done = delivery.deliver(engine, sender_of(settings()), now)
    _say(dataclasses.asdict(done), as_json, lambda: f"{done.sent} sent, {done.later} later, {done.unknown} unknown, "
         f"{done.dead} dead, {done.nobody} without recipient")


@app.command
def status(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Where this installation stands, in numbers."""
    from tasks.store import clock
    from tasks.store.database import reading
    from tasks.store.programs import current_program
    from tasks.views import reports

    engine = _ready()
    program = current_program(engine)
    day = as_of or clock.today(engine, program.policy.zone)
    with reading(engine) as connection:
        now = reports.status(connection, program, day)
        stages = reports.portfolio(connection, program)
    if as_json:
        print(json.dumps({"as_of": day, **now._asdict()}, default=str))
        return
    from deployments.printing import print_status

    print_status(program, day, (now, stages))


@app.command
def show(enrollment: str, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """One enrollment: where it stands, its clock, its facts and its history.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
    """
    from tasks.views.chronicle import chronicle

    found = chronicle(_ready(), enrollment, as_of)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from deployments.printing import print_chronicle

    print_chronicle(found)


@app.command
def why(enrollment: str, *, on: date | None = None, as_json: AsJson = False) -> None:
    """What was decided and not decided about an enrollment: by which rule, on which facts.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        on: the day, with what was known then; today by default.
    """
    from tasks.views.chronicle import explanation

    sentences = explanation(_ready(), enrollment, on)
    _say([s._asdict() for s in sentences], as_json, lambda: "\n".join(s.text for s in sentences))


@app.command(name="preview-mail")
def preview_mail(notice: str, *, language: Language = Language.ES_MX, out: Path | None = None) -> None:
    """Render one notice with synthetic facts: the text here, or the HTML to a file.

    Args:
        notice: a folder of templates/emails.
        language: es_MX or en.
        out: where to write the HTML.
    """
    from tasks.mail.rendering import preview
    from tasks.store.clock import real_now

    message = preview(notice, language, real_now().date())
    if out is None:
        print(f"{message.subject}\n\n{message.text}")
        return
    try:
        out.write_text(message.html, encoding="utf-8")
    except OSError as error:
        remedy = "Name a file in a folder that exists."
        raise AcreditaError(f"{out}: cannot be written ({error.strerror}). {remedy}") from None
    print(out)


@app.command
def replay(
    program: str = "mexico",
    *,
    since: Annotated[date, Parameter(name="--from")] = date(2016, 8, 1),
    until: Annotated[date, Parameter(name="--to")] = date(2024, 5, 31),
    seed: int = 1,
    keep: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Live through every day of a program with a synthetic cohort, and print its report.

    Args:
        program: a program with margins to draw a cohort from.
        since: the first day.
        until: the last day.
        seed: draws who, where and when; the published totals stay.
        keep: a folder to leave the database and the mail in; otherwise they are thrown away.
    """
    from deployments.printing import print_replay, replay_with_bar
    from tasks.feed import synthetic_cohort
    from tasks.replay import Span
    from tasks.store.programs import folder_of, read_policy

    if since > until:
        raise AcreditaError(f"--from: {since} is after --to, {until}. Swap them.")
    folder = folder_of(program)
    cohort = synthetic_cohort(folder, read_policy(folder), seed)
    with tempfile.TemporaryDirectory(prefix="acredita-") as scratch:
        place = keep or Path(scratch)
        if keep is not None and (keep / "replay.db").exists():
            raise AcreditaError(f"--keep: {keep} holds a replay already. Name an empty folder.")
        report = replay_with_bar(folder, cohort, (place.resolve(), Span(since, until), not as_json))
    if as_json:
        print(json.dumps({"seed": seed, **dataclasses.asdict(report)}, default=str))
        return
    print_replay(report, seed)
    if keep is not None:
        print(f"database and mail: {keep}")
