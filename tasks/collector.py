"""The garbage collector, kept away from work that makes many values and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the garbage collector away: a sweep and an import make many values and no cycles.

    With it a third of a sweep's time goes into walking all that Prefect and SQLAlchemy hold, and the values of a batch
    again and again.
    """
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
