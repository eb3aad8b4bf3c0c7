"""Flows and deployments on a real Prefect server: what operators see, may start, and never find there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prefect.blocks.system import Secret
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from sqlalchemy import Engine, insert, select, update

from deployments.served import DEPLOYED, deployments
from flows.daily import daily_sweep
from flows.delivery import deliver_notices
from flows.operators import acknowledge_escalation, enroll_agency, record_milestone
from models.rules.errors import Refused
from models.rules.words import EscalationState, Language
from models.schema import AGENCY, ENROLLMENT, ESCALATION, PERSON
from models.settings import settings
from models.tables import Milestone
from tasks.mail.fake_sendgrid.provider import KEY
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.sendgrid import key_of
from tasks.store.clock import set_clock
from tasks.store.database import reading, transaction
from tests.building import ONBOARDED, case, crew, day, program
from tests.mailing import loopback
from tests.storing import NOW, everything, install, rows_of

pytestmark = pytest.mark.xdist_group("prefect")  # one process: the flows share the server's runs

TODAY = day(61)
"""A Monday."""
CODE = "A{}/law_enforcement_tier1"
SECRETS = ("Ana", "Ruiz", "example.org", "Academia Peñas")
"""Names of people and agencies in the database, and every address."""


@pytest.fixture(scope="module", autouse=True)
def _on_the_server(prefect_api: str) -> Iterator[None]:
    # Each flow would start a thread for its heartbeat, at a second a flow.
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


@pytest.fixture(scope="module")
def api(prefect_api: str) -> Iterator[Api]:
    made = Api(prefect_api)
    yield made
    made.client.close()


def run(flow: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Run a flow as a worker does, and return the state it ended in."""
    return flow(*given, return_state=True, **named)


# The sweep


def test_a_sweep_is_named_by_what_it_did_and_leaves_two_artifacts(stocked: Engine, api: Api) -> None:
    first = run(daily_sweep)
    assert first.is_completed()
    name = api.run_of(first)["name"]
    assert name == first.result()
    assert name.startswith(f"sweep {TODAY}: 4 open, 5 due, 2 advanced, ")
    table, page = api.artifact("sweep-changes"), api.artifact("portfolio")
    assert (table["type"], page["type"]) == ("table", "markdown")
    rows = json.loads(table["data"])
    assert {"enrollment": CODE.format(1), "what": "advanced"}.items() <= rows[0].items()
    assert {row["what"] for row in rows} == {"advanced", "ended", "escalation opened", "notice"}
    assert f"**{TODAY}** · 4 open" in page["data"]
    assert "1 withdrawn" in page["data"]
    before = everything(stocked)
    second = run(daily_sweep, as_of=TODAY)
    assert api.run_of(second)["name"].startswith(f"sweep {TODAY}: 4 open, 0 due, 0 advanced, 0 notices, 0 escal")
    assert everything(stocked) == before


def test_a_sweep_of_the_future_fails_in_one_sentence(stocked: Engine, api: Api) -> None:
    before = everything(stocked)
    state = run(daily_sweep, as_of=day(62))
    assert state.is_failed()
    said = api.run_of(state)["state"]["message"]
    assert said.endswith(f"as_of: {day(62)} is after today, {TODAY}. Leave it out, or preview on a copy.")
    assert "\n" not in said
    assert everything(stocked) == before


def test_a_sweep_without_a_program_says_what_to_do(lite: Engine, api: Api) -> None:
    assert lite.dialect.name == "sqlite"
    state = run(daily_sweep)
    assert state.is_failed()
    assert "database: has no program yet. Run `acredita init PROGRAM`" in api.run_of(state)["state"]["message"]


# What operators start


def test_a_recorded_milestone_advances_the_case_at_once(stocked: Engine, api: Api) -> None:
    run(daily_sweep)
    for name in ("accreditation_manager_trained", "kickoff_visit"):
        state = run(record_milestone, CODE.format(2), name, day(60), reference="ACTA-1", recorded_by="P2")
    assert "1 advanced" in state.result()
    assert api.run_of(state)["name"] == f"{CODE.format(2)}: kickoff_visit {day(60)}"
    with reading(stocked) as connection:
        assert connection.scalar(select(ENROLLMENT.c.stage).where(ENROLLMENT.c.id == 2)) == "gap_analysis"
    again = run(record_milestone, CODE.format(2), "kickoff_visit", day(60), reference="ACTA-1", recorded_by="P2")
    assert api.run_of(again)["name"].endswith("kickoff_visit was there already")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"milestone": "kickof_visit"}, 'Did you mean "kickoff_visit"?'),
        ({"enrollment": "A7"}, "A7"),
        ({"enrollment": "A2/academy"}, "A2/academy"),
        ({"occurred_on": day(62)}, "after today"),
        ({"occurred_on": day(-9)}, "agreement"),
        ({"milestone": "mandatory_in_compliance"}, "value"),
        ({"enrollment": "A2; DROP TABLE"}, "enrollment"),
        ({"recorded_by": "Ana Ruiz"}, "recorded_by"),
        ({"reference": "for Ana Ruiz"}, "reference"),
        ({"value": -1}, "value"),
    ],
)
def test_a_wrong_fact_is_refused_and_changes_nothing(
    stocked: Engine, api: Api, changed: dict[str, Any], said: str
) -> None:
    before = everything(stocked), rows_of(stocked, Milestone)
    good = {"enrollment": "A2", "milestone": "kickoff_visit", "occurred_on": day(60)}
    state = run(record_milestone, **(good | changed))
    assert state.is_failed()
    assert said in api.run_of(state)["state"]["message"]
    assert (everything(stocked), rows_of(stocked, Milestone)) == before


def test_an_agency_is_enrolled_once(stocked: Engine, api: Api) -> None:
    given = ("JAL-01", "academy", day(50), "P1", "P2")
    state = run(enroll_agency, *given)
    assert state.is_completed()
    assert api.run_of(state)["name"] == "enrolled JAL-01/academy"
    assert f"sweep {TODAY}: 5 open" in state.result()
    again = run(enroll_agency, *given)
    assert "is there already" in api.run_of(again)["state"]["message"]
    with reading(stocked) as connection:
        stored = connection.execute(select(ENROLLMENT.c.track, ENROLLMENT.c.agreement_on).order_by(ENROLLMENT.c.id))
        assert tuple(stored.all()[-1]) == ("academy", day(50))


def test_an_acknowledged_escalation_waits(stocked: Engine, api: Api) -> None:
    run(daily_sweep)
    state = run(acknowledge_escalation, "A2", "stall", "P2", day(90), "work_under_way")
    assert state.is_completed()
    assert api.run_of(state)["name"] == f"A2: stall acknowledged until {day(90)}"
    x = ESCALATION.c
    with reading(stocked) as connection:
        query = select(x.state, x.acknowledged_by).where(x.enrollment_id == 2, x.rule == "stall")
        assert tuple(connection.execute(query).one()) == (EscalationState.ACKNOWLEDGED, "P2")
    refused = run(acknowledge_escalation, "A2", "stall", "P2", TODAY, "work_under_way")
    assert "is not after today" in api.run_of(refused)["state"]["message"]


def test_what_was_decided_is_delivered_and_the_run_says_how_much(stocked: Engine, api: Api) -> None:
    assert stocked.dialect.name == "sqlite"
    run(daily_sweep)
    state = run(deliver_notices)
    sent = len(list(settings().outbox.glob("*.eml")))
    assert sent == 2, "a digest and an escalation: one person holds every post"
    assert api.run_of(state)["name"].startswith("deliver: 2 emails sent")
    assert api.run_of(run(deliver_notices))["name"] == "deliver: 0 emails sent"


def test_no_name_and_no_address_reaches_prefect(stocked: Engine, api: Api) -> None:
    assert stocked.dialect.name == "sqlite"
    states = [run(flow, *given) for flow, given in (
        (daily_sweep, ()), (record_milestone, ("A2", "visit", TODAY)), (deliver_notices, ()),
        (enroll_agency, ("JAL-01", "academy", TODAY, "P1", "P2")), (record_milestone, ("A9", "visit", TODAY)),
    )]
    APILogHandler().flush()
    mine = {"any_": [str(state.state_details.flow_run_id) for state in states]}
    wanted = {
        "flow_runs": {"flow_runs": {"id": mine}}, "task_runs": {"flow_runs": {"id": mine}},
        "logs": {"logs": {"flow_run_id": mine}}, "artifacts": {"artifacts": {"flow_run_id": mine}},
    }
    found = {what: api.post(f"/{what}/filter", where | {"limit": 200}) for what, where in wanted.items()}
    assert all(found.values()), "there is something to look at"
    stored = json.dumps(found, ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in stored] == []


def test_sendgrids_key_may_lie_in_a_secret_block() -> None:
    given = {"sendgrid_api_key": "", "sendgrid_secret_block": "acredita-sendgrid"}
    with pytest.raises(Refused, match=r'ACREDITA_SENDGRID_SECRET_BLOCK: cannot be read: no Secret block "acredita'):
        sender_of(loopback("http://127.0.0.1:1", **given))
    for stored, said in ((f"{KEY}\n", None), ("two words", "ACREDITA_SENDGRID_SECRET_BLOCK: holds blanks")):
        save: Any = Secret(value=stored).save
        save("acredita-sendgrid", overwrite=True, _sync=True)
        if said is None:
            assert key_of(loopback("http://127.0.0.1:1", **given)) == KEY
            continue
        with pytest.raises(Refused, match=said) as refused:
            sender_of(loopback("http://127.0.0.1:1", **given))
        assert stored not in str(refused.value)


# Deployments


@pytest.fixture(scope="module")
def registered(api: Api) -> dict[str, dict[str, Any]]:
    """Every deployment, as the server has it."""
    ids = [deployment.apply() for deployment in deployments(program())]
    found = [api.get(f"/deployments/{id_}") for id_ in ids]
    return {f"{api.get('/flows/' + each['flow_id'])['name']}/{each['name']}": each for each in found}


def test_every_deployment_registers_under_its_schedule(registered: dict[str, dict[str, Any]]) -> None:
    assert set(registered) == {f"{each.flow.name}/{each.name}" for each in DEPLOYED}
    for each in DEPLOYED:
        found = registered[f"{each.flow.name}/{each.name}"]
        assert set(found["tags"]) == {"acredita", *each.tags}
        assert found["enforce_parameter_schema"]
        assert found["entrypoint"] == f"{each.flow.fn.__module__}.{each.flow.fn.__name__}"
        assert found["path"] in {None, "", "."}
        assert found["description"] == each.flow.description
        planned = [(one["schedule"]["cron"], one["schedule"]["timezone"], one["active"]) for one in found["schedules"]]
        assert planned == ([(each.cron, program().policy.zone, True)] if each.cron else [])


def test_the_run_form_offers_the_programs_words_and_explains_each_field(
    registered: dict[str, dict[str, Any]]
) -> None:
    form = registered["record a milestone/form"]["parameter_openapi_schema"]
    assert form["properties"]["milestone"]["enum"] == sorted(program().policy.milestones)
    assert set(form["required"]) == {"enrollment", "milestone", "occurred_on"}
    tracks = registered["enroll an agency/form"]["parameter_openapi_schema"]["properties"]["track"]["enum"]
    assert tracks == sorted(program().policy.tracks)
    rules = registered["acknowledge an escalation/form"]["parameter_openapi_schema"]["properties"]["rule"]["enum"]
    assert rules == sorted(program().escalations)
    for found in registered.values():
        assert all(field.get("description") for field in found["parameter_openapi_schema"]["properties"].values())


@pytest.mark.parametrize("changed", [{"milestone": "kickof_visit"}, {"value": 10_001}, {"enrollment": "a b"}])
def test_the_server_refuses_what_is_no_choice(
    registered: dict[str, dict[str, Any]], api: Api, changed: dict[str, Any]
) -> None:
    path = f"/deployments/{registered['record a milestone/form']['id']}/create_flow_run"
    good = {"enrollment": "A2", "milestone": "kickoff_visit", "occurred_on": "2020-03-01"}
    assert api.client.post(path, json={"parameters": good}).status_code == httpx.codes.CREATED
    answer = api.client.post(path, json={"parameters": good | changed})
    assert answer.status_code in {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}
    assert next(iter(changed)) in answer.text or str(next(iter(changed.values()))) in answer.text


def test_a_deployed_schedule_yields_scheduled_runs_at_its_hour(
    registered: dict[str, dict[str, Any]], api: Api
) -> None:
    id_ = registered["daily sweep/daily"]["id"]
    wanted = {"deployments": {"id": {"any_": [id_]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = api.post("/flow_runs/filter", wanted | {"limit": 5, "sort": "EXPECTED_START_TIME_ASC"})
        time.sleep(0 if found else 0.2)
    assert found, "the server's scheduler made no run: do the versions of its libraries fit?"
    assert all(each["auto_scheduled"] and each["state"]["name"] == "Scheduled" for each in found)
    starts = {datetime.fromisoformat(each["expected_start_time"]).astimezone(UTC).hour for each in found}
    assert starts == {12}, "06:00 in a zone that is six hours behind all the year"
