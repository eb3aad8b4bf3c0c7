"""What the tests with a Prefect server share: the server's API, and five cases to run flows on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from sqlalchemy import Engine, insert, update

from models.rules.words import Language
from models.schema import AGENCY, PERSON
from tasks.store.clock import set_clock
from tasks.store.database import transaction
from tests.building import ONBOARDED, case, crew, program
from tests.on_prefect import TODAY, Api
from tests.storing import NOW, install


@pytest.fixture(scope="module")
def on_the_server(prefect_api: str) -> Iterator[None]:
    """Flows run against the session's server, without the thread for heartbeats: it takes a second a flow."""
    with temporary_settings({PREFECT_API_URL: prefect_api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@pytest.fixture
def stocked(lite: Engine) -> Engine:
    """Five cases on a Monday at nine: one advances, one stalls, one lacks its experts, one has left."""
    lives: list[dict[str, Any]] = [
        {"facts": ONBOARDED}, {}, {"seats": crew(without=["sme_1"])}, {"facts": [("withdrawn", 40)]}, {"facts": []},
    ]
    install(lite, program().policy, [replace(case(**life), id=number) for number, life in enumerate(lives, 1)])
    agency = {"code": "JAL-01", "name": "Academia Peñas", "kind": "academy", "entity": "JAL", "region": "centre"}
    expert = {"code": "P2", "given_names": "Ana", "surname": "Ruiz", "email": "ana2@example.org"}
    with transaction(lite) as connection:
        zoned = {"time_zone": "America/Mexico_City", "recorded_at": NOW}
        connection.execute(insert(AGENCY), agency | zoned)
        connection.execute(insert(PERSON), expert | zoned | {"language": Language.EN})
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City"))
        set_clock(connection, datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC))
    return lite


@pytest.fixture(scope="module")
def api(prefect_api: str) -> Iterator[Api]:
    made = Api(prefect_api)
    yield made
    made.client.close()
