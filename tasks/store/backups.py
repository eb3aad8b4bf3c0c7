"""Copies of an SQLite database: made whole while it is in use, checked, and put back while nobody uses it.

PostgreSQL has its own tools, pg_dump and pg_restore; docs/delivery.md says what to do around them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from models.rules.errors import Refused
from tasks.store.generations import is_kept, note, noted

SIDES = ("-wal", "-shm")
"""What SQLite keeps beside a database's file while it is in use."""


def backup(engine: Engine, target: Path) -> int:
    """Write a copy of the database to a new file, readable by its owner alone; return its bytes.

    Raises:
        Refused: the database is not SQLite's, or the file is there or cannot be written.
    """
    _require_file(engine)
    if target.exists():
        raise Refused.one(str(target), "is there already.", "Name a new file: a backup never replaces another.")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise Refused.one(str(target), f"cannot be written ({error.strerror}).", "Name another file.") from None
    # SQLite fills a file that is there and empty, and leaves its rights as they are.
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return target.stat().st_size


def restore(engine: Engine, source: Path) -> Path | None:
    """Put a backup in the database's place, checked; return where what stood there was put aside.

    The next delivery holds back what may have gone out since the backup.

    Raises:
        Refused: the database is not SQLite's, or the backup is none, damaged, or of another version of the program.
    """
    _require_file(engine)
    _check(source)
    path = Path(str(engine.url.database))
    engine.dispose()
    draft, aside = path.with_name(f".{path.name}.restored"), None
    shutil.copyfile(source, draft)
    draft.chmod(0o600)
    _tell_of_the_gap(draft)
    if path.exists():
        aside = path.with_name(f"{path.name}.before-restore")
        _fold(path)
        path.replace(aside)
    for side in SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    draft.replace(path)
    return aside


def _require_file(engine: Engine) -> None:
    if engine.dialect.name != "sqlite" or not is_kept(engine):
        remedy = "Use pg_dump and pg_restore, as docs/delivery.md says."
        raise Refused.one("database", "is no SQLite file.", remedy)


def _check(source: Path) -> None:
    if not source.is_file():
        raise Refused.one(str(source), "is no file.", "Name a file that `acredita backup` wrote.")
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            sound = sound and not connection.execute("PRAGMA foreign_key_check").fetchall()
            connection.execute("SELECT count(*) FROM installation")
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise Refused.one(str(source), "is no sound copy of a database.", "Name an earlier backup.")


def _fold(path: Path) -> None:
    """Fold the write-ahead log into a database's file, where it can still be read."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        return  # it is put aside as it is: that may be why somebody restores


def _tell_of_the_gap(draft: Path) -> None:
    """Let the next delivery know that this is a copy, on a machine that has never counted its runs."""
    with closing(sqlite3.connect(draft)) as connection:
        token, generation = connection.execute("SELECT token, generation FROM installation").fetchone() or (None, 0)
    if token is not None and noted(token) == 0:
        note(token, generation + 1)
