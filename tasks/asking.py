"""How long the Prefect server is asked again when it is busy.

Prefect's client asks six times, with 2, 4, 8, 16 and 32 seconds between: right for a run, which would fail, and too
long for a person before a terminal and for a link that a page can do without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

TIMES = 2


@contextmanager
def briefly() -> Iterator[None]:
    """Ask a busy server twice more, six seconds in all."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: TIMES}):
        yield
