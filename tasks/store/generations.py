"""How many runs have sent mail, counted in the database and outside it: a copy that came back counts fewer.

A database restored from a backup does not know what went out since, and would send it again. The number beside it,
in the home folder, knows that something did.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from models.schema import INSTALLATION
from models.settings import settings
from tasks.store import clock

_I = INSTALLATION.c
_COUNTED = select(_I.token, _I.generation)


def is_kept(engine: Engine) -> bool:
    """Whether there is anything to come back: a database in memory has no copies."""
    return engine.url.database not in {None, "", ":memory:"}


def went_back(connection: Connection) -> bool:
    """Whether this is a copy from before the last runs that sent mail."""
    row = connection.execute(_COUNTED).one_or_none()  # none where no program is in force yet
    return row is not None and row.token is not None and row.generation < noted(row.token)


def count_on(connection: Connection) -> tuple[str, int]:
    """Count a run that is about to send; to be noted outside once this is committed, and before anything is sent."""
    row = connection.execute(_COUNTED.with_for_update()).one()
    token = row.token or secrets.token_hex(8)
    number = max(row.generation, noted(token)) + 1
    now = clock.now_in(connection)
    connection.execute(update(INSTALLATION).values(token=token, generation=number, last_delivered_at=now))
    return token, number


def note(token: str, number: int) -> None:
    """Write the number down outside the database, unless a higher one stands there."""
    import fcntl

    path = _path(token)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if int(file.read() or 0) < number:
            file.seek(0)
            file.write(str(number))
            file.flush()
            os.fsync(file.fileno())


def noted(token: str) -> int:
    """Return the number outside the database; 0 on a machine that has none."""
    try:
        return int(_path(token).read_text(encoding="ascii") or 0)
    except FileNotFoundError:
        return 0


def _path(token: str) -> Path:
    return settings().home / "generations" / token
