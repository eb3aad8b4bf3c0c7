"""Tables altered together with their CHECKs, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    wanted = {f"ck_{table}_{name}": condition for name, condition in checks.items()}
    with op.batch_alter_table(table) as batch:
        for name in there & wanted.keys():
            batch.drop_constraint(op.f(str(name)), type_="check")
        yield batch
        for name, condition in wanted.items():
            if condition is not None:
                batch.create_check_constraint(op.f(name), condition)


def one_of(column: str, *values: str) -> str:
    """Return the CHECK of a closed choice, as the models spell it."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
