"""What operators do by a run form. Prefect keeps parameters in clear: they are codes, dates and numbers only."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.forms import Count, EnrollmentCode, PersonCode, Reference
from models.rules.naming import enrollment_code
from tasks.door import door
from tasks.operations.escalations import Acknowledgement, acknowledge
from tasks.store.database import engine_of, transaction
from tasks.store.programs import program_day
from tasks.store.records import NewEnrollment, NewFact, enroll, record_facts
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run, sweep_and_draw


@flow(name="record a milestone", flow_run_name="record {milestone}", persist_result=False)
@door
def record_milestone(
    enrollment: EnrollmentCode,
    milestone: str,
    occurred_on: date,
    value: Count | None = None,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
) -> str:
    """Record a dated fact (a milestone, a visit, standards in compliance) and sweep at once what it changes.

    Args:
        enrollment: The agency's code and the track, such as JAL-ACA-01/academy; the code alone if it has one track.
        milestone: What happened, by its code in the program's policy.
        occurred_on: The day it happened; not after today.
        value: For milestones that count: how many standards are in compliance.
        reference: Where the evidence lies: a document's number or an item's id, no name.
        recorded_by: The code of the person who reports it.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    fact = NewFact(enrollment, milestone, occurred_on, value=value, reference=reference, recorded_by=recorded_by)
    with transaction(engine) as connection:
        new = record_facts(connection, [fact], today)
    name_this_run(f"{enrollment}: {milestone} {occurred_on}" if new else f"{enrollment}: {milestone} was there already")
    return sweep_and_draw(enrollment, today)


@flow(name="enroll an agency", flow_run_name="enroll {agency}", persist_result=False)
@door
def enroll_agency(
    agency: PersonCode,
    track: str,
    agreement_countersigned_on: date,
    sme_1: PersonCode,
    sme_2: PersonCode,
    cycle: Annotated[int, Field(ge=1, le=9)] = 1,
) -> str:
    """Enroll an imported agency on a track, with its pair of experts.

    Args:
        agency: The agency's code, as imported.
        track: What it is to be accredited for.
        agreement_countersigned_on: The day the accrediting body countersigned: window and limit count from it.
        sme_1: The code of the first expert.
        sme_2: The code of the second expert.
        cycle: 1 for an initial accreditation.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    row = NewEnrollment(agency, track, agreement_countersigned_on, cycle=cycle, sme_1=sme_1, sme_2=sme_2)
    with transaction(engine) as connection:
        enroll(connection, [row], today)
    code = enrollment_code(agency, track, cycle)
    name_this_run(f"enrolled {code}")
    return sweep_and_draw(code, today)


@flow(name="acknowledge an escalation", flow_run_name="acknowledge {rule}", persist_result=False)
@door
def acknowledge_escalation(
    enrollment: EnrollmentCode, rule: str, person: PersonCode, until: date, reason: str
) -> str:
    """Note that somebody is on it: the escalation does not climb until that day, and then climbs on.

    Args:
        enrollment: The agency's code and the track.
        rule: Which escalation, by its rule.
        person: The code of the person who takes it.
        until: Until when it waits; after today, and within the policy's cap.
        reason: Why, by its code in the policy.
    """
    engine = engine_of()
    today = program_day(engine)
    with transaction(engine) as connection:
        escalation_id = acknowledge(connection, Acknowledgement(enrollment, rule, person, until, reason), today)
    name = f"{enrollment}: {rule} acknowledged until {until}"
    name_this_run(name)
    return f"escalation {escalation_id}: {name}"
