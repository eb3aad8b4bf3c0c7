"""What Prefect keeps of our runs, and for how long: it keeps everything for ever unless somebody takes it away.

Only runs with the tag of this service that have ended, and what hangs on them: task runs, logs, artifacts. The newest
artifact of each key stays, whatever its age: it is what people are shown. Nothing is taken from acredita's database:
the ledger of notices and mail, the facts and the sweeps are the record, and stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import TERMINAL_STATES

from models.settings import Settings

TAG = "acredita"
PAGE = 200
RUNS_AT_ONCE = 50
"""The most that the server deletes in one transaction."""
MOST = 5000
"""Of each kind in one go: the next one takes the rest, and nobody waits long for the server meanwhile."""


class Kept(NamedTuple):
    """Up to when things are old: runs that ended before it, and artifacts of runs that did."""

    runs: datetime
    artifacts: datetime

    @classmethod
    def by(cls, settings: Settings, now: datetime) -> Kept:
        """Return what the settings say, counted from now; artifacts go with their runs at the latest."""
        runs = now - timedelta(days=settings.keep_runs_days)
        return cls(runs, max(runs, now - timedelta(days=settings.keep_artifacts_days)))


class Old(NamedTuple):
    """How many runs and artifacts are old, or were deleted."""

    runs: int
    artifacts: int

    def __str__(self) -> str:
        """Return it as words."""
        return f"{self.runs} runs and {self.artifacts} artifacts"


def old_ones(client: SyncPrefectClient, kept: Kept) -> Old:
    """Count what a pruning would delete, were it not for its own bound."""
    runs = _asked(client, "/flow_runs/count", {"flow_runs": _ended_before(kept.runs)})
    return Old(runs, sum(map(len, _pages(client, kept, deleted=False))))


def prune(client: SyncPrefectClient, kept: Kept) -> Old:
    """Delete what is old, at most `MOST` of each kind; an artifact before its run, so that none is left without one."""
    artifacts = 0
    for page in _pages(client, kept, deleted=True):
        for artifact in page[: MOST - artifacts]:
            client.delete_artifact(artifact)
            artifacts += 1
        if artifacts == MOST:
            return Old(0, artifacts)
    runs = 0
    wanted = {"flow_runs": _ended_before(kept.runs), "limit": RUNS_AT_ONCE}
    while runs < MOST:
        gone = _asked(client, "/flow_runs/bulk_delete", wanted)["deleted"]
        if not gone:
            break
        runs += len(gone)
    return Old(runs, artifacts)


def _ended_before(moment: datetime) -> dict[str, Any]:
    ended = sorted(state.value for state in TERMINAL_STATES)
    return {
        "end_time": {"before_": moment.isoformat()}, "state": {"type": {"any_": ended}}, "tags": {"all_": [TAG]},
    }


def _pages(client: SyncPrefectClient, kept: Kept, *, deleted: bool) -> Iterator[list[UUID]]:
    """Walk through the artifacts of old runs, without the newest of each key; `deleted` if the caller deletes them."""
    wanted = {"flow_runs": _ended_before(kept.artifacts), "sort": "ID_DESC", "limit": PAGE}
    passed = 0
    while found := _asked(client, "/artifacts/filter", wanted | {"offset": passed}):
        keys = sorted({each["key"] for each in found if each["key"]})
        newest = _asked(client, "/artifacts/latest/filter", {"artifacts": {"key": {"any_": keys}}, "limit": PAGE})
        shown = {each["latest_id"] for each in newest}
        page = [UUID(each["id"]) for each in found if each["id"] not in shown]
        passed += len(found) - len(page) * deleted
        yield page


def _asked(client: SyncPrefectClient, path: str, document: dict[str, Any]) -> Any:
    answer = client.request("POST", path, json=document)  # type: ignore[arg-type]
    answer.raise_for_status()
    return answer.json()
