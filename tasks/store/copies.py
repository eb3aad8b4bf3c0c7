"""A copy of this installation to live on in: its database whole, a home of its own, and nothing that leads back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, delete, event, insert, select, update
from sqlmodel import SQLModel

from models.rules.words import EmailState
from models.schema import EMAIL, INSTALLATION
from tasks.store.backups import backup
from tasks.store.database import engine_of, migrate, transaction

ROWS = 1000
UNDER_WAY = (EmailState.SENDING, EmailState.UNKNOWN)


@contextmanager
def copied(engine: Engine) -> Iterator[Engine]:
    """Live on a copy of the database in a SQLite file for a while, whatever the settings say; nothing of it stays."""
    with _elsewhere() as path:
        if engine.dialect.name == "sqlite":
            backup(engine, path)
        else:
            _poured(engine, path)
        with _opened() as copy:
            _cut_loose(copy)
            yield copy


@contextmanager
def blank() -> Iterator[Engine]:
    """Live on an empty database in the same way; made as the tables are, since it has no past to migrate from."""
    with _elsewhere(), _opened() as empty:
        SQLModel.metadata.create_all(empty)
        yield empty


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """Let the settings name a home of its own, and in it the database at this path."""
    with tempfile.TemporaryDirectory(prefix="acredita-copy-") as name:
        home = Path(name)
        path = home / "copy.db"
        # A home of its own as well: how many runs have sent is counted there, and the real one must not learn of these.
        with _settings({"ACREDITA_HOME": str(home), "ACREDITA_DATABASE_URL": f"sqlite:///{path}"}):
            yield path


@contextmanager
def _opened() -> Iterator[Engine]:
    engine = engine_of()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    try:
        yield engine
    finally:
        engine.dispose()


def _poured(engine: Engine, path: Path) -> None:
    """Copy every row into a new SQLite file: one look at the source, table by table, a thousand rows at a time."""
    target = engine_of(f"sqlite:///{path}")
    try:
        migrate(target)
        with (
            engine.connect().execution_options(isolation_level="REPEATABLE READ", yield_per=ROWS) as source,
            source.begin(), transaction(target) as copy,
        ):
            copy.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # a row may name one that is poured after it
            for table in SQLModel.metadata.sorted_tables:
                copy.execute(delete(table))
                for rows in source.execute(select(table)).mappings().partitions():
                    copy.execute(insert(table), [dict(row) for row in rows])
    finally:
        target.dispose()


def _cut_loose(copy: Engine) -> None:
    """Let the copy be nobody's backup, and take what is on its way as arrived: it has no provider to ask."""
    with transaction(copy) as connection:
        connection.execute(update(INSTALLATION).values(token=None))
        connection.execute(update(EMAIL).where(EMAIL.c.state.in_(UNDER_WAY)).values(state=EmailState.SENT))


@contextmanager
def _settings(given: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
