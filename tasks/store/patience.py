"""A unit of work that is whole or not at all may be done again: the database was restarted, or the line was cut."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

P = ParamSpec("P")
R = TypeVar("R")

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each new try: half a minute together, in which a PostgreSQL is restarted or fails over."""
_SHUT_DOWN = frozenset({"57P01", "57P02", "57P03"})
_MET = frozenset({"40001", "40P01"})


def outlasting_restarts(work: Callable[P, R]) -> Callable[P, R]:
    """Do a unit of work again where the database went away in it, until it is back or the patience is over.

    The work must be one transaction that finds out by itself what is left to do: whether the last one was committed,
    nobody may have heard.
    """

    @functools.wraps(work)
    def patient(*given: P.args, **named: P.kwargs) -> R:
        for pause in PAUSES:
            try:
                return work(*given, **named)
            except DBAPIError as error:
                if not went_away(error):
                    raise
            time.sleep(pause)
        return work(*given, **named)

    return patient


def went_away(error: DBAPIError) -> bool:
    """Whether the same statement may well succeed in a moment: no connection, or two transactions met."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", "")  # SQLite's errors have none, and its file does not go away
    refused = state is None and isinstance(error, OperationalError)  # no server answered, so none gave a code
    return refused or (state or "") in _SHUT_DOWN | _MET or (state or "").startswith("08")
