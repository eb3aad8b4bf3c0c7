"""Changing what a closed choice may be: PostgreSQL alters its CHECK, SQLite copies the table."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op


def allow(table: str, column: str, values: Sequence[str]) -> None:
    """Let a closed choice be exactly one of these values; every other check of the table stays as it is."""
    name = op.f(f"ck_{table}_{column}")  # as it is: the naming convention would put the prefix there again
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"{column} IN ({', '.join(map(repr, values))})")
