"""Rosters, people and facts brought in from files: read, checked, compared with what is stored, and written or refused.

All or nothing: every problem of every row is told at once and then nothing is written. The same file twice changes
nothing. A file is the truth for the rows and columns that it has: an empty cell empties the field, a column that is
absent leaves it alone, and who is not in the file stays as stored. A head and an accreditation manager are the persons
`<AGENCY>.head` and `<AGENCY>.am`; another expert ends the seat of the one before on the eve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from models.rules.errors import Refused
from models.rules.intake import roster
from models.rules.intake.cells import DateFormat, Lexicon
from models.rules.intake.columns import FileKind, read_header
from models.rules.intake.roster import Found, Row, Source, read_rows
from models.rules.policy import Policy
from models.rules.words import Language
from tasks.collector import quiet_collector
from tasks.intake.plan import FieldChange, Plan, Scene, carry_out
from tasks.intake.plan_facts import plan_facts
from tasks.intake.plan_people import plan_people
from tasks.intake.plan_roster import plan_roster
from tasks.intake.sheets import read_sheet
from tasks.operations.asked import require_reason
from tasks.operations.effect import rehearsed
from tasks.store.programs import SHIPPED, current_program, program_in_force, read_policy

_PLANNERS: dict[FileKind, Callable[[Connection, Sequence[Row], Scene], Plan]] = {
    FileKind.ROSTER: plan_roster, FileKind.PEOPLE: plan_people, FileKind.FACTS: plan_facts,
}


@dataclass(frozen=True)
class ImportOptions:
    """How a file is imported. `today` is the day in the program's zone; nothing in a file may lie after it.

    `reason` is one of the program's: a file that corrects numbers or agreements on record needs it. `actor` is whoever
    corrects them, by their code.
    """

    today: date
    dry_run: bool = False
    date_format: DateFormat = DateFormat.YMD
    reason: str | None = None
    actor: str = "operator"


@dataclass(frozen=True)
class ImportReport:
    """What an import came to, or would come to. Rows are counted as the file has them."""

    kind: FileKind
    source: str
    rows: int
    unchanged: int
    created: tuple[str, ...]
    """The codes of what is new: enrollments, people, or facts."""
    changes: tuple[FieldChange, ...]
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        return {
            "kind": self.kind.value, "source": self.source, "dry_run": self.dry_run, "rows": self.rows,
            "new": len(self.created), "unchanged": self.unchanged, "created": list(self.created),
            "changes": [
                {"code": c.code, "field": c.field, "old": _plain(c.old), "new": _plain(c.new)} for c in self.changes
            ],
        }

    def __str__(self) -> str:
        """Return the report in a sentence and a line for each change."""
        verb = "would bring" if self.dry_run else "brought"
        head = f"{self.source}: {self.rows} rows of {self.kind.value} {verb} {len(self.created)} new, "
        lines = (f"  {c.code} {c.field}: {_shown(c.old)} -> {_shown(c.new)}" for c in self.changes)
        return "\n".join([f"{head}{len(self.changes)} changed fields; {self.unchanged} rows unchanged.", *lines])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _shown(value: Any) -> str:
    return "nothing" if value in {None, ""} else str(_plain(value))


def import_file(engine: Engine, path: Path, options: ImportOptions) -> ImportReport:
    """Import a roster, people or facts file; which of them it is, its header tells.

    Raises:
        Refused: with every problem of every row, each with file, row, column and remedy; nothing was written.
    """
    program = current_program(engine)
    if options.reason is not None:
        require_reason(program, options.reason)
    with quiet_collector():
        # The long part, reading and checking, is done before the database is held.
        source, read, found = _read(path, program.policy, options)
        count = len(read)
        scene = Scene(program.policy, options.today, source, options.reason, options.actor)
        try:
            with rehearsed(engine, dry_run=options.dry_run) as connection:
                plan = _planned(connection, (read, found), scene)
                del read  # a hundred thousand rows are a hundred megabytes, and the plan is as many
                carry_out(connection, plan, scene)
        except DBAPIError as error:
            # What the driver says may quote a row: its kind alone is told.
            what = f"could not be written: the database said {type(error.orig).__name__}."
            raise Refused.one(source.name, what, "Nothing was changed; import it again later.") from None
    return _report(plan, (scene, count), dry_run=options.dry_run)


def _read(path: Path, policy: Policy, options: ImportOptions) -> tuple[Source, list[Row], list[Found]]:
    """Read a file and check its rows; return them, and everything that is wrong with any."""
    sheet = read_sheet(path)
    source = Source(sheet.name, read_header(sheet.titles, sheet.name))
    if not sheet.rows and not sheet.misfits:
        raise Refused.one(sheet.name, "has a header and no rows.", "Add the rows under it.")
    read, found = read_rows(sheet.rows, source, (Lexicon(policy, options.date_format), options.today))
    return source, read, found + sheet.misfits


def import_rows(
    connection: Connection, kind: FileKind, rows: Sequence[Mapping[str, str]], *, today: date, name: str = "rows"
) -> ImportReport:
    """Import rows that are in memory, by the columns' names in code, in a transaction that somebody else commits.

    Dates are written YYYY-MM-DD. The rows all have the same columns; `name` is what errors call them, and rows are
    counted from 1.

    Raises:
        Refused: as for a file; nothing was written.
    """
    if not rows:
        raise Refused.one(name, "has no rows.", "Give at least one.")
    titles = tuple(rows[0])
    odd = next((number for number, row in enumerate(rows, 1) if row.keys() != rows[0].keys()), None)
    if odd is not None:
        raise Refused.one(f"{name} row {odd}", "has other columns than the first row.", "Give every row the same.")
    policy = program_in_force(connection).policy
    source = Source(name, read_header(titles, name, kind))
    cells = [(number, [row[title] for title in titles]) for number, row in enumerate(rows, 1)]
    scene = Scene(policy, today, source)
    plan = _planned(connection, read_rows(cells, source, (Lexicon(policy), today)), scene)
    carry_out(connection, plan, scene)
    return _report(plan, (scene, len(rows)), dry_run=False)


def _planned(connection: Connection, given: tuple[list[Row], list[Found]], scene: Scene) -> Plan:
    """Compare rows with what is stored; refuse with what was found before and what is found now, in row order."""
    read, found = given
    plan = _PLANNERS[scene.source.header.kind](connection, read, scene)
    found = sorted(found + plan.found, key=lambda each: each[0])
    if found:
        raise Refused(problem for _, problem in found)
    return plan


def _report(plan: Plan, given: tuple[Scene, int], *, dry_run: bool) -> ImportReport:
    scene, count = given
    return ImportReport(
        scene.source.header.kind, scene.source.name, count, count - len(plan.moved_rows), tuple(plan.created),
        tuple(plan.changes), dry_run,
    )


def template_csv(kind: FileKind, language: Language, policy: Policy | None = None) -> str:
    """Return a file with the header and one example row, to be filled in; it begins with a byte order mark.

    The example uses the words of the policy given, or of a shipped program.
    """
    return roster.template_csv(kind, language, policy or _any_policy())


def _any_policy() -> Policy:
    return read_policy(min(path.parent for path in SHIPPED.glob("*/program.toml")))


def write_templates(folder: Path, language: Language | None = None, policy: Policy | None = None) -> list[Path]:
    """Write a template of each kind of file into a folder and return the paths.

    Raises:
        Refused: the folder cannot be written, or has a file of that name already: it might be somebody's work.
    """
    policy = policy or _any_policy()
    paths = {kind: folder / f"{kind.value}.csv" for kind in FileKind}
    for path in paths.values():
        if path.exists():
            raise Refused.one(str(path), "is there already.", "Move it away, or name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, path in paths.items():
            text = template_csv(kind, language or policy.language, policy)
            path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Refused.one(str(folder), f"cannot be written: {error.strerror}.", "Name another folder.") from None
    return list(paths.values())
