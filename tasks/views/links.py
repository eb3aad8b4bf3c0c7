"""Addresses in Prefect's UI: what mails and pages point to, so that a decision is one click and no typing away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from tasks.asking import briefly

_ids: dict[tuple[str, str], str] = {}
"""Deployments by server and name: an id lasts as long as its deployment."""


def artifact_url(key: str) -> str:
    """Return where an artifact is shown; the UI's menu does not list them."""
    return f"{_ui()}/artifacts/key/{key}"


def form(flow: str) -> str:
    """Return the full name of the deployment whose run form starts a flow: it is called as the flow is."""
    return f"{flow}/{flow}"


def form_url(deployment: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the address of a run form, filled in; None where no server knows the deployment.

    Args:
        deployment: `flow name/deployment name`.
        parameters: every field of the form: what is left out falls back to the flow's own default.
    """
    found = _deployment_id(deployment)
    if found is None:
        return None
    filled = quote(json.dumps(parameters, default=str, separators=(",", ":")), safe="")
    return f"{_ui()}/deployments/deployment/{found}/run?parameters={filled}"


def _deployment_id(name: str) -> str | None:
    server = PREFECT_API_URL.value()
    if server is None:
        return None  # asking would start a server of its own
    if (server, name) not in _ids:
        with briefly(), get_client(sync_client=True) as client:
            try:
                _ids[server, name] = str(client.read_deployment_by_name(name).id)
            except ObjectNotFound:
                return None
    return _ids[server, name]


def _ui() -> str:
    return str(PREFECT_UI_URL.value()).rstrip("/")
