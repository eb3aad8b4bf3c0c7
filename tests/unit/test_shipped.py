"""What is shipped to run elsewhere, compose.yaml and the units: all that can be told of it without a container."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from models.settings import PREFIX, Settings

HERE = Path(__file__).parents[2] / "deployments"
TEXT = (HERE / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (HERE / "compose.env.example").read_text(encoding="utf-8")


def test_every_setting_that_is_named_is_one() -> None:
    units = "".join(path.read_text(encoding="utf-8") for path in sorted((HERE / "systemd").iterdir()))
    named = set(re.findall(rf"\b{PREFIX}([A-Z_]+)=?", TEXT + EXAMPLE + units))
    assert named <= {name.upper() for name in Settings.model_fields}
    assert {"DATABASE_URL", "HOME"} <= named


def test_what_compose_asks_for_stands_in_the_example() -> None:
    asked = {name for name, default in re.findall(r"\$\{(\w+)(:-)?", TEXT) if not default}
    assert asked == {"POSTGRES_PASSWORD", "PREFECT_PASSWORD"}
    assert asked <= set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE))


def test_whatever_runs_on_says_whether_it_is_well_and_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        assert "healthcheck" in service or service["restart"] == "no", name
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[needed]
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        assert all(each["source"] in COMPOSE["configs"] for each in service.get("configs", ()))


def test_only_loopback_is_published_and_the_server_asks_for_a_password() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:4200:4200"]
    server, worker = SERVICES["server"]["environment"], SERVICES["worker"]["environment"]
    asked, given = server["PREFECT_SERVER_API_AUTH_STRING"], worker["PREFECT_API_AUTH_STRING"]
    assert [text.partition(":?")[0].rstrip("}") for text in (asked, given)] == ["operator:${PREFECT_PASSWORD"] * 2
    assert server["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"


def test_the_verbs_that_are_started_exist() -> None:
    from deployments.cli import app

    started = re.findall(r"acredita,? (\w+)", TEXT.partition("name: acredita")[2])
    for unit in sorted((HERE / "systemd").glob("*.service")):
        started += re.findall(r"^ExecStart=\S+/acredita (\w+)", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(started) >= {"deploy", "health", "up"}
    assert all(verb in app for verb in started)
