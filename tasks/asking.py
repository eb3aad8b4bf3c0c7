"""How long the Prefect server is asked again when it is busy.

Prefect's client asks six times, with 2, 4, 8, 16 and 32 seconds between: right for a run, which would fail, and too
long for a person before a terminal and for a link that a page can do without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, Settings

TIMES = 2


@contextmanager
def briefly() -> Iterator[None]:
    """Ask a busy server twice more, six seconds in all."""
    context = get_settings_context()
    with SettingsContext(profile=context.profile, settings=_patience.less_than(context.settings)):
        yield


class _Patience:
    """The last settings that were asked for and the same with less patience: to build them takes longer than to ask."""

    def __init__(self) -> None:
        self._last: tuple[Settings, Settings] | None = None

    def less_than(self, settings: Settings) -> Settings:
        last = self._last
        if last is None or last[0] is not settings:
            self._last = last = settings, settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: TIMES})
        return last[1]


_patience = _Patience()
