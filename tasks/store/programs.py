"""A program's folder: read from disk, checked, stored as a version, and put in force."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select, true, update

from models.rules.case import Program
from models.rules.errors import Problem, Refused, nearest
from models.rules.forecast.outlook import Outlook, unpacked
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from models.rules.words import Status
from models.schema import ENROLLMENT, FORECAST_FIT, INSTALLATION, POLICY_VERSION
from tasks.store import clock, holidays
from tasks.store.database import reading, transaction

_LATER = ENROLLMENT.c.cycle > 1
_KINDS = {False: "enrollments", True: "enrollments that an award opened"}
SHIPPED = Path(__file__).parents[2] / "deployments" / "programs"

_V = POLICY_VERSION.c
_F = FORECAST_FIT.c
_FIT = select(_F.id, _F.digest).order_by(_F.id.desc()).limit(1).subquery()
_IN_FORCE = (
    select(
        INSTALLATION.c.live_from, _V.id, _V.digest, _V.program, _FIT.c.id.label("fit"),
        _FIT.c.digest.label("fit_digest"),
    )
    .join_from(INSTALLATION, POLICY_VERSION, INSTALLATION.c.policy_version_id == _V.id)
    .outerjoin(_FIT, true())
)
_OF_VERSION = (
    select(INSTALLATION.c.live_from, _V.id, _V.digest)
    .join_from(POLICY_VERSION, INSTALLATION, true())
    .where(_V.id == bindparam("version"))
)


def folder_of(program: str) -> Path:
    """Return the folder that a name or a path means: a shipped program, or any folder with TOML in it."""
    for folder in (SHIPPED / program, Path(program).expanduser()):
        if (folder / "program.toml").is_file():
            return folder.resolve()
    shipped = [path.name for path in sorted(SHIPPED.iterdir()) if path.is_dir()] if SHIPPED.is_dir() else []
    raise Refused.one(program, "is no program: it has no program.toml.", nearest(program, shipped))


def read_policy(folder: Path) -> Policy:
    """Read and check every TOML file at the top of a program's folder.

    Raises:
        Refused: with the file, the place, the reason and the remedy of every problem.
    """
    return parse_policy(*read_tables(folder))


def read_tables(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a program's tables with the holidays of its calendars filled in, and which file each table stands in.

    Raises:
        Refused: a file is no TOML, a table stands in two files, or a calendar's country is unknown.
    """
    document: dict[str, Any] = {}
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(Problem(path.name, f"is not TOML: {error}.", "Correct the line."))
            continue
        problems += [
            Problem(path.name, f'"{name}" stands in {files[name]} too.', "Keep one.") for name in tables.keys() & files
        ]
        document |= tables
        files |= dict.fromkeys(tables, path.name)
    problems += holidays.fill(document)
    if problems:
        raise Refused(problems)
    return document, files


@dataclass(frozen=True)
class Terms:
    """How a program is put in force. `clock_starts_at` sets a labelled clock; a demo says so everywhere."""

    live_from: date | None = None
    clock_starts_at: datetime | None = None
    is_demo: bool = False


def put_in_force(engine: Engine, policy: Policy, terms: Terms | None = None) -> bool:
    """Store a policy and make it the one in force; every open case comes due once. The same policy changes nothing.

    Returns:
        Whether the policy is a new version here.

    Raises:
        Refused: open enrollments stand in a stage or track that the policy lacks, or are of another program.
    """
    with transaction(engine) as connection:
        before = _replaced_by(connection, policy)
        version = _version_id(connection, policy)
        if before is None:
            _install(connection, version, terms or Terms())
        elif terms is not None and terms.live_from is not None:
            connection.execute(update(INSTALLATION).values(live_from=terms.live_from))
        if before is None or before.digest == policy.digest:
            return before is None
        connection.execute(update(INSTALLATION).values(policy_version_id=version))
        everything_is_due(connection, clock.real_now().date())
    return True


def replaced_by(connection: Connection, policy: Policy) -> Program | None:
    """Return the program whose place a policy would take here; None where there is none yet, or it is the same.

    Raises:
        Refused: as `put_in_force` would.
    """
    before = _replaced_by(connection, policy)
    if before is None or before.digest == policy.digest:
        return None
    return _loaded(connection, before, (before.fit, before.fit_digest))


def _replaced_by(connection: Connection, policy: Policy) -> Row[Any] | None:
    before = connection.execute(_IN_FORCE).first()
    if before is not None and before.program != policy.code:
        remedy = "One database holds one program: name another in ACREDITA_DATABASE_URL."
        raise Refused.one("program", f'this database belongs to "{before.program}", not "{policy.code}".', remedy)
    _refuse_orphans(connection, policy)
    return before


def everything_is_due(connection: Connection, day: date) -> None:
    """Make every open case due once: what it was told may have changed under it."""
    epoch = min(day, date(2000, 1, 1))
    connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.status == Status.OPEN).values(next_review_on=epoch))


def _version_id(connection: Connection, policy: Policy) -> int:
    found: int | None = connection.scalar(select(_V.id).where(_V.digest == policy.digest))
    if found is not None:
        return found
    row = {"program": policy.code, "digest": policy.digest, "document": json.loads(policy.written)}
    stored = insert(POLICY_VERSION).values(**row, recorded_at=clock.now_in(connection)).returning(_V.id)
    return int(connection.execute(stored).scalar_one())


def _install(connection: Connection, version: int, terms: Terms) -> None:
    connection.execute(
        insert(INSTALLATION).values(
            id=1, policy_version_id=version, live_from=terms.live_from, clock_offset_seconds=0, is_demo=terms.is_demo
        )
    )
    if terms.clock_starts_at is not None:
        clock.set_clock(connection, terms.clock_starts_at)


def _refuse_orphans(connection: Connection, policy: Policy) -> None:
    standing = connection.execute(
        select(ENROLLMENT.c.track, ENROLLMENT.c.stage, _LATER, func.count())
        .where(ENROLLMENT.c.status == Status.OPEN)
        .group_by(ENROLLMENT.c.track, ENROLLMENT.c.stage, _LATER)
    ).all()
    paths = {later: {stage.code for stage in policy.path_of(2 if later else 1)} for later in (False, True)}
    problems = [
        Problem("stages", f'lack "{stage}", in which {count} {_KINDS[later]} stand.', nearest(stage, paths[later]))
        for _, stage, later, count in standing if stage not in paths[bool(later)]
    ]
    problems += [
        Problem("tracks", f'lack "{track}", on which {count} enrollments are.', nearest(track, policy.tracks))
        for track, _, _, count in standing if track not in policy.tracks
    ]
    if problems:
        raise Refused(problems)


def program_in_force(connection: Connection) -> Program:
    """Return the program of this database.

    Raises:
        Refused: none was loaded yet.
    """
    row = connection.execute(_IN_FORCE).first()
    if row is None:
        remedy = "Run `acredita init PROGRAM`, or `acredita up` for the demo."
        raise Refused.one("database", "has no program yet.", remedy)
    return _loaded(connection, row, (row.fit, row.fit_digest))


def program_of(connection: Connection, version: int, fit: int | None = None) -> Program:
    """Return the program as a stored version has it, whether in force or not, and as a fit sees it; None: as none."""
    row = connection.execute(_OF_VERSION, {"version": version}).one()
    digest = None if fit is None else connection.scalar(select(_F.digest).where(_F.id == fit))
    return _loaded(connection, row, (fit, digest))


def _loaded(connection: Connection, row: Row[Any], fit: FitKey) -> Program:
    if row.digest not in _parsed:
        document = connection.scalar(select(POLICY_VERSION.c.document).where(POLICY_VERSION.c.id == row.id))
        _parsed[row.digest] = Policy.model_validate(document)
    number, fit_digest = fit
    if number is not None and fit_digest is not None and fit not in _unpacked:
        text = connection.scalar(select(_F.outlook).where(_F.id == number))
        _unpacked[fit] = unpacked(text or "", number)
    return _program(row.digest, row.id, live_from=row.live_from, fit=fit)


_parsed: dict[str, Policy] = {}
FitKey = tuple[int | None, str | None]
_unpacked: dict[FitKey, Outlook] = {}


@lru_cache(maxsize=32)
def _program(digest: str, version: int, *, live_from: date | None, fit: FitKey) -> Program:
    return Program(_parsed[digest], version, live_from, _unpacked.get(fit))


def current_program(engine: Engine) -> Program:
    """Return the program of a database that is not being read yet."""
    with reading(engine) as connection:
        return program_in_force(connection)


def program_day(engine: Engine) -> date:
    """Return the day that this installation lives in, in the program's zone."""
    return clock.today(engine, current_program(engine).policy.zone)


def is_installed(engine: Engine) -> bool:
    """Whether a program was loaded into this database, whose schema is there."""
    with reading(engine) as connection:
        return connection.scalar(select(INSTALLATION.c.id)) is not None


def check_go_live(engine: Engine, day: date) -> None:
    """Check that mail can begin on a day.

    Raises:
        Refused: mail goes out already, or the day is over: what came due until now is never mailed.
    """
    program = current_program(engine)
    today = clock.today(engine, program.policy.zone)
    if program.live_from is not None and program.live_from <= today:
        what = f"mail goes out since {program.live_from}."
        raise Refused.one("go-live", what, "`acredita simulate` shows what is to come.")
    if day < today:
        raise Refused.one("go-live", f"{day} lies before today, {today}.", f"Use {today} or later.")


def go_live(engine: Engine, day: date) -> None:
    """Set the day from which mail goes out."""
    with transaction(engine) as connection:
        connection.execute(update(INSTALLATION).values(live_from=day))
