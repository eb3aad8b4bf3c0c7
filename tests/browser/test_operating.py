"""What an operator does and sees in the Prefect UI: runs, forms, refusals, pages with charts."""

from __future__ import annotations

import json
import quopri
import re
import time
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort
from sqlalchemy import Engine, select

from models.rules.gates import dossier, gate_state
from models.rules.naming import enrollment_code
from models.rules.words import Status
from models.schema import AGENCY, ENROLLMENT, INSTALLATION, MILESTONE
from tasks.store.cases import named_cases
from tasks.store.database import engine_of, reading
from tasks.store.programs import program_in_force
from tasks.store.records import enrollment_id_of
from tasks.views.case_page import case_key
from tasks.views.forms import RECORD
from tasks.views.links import artifact_url, form, form_url
from tests.browser.conftest import Service

RUN_SECONDS = 240


@pytest.fixture
def store(service: Service) -> Iterator[Engine]:
    """The running service's own database."""
    engine = engine_of(service.database_url)
    yield engine
    engine.dispose()


class Waiting(NamedTuple):
    """A case that one milestone keeps in its stage."""

    code: str
    stage: str
    milestone: str
    today: date


def waiting_case(engine: Engine) -> Waiting:
    """Find an open case that one recorded milestone would advance at once, with no conference to wait for."""
    with reading(engine) as connection:
        program = program_in_force(connection)
        today = connection.execute(select(INSTALLATION.c.last_swept_on)).scalar_one()
        rows = connection.execute(
            select(ENROLLMENT.c.id, AGENCY.c.code, ENROLLMENT.c.track, ENROLLMENT.c.cycle)
            .join(AGENCY, AGENCY.c.id == ENROLLMENT.c.agency_id).where(ENROLLMENT.c.status == Status.OPEN)
        ).all()
        cases = {case.id: case for case in named_cases(connection, [row.id for row in rows])}
    for row in rows:
        case = cases[row.id]
        missing = gate_state(case, program, dossier(case, program, today)).missing
        milestone = program.policy.milestones.get(missing[0]) if len(missing) == 1 else None
        waits = program.policy.stage[case.stage].gate.conference_lead_days is not None
        if milestone is not None and not milestone.count and not waits:
            return Waiting(enrollment_code(row.code, row.track, row.cycle), case.stage, missing[0], today)
    raise AssertionError("the demo has no case that waits for one milestone alone")


def filled(waiting: Waiting, **changed: Any) -> str:
    """Return the address of the form, filled in for a case."""
    given = {
        "enrollment": waiting.code, "milestone": waiting.milestone, "occurred_on": waiting.today, "value": None,
        "reference": "", "recorded_by": "operator",
    }
    url = form_url(RECORD, given | changed)
    assert url is not None
    return url


def submitted(page: Page) -> FlowRun:
    """Press the button of a form, and return the run that it started once that has ended."""
    with page.expect_response(lambda response: "create_flow_run" in response.url) as answered:
        page.get_by_role("button", name="Submit").click()
    assert answered.value.status == 201, answered.value.text()
    return ended(UUID(answered.value.json()["id"]))


def ended(run_id: UUID) -> FlowRun:
    deadline = time.monotonic() + RUN_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            run = client.read_flow_run(run_id)
            if run.state is not None and run.state.is_final():
                return run
            time.sleep(0.5)
    raise AssertionError("the run did not end")


def runs_of(flow: str) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])), sort=FlowRunSort.START_TIME_DESC, limit=50
        )


def latest_artifact(key: str) -> Artifact:
    """Return the newest version of an artifact."""
    with get_client(sync_client=True) as client:
        newest = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        (found, *_) = client.read_artifacts(artifact_filter=newest, sort=ArtifactSort.CREATED_DESC, limit=1)
    return found


def test_the_first_sweep_is_in_the_list_of_runs_by_what_it_did(service: Service, page: Page) -> None:
    (swept,) = [line for line in service.said.splitlines() if line.startswith("✓ sweep")]
    page.goto(f"{service.ui}/runs")
    expect(page.get_by_text(swept.removeprefix("✓ ").strip()).first).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_the_portfolio_is_drawn_with_its_chart(service: Service, page: Page) -> None:
    assert "portfolio" in service.said
    page.goto(artifact_url("portfolio"))
    page.get_by_role("link", name=str(latest_artifact("portfolio").id)[:8]).click()
    expect(page.get_by_role("heading", name="Mexico Police Professionalization Program")).to_be_visible()
    chart = page.get_by_role("img", name="Open enrollments by stage")
    expect(chart).to_be_visible()
    assert chart.evaluate("image => image.complete && image.naturalWidth > 300")
    expect(page.get_by_role("cell", name="Site assessment").first).to_be_visible()


def test_a_milestone_recorded_by_its_form_advances_the_case_at_once(
    service: Service, page: Page, store: Engine
) -> None:
    waiting = waiting_case(store)
    page.goto(filled(waiting))
    expect(page.get_by_text("What happened, by its code in the program's policy.")).to_be_visible()
    page.get_by_label("reference").fill("ACTA-77")
    run = submitted(page)
    assert run.state is not None
    assert run.state.is_completed(), run.state.message
    assert run.name == f"{waiting.code}: {waiting.milestone} {waiting.today}"
    page.goto(f"{service.ui}/runs/flow-run/{run.id}")
    expect(page.get_by_text(run.name).first).to_be_visible()
    with reading(store) as connection:
        m = MILESTONE.c
        kept = connection.scalar(select(m.reference).where(m.milestone == waiting.milestone).order_by(m.id.desc()))
    assert kept == "ACTA-77"
    changed = [row for row in json.loads(str(latest_artifact("sweep-changes").data)) if row["what"] == "advanced"]
    assert [row["enrollment"] for row in changed] == [waiting.code]


def test_a_cases_page_shows_its_clock_and_leads_to_forms_that_are_filled_in(
    service: Service, page: Page, store: Engine
) -> None:
    assert service
    waiting = waiting_case(store)
    page.goto(filled(waiting, milestone="visit"))
    assert submitted(page).state
    page.goto(artifact_url(case_key(waiting.code)))
    page.get_by_role("link", name=str(latest_artifact(case_key(waiting.code)).id)[:8]).click()
    expect(page.get_by_role("heading", name=waiting.code, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Clock")).to_be_visible()
    target = page.get_by_role("link", name="Record a milestone").get_attribute("href")
    assert target
    page.goto(target)
    expect(page.get_by_label("enrollment")).to_have_value(waiting.code)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"enrollment": "two words"}, "does not match"), ({"value": 10_001}, "is greater than the maximum")],
)
def test_a_value_that_cannot_be_is_refused_by_the_form(
    service: Service, page: Page, store: Engine, changed: dict[str, Any], said: str
) -> None:
    assert service
    before = len(runs_of("record a milestone"))
    page.goto(filled(waiting_case(store), **changed))
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(said).first).to_be_visible()
    assert len(runs_of("record a milestone")) == before


def test_a_day_that_has_not_come_is_refused_in_one_sentence_of_the_run(
    service: Service, page: Page, store: Engine
) -> None:
    waiting = waiting_case(store)
    page.goto(filled(waiting, occurred_on=date(2030, 1, 1)))
    run = submitted(page)
    assert run.state is not None
    assert run.state.is_failed()
    page.goto(f"{service.ui}/runs/flow-run/{run.id}?tab=Details")
    expect(page.get_by_text("2030-01-01 is after today").first).to_be_visible()
    assert waiting_case(store) == waiting, "it stands where it stood"


def test_an_end_waits_for_an_approval_and_goes_on_with_it(service: Service, page: Page, store: Engine) -> None:
    waiting = waiting_case(store)
    url = form_url(form("end an enrollment"), {
        "enrollment": waiting.code, "ending": "withdrawn", "ended_on": waiting.today, "reference": "",
        "recorded_by": "operator",
    })
    assert url is not None
    page.goto(url)
    with page.expect_response(lambda response: "create_flow_run" in response.url) as answered:
        page.get_by_role("button", name="Submit").click()
    run_id = UUID(answered.value.json()["id"])
    _until_paused(run_id)
    page.goto(f"{service.ui}/runs/flow-run/{run_id}")
    page.locator("button[aria-haspopup=menu]").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_text("open escalations would close")).to_be_visible()
    asked.get_by_role("switch").click()
    asked.get_by_role("button", name="Resume").click()
    run = ended(run_id)
    assert run.state is not None
    assert run.state.is_completed(), run.state.message
    with reading(store) as connection:
        ended_id = enrollment_id_of(connection, waiting.code)
        status = connection.scalar(select(ENROLLMENT.c.status).where(ENROLLMENT.c.id == ended_id))
    assert status is Status.WITHDRAWN


def _until_paused(run_id: UUID) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            (run,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
            if run.state is not None and run.state.is_paused():
                return
            time.sleep(0.5)
    raise AssertionError("it did not wait")


def test_the_files_of_the_service_are_for_its_owner_alone(service: Service) -> None:
    seen = [path for path in service.home.rglob("*") if path.is_file() and path.name != "up.log"]
    assert {path.name for path in seen} >= {"acredita.db", "prefect.db", "server.log"}
    assert [str(path) for path in seen if path.stat().st_mode & 0o077] == []


def test_a_link_in_mail_leads_to_the_desk_beside(service: Service, page: Page) -> None:
    texts = (quopri.decodestring(path.read_bytes()).decode() for path in (service.home / "demo" / "mail").glob("*.eml"))
    link = next(found[0] for text in texts if (found := re.search(r"http://127\.0\.0\.1:\d+/a/[\w-]{43}", text)))
    page.goto(link)
    expect(page.get_by_role("button")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("no puede usarse")
