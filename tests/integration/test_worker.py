"""A real worker on the work pool: what is deployed is picked up, run in a process of its own, and finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deployments.deploying import deploy
from tests.building import program
from tests.on_prefect import Api, eventually

pytestmark = [
    pytest.mark.nightly, pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server"),
]


@pytest.fixture
def worker(api: Api, stocked: Engine, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as the unit and compose.yaml start it, in a folder that has nothing to do with the program."""
    deploy(program())
    named = {
        "PREFECT_API_URL": str(api.client.base_url).rstrip("/"), "PREFECT_HOME": str(tmp_path / "worker"),
        "ACREDITA_HOME": str(tmp_path / "home"),
        "ACREDITA_DATABASE_URL": stocked.url.render_as_string(hide_password=False),
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "acredita", "--limit", "1"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (tmp_path / "worker.log").open("wb") as output:
        started = subprocess.Popen(
            command, cwd=elsewhere, env=os.environ | named, stdout=output, stderr=output, start_new_session=True
        )
    yield started
    os.killpg(started.pid, signal.SIGTERM)
    try:
        started.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def test_a_worker_of_the_pool_runs_the_daily_sweep_to_its_end(
    worker: subprocess.Popen[bytes], api: Api, tmp_path: Path
) -> None:
    deployed = api.get("/deployments/name/daily%20sweep/daily")
    assert deployed["work_pool_name"] == "acredita"
    run = api.post(f"/deployments/{deployed['id']}/create_flow_run")["id"]

    def over() -> dict[str, object] | None:
        found: dict[str, object] = api.get(f"/flow_runs/{run}")
        return found if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    found = eventually(over)
    log = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert found, log
    assert found["state_type"] == "COMPLETED", log
    assert "5 due, 2 advanced" in str(found["name"])
    assert worker.poll() is None, "it waits for the next one"
