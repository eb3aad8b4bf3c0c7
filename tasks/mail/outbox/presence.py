"""Who claims, and whether they still live: a lock that the system lets go of when its holder dies, and not before.

A lease alone cannot tell a sender that died from one that was stopped for a minute and will go on: the second would
send what somebody else has sent meanwhile. A lapsed claim is taken from the dead only.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from models.rules.errors import Refused
from models.settings import settings

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO = text("SELECT pg_advisory_unlock(:key)")
_HOLD = text("SELECT pg_advisory_lock(:key)")


class Presence(Protocol):
    """One run among all that send from this database, by a name that nobody ever had before."""

    name: str

    def lives(self, owner: str) -> bool:
        """Whether a run is still there, perhaps asleep."""
        ...

    def confirm(self) -> None:
        """Raise where others could take us for dead, so that nothing more is claimed."""
        ...


@contextmanager
def present(engine: Engine) -> Iterator[Presence]:
    """Be there for as long as the block lasts."""
    name = secrets.token_hex(8)
    with _in_folder(engine, name) if engine.dialect.name == "sqlite" else _in_session(engine, name) as presence:
        yield presence


@contextmanager
def _in_folder(engine: Engine, name: str) -> Iterator[Presence]:
    folder = senders_folder(engine)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(handle, wait=True)
        yield _Files(folder, name)
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def senders_folder(engine: Engine) -> Path:
    """Return the folder of the locks: beside the database's file, which is what all its senders share."""
    database = engine.url.database
    if database in {None, "", ":memory:"}:
        return settings().home / "senders"
    return Path(f"{Path(str(database)).resolve()}-senders")


def _lock(handle: int, *, wait: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


class _Files:
    """A file for each run, locked by it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self.name = folder, name

    def lives(self, owner: str) -> bool:
        if owner == self.name:
            return True
        try:
            handle = os.open(self._folder / owner, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _lock(handle, wait=False)
        finally:
            os.close(handle)

    def confirm(self) -> None:
        """Nothing but our own end takes the lock."""


def require_nobody(engine: Engine) -> None:
    """Refuse where a run sends from this SQLite database now; the files of those that died are cleared away."""
    folder = senders_folder(engine)
    files = _Files(folder, "")
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    living = {name for name in found if files.lives(name)}
    for name in set(found) - living:
        (folder / name).unlink(missing_ok=True)
    if living:
        raise Refused.one("database", "is being sent from just now.", "Stop the service, and wait for the delivery.")


@contextmanager
def _in_session(engine: Engine, name: str) -> Iterator[Presence]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.execute(_HOLD, {"key": _key(name)})
            yield _Sessions(connection, name)
        finally:
            # Closed for good: back in the pool the session would hold on to the lock.
            connection.invalidate()


class _Sessions:
    """A session for each run, which holds an advisory lock."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self.name = connection, name

    def lives(self, owner: str) -> bool:
        if owner == self.name:
            return True
        mine = bool(self._connection.scalar(_TRY, {"key": _key(owner)}))
        if mine:
            self._connection.execute(_LET_GO, {"key": _key(owner)})
        return not mine

    def confirm(self) -> None:
        self._connection.execute(text("SELECT 1"))


def _key(name: str) -> int:
    """Return a name as a number of 64 bits with a sign, which is what PostgreSQL locks by."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
