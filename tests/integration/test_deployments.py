"""Deployments and alarms on a real Prefect server: the file, the served form and the server say the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.events import emit_event

import flows
from deployments.deploying import ALARMS_FILE, RAISER, deploy, forget_the_rest, set_alarms
from deployments.served import PREFECT_FILE, defined, deployments
from models.rules.alarms import Alarm
from models.rules.errors import Refused
from tasks.views.links import form
from tests.building import program
from tests.on_prefect import Api, eventually

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]

Registered = dict[str, dict[str, Any]]
COMPARED = (
    "tags", "entrypoint", "description", "enforce_parameter_schema", "work_pool_name", "concurrency_options", "paused",
    "parameters", "path",
)


def on_server(api: Api) -> Registered:
    """Return every deployment that the server has, by its full name."""
    flows = {flow["id"]: flow["name"] for flow in api.post("/flows/filter")}
    return {f"{flows[each['flow_id']]}/{each['name']}": each for each in api.post("/deployments/filter")}


def schedules_of(found: dict[str, Any]) -> set[tuple[str, str, str, bool]]:
    return {
        (each["slug"], each["schedule"]["cron"], each["schedule"]["timezone"], each["active"])
        for each in found["schedules"]
    }


@pytest.fixture(scope="module")
def by_prefect(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """What Prefect's own command makes of prefect.yaml, run from a folder that has nothing to do with it."""
    made = api.client.post("/work_pools/", json={"name": "acredita", "type": "process"})
    # A busy server may answer "later" to what it has done already.
    assert made.status_code in {httpx.codes.CREATED, httpx.codes.CONFLICT}
    command = ["deploy", "--prefect-file", str(PREFECT_FILE), "--all"]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *command], cwd=tmp_path_factory.mktemp("elsewhere"),
        env=_environment(api), capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return on_server(api)


def _environment(api: Api) -> dict[str, str]:
    return os.environ | {"PREFECT_API_URL": str(api.client.base_url).rstrip("/"), "PYTHONTZPATH": ""}


@pytest.fixture(scope="module")
def by_us(by_prefect: Registered, api: Api) -> Registered:
    """What `acredita deploy` makes of it, over what was there."""
    assert by_prefect
    brought = deploy(program())
    assert (brought.deployments, brought.removed) == (len(defined()), 0)
    return on_server(api)


def test_every_flow_is_deployed_once() -> None:
    files = sorted(Path(flows.__file__).parent.glob("[a-z]*.py"))
    modules = [import_module(f"flows.{file.stem}") for file in files]
    written = [value for module in modules for value in vars(module).values() if isinstance(value, Flow)]
    assert sorted(flow.name for flow in written) == sorted(each.flow.name for each in defined())
    forms = [each for each in defined() if "operator" in each.tags]
    assert [each.full_name for each in forms] == [form(each.flow.name) for each in forms]


def test_prefects_own_command_registers_every_deployment_of_the_file(by_prefect: Registered) -> None:
    assert set(by_prefect) == {each.full_name for each in defined()}
    for each in defined():
        found = by_prefect[each.full_name]
        assert found["entrypoint"] == f"{each.flow.fn.__module__}.{each.flow.fn.__name__}"
        assert found["description"] == each.flow.description
        assert found["enforce_parameter_schema"]
        assert found["pull_steps"] in ([], None)
        assert schedules_of(found) == {(*tick, True) for tick in each.ticks}
        limit = found["global_concurrency_limit"]
        assert (limit and limit["limit"]) == (1 if each.ticks else None)


def test_the_file_and_our_own_command_agree_but_for_the_programs_words(
    by_prefect: Registered, by_us: Registered
) -> None:
    assert set(by_us) == set(by_prefect)
    for name, ours in by_us.items():
        theirs = by_prefect[name]
        assert {key: ours[key] for key in COMPARED} == {key: theirs[key] for key in COMPARED}
        assert not ours["pull_steps"]
        assert not theirs["pull_steps"]
        assert schedules_of(ours) == schedules_of(theirs)
        assert _without_choices(ours) == _without_choices(theirs)


def _without_choices(found: dict[str, Any]) -> dict[str, Any]:
    return {
        field: {key: value for key, value in how.items() if key != "enum"}
        for field, how in found["parameter_openapi_schema"]["properties"].items()
    }


def test_the_served_form_agrees_with_the_file_too(by_prefect: Registered) -> None:
    for served in deployments(program()):
        found = by_prefect[served.full_name]
        assert (served.entrypoint, served.tags) == (found["entrypoint"], found["tags"])
        assert served.description == found["description"]
        planned = {(s.slug, s.schedule.cron, s.schedule.timezone) for s in served.schedules or []}  # type: ignore[union-attr]
        assert planned == {schedule[:3] for schedule in schedules_of(found)}


def test_the_run_form_offers_the_programs_words_and_explains_each_field(by_us: Registered) -> None:
    schema = by_us[form("record a milestone")]["parameter_openapi_schema"]
    assert schema["properties"]["milestone"]["enum"] == sorted(program().policy.milestones)
    assert set(schema["required"]) == {"enrollment", "milestone", "occurred_on"}
    tracks = by_us[form("enroll an agency")]["parameter_openapi_schema"]["properties"]["track"]["enum"]
    assert tracks == sorted(program().policy.tracks)
    rules = by_us[form("acknowledge an escalation")]["parameter_openapi_schema"]["properties"]["rule"]["enum"]
    assert rules == sorted(program().escalations)
    for found in by_us.values():
        assert all(field.get("description") for field in found["parameter_openapi_schema"]["properties"].values())


@pytest.mark.parametrize("changed", [{"milestone": "kickof_visit"}, {"value": 10_001}, {"enrollment": "a b"}])
def test_the_server_refuses_what_is_no_choice(by_us: Registered, api: Api, changed: dict[str, Any]) -> None:
    assert by_us
    path = f"/deployments/{on_server(api)[form('record a milestone')]['id']}/create_flow_run"
    good = {"enrollment": "A2", "milestone": "kickoff_visit", "occurred_on": "2020-03-01"}
    assert api.client.post(path, json={"parameters": good}).status_code == httpx.codes.CREATED
    answer = api.client.post(path, json={"parameters": good | changed})
    assert answer.status_code in {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}
    assert next(iter(changed)) in answer.text or str(next(iter(changed.values()))) in answer.text


def test_a_deployed_schedule_yields_scheduled_runs_at_its_hour(by_us: Registered, api: Api) -> None:
    assert by_us
    id_ = on_server(api)["daily sweep/daily"]["id"]
    wanted = {"deployments": {"id": {"any_": [id_]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    shown = {"limit": 5, "sort": "EXPECTED_START_TIME_ASC"}
    found = eventually(lambda: api.post("/flow_runs/filter", wanted | shown))
    assert found, "the server's scheduler made no run: do the versions of its libraries fit?"
    assert all(each["auto_scheduled"] and each["state"]["name"] == "Scheduled" for each in found)
    starts = {datetime.fromisoformat(each["expected_start_time"]).astimezone(UTC).hour for each in found}
    assert starts == {12}, "06:00 in a zone that is six hours behind all the year"


# Alarms


@pytest.fixture(scope="module")
def quick_alarms(by_us: Registered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The alarms as shipped, but for the time a run may be silent: seconds, not minutes."""
    assert by_us
    text = ALARMS_FILE.read_text(encoding="utf-8")
    file = tmp_path_factory.mktemp("alarms") / "alarms.yaml"
    file.write_text(text.replace("within: 540", "within: 10"), encoding="utf-8")
    set_alarms(file)
    yield file
    set_alarms()


@pytest.fixture(scope="module")
def silent(quick_alarms: Path, api: Api) -> Silent:
    """Two runs that gave no sign of life after their first: one was killed, one had ended before it was read."""
    assert quick_alarms
    flow_id = api.post("/flows/", {"name": "killed"})["id"]
    tag = {"prefect.resource.id": "prefect.tag.acredita", "prefect.resource.role": "tag"}

    def run(state: str) -> str:
        given = {"name": state.lower(), "tags": ["acredita"], "state": {"type": state, "name": state.capitalize()}}
        made = api.post("/flow_runs/", {"flow_id": flow_id, **given})["id"]
        of = {"prefect.resource.id": f"prefect.flow-run.{made}"}
        emit_event("prefect.flow-run.heartbeat", resource=of, related=[tag])
        return str(made)

    return Silent(run("RUNNING"), run("COMPLETED"))


class Silent(NamedTuple):
    """The ids of runs that gave no sign of life any more."""

    killed: str
    ended: str


def automations(api: Api) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in api.post("/automations/filter") if each["name"].startswith("acredita: ")}


def test_setting_the_alarms_again_changes_nothing_and_drops_what_the_file_no_longer_has(
    silent: Silent, quick_alarms: Path, api: Api, tmp_path: Path
) -> None:
    assert silent
    before = automations(api)
    assert set_alarms(quick_alarms) == len(before) == len(yaml.safe_load(quick_alarms.read_text())["automations"])
    after = automations(api)
    # Not even the time of an update: it would forget the run that is silent.
    assert {name: (each["id"], each["updated"]) for name, each in after.items()} == {
        name: (each["id"], each["updated"]) for name, each in before.items()
    }
    one = yaml.safe_load(quick_alarms.read_text())
    one["automations"] = [entry for entry in one["automations"] if "alarm" not in entry]
    fewer = tmp_path / "alarms.yaml"
    fewer.write_text(yaml.safe_dump(one), encoding="utf-8")
    assert set_alarms(fewer) == 1
    assert set(automations(api)) == {"acredita: mark-dead-run"}
    assert automations(api)["acredita: mark-dead-run"]["id"] == before["acredita: mark-dead-run"]["id"]
    set_alarms(quick_alarms)


def test_a_silent_run_must_have_missed_three_heartbeats() -> None:
    from prefect.settings.models.flows import FlowsSettings

    (dead,) = [e for e in yaml.safe_load(ALARMS_FILE.read_text())["automations"] if "alarm" not in e]
    heartbeat = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert timedelta(seconds=dead["trigger"]["within"]) >= 3 * timedelta(seconds=heartbeat)


@pytest.mark.parametrize("alarm", [Alarm.OLD_QUEUE, Alarm.OPEN_CIRCUIT])
def test_an_alarm_of_our_own_starts_the_run_that_tells_people(quick_alarms: Path, api: Api, alarm: Alarm) -> None:
    assert quick_alarms
    emit_event(f"acredita.alarm.{alarm}", resource={"prefect.resource.id": "acredita.service"})
    assert _raised(api, alarm) == {"alarm": alarm, "run": ""}


@pytest.mark.parametrize(("state", "alarm"), [("FAILED", Alarm.FAILED_RUN), ("CRASHED", Alarm.FAILED_RUN)])
def test_a_failed_sweep_rings_and_names_the_run(quick_alarms: Path, api: Api, state: str, alarm: Alarm) -> None:
    assert quick_alarms
    name = f"sweep-{uuid4().hex[:8]}"
    run = _sweep_run(api, name)
    api.post(f"/flow_runs/{run}/set_state", {"state": {"type": state, "name": state.capitalize()}, "force": True})
    assert eventually(lambda: {"alarm": alarm, "run": name} in _alarms_raised(api))


def _sweep_run(api: Api, name: str) -> str:
    flow_id = api.post("/flows/", {"name": "daily sweep"})["id"]
    running = {"type": "RUNNING", "name": "Running"}
    made = api.post("/flow_runs/", {"flow_id": flow_id, "name": name, "tags": ["acredita", "sweep"], "state": running})
    return str(made["id"])


def _alarms_raised(api: Api) -> list[dict[str, Any]]:
    wanted = {"deployments": {"name": {"any_": [RAISER.partition("/")[2]]}}}
    return [each["parameters"] for each in api.post("/flow_runs/filter", wanted | {"sort": "START_TIME_DESC"})]


def _raised(api: Api, alarm: Alarm) -> dict[str, Any] | None:
    found: dict[str, Any] | None = eventually(
        lambda: next((given for given in _alarms_raised(api) if given["alarm"] == alarm), None)
    )
    return found


def test_a_killed_run_does_not_stay_running_and_one_that_ended_rings_no_alarm(silent: Silent, api: Api) -> None:
    def crashed() -> Any:
        state = api.get(f"/flow_runs/{silent.killed}")["state"]
        return state if state["type"] == "CRASHED" else None

    state = eventually(crashed)
    assert state, "it stands as Running for ever"
    assert "No sign of life" in state["message"]
    assert eventually(lambda: {"alarm": Alarm.DEAD_RUN, "run": "running"} in _alarms_raised(api))
    assert api.get(f"/flow_runs/{silent.ended}")["state"]["type"] == "COMPLETED"
    about = [given["run"] for given in _alarms_raised(api) if given["alarm"] == Alarm.DEAD_RUN]
    assert about == ["running"]


# What takes deployments away comes last: it costs seconds to bring all of them back.


def _few(folder: Path, **of_the_heartbeat: Any) -> Path:
    """A prefect.yaml with three of its deployments, one of them changed."""
    document = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
    by_name = {entry["entrypoint"].rpartition(".")[2]: entry for entry in document["deployments"]}
    by_name["weekly_heartbeat"] |= of_the_heartbeat
    document["deployments"] = [by_name[name] for name in ("daily_sweep", "weekly_heartbeat", "raise_alarm")]
    file = folder / f"{len(of_the_heartbeat)}.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def test_a_redeploy_loses_no_schedule_and_what_the_file_no_longer_has_goes(
    by_us: Registered, api: Api, tmp_path: Path
) -> None:
    unscheduled = defined(_few(tmp_path, schedules=[]))
    assert forget_the_rest(unscheduled) == len(by_us) - 2, "all other deployments, and one schedule"
    left = on_server(api)
    assert set(left) == {"daily sweep/daily", "weekly heartbeat/weekly", RAISER}
    assert schedules_of(left["daily sweep/daily"]) == schedules_of(by_us["daily sweep/daily"])
    assert schedules_of(left["weekly heartbeat/weekly"]) == set()
    assert deploy(program(), _few(tmp_path)).removed == 0
    assert {name: schedules_of(found) for name, found in on_server(api).items()} == {
        name: schedules_of(by_us[name]) for name in left
    }


def test_alarms_without_their_deployment_say_what_to_run_first(by_us: Registered, api: Api, tmp_path: Path) -> None:
    assert by_us
    with get_client(sync_client=True) as client:
        client.delete_deployment(on_server(api)[RAISER]["id"])
    with pytest.raises(Refused, match="is not deployed"):
        set_alarms()
    deploy(program(), _few(tmp_path))
