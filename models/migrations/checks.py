"""Tables altered together with their CHECKs: PostgreSQL alters them, SQLite copies the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy import inspect


@contextmanager
def altered(table: str, checks: Mapping[str, str | None]) -> Iterator[BatchOperations]:
    """Alter a table and set some of its CHECKs; all the others stay, since every one has a name.

    Args:
        table: the table's name.
        checks: the SQL of each CHECK to set, by the name it has in the model (without table); None takes it away.
    """
    there = {check["name"] for check in inspect(op.get_bind()).get_check_constraints(table)}
    # As they are: the naming convention would put the prefix there again.
    wanted = {op.f(f"ck_{table}_{name}"): condition for name, condition in checks.items()}
    with op.batch_alter_table(table) as batch:
        for name in [name for name in wanted if name in there]:
            batch.drop_constraint(name, type_="check")
        yield batch
        for name, condition in wanted.items():
            if condition is not None:
                batch.create_check_constraint(name, condition)


def one_of(column: str, values: Sequence[str]) -> str:
    """Return the CHECK of a closed choice."""
    return f"{column} IN ({', '.join(map(repr, values))})"


def allow(table: str, column: str, values: Sequence[str]) -> None:
    """Let a closed choice be exactly one of these values; every other check of the table stays as it is."""
    with altered(table, {column: one_of(column, values)}):
        pass
