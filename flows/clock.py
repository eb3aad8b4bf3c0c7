"""What moves a case's dates or takes a fact back: each by a form and with a reason, and shown first if one likes."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.forms import Count, EnrollmentCode, Months, PersonCode, Reference
from tasks.door import door
from tasks.operations import deadlines, facts
from tasks.operations.asked import Because
from tasks.operations.effect import Effect, rehearsed
from tasks.store.database import engine_of
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run, publish_case


@flow(name="extend a limit", flow_run_name="extend {enrollment}", persist_result=False)
@door
def extend_limit(
    enrollment: EnrollmentCode,
    months: Months,
    requester: PersonCode,
    approver: PersonCode,
    because: str,
    staff: Count | None = None,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Extend the accrediting body's limit, at what the fee table asks for. Reminders of the old limit are void.

    Args:
        enrollment: The agency's code and the track.
        months: How many months more; a year is what one buys.
        requester: The code of the person who asked for it.
        approver: The code of the person who approved it.
        because: Why, by its code in the program.
        staff: How many work there, where the agency's own number is not known and decides the fee.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
        dry_run: Only say what it would do.
    """
    today = day_to_sweep(engine_of(), None)
    given = deadlines.Extension(enrollment, months, requester=requester, approver=approver, staff=staff)
    why = Because(because, today, actor=recorded_by, reference=reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effect = deadlines.extend(connection, given, why)
    return _told([effect], dry_run=dry_run)


@flow(name="correct an agreement", flow_run_name="correct {enrollment}", persist_result=False)
@door
def correct_agreement(
    enrollment: EnrollmentCode,
    agreement_countersigned_on: date,
    because: str,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Correct the day of the countersigned agreement: window and limit count from it.

    Args:
        enrollment: The agency's code and the track.
        agreement_countersigned_on: The day that should have been recorded.
        because: Why, by its code in the program.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by, reference=reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effect = deadlines.correct_agreement(connection, enrollment, agreement_countersigned_on, because=why)
    return _told([effect], dry_run=dry_run)


@flow(name="put a case on hold", flow_run_name="hold {enrollment}", persist_result=False)
@door
def put_on_hold(
    enrollment: EnrollmentCode,
    since: date,
    because: str,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Let a case's internal targets rest. The accrediting body's limit and the program's window go on.

    Args:
        enrollment: The agency's code and the track.
        since: The first day of the hold; it may lie ahead.
        because: Why, by its code in the program.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by, reference=reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effect = deadlines.hold(connection, enrollment, since, because=why)
    return _told([effect], dry_run=dry_run)


@flow(name="resume a case", flow_run_name="resume {enrollment}", persist_result=False)
@door
def resume_case(
    enrollment: EnrollmentCode,
    on: date,
    because: str,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """End a hold: internal targets move by exactly its days.

    Args:
        enrollment: The agency's code and the track.
        on: The first day on which work goes on; it may lie ahead.
        because: Why, by its code in the program.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by, reference=reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effect = deadlines.resume(connection, enrollment, on, because=why)
    return _told([effect], dry_run=dry_run)


@flow(name="undo a change of dates", flow_run_name="undo {change} of {enrollment}", persist_result=False)
@door
def undo_change(
    enrollment: EnrollmentCode,
    change: Annotated[int, Field(ge=1)],
    because: str,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Take an extension, a correction, a hold or a resume back: the dates before it hold again.

    Args:
        enrollment: The agency's code and the track.
        change: Its number, as the case's page shows it.
        because: Why, by its code in the program.
        reference: The document's number, no name.
        recorded_by: The code of the person who records it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by, reference=reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effect = deadlines.undo(connection, enrollment, change, because=why)
    return _told([effect], dry_run=dry_run)


@flow(name="void a fact", flow_run_name="void {milestone} of {enrollment}", persist_result=False)
@door
def void_fact(
    enrollment: EnrollmentCode,
    milestone: str,
    occurred_on: date,
    because: str,
    reference: Reference | None = None,
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Void a fact that is wrong. What rested on it is taken back; what went out on the strength of it is listed.

    Args:
        enrollment: The agency's code and the track.
        milestone: What it was, by its code.
        occurred_on: The day it was recorded for.
        because: Why, by its code in the program.
        reference: The fact's own reference, where two are alike without it.
        recorded_by: The code of the person who voids it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by)
    wrong = facts.Wrong(enrollment, milestone, occurred_on, reference)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effects = facts.void_fact(connection, wrong, why)
    return _told(effects, dry_run=dry_run)


@flow(name="correct a fact", flow_run_name="correct {milestone} of {enrollment}", persist_result=False)
@door
def correct_fact(
    enrollment: EnrollmentCode,
    milestone: str,
    occurred_on: date,
    because: str,
    right_enrollment: EnrollmentCode | None = None,
    right_milestone: str | None = None,
    right_day: date | None = None,
    right_value: Count | None = None,
    reference: Reference | None = None,
    recorded_by: PersonCode = "operator",
    dry_run: bool = False,
) -> str:
    """Void a fact and record what it should have been, in one go: another day, number, milestone or enrollment.

    Args:
        enrollment: The agency's code and the track that has it.
        milestone: What it was, by its code.
        occurred_on: The day it was recorded for.
        because: Why, by its code in the program.
        right_enrollment: The enrollment that it belongs to; empty: the same.
        right_milestone: What it should have been; empty: the same.
        right_day: The day it should have had; empty: the same.
        right_value: The number it should have had; empty: the same.
        reference: The fact's own reference, where two are alike without it.
        recorded_by: The code of the person who corrects it.
        dry_run: Only say what it would do.
    """
    why = Because(because, day_to_sweep(engine_of(), None), actor=recorded_by)
    wrong = facts.Wrong(enrollment, milestone, occurred_on, reference)
    right = facts.Right(right_enrollment, right_milestone, right_day, right_value)
    with rehearsed(engine_of(), dry_run=dry_run) as connection:
        effects = facts.correct_fact(connection, wrong, right, because=why)
    return _told(effects, dry_run=dry_run)


def _told(effects: list[Effect], *, dry_run: bool) -> str:
    told = "; ".join(map(str, effects))
    if dry_run:
        name_this_run(f"{effects[0].enrollment}: would be {effects[0].what}")
        return f"would be: {told}"
    name_this_run(f"{effects[0].enrollment}: {effects[0].what}")
    for effect in effects:
        publish_case(effect.enrollment)
    return told
