"""The door of every flow: what is wrong outside is said in one sentence, and a late tick finds out that it is late.

Prefect keeps the text of an exception. What a driver says can quote rows, so it is cut to its first line and never
carries parameters.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

from prefect.context import FlowRunContext
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from models.rules.errors import Refused
from models.schema import SWEEP
from tasks.store import clock
from tasks.store.database import engine_of, reading, require_schema, trouble_of

P = ParamSpec("P")
R = TypeVar("R")


def door(work: Callable[P, R]) -> Callable[P, R]:
    """Let a flow in where the database is there and at this version; say in one sentence what is wrong with it.

    Raises:
        Refused: the database is not to be had, of another version, locked, or without a program.
    """

    @functools.wraps(work)
    def through(*given: P.args, **named: P.kwargs) -> R:
        try:
            require_schema(engine_of())
            return work(*given, **named)
        except DBAPIError as error:
            raise Refused([trouble_of(error)]) from None

    # Prefect would look the annotations up among this module's names.
    through.__signature__ = inspect.signature(work, eval_str=True)  # type: ignore[attr-defined]
    return through


def swept_since_due(engine: Engine) -> datetime | None:
    """Return when a sweep ended that makes this scheduled run superfluous: after downtime all but the first are late.

    Only a run that the scheduler made can be: a person who starts one has a reason.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or not run.auto_scheduled or run.expected_start_time is None:
        return None
    with reading(engine) as connection:
        last = connection.scalar(select(SWEEP.c.finished_at).order_by(SWEEP.c.id.desc()).limit(1))
        offset = clock.now_in(connection) - clock.real_now()
    return last if last is not None and last - offset > run.expected_start_time else None
