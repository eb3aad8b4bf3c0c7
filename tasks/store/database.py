"""The database: one engine per URL, one transaction per unit of work, the schema at the version the code expects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError

import models
from models.rules.errors import Problem, Refused
from models.settings import settings

BACKENDS = ("sqlite", "postgresql")
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 10000",
    "PRAGMA foreign_keys = ON",
)


def engine_of(url: str | None = None) -> Engine:
    """Return the process's engine for a URL (the settings' by default).

    Raises:
        Refused: the URL is none, or names a folder that cannot be made.
    """
    return _engine(url or settings().url)


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    remedy = "Example: postgresql://user@host/name."
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Refused.one("ACREDITA_DATABASE_URL", "is no database URL.", remedy) from None
    if parsed.get_backend_name() not in BACKENDS:
        what = f'names a database of the kind "{parsed.get_backend_name()}"; it can be {" or ".join(BACKENDS)}.'
        raise Refused.one("ACREDITA_DATABASE_URL", what, remedy)
    if parsed.get_backend_name() != "sqlite":
        return _discreet(create_engine(parsed, pool_pre_ping=True, hide_parameters=True))
    if parsed.database not in {None, "", ":memory:"}:
        _private_file(Path(str(parsed.database)))
    engine = _discreet(create_engine(parsed, hide_parameters=True))
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _discreet(engine: Engine) -> Engine:
    """Let no error of this engine quote a row: whoever logs it, Prefect first of all, would store names and addresses.

    The library hides the parameters; what is left is PostgreSQL's DETAIL, which begins with the second line.
    """
    event.listen(engine, "handle_error", _cut_to_first_line)
    return engine


def _cut_to_first_line(context: ExceptionContext) -> None:
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (*str(error.args[0]).splitlines()[:1], *error.args[1:])


def _private_file(path: Path) -> None:
    """Make the file readable by its owner only: it holds names and addresses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        remedy = "Name a writable file in ACREDITA_DATABASE_URL or a writable folder in ACREDITA_HOME."
        raise Refused.one(str(path), f"cannot be opened ({error.strerror}).", remedy) from None


def on_connect(connection: Any, _record: Any) -> None:
    """Prepare a connection to SQLite: the driver's own BEGIN comes too late, and two writers overwrite each other."""
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("read_only") else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One unit of work that writes: committed whole at the end, or not at all."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent look; nobody waits for it and it waits for nobody."""
    with engine.connect().execution_options(read_only=True) as connection, connection.begin():
        yield connection


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration, from the code's own folder and not from where one stands."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(models.__file__)).parent / "migrations").replace("%", "%%"))
    return config


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """Return the version that the code expects, and all that it knows: every command and every run asks for it."""
    scripts = ScriptDirectory.from_config(_config())
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, up or down. Foreign keys are off meanwhile and checked afterwards.

    Raises:
        Refused: the database is of a newer version than this code.
    """
    with reading(engine) as connection:
        _refuse_newer(connection)
    with engine.connect() as connection:
        lite = engine.dialect.name == "sqlite"
        if lite:
            connection.connection.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            config = alembic_config(connection)
            move = command.downgrade if revision == "base" or revision.startswith("-") else command.upgrade
            move(config, revision)
            if lite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise Refused.one("database", "has rows that point nowhere.", "Restore the last backup.")
        if lite:
            connection.connection.execute("PRAGMA foreign_keys = ON")


def is_there() -> bool:
    """Whether the settings' database exists and is of the version that the code expects; it is not made by asking."""
    url = make_url(settings().url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        return False
    found, expected = _versions(engine_of())
    return found == expected


def _refuse_newer(connection: Connection) -> None:
    _, known = _revisions()
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        what = f"is at version {found}, which this code does not know: it is older than the database."
        raise Refused.one("database", what, "Upgrade acredita, or restore the backup of before.")


def require_schema(engine: Engine) -> None:
    """Refuse a database of another version before anything is read from it."""
    found, expected = _versions(engine)
    if found != expected:
        with reading(engine) as connection:
            _refuse_newer(connection)
        state = "is empty" if found is None else f"is at version {found}, the code at {expected}"
        raise Refused.one("database", f"{state}.", "Run `acredita init PROGRAM`, or `acredita up` for the demo.")


def _versions(engine: Engine) -> tuple[str | None, str | None]:
    """Return the schema's version, and that which the code expects."""
    try:
        with reading(engine) as connection:
            return MigrationContext.configure(connection).get_current_revision(), _revisions()[0]
    except OperationalError as error:
        raise Refused([trouble_of(error)]) from None


def trouble_of(error: DBAPIError) -> Problem:
    """Say what is wrong with the database and what to do, without the statement and the rows that it was about."""
    detail = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
    if "database is locked" in detail or getattr(error.orig, "sqlstate", None) in _BUSY:
        remedy = "Close what holds it (a shell, a copy, a backup) and start this again: nothing was half written."
        return Problem("database", f"is held by another program ({detail}).", remedy)
    if isinstance(error, DataError | IntegrityError):  # these may quote what was written
        what = f"refused a row ({type(error.orig).__name__})."
        return Problem("database", what, "Nothing was written; the database's own log says which.")
    state = "reached" if isinstance(error, OperationalError) else "used"
    return Problem("database", f"cannot be {state} ({detail}).", "Start it, or correct ACREDITA_DATABASE_URL.")


_BUSY = frozenset({"55P03", "57014", "40001", "40P01"})
"""PostgreSQL's codes for a lock that was not had, a statement that took too long, and transactions that met."""
