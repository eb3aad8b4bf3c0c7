"""The forms that change who looks after a case, end it, import a file and draw a page; and what each refuses."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import Engine, select

from deployments.served import defined, deployment_of
from flows.cases import assign_experts, end_enrollment, show_enrollment
from flows.daily import daily_sweep
from flows.intake import import_a_file
from flows.reports import hand_in_report
from models.rules.words import Post, Status
from models.schema import ASSIGNMENT, ENROLLMENT, PERSON
from tasks.endings import EndingKind
from tasks.journal import KEPT, Journal, Move, Named, What
from tasks.store.database import reading
from tasks.views.case_page import case_key
from tasks.views.events import EVENTS_A_RUN, emit_moves
from tasks.views.forms import ACKNOWLEDGE, HAND_IN, RECORD, Forms
from tasks.views.links import form, form_url
from tests.building import day, program
from tests.on_prefect import CODE, TODAY, Api, eventually, run
from tests.storing import everything

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]


def status_of(engine: Engine, case_id: int) -> Status:
    with reading(engine) as connection:
        return Status(connection.execute(select(ENROLLMENT.c.status).where(ENROLLMENT.c.id == case_id)).scalar_one())


def seats(engine: Engine, post: Post) -> list[tuple[Any, ...]]:
    a = ASSIGNMENT.c
    query = (
        select(PERSON.c.code, a.since, a.until).join(PERSON, PERSON.c.id == a.person_id)
        .where(a.post == post, a.enrollment_id == 2).order_by(a.since)
    )
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


# Who looks after it


def test_another_expert_follows_on_the_eve_of_the_one_before(stocked: Engine, api: Api) -> None:
    state = run(assign_experts, "A2", TODAY, sme_1="P2")
    assert api.run_of(state)["name"] == f"A2: P2 from {TODAY}"
    assert seats(stocked, Post.SME_1) == [("P1", day(0), day(60)), ("P2", TODAY, None)]
    assert seats(stocked, Post.SME_2) == [("P1", day(0), None)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sme_1": "P2", "sme_2": "P2"}, "is both experts of the pair"),
        ({}, "are both empty"),
        ({"sme_1": "P3"}, 'nobody has the code "P3"'),
        ({"sme_1": "P1"}, "is in the post already"),
        ({"sme_1": "P2", "since": day(900)}, "more than a year ahead"),
        ({"sme_1": "P2", "enrollment": "A9"}, "A9"),
        ({"sme_1": "Ana Ruiz"}, "sme_1"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_whole(stocked: Engine, api: Api, given: dict[str, Any], said: str) -> None:
    before = seats(stocked, Post.SME_1), seats(stocked, Post.SME_2)
    state = run(assign_experts, **({"enrollment": "A2", "since": TODAY} | given))
    assert state.is_failed()
    assert said in api.run_of(state)["state"]["message"]
    assert (seats(stocked, Post.SME_1), seats(stocked, Post.SME_2)) == before


# Its end


def answering(api: Api, *, approve: bool) -> threading.Thread:
    """Answer the next run that waits for an approval, as an operator does beside it."""
    paused = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}

    def answered() -> bool:
        # For a moment it waits and has not said yet what for: then the answer is refused.
        given = {"run_input": {"approve": approve}}
        paths = [f"/flow_runs/{found['id']}/resume" for found in api.post("/flow_runs/filter", paused)]
        return any(api.client.post(path, json=given).json().get("status") == "ACCEPT" for path in paths)

    def answer() -> None:
        eventually(answered)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.parametrize("approve", [True, False])
def test_an_end_says_what_it_stops_and_waits_for_a_yes(stocked: Engine, api: Api, approve: bool) -> None:  # noqa: FBT001 - a case of the table
    run(daily_sweep)
    operator = answering(api, approve=approve)
    state = run(end_enrollment, "A2", EndingKind.WITHDRAWN, TODAY, reference="ACTA-9")
    operator.join()
    said = api.run_of(state)
    if approve:
        assert said["name"] == f"A2: withdrawn on {TODAY}"
        assert status_of(stocked, 2) is Status.WITHDRAWN
        again = run(end_enrollment, "A2", EndingKind.REMOVED, TODAY)
        assert "A2 is withdrawn already" in api.run_of(again)["state"]["message"]
    else:
        assert "approval: was not given. Nothing was changed." in said["state"]["message"]
        assert status_of(stocked, 2) is Status.OPEN


# By file


def test_a_file_is_tried_first_and_then_imported(stocked: Engine, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "facts.csv"
    file.write_text(f"agency_code;milestone;occurred_on;recorded_by\nA2;visit;{day(60)};P1\n", encoding="utf-8")
    before = everything(stocked)
    tried = run(import_a_file, str(file))
    assert api.run_of(tried)["name"] == "would import facts: 1 rows, 1 new, 0 changed fields"
    assert everything(stocked) == before
    done = run(import_a_file, str(file), dry_run=False)
    assert done.result().startswith(f"facts: 1 rows, 1 new, 0 changed fields; sweep {TODAY}: ")
    assert run(import_a_file, str(file), dry_run=False).result().startswith("facts: 1 rows, 0 new")


@pytest.mark.parametrize("path", ["roster.csv", "/etc/passwd", "/srv/no/such.csv"])
def test_a_path_that_is_none_is_refused(stocked: Engine, api: Api, path: str) -> None:
    before = everything(stocked)
    state = run(import_a_file, path, dry_run=False)
    assert state.is_failed()
    assert "such.csv" in api.run_of(state)["state"]["message"] or "file" in api.run_of(state)["state"]["message"]
    assert everything(stocked) == before


# The sponsor's report


def test_a_report_is_handed_in_by_its_form_once(stocked: Engine, api: Api) -> None:
    assert stocked.dialect.name == "sqlite"
    done = run(hand_in_report, "2019Q4", TODAY, reference="ACTA-4")
    assert api.run_of(done)["name"] == f"report 2019Q4: handed in on {TODAY}"
    again = run(hand_in_report, "2019Q4", TODAY)
    assert f"the report of 2019Q4 was handed in on {TODAY}" in api.run_of(again)["state"]["message"]


# Its page


def test_a_page_tells_a_case_and_leads_to_forms_that_are_filled_in(stocked: Engine, api: Api) -> None:
    for each in defined():
        if each.full_name in {RECORD, ACKNOWLEDGE, HAND_IN}:
            deployment_of(each, program()).apply()
    run(daily_sweep)
    url = run(show_enrollment, "A2").result()
    assert url.endswith(f"/artifacts/key/{case_key(CODE.format(2))}")
    page = api.artifact(case_key(CODE.format(2)))["data"]
    for wanted in (f"# {CODE.format(2)}", "## Clock", "window until", "escalation stall opened", "## Notices"):
        assert wanted in page
    assert "[Acknowledge stall](" in page
    assert "%22enrollment%22%3A%22A2%2Flaw_enforcement_tier1%22" in page
    assert stocked.dialect.name == "sqlite"
    assert form_url(form("fly"), {}) is None
    forms = Forms(program(), TODAY)
    assert forms.show(CODE.format(2)) is None, "its form is not deployed"
    assert forms.acknowledge(CODE.format(2), "stall") is not None, "but the server answers, and has this one"
    assert "%22quarter%22%3A%222020Q1%22" in str(forms.hand_in("2020Q1"))
    nobody = Forms(program(), TODAY)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert nobody.acknowledge(CODE.format(2), "stall") is None
    assert nobody.acknowledge(CODE.format(2), "stall") is None, "a server that was down is not asked again"


# Events


def test_what_a_sweep_did_is_an_event_of_the_case_with_its_agency_and_region(stocked: Engine, api: Api) -> None:
    assert stocked.dialect.name == "sqlite"
    state = run(daily_sweep)
    mine = f"prefect.flow-run.{state.state_details.flow_run_id}"
    wanted = {"filter": {
        "event": {"prefix": ["acredita."]}, "related": {"id": [mine]}, "occurred": {"since": "2020-01-01T00:00:00Z"},
    }}

    def told() -> Any:
        events = api.post("/events/filter", wanted | {"limit": 50})["events"]
        found = {(each["event"], each["resource"]["prefect.resource.id"]) for each in events}
        return events if found >= expected else None

    expected = {
        ("acredita.enrollment.advanced", f"acredita.enrollment.{CODE.format(1)}"),
        ("acredita.enrollment.ended", f"acredita.enrollment.{CODE.format(4)}"),
        ("acredita.escalation.opened", f"acredita.enrollment.{CODE.format(2)}"),
    }
    events = eventually(told)
    assert events, "no event of some of these cases"
    (step, *_) = [event for event in events if event["event"] == "acredita.enrollment.advanced"]
    related = {(each["prefect.resource.role"], each["prefect.resource.id"]) for each in step["related"]}
    assert {("agency", "acredita.agency.A1"), ("region", "acredita.region.centre")} <= related
    assert (step["payload"]["from"], step["payload"]["to"]) == ("onboarding", "gap_analysis")


def test_events_and_moves_are_bounded_and_the_rest_is_counted() -> None:
    moves = [Move(number, What.ADVANCED, {}) for number in range(KEPT + 3)]
    batch, journal = Journal(), Journal()
    batch.note(moves)
    journal.add(batch)
    journal.add(batch)
    assert (len(journal.moves), journal.left_out) == (KEPT, 3 + KEPT + 3)
    told = [(Named("A1/academy", "A1", "west"), move) for move in moves]
    assert emit_moves(told) == len(moves) - EVENTS_A_RUN
    assert emit_moves([(Named("A1/academy", "A1", "west"), Move(1, What.TOLD, {}))]) == 0
