"""Alembic's door: `tasks.store.database.migrate` hands it a connection, else it opens the settings' database."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

import models.tables  # noqa: F401 - fills the metadata
from models.settings import Settings


def _include(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=_include,
    )
    context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(Settings().url).begin() as opened:
        _run(opened)
