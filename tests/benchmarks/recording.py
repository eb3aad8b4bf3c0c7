"""The floor of what has too many statements to be written by hand: its own, sent once more by the bare driver alone.

It says what the library, the conversions and the rules cost over the database, and not whether a statement is needed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Engine, event


class Step(NamedTuple):
    """A statement as the driver was given it, on which of its connections."""

    line: int
    sql: str
    values: Any = ()
    many: bool = False


@contextmanager
def recorded() -> Iterator[list[Step]]:
    """Note whatever any engine sends to its driver, in order."""
    steps: list[Step] = []

    def sent(*given: Any) -> None:
        connection, _cursor, sql, values, _context, many = given
        steps.append(Step(_line(connection), sql, values, many))

    def committed(connection: Any) -> None:
        steps.append(Step(_line(connection), "COMMIT"))

    def rolled_back(connection: Any) -> None:
        steps.append(Step(_line(connection), "ROLLBACK"))

    heard = {"before_cursor_execute": sent, "commit": committed, "rollback": rolled_back}
    for name, listener in heard.items():
        event.listen(Engine, name, listener)
    try:
        yield steps
    finally:
        for name, listener in heard.items():
            event.remove(Engine, name, listener)


def _line(connection: Any) -> int:
    return id(connection.connection.dbapi_connection)


def sent_again(steps: Sequence[Step], path: str, *, durable: bool = True) -> float:
    """Return the seconds that sqlite3 alone takes for the statements, with whatever they find."""
    lines = {line: sqlite3.connect(path, isolation_level=None) for line in {step.line for step in steps}}
    for lite in lines.values():
        for pragma in ("journal_mode = WAL", f"synchronous = {'FULL' if durable else 'OFF'}", "foreign_keys = ON"):
            lite.execute(f"PRAGMA {pragma}")
    begun = time.perf_counter()
    for line, sql, values, many in steps:
        lite = lines[line]
        if sql in {"COMMIT", "ROLLBACK"} and not lite.in_transaction:
            continue
        cursor = lite.executemany(sql, values) if many else lite.execute(sql, values)
        if cursor.description:
            cursor.fetchall()
    seconds = time.perf_counter() - begun
    for lite in lines.values():
        lite.close()
    return seconds


def compared(engine: Engine, work: Callable[[Engine], None], *, rounds: int) -> dict[str, Any]:
    """Let something that may be done again and again, and its own statements alone, take turns."""
    with recorded() as steps:
        work(engine)
    mine, bare = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        work(engine)
        mine.append(time.perf_counter() - begun)
        bare.append(sent_again(steps, str(engine.url.database)))
    return {"ours": mine, "floor": bare}
