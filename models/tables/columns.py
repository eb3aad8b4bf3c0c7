"""What the columns of all tables are made of: names for every constraint, closed choices, keys, the stamp."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey
from sqlalchemy import Enum as SqlEnum
from sqlmodel import Field, SQLModel

# Before the first table: SQLite can only alter what has a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    """Return the instant that a row is stamped with where nobody gives another: `tasks.store.clock` does."""
    return datetime.now(UTC)


def choice(kind: type[StrEnum], name: str, *, nullable: bool = False, default: StrEnum | None = None) -> Any:
    """Return a column for a closed choice, stored by value and checked by the database."""
    column: Column[Any] = Column(
        name,
        SqlEnum(
            kind,
            name=name,
            native_enum=False,
            create_constraint=True,
            length=24,
            values_callable=lambda members: [member.value for member in members],
        ),
        nullable=nullable,
    )
    return Field(default=default, sa_column=column) if default or nullable else Field(sa_column=column)


def key(target: str, *, nullable: bool = False, index: bool = False) -> Any:
    """Return a foreign key's column."""
    return Field(default=None, sa_column=Column(ForeignKey(target), nullable=nullable, index=index))
