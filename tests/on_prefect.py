"""What tests ask a real Prefect server: as an operator's browser does, and as a worker does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.building import day

TODAY = day(61)
"""A Monday."""
CODE = "A{}/law_enforcement_tier1"
SECRETS = ("Ana", "Ruiz", "example.org", "Academia Peñas")
"""Names of people and agencies in the database, and every address."""

class Patient(httpx.HTTPTransport):
    """Asks again while the server is busy: on SQLite it answers 503, which Prefect's own client takes for "later"."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(50):
            answer = super().handle_request(request)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            answer.close()
            time.sleep(0.2)
        return answer


class Api:
    """What an operator's browser asks the server."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30, transport=Patient())

    def post(self, path: str, document: dict[str, Any] | None = None) -> Any:
        answer = self.client.post(path, json=document or {})
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        answer.raise_for_status()
        return answer.json()

    def run_of(self, state: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/flow_runs/{state.state_details.flow_run_id}")
        return found

    def artifact(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/artifacts/{key}/latest")
        return found


def run(flow: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Run a flow as a worker does, and return the state it ended in."""
    return flow(*given, return_state=True, **named)


def eventually(look: Callable[[], Any], seconds: float = 90) -> Any:
    """Return what a look finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
