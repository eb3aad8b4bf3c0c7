"""Flows on a real Prefect server: what operators see, may start, and never find there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_HOME
from sqlalchemy import Engine, select, text, update

from flows.clock import (
    correct_agreement,
    correct_fact,
    extend_limit,
    put_on_hold,
    resume_case,
    undo_change,
    void_fact,
)
from flows.daily import daily_sweep
from flows.delivery import deliver_notices
from flows.mail import settle_parked_batch
from flows.operators import acknowledge_escalation, enroll_agency, record_milestone
from flows.reports import directors_week
from models.rules.errors import Refused
from models.rules.words import Change, EscalationState, Release
from models.schema import CHANGE, ENROLLMENT, ESCALATION, PERSON
from models.settings import settings
from models.tables import DeadlineChange, Milestone
from tasks import sweep as sweeping
from tasks.mail.fake_sendgrid.provider import KEY, Options
from tasks.mail.fake_sendgrid.server import serving
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.sendgrid import key_of
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import put_in_force
from tasks.views.case_page import case_key
from tests.building import day, program
from tests.mailing import loopback
from tests.on_prefect import CODE, SECRETS, TODAY, Api, run
from tests.storing import everything, rows_of

# One process: the flows share the server's runs.
pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("on_the_server")]


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
    assert "/artifacts/key/directors-week" in page["data"]
    assert "data:image/png" not in page["data"], "a sweep has no time to draw plots"
    before = everything(stocked)
    second = run(daily_sweep, as_of=TODAY)
    assert api.run_of(second)["name"].startswith(f"sweep {TODAY}: 4 open, 0 due, 0 advanced, 0 notices, 0 escal")
    assert everything(stocked) == before


def test_a_run_that_would_send_too_much_ends_as_parked_and_an_operator_settles_it_by_a_form(
    stocked: Engine, api: Api
) -> None:
    policy = program().policy
    put_in_force(stocked, policy.model_copy(update={"mail": policy.mail.model_copy(update={"a_run": 1})}))
    run(daily_sweep)
    parked = run(deliver_notices)
    assert (parked.is_completed(), parked.name) == (True, "Parked")
    assert "exceed the cap of one run and are parked as batch 1" in str(parked.message)
    page = api.artifact("parked-mail")["data"]
    assert "| 1 | parked |" in page
    assert not [secret for secret in SECRETS if secret in page]
    settled = run(settle_parked_batch, 1, Release.RELEASE, operator="P1")
    assert api.run_of(settled)["name"].startswith("batch 1: release, ")
    again = run(deliver_notices)
    assert (again.name, api.run_of(again)["name"]) == ("Completed", "deliver: 1 email sent")
    refused = run(settle_parked_batch, 1, Release.CANCEL)
    assert refused.is_failed()


def test_the_directors_week_is_shown_in_pictures(stocked: Engine, api: Api) -> None:
    done = run(directors_week)
    assert done.is_completed()
    assert api.run_of(done)["name"].startswith(f"week-{clock.today(stocked, 'America/Mexico_City')}: ")
    shown = api.artifact("directors-week")
    assert shown["type"] == "markdown"
    assert shown["data"].count("](data:image/png;base64,") >= len(("funnel", "risk", "windows"))
    assert not [secret for secret in SECRETS if secret in shown["data"]]


def test_a_sweep_of_more_than_a_batch_shows_how_far_it_has_come(
    stocked: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 2)
    assert run(daily_sweep).is_completed()
    shown = api.artifact("sweep-progress")
    assert (shown["type"], float(shown["data"])) == ("progress", 100.0)
    assert shown["description"] == f"The sweep of {TODAY}: 5 cases are due."
    assert stocked.dialect.name == "sqlite"


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
    assert state.result().startswith(f"sweep {TODAY}: 6 due")
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


def test_what_moves_a_date_or_takes_a_fact_back_is_done_by_its_form_and_says_so_on_the_cases_page(
    stocked: Engine, api: Api
) -> None:
    one, kickoff = CODE.format(1), ("A1", "kickoff_visit")
    longer = {"months": 12, "requester": "P1", "approver": "P2", "because": "late_proofs", "staff": 40}
    done = (
        (run(extend_limit, "A1", **longer), "extended by 12 months, to 2024-01-01"),
        (run(put_on_hold, "A1", day(50), "closure", reference="OF-7", recorded_by="P2"), f"on hold since {day(50)}"),
        (run(resume_case, "A1", day(70), "work_resumed"), f"resumed on {day(70)}, after 20 days"),
        (run(undo_change, "A1", 1, "decision_reversed"), "undid extension 1"),
        (run(correct_agreement, "A1", day(9), "wrong_date"), f"agreement corrected from {day(0)} to {day(9)}"),
        (
            run(correct_fact, *kickoff, day(30), "wrong_date", right_day=day(40)),
            f"corrected kickoff_visit of {day(30)} to kickoff_visit of {day(40)}",
        ),
        (run(void_fact, *kickoff, day(40), "wrong_agency"), f"voided kickoff_visit of {day(40)}"),
    )
    for state, what in done:
        assert state.is_completed(), state.message
        assert state.result().startswith(f"{one}: {what}")
        assert api.run_of(state)["name"] == f"{one}: {what}"
    with reading(stocked) as connection:
        changes = connection.execute(select(CHANGE.c.kind, CHANGE.c.actor).order_by(CHANGE.c.id)).all()
        stage = connection.scalar(select(ENROLLMENT.c.stage).where(ENROLLMENT.c.id == 1))
    assert [tuple(change) for change in changes] == [
        (Change.EXTENSION, "operator"), (Change.HOLD, "P2"), (Change.RESUME, "operator"), (Change.UNDO, "operator"),
        (Change.CORRECTION, "operator"),
    ]
    assert stage == "onboarding", "without the visit its first stage is not left"
    page = api.artifact(case_key(one))["data"]
    assert "| 4 | 2020-03-02 | undo of 1: decision reversed | limit | 2024-01-01 | 2023-01-01 | · |" in page
    assert f"→ onboarding | taken back, open since {day(9)} |" in page
    assert f"| {day(40)} | kickoff visit | · | 2 | 2020-03-02: wrong agency |" in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"approver": "P9"}, 'approver: nobody has the code "P9".'),
        ({"months": 0}, "months"),
        ({"dry_run": True}, "would be extended by 12 months"),
    ],
)
def test_an_extension_that_is_refused_or_only_tried_changes_nothing(
    stocked: Engine, api: Api, changed: dict[str, Any], said: str
) -> None:
    run(daily_sweep)
    before = everything(stocked), rows_of(stocked, DeadlineChange)
    good = {
        "enrollment": "A1", "months": 12, "requester": "P1", "approver": "P2", "because": "late_proofs", "staff": 40,
    }
    state = run(extend_limit, **(good | changed))
    found = api.run_of(state)
    assert state.is_completed() == ("dry_run" in changed)
    assert said in (found["name"] if state.is_completed() else found["state"]["message"])
    assert (everything(stocked), rows_of(stocked, DeadlineChange)) == before


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


@pytest.mark.parametrize("script", ["400", "500+,reset,garbage", "401", "hang", "no email is let in", "no key"])
def test_whatever_goes_wrong_with_mail_prefect_stores_no_name_address_or_key(
    stocked: Engine, prefect_folder: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    private = ("Reservadísima", "reservada@private", "SG.the-key-of-this-test")
    with transaction(stocked) as connection:
        connection.execute(update(PERSON).values(surname=private[0], email=f"{private[1]}.example"))
    with serving(Options(key=private[2], script="" if script.startswith("no") else script)) as fake:
        for name, value in {
            "MAIL": "sendgrid", "SENDGRID_HOST": fake.url, "MAIL_TIMEOUT_SECONDS": "0.3", "MAIL_CONNECT_SECONDS": "0.3",
            "SENDGRID_API_KEY": f"{private[2]}\nx" if script == "no key" else f"{private[2]} ",
        }.items():
            monkeypatch.setenv(f"ACREDITA_{name}", value)
        run(daily_sweep)
        if script == "no email is let in":
            with transaction(stocked) as connection:
                refuse = "CREATE TRIGGER refuse BEFORE INSERT ON email BEGIN SELECT RAISE(ABORT, 'refused'); END"
                connection.execute(text(refuse))
        states = [run(deliver_notices) for _ in range(2)]
        assert states[0].is_failed() == script.startswith("no")
    APILogHandler().flush()
    stored = [path for home in (prefect_folder, PREFECT_HOME.value()) for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in stored)
    leaks = [(path.name, word) for path in stored for word in private if word.encode() in path.read_bytes()]
    assert leaks == []


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
