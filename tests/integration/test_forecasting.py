"""The forecast in a database: when a fit is made, what it makes due, what is stored of it, and what people see."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, select, update

from models.rules.case import Case
from models.rules.dates import add_months
from models.rules.errors import Refused
from models.rules.prospect import prospect
from models.schema import ENROLLMENT, FORECAST, FORECAST_FIT
from tasks.forecasting import fit_is_due, from_parameters, make_fit
from tasks.mail.letters.gathering import gather
from tasks.mail.letters.parcels import Rules
from tasks.store.cases import named_cases
from tasks.store.clock import set_clock
from tasks.store.database import reading, transaction
from tasks.store.journeys import journeys
from tasks.store.programs import program_in_force, put_in_force
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tasks.views.case_page import case_page
from tasks.views.chronicle import explanation
from tasks.views.forecasts import forecasts, judged_past
from tasks.views.past import known_on
from tests.building import DAY_0, ONBOARDED, case, day, document, program
from tests.storing import install

TODAY = day(100)
FRIDAY = 4


def some_cases() -> list[Case]:
    """Six that left the first stage in a month, and six that stay in it."""
    return [replace(case(facts=ONBOARDED if number <= 6 else ()), id=number) for number in range(1, 13)]


@pytest.fixture
def stocked(store: Engine) -> Engine:
    install(store, program().policy, some_cases())
    with transaction(store) as connection:
        set_clock(connection, datetime.combine(TODAY, time(18), UTC))
    sweep(TODAY)
    return store


def stored(engine: Engine) -> list[tuple[int, int, str]]:
    f = FORECAST.c
    with reading(engine) as connection:
        rows = connection.execute(select(f.enrollment_id, f.forecast_fit_id, f.risk).order_by(f.id)).all()
    return [tuple(row) for row in rows]


def test_without_a_fit_nothing_is_forecast_and_one_is_due(stocked: Engine) -> None:
    assert stored(stocked) == []
    assert fit_is_due(stocked, TODAY) == "no fit was made yet"


def test_a_fit_makes_every_open_case_due_once_and_each_is_forecast_once(stocked: Engine) -> None:
    made = make_fit(stocked, TODAY)
    assert (made.enrollments, made.finished, made.due) == (12, 6, 12)
    assert sweep(TODAY).due == 12
    assert sorted(number for number, _, _ in stored(stocked)) == list(range(1, 13))
    assert sweep(TODAY).due == 0
    assert len(stored(stocked)) == 12
    make_fit(stocked, TODAY)
    sweep(TODAY)
    assert len(stored(stocked)) == 24


def test_a_fit_is_due_after_so_many_days_or_finished_stages_or_under_another_policy(stocked: Engine) -> None:
    make_fit(stocked, TODAY)
    assert fit_is_due(stocked, TODAY + timedelta(days=29)) is None
    assert fit_is_due(stocked, TODAY + timedelta(days=30)) == "the last one is 30 days old"
    tables = document()
    eager = program().policy.model_copy(
        update={"forecast": program().policy.forecast.model_copy(update={"refit_stages": 1})}  # type: ignore[union-attr]
    )
    assert tables["forecast"]["refit_stages"] == 10
    put_in_force(stocked, eager)
    assert fit_is_due(stocked, TODAY) == "the policy is another"


def test_the_pace_of_an_agency_is_stored_with_the_fit_and_moved_by_the_stages_it_leaves(stocked: Engine) -> None:
    e = ENROLLMENT.c
    make_fit(stocked, TODAY)
    with reading(stocked) as connection:
        paces = {row.id: row.pace for row in connection.execute(select(e.id, e.pace))}
    assert paces[1] < 0, "thirty days are less than the median"
    assert paces[7] == 0


def test_a_band_that_changes_is_stored_with_its_day(stocked: Engine) -> None:
    make_fit(stocked, TODAY)
    for on in (TODAY, day(1000), day(1100)):
        sweep(on)
    assert [risk for number, _, risk in stored(stocked) if number == 7] == ["at_risk", "overdue"]


def test_what_was_counted_at_a_visit_moves_the_forecast_at_once_and_says_so(stocked: Engine) -> None:
    way = [*ONBOARDED, ("gap_report_accepted", 50), ("directives_issued", 60), ("staff_oriented", 60)]
    with transaction(stocked) as connection:
        record_facts(connection, [NewFact("A7", name, day(on), recorded_by="P1") for name, on in way], TODAY)
    sweep(TODAY)
    make_fit(stocked, TODAY)
    sweep(TODAY)

    before = forecasts(stocked, "A7", None).answers[0].in_window
    facts = [NewFact("A7", name, TODAY, value=value, recorded_by="P1") for name, value in (
        ("mandatory_in_compliance", 60), ("others_in_compliance", 10),
    )]
    with transaction(stocked) as connection:
        record_facts(connection, facts, TODAY)
    assert sweep(TODAY).due == 1
    assert forecasts(stocked, "A7", None).answers[0].in_window > before
    (told,) = [each.text for each in explanation(stocked, "A7", None) if "counted at visits" in each.text]
    assert told.endswith("days ahead of what its days here say.")


def test_the_letter_tells_the_chance_that_the_notice_was_decided_on(stocked: Engine) -> None:
    make_fit(stocked, TODAY)
    sweep(late := day(1000))
    at = datetime.combine(late, time(11), UTC)
    while at.weekday() > FRIDAY:
        at += timedelta(days=1)
    with reading(stocked) as connection:
        parcels = gather(connection, at, Rules(timedelta(days=30), 5000)).parcels
    told = {item.rule: item.chance for parcel in parcels for item in parcel.letter.items}
    assert told["window_at_risk"] is not None
    assert 0 <= told["window_at_risk"] < 50
    assert {chance for rule, chance in told.items() if rule != "window_at_risk"} == {None}


def test_a_fit_is_read_back_as_it_was_made(stocked: Engine) -> None:
    make_fit(stocked, TODAY)
    with reading(stocked) as connection:
        fitted = from_parameters(connection.execute(select(FORECAST_FIT.c.parameters)).scalar_one())
        outlook = program_in_force(connection).outlook
    assert fitted.as_of == TODAY
    assert fitted.stages["onboarding"].finished == 6
    assert outlook is not None
    assert (outlook.as_of, outlook.fit) == (TODAY, 1)


def test_a_program_without_priors_is_told_what_to_add(store: Engine) -> None:
    install(store, program("iso9001").policy, [replace(case("application"), track="iso9001")])
    assert fit_is_due(store, TODAY) is None
    with pytest.raises(Refused, match=r"forecast.*Add forecast\.toml"):
        make_fit(store, TODAY)


def test_the_history_is_the_stages_left_each_with_the_day_it_became_known(stocked: Engine) -> None:
    with reading(stocked) as connection:
        decided = journeys(connection, program(), today=TODAY)
        happened = journeys(connection, program(), today=TODAY, as_happened=True)
    (leg,) = decided[0].legs
    assert (leg.stage, leg.entered, leg.left, leg.known_on) == ("onboarding", DAY_0, day(30), TODAY)
    assert happened[0].legs[0].known_on == day(30)
    assert decided[6].legs == ()
    assert decided[0].stage == "gap_analysis"


def test_a_forecast_without_a_stored_fit_is_made_from_what_is_known(stocked: Engine) -> None:
    found = forecasts(stocked, None, None)
    assert found.stored_fit is None
    assert len(found.answers) == 12
    assert all(0 <= each.in_limit <= each.in_window <= 1 for each in found.answers)
    assert [each.already for each in found.awards] == [0, 0, 0, 0]
    one = forecasts(stocked, "A1/law_enforcement_tier1", None)
    (answer,) = one.answers
    assert answer.window_until == add_months(DAY_0, 36)
    assert next(step.stage for step in answer.steps) == "gap_analysis"
    days = [step.leave_by for step in answer.steps if step.leave_by is not None]
    assert days == sorted(days)
    with transaction(stocked) as connection:
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 1).values(cycle=2))
    with pytest.raises(Refused, match="not on its way to a first award"):
        forecasts(stocked, "A1/law_enforcement_tier1/2", None)


def test_a_case_on_its_page_is_told_its_chances_and_last_safe_days_by_the_tables_of_its_band(stocked: Engine) -> None:
    assert "by the end of the window" not in case_page(stocked, "A7").markdown
    make_fit(stocked, TODAY)
    page = case_page(stocked, "A7").markdown
    with reading(stocked) as connection:
        there, (mine,) = program_in_force(connection), named_cases(connection, [7])
    seen = prospect(mine, there, TODAY)
    assert seen is not None
    assert f"**{seen.said.in_window} %** by the end of the window, {seen.window_until}" in page
    in_time = sum(slot.chance for slot in seen.slots if slot.on <= seen.window_until)
    assert abs(in_time - (seen.said.in_window or 0)) <= 1
    leaves = [leave.by for leave in seen.leaves if leave.by is not None]
    assert leaves == sorted(leaves)
    assert len(leaves) == 7
    told = forecasts(stocked, "A7", None)
    by_the_curves = {step.stage: step.leave_by for step in told.answers[0].steps}
    for leave in seen.leaves:
        curve = by_the_curves[leave.stage]
        assert curve is not None
        assert leave.by is not None
        assert abs((curve - leave.by).days) <= 16, "two steps of a curve"
    assert "| kick-off visit |" in page
    assert told.told is not None
    assert told.told.plan.aims


def test_a_first_fit_learns_from_a_history_that_no_sweep_has_decided_yet(store: Engine) -> None:
    install(store, program().policy, some_cases())
    with transaction(store) as connection:
        set_clock(connection, datetime.combine(TODAY, time(18), UTC))
    made = make_fit(store, TODAY)
    assert (made.finished, made.due) == (6, 12)
    assert sweep(TODAY).advances == 6
    assert fit_is_due(store, TODAY) is None
    with reading(store) as connection:
        paces = dict(connection.execute(select(ENROLLMENT.c.id, ENROLLMENT.c.pace)).tuples().all())
    assert paces[1] < 0 == paces[7], "each stage moves it once"


@pytest.mark.usefixtures("stocked")
def test_a_past_that_is_too_short_cannot_be_judged() -> None:
    found = judged_past(as_happened=True)
    assert set(found.verdicts.values()) == {None}


def test_neither_help_nor_a_sweep_waits_for_numpy() -> None:
    modules = "deployments.cli, tasks.sweep, models.rules.decide, flows.forecast"
    code = f"import sys, {modules}; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_why_tells_a_past_day_by_the_fit_the_pace_and_the_band_of_that_day(stocked: Engine) -> None:
    """What is said of a day does not change when the program learns more, nor when the agency turns out slower."""
    code, on, later = "A7/law_enforcement_tier1", day(110), day(1200)
    make_fit(stocked, TODAY)
    for today in (TODAY, on):
        with transaction(stocked) as connection:
            set_clock(connection, datetime.combine(today, time(18), UTC))
        sweep(today)
    said = explanation(stocked, code, on)
    with reading(stocked) as connection:
        live = known_on(connection, code, None)
    assert any(each.rule == "forecast" and f"fit of {TODAY}" in each.text for each in said)
    with transaction(stocked) as connection:
        set_clock(connection, datetime.combine(later, time(18), UTC))
        kickoff = [NewFact(code, name, day(300)) for name, _ in ONBOARDED]
        record_facts(connection, kickoff, later)
    sweep(later)
    make_fit(stocked, later)
    sweep(later)
    with reading(stocked) as connection:
        row = connection.execute(select(ENROLLMENT.c.pace, ENROLLMENT.c.risk).where(ENROLLMENT.c.id == 7)).one()
        then = known_on(connection, code, on)
    assert row.pace > live.case.pace
    assert row.risk != live.case.risk
    assert (then.case.pace, then.case.risk, then.case.fit) == (live.case.pace, live.case.risk, 1)
    assert [each.text for each in explanation(stocked, code, on)] == [each.text for each in said]
    assert any(f"fit of {later}" in each.text for each in explanation(stocked, code, None))
