"""Bulk statements for the sweep's inner loop: SQLAlchemy writes the SQL, the driver takes and gives rows as they are.

What SQLAlchemy does for every value of every row costs more than the database does; here a statement is compiled once
for each dialect, what is written are tuples in its order, in the driver's own types, and what is read is made into days
and words a column at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Compiled,
    Connection,
    CursorResult,
    Date,
    Dialect,
    Enum,
    Insert,
    Select,
    Table,
    bindparam,
    insert,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ColumnElement, Executable

Rows = Sequence[tuple[Any, ...]]


class Bulk(NamedTuple):
    """A statement for many rows, and the names of what each row holds, in order."""

    statement: Callable[[str], Executable]
    names: tuple[str, ...]


def insertion(table: Table, names: str, *, once: bool = True) -> Bulk:
    """Insert rows; with `once`, one whose unique key is there already is left alone: the database decides."""
    columns = tuple(names.split())
    values: dict[str, Any] = {name: bindparam(name) for name in columns}

    def statement(dialect: str) -> Executable:
        return (_insert_once(dialect, table) if once else insert(table)).values(values)

    return Bulk(statement, columns)


def change(table: Table, names: str, where: ColumnElement[bool] | None = None) -> Bulk:
    """Change the named columns of rows by id, which stands last in each row; `where` limits which may be changed."""
    columns = tuple(names.split())
    condition = table.c.id == bindparam("row_id")
    made = update(table).where(condition if where is None else condition & where)
    made = made.values({table.c[name]: bindparam(f"new_{name}") for name in columns})
    return Bulk(lambda _: made, (*(f"new_{name}" for name in columns), "row_id"))


def run(connection: Connection, bulk: Bulk, rows: Sequence[tuple[Any, ...]]) -> int:
    """Execute a bulk statement; return how many rows it wrote."""
    given = rows
    if not given:
        return 0
    sql, order = _ordered(bulk, connection.dialect.name)
    if order is not None:
        given = [tuple(row[place] for place in order) for row in given]
    return connection.exec_driver_sql(sql, given).rowcount


@lru_cache(maxsize=64)
def _ordered(bulk: Bulk, dialect: str) -> tuple[str, tuple[int, ...] | None]:
    """Return the SQL, and how to reorder a row for it; None where the order is the row's own."""
    compiled = _compiled(bulk.statement(dialect), dialect)
    order = tuple(bulk.names.index(name) for name in compiled.positiontup)
    return str(compiled), None if order == tuple(range(len(bulk.names))) else order


def _compiled(statement: Executable, dialect: str) -> Any:
    make: Any = sqlite.dialect if dialect == "sqlite" else psycopg.dialect
    target = make(paramstyle="qmark" if dialect == "sqlite" else "format")
    return statement.compile(dialect=target)  # type: ignore[attr-defined]


def copied(connection: Connection, target: Table, rows: Iterable[tuple[Any, ...]], *, names: Sequence[str]) -> None:
    """Insert rows into PostgreSQL by COPY, in the connection's own transaction: one statement, however many rows.

    Raises:
        DBAPIError: as for any other statement; it quotes no row.
    """
    quoted = connection.dialect.identifier_preparer.quote
    into = f"{quoted(target.name)} ({', '.join(map(quoted, names))})"
    line: Any = connection.connection.driver_connection
    try:
        with line.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except Exception as error:
        failure: type[Exception] = connection.dialect.loaded_dbapi.Error
        if not isinstance(error, failure):
            raise
        error.args = tuple(str(error).splitlines()[:1])
        raised = DBAPIError.instance("COPY", None, error, failure, hide_parameters=True, dialect=connection.dialect)
        raise raised from None


_EXPANDING = re.compile(r"__\[POSTCOMPILE_ids.*?\]")
_IDS = "<ids>"
Maker = Callable[[Any], Any]
Values = tuple[Any, ...]
"""A column of what was found."""


class _Query(NamedTuple):
    """A query: its SQL around the list of ids, its parameters in order, the fixed values, and what makes columns."""

    sql: str
    mark: str
    names: tuple[str, ...]
    fixed: dict[str, Any]
    makers: tuple[Maker | None, ...]


def fetched(connection: Connection, query: Select[Any], ids: Sequence[int]) -> list[Values]:
    """Return the columns of a query whose only parameter is the list `ids`, each with a value for every row found."""
    return asked(connection, query, {"ids": ids}) if ids else [()] * len(query.selected_columns)


def asked(connection: Connection, query: Select[Any], given: Mapping[str, Any]) -> list[Values]:
    """Return the columns of a query by its parameters: the list `ids`, days and numbers."""
    wanted = _query(query, connection.dialect.name)
    values: list[Any] = []
    sql, types = wanted.sql, wire(connection)
    for name in wanted.names:
        value = given[name] if name in given else wanted.fixed[name]
        if name == "ids":
            sql = sql.replace(_IDS, ",".join([wanted.mark] * len(value)))
            values += value
        else:
            values.append(types.day(value) if isinstance(value, date) else value)
    rows = connection.exec_driver_sql(sql, tuple(values)).cursor.fetchall()
    if not rows:
        return [()] * len(wanted.makers)
    columns = zip(zip(*rows, strict=True), wanted.makers, strict=True)
    return [tuple(map(make, column)) if make else column for column, make in columns]


@lru_cache(maxsize=64)
def _query(query: Select[Any], dialect: str) -> _Query:
    compiled, lite = _compiled(query, dialect), dialect == "sqlite"
    makers = tuple(_maker(column.type, lite=lite) for column in query.selected_columns)
    sql = _EXPANDING.sub(_IDS, str(compiled))
    return _Query(sql, "?" if lite else "%s", tuple(compiled.positiontup), dict(compiled.params), makers)


def _maker(kind: Any, *, lite: bool) -> Maker | None:
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return {None: None, **{word.value: word for word in kind.enum_class}}.__getitem__
    return _day if lite and isinstance(kind, Date) else None


@lru_cache(maxsize=65536)
def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def insert_once(connection: Connection, target: Table) -> Insert:
    """Return an INSERT that leaves a row alone whose unique key is there already: the database decides."""
    return _insert_once(connection.dialect.name, target)


def add_once(
    connection: Connection, target: Table, row: Mapping[str, Any], *, returning: Column[Any] | None = None
) -> CursorResult[Any]:
    """Insert one row unless its unique key is there already; return the result.

    SQLAlchemy does not keep what it compiled where there is an ON CONFLICT. Here it is compiled once for each engine.
    """
    compiled: Any = _compiled_once(connection.dialect, target, tuple(row), returning=returning)
    return connection.execute(compiled, row)


@lru_cache(maxsize=64)
def _compiled_once(
    dialect: Dialect, target: Table, names: tuple[str, ...], *, returning: Column[Any] | None
) -> Compiled:
    made = _insert_once(dialect.name, target)
    wanted = made if returning is None else made.returning(returning)
    return wanted.compile(dialect=dialect, column_keys=list(names))


@lru_cache(maxsize=64)
def _insert_once(dialect: str, target: Table) -> Insert:
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    made: Insert = insert(target).on_conflict_do_nothing()
    return made


class Wire(NamedTuple):
    """How a driver wants a day and an instant: SQLite as the text SQLAlchemy stores, PostgreSQL as they are."""

    day: Callable[[date], Any]
    instant: Callable[[datetime], Any]


_SQLITE = Wire(date.isoformat, lambda at: at.replace(tzinfo=None).isoformat(" ", "microseconds"))
_NATIVE = Wire(lambda day: day, lambda at: at)


def wire(connection: Connection) -> Wire:
    """Return how this connection's driver wants its values."""
    return _SQLITE if connection.dialect.name == "sqlite" else _NATIVE


as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
