"""The service about itself: what it finds wrong, how an alarm rings, late ticks, signs of life."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.schedules import Interval
from sqlalchemy import Engine, func, insert, select, update

from deployments.cli import main
from flows.daily import daily_sweep
from flows.service import raise_alarm, send_test_mail, weekly_heartbeat
from models.rules.alarms import QUIET_FOR, WORDS, Alarm
from models.rules.words import EmailKind, EmailState, Language
from models.schema import EMAIL, INCIDENT, OUTLET, SWEEP
from models.settings import settings
from tasks.retention import TAG, Kept, Old, old_ones, prune
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.sweep import report
from tasks.views.health import findings
from tasks.views.heartbeat import HEARTBEAT_KEY
from tests.on_prefect import TODAY, Api, eventually, run
from tests.storing import everything

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def found(engine: Engine, later: timedelta = timedelta()) -> dict[Alarm, str]:
    with reading(engine) as connection:
        return {each.alarm: each.detail for each in findings(connection, clock.now_in(connection) + later)}


def an_email(engine: Engine, state: EmailState, age: timedelta, number: int = 1) -> None:
    with transaction(engine) as connection:
        now = clock.now_in(connection)
        row = {
            "person_id": 1, "day": TODAY - timedelta(days=number), "kind": EmailKind.DIGEST, "state": state,
            "reference": f"AAAA-{number:04}", "address": "a@example.org", "subject": "-", "text": "-", "html": "-",
            "claimed_at": now - age, "owner": "nobody", "lease_until": now, "attempt": 1,
        }
        connection.execute(insert(EMAIL), row)


# Health


def test_a_fresh_sweep_and_no_queue_is_well(stocked: Engine) -> None:
    assert found(stocked) == {Alarm.MISSING_SWEEP: "there was none yet"}
    run(daily_sweep)
    assert found(stocked) == {}


def test_a_sweep_that_did_not_run_is_missed_after_a_day_and_not_before(stocked: Engine) -> None:
    run(daily_sweep)
    assert found(stocked, timedelta(hours=25)) == {}
    assert found(stocked, timedelta(hours=27)) == {Alarm.MISSING_SWEEP: "the last one ended 27 h ago"}


@pytest.mark.parametrize(
    ("state", "age", "alarm"),
    [
        (EmailState.PENDING, timedelta(hours=3), Alarm.OLD_QUEUE),
        (EmailState.SENDING, timedelta(hours=3), Alarm.OLD_QUEUE),
        (EmailState.PENDING, timedelta(minutes=50), None),
        (EmailState.SENT, timedelta(hours=3), None),
        (EmailState.DEAD, timedelta(hours=3), None),
        (EmailState.HELD, timedelta(minutes=1), Alarm.UNSETTLED_MAIL),
        (EmailState.UNKNOWN, timedelta(hours=3), Alarm.UNSETTLED_MAIL),
        (EmailState.UNKNOWN, timedelta(minutes=10), None),
    ],
)
def test_mail_that_waits_or_is_in_doubt_is_told_of(
    stocked: Engine, state: EmailState, age: timedelta, alarm: Alarm | None
) -> None:
    run(daily_sweep)
    an_email(stocked, state, age)
    # At nine in the morning its reader has just come; at eleven mail could have gone out for an hour.
    assert set(found(stocked, timedelta(hours=2) if alarm is Alarm.OLD_QUEUE else timedelta())) == {alarm} - {None}


def test_mail_whose_reader_is_at_home_may_wait(stocked: Engine) -> None:
    run(daily_sweep)
    an_email(stocked, EmailState.PENDING, timedelta(hours=3))
    assert found(stocked, timedelta(hours=12)) == {}


def test_a_provider_that_refuses_us_and_items_left_alone_are_told_of(stocked: Engine) -> None:
    run(daily_sweep)
    with transaction(stocked) as connection:
        now = clock.now_in(connection)
        barred = {"name": "sendgrid", "barred_by": "401", "barred_at": now - timedelta(hours=2), "tries": 3}
        connection.execute(insert(OUTLET), barred)
        report(connection, "enrollment 7", "could not be decided: KeyError")
    assert found(stocked) == {Alarm.OPEN_CIRCUIT: "sendgrid for 2 h, answer 401", Alarm.INCIDENTS: "1 items"}


def test_every_alarm_has_its_words_in_both_languages_and_its_paragraph() -> None:
    headings = {line.removeprefix("### ") for line in DOCUMENT.read_text().splitlines() if line.startswith("### ")}
    assert headings == {str(alarm) for alarm in Alarm}
    for alarm in Alarm:
        assert {language: bool(WORDS[alarm][language].what) for language in Language} == dict.fromkeys(Language, True)


# Alarms


def mails() -> list[Any]:
    return [message_from_bytes(path.read_bytes()) for path in sorted(settings().outbox.glob("*.eml"))]


def test_an_alarm_is_mailed_with_what_to_do_and_not_again_for_hours(
    stocked: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACREDITA_ALARM_TO", "operator@example.org")
    first = run(raise_alarm, Alarm.DEAD_RUN, "sweep 2020-03-02")
    assert api.run_of(first)["name"] == "alarm dead-run: sent"
    (mail,) = mails()
    assert mail["To"] == "operator@example.org"
    assert str(make_header(decode_header(mail["Subject"]))).startswith("[acredita] Alarma: Una ejecución dejó de dar")
    text = mail.get_payload(0).get_payload(decode=True).decode()
    assert "sweep 2020-03-02" in text
    assert "docs/operations.md#dead-run" in text
    assert "was told less than 6 hours ago" in run(raise_alarm, Alarm.DEAD_RUN).result()
    assert len(mails()) == 1
    assert run(raise_alarm, Alarm.LATE_RUN).result() == "late-run: sent"
    with transaction(stocked) as connection:
        connection.execute(update(INCIDENT).values(recorded_at=clock.real_now() - QUIET_FOR))
    assert run(raise_alarm, Alarm.DEAD_RUN).result() == "dead-run: sent"
    assert len(mails()) == 3


def test_a_test_mail_goes_to_the_address_of_the_settings_or_says_what_is_missing(
    stocked: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stocked.dialect.name == "sqlite"
    refused = run(send_test_mail)
    assert "ACREDITA_ALARM_TO: is not set" in api.run_of(refused)["state"]["message"]
    monkeypatch.setenv("ACREDITA_ALARM_TO", "operator@example.org")
    assert run(send_test_mail).result() == "test mail: sent"
    monkeypatch.setenv("ACREDITA_ALARM_TO", "no address")
    assert "was not taken (refused, 400)" in api.run_of(run(send_test_mail))["state"]["message"]


def test_the_week_is_one_line(stocked: Engine, api: Api) -> None:
    run(daily_sweep)
    state = run(weekly_heartbeat)
    line = api.run_of(state)["name"]
    assert line == state.result()
    assert line.startswith("4 open, 0 due, 0 reminded, ")
    assert line.endswith(" in the queue")
    page = api.artifact("heartbeat")["data"]
    assert line in page
    assert "1 sweeps" in page
    assert "0 sent back by a verdict, 0 by a fact that was voided." in page
    assert "Nothing is wrong." in page
    assert stocked.dialect.name == "sqlite"


# A tick means "look now"


@pytest.fixture
def late_runs() -> Iterator[list[FlowRun]]:
    """Runs that the server's scheduler made, all of them late, as after a night without a worker."""
    deployment: Any = daily_sweep.to_deployment(name="every second", schedules=[Interval(1, slug="often")])
    id_ = deployment.apply()
    with get_client(sync_client=True) as client:
        by_schedule = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[id_]))
        made = eventually(lambda: client.read_flow_runs(flow_run_filter=by_schedule, limit=100))
        late = sorted(made, key=lambda each: each.expected_start_time)[:3]
        time.sleep(max(0.0, (late[-1].expected_start_time - datetime.now(UTC)).total_seconds()))
        yield late
        client.delete_deployment(id_)


def as_a_worker_does(late: FlowRun) -> str:
    said: str = run_flow(daily_sweep, flow_run=late, return_type="state").result()  # type: ignore[union-attr]
    return said


def sweeps(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(SWEEP)) or 0


def test_of_a_backlog_of_late_runs_the_first_sweeps_and_the_others_end_at_once(
    stocked: Engine, late_runs: list[FlowRun]
) -> None:
    first, *others = map(as_a_worker_does, late_runs)
    assert first.startswith(f"sweep {TODAY}: 4 open")
    assert [each[:39] for each in others] == ["sweep: nothing to do, another ended at "] * 2
    assert sweeps(stocked) == 1
    assert run(daily_sweep).result().startswith(f"sweep {TODAY}"), "a person is never sent away"
    assert sweeps(stocked) == 2


# What Prefect keeps


def test_pruning_deletes_old_runs_with_what_hangs_on_them_and_nothing_else(
    stocked: Engine, api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(daily_sweep)
    before = everything(stocked)
    with tags(TAG):
        old = [str(run(weekly_heartbeat).state_details.flow_run_id) for _ in range(2)]
    flow_id = api.post("/flows/", {"name": "still going"})["id"]
    running = api.post("/flow_runs/", {"flow_id": flow_id, "tags": [TAG], "state": {"type": "RUNNING"}})["id"]
    stranger = str(run(weekly_heartbeat).state_details.flow_run_id)
    moment = datetime.now(UTC)
    with tags(TAG):
        young = str(run(weekly_heartbeat).state_details.flow_run_id)
    assert len(of_runs(api, "artifacts", [*old, stranger, young])) == 4
    kept = Kept(moment, moment)
    with get_client(sync_client=True) as client:
        found = old_ones(client, kept)
        assert found == prune(client, kept)
        assert found.runs >= 2
        assert old_ones(client, kept) == prune(client, kept) == Old(0, 0)
    assert {each["id"] for each in of_runs(api, "flow_runs", [*old, running, stranger, young])} == {
        running, stranger, young,
    }
    assert {each["flow_run_id"] for each in of_runs(api, "artifacts", [*old, stranger, young])} == {stranger, young}
    assert not of_runs(api, "task_runs", old)
    assert eventually(lambda: not of_runs(api, "logs", old))
    assert everything(stocked) == before
    monkeypatch.setattr("sys.argv", ["acredita", "prune"])
    with suppress(SystemExit):
        main()
    said = capsys.readouterr().out
    assert said.startswith("would be deleted with --yes")
    assert re.search("runs, with their task runs and logs +0 ", said), "all of today's are too young for the settings"


def test_the_newest_page_of_a_name_outlives_its_run(stocked: Engine, api: Api) -> None:
    assert stocked.dialect.name == "sqlite"
    with tags(TAG):
        run(weekly_heartbeat)
        newest = str(run(weekly_heartbeat).state_details.flow_run_id)
    moment = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        prune(client, Kept(moment, moment))
    assert not of_runs(api, "flow_runs", [newest])
    assert [each["key"] for each in of_runs(api, "artifacts", [newest])] == [HEARTBEAT_KEY]
    assert api.artifact(HEARTBEAT_KEY)["flow_run_id"] == newest


def of_runs(api: Api, what: str, runs: list[str]) -> list[dict[str, Any]]:
    """Return what the server has of runs: themselves, their task runs, artifacts or logs."""
    mine = {"any_": runs}
    where = {"logs": {"flow_run_id": mine}} if what == "logs" else {"flow_runs": {"id": mine}}
    if what == "artifacts":
        where = {"artifacts": {"flow_run_id": mine}}
    found: list[dict[str, Any]] = api.post(f"/{what}/filter", where | {"limit": 200})
    return found
