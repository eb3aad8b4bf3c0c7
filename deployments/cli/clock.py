"""What moves a case's dates or takes a fact back, with a reason; `--dry-run` shows what it would do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, By, DryRun, app, ready, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tasks.operations.asked import Because
    from tasks.operations.effect import Effect

Reason = Annotated[str, Parameter(help="Why, by its code in the program's [reasons].")]
Document = Annotated[str, Parameter(help="A document's number, no name.")]
OwnReference = Annotated[str | None, Parameter(name="--reference", help="The fact's own, where two are alike.")]


@app.command
def extend(
    enrollment: str,
    *,
    months: int = 12,
    requester: str,
    approver: str | None = None,
    reason: Reason,
    staff: int | None = None,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Extend the accrediting body's limit, at what the program's fee table asks for.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        months: how many months more.
        requester: the code of the person who asked for it.
        approver: the code of the person who approved it.
        staff: how many work there, where the agency's own number is not known and decides the fee.
    """
    from tasks.operations import deadlines

    given = deadlines.Extension(enrollment, months, requester=requester, approver=approver, staff=staff)
    _do(_why(reason, by, document), lambda c, why: [deadlines.extend(c, given, why)], dry_run=dry_run, as_json=as_json)


@app.command(name="correct-agreement")
def correct_agreement(
    enrollment: str,
    agreement_on: date,
    *,
    reason: Reason,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Correct the day of the countersigned agreement, which window and limit count from.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        agreement_on: the day that should have been recorded.
    """
    from tasks.operations import deadlines

    def act(connection: Connection, why: Because) -> list[Effect]:
        return [deadlines.correct_agreement(connection, enrollment, agreement_on, because=why)]

    _do(_why(reason, by, document), act, dry_run=dry_run, as_json=as_json)


@app.command
def hold(
    enrollment: str,
    *,
    since: date | None = None,
    reason: Reason,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a case's internal targets rest; the body's limit and the program's window go on.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        since: the first day of the hold, today by default; it may lie ahead.
    """
    from tasks.operations import deadlines

    def act(connection: Connection, why: Because) -> list[Effect]:
        return [deadlines.hold(connection, enrollment, since or why.today, because=why)]

    _do(_why(reason, by, document), act, dry_run=dry_run, as_json=as_json)


@app.command
def resume(
    enrollment: str,
    *,
    on: date | None = None,
    reason: Reason,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """End a hold: internal targets move by exactly its days.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        on: the first day on which work goes on, today by default; it may lie ahead.
    """
    from tasks.operations import deadlines

    def act(connection: Connection, why: Because) -> list[Effect]:
        return [deadlines.resume(connection, enrollment, on or why.today, because=why)]

    _do(_why(reason, by, document), act, dry_run=dry_run, as_json=as_json)


@app.command
def undo(
    enrollment: str,
    change: int,
    *,
    reason: Reason,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a change of dates back: the dates before it hold again, and what they had to say.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        change: its number, as `acredita show` prints it.
    """
    from tasks.operations import deadlines

    def act(connection: Connection, why: Because) -> list[Effect]:
        return [deadlines.undo(connection, enrollment, change, because=why)]

    _do(_why(reason, by, document), act, dry_run=dry_run, as_json=as_json)


@app.command(name="void-fact")
def void_fact(
    enrollment: str,
    milestone: str,
    occurred_on: date,
    *,
    reason: Reason,
    reference: OwnReference = None,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Void a fact that is wrong: the stage is worked out anew, and what went out on the strength of it is listed.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        milestone: what it was, by its code.
        occurred_on: the day it was recorded for.
    """
    from tasks.operations import facts

    wrong = facts.Wrong(enrollment, milestone, occurred_on, reference)
    _do(_why(reason, by, document), lambda c, why: facts.void_fact(c, wrong, why), dry_run=dry_run, as_json=as_json)


@app.command(name="correct-fact")
def correct_fact(
    enrollment: str,
    milestone: str,
    occurred_on: date,
    *,
    reason: Reason,
    to_enrollment: str | None = None,
    to_milestone: str | None = None,
    to_day: date | None = None,
    to_value: int | None = None,
    to_reference: str | None = None,
    reference: OwnReference = None,
    document: Document = "",
    by: By = "operator",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Void a fact and record what it should have been, in one go.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        milestone: what it was, by its code.
        occurred_on: the day it was recorded for.
        to_enrollment: the enrollment that it belongs to.
        to_milestone: what it should have been.
        to_day: the day it should have had.
        to_value: the number it should have had.
        to_reference: the reference it should have had.
    """
    from tasks.operations import facts

    wrong = facts.Wrong(enrollment, milestone, occurred_on, reference)
    right = facts.Right(to_enrollment, to_milestone, to_day, to_value, to_reference)

    def act(connection: Connection, why: Because) -> list[Effect]:
        return facts.correct_fact(connection, wrong, right, because=why)

    _do(_why(reason, by, document), act, dry_run=dry_run, as_json=as_json)


def _why(reason: str, by: str, document: str) -> Because:
    from tasks.operations.asked import Because
    from tasks.sweep import day_to_sweep

    return Because(reason, day_to_sweep(ready(), None), actor=by, reference=document)


def _do(
    why: Because, act: Callable[[Connection, Because], list[Effect]], *, dry_run: bool, as_json: bool
) -> None:
    from tasks.operations.effect import rehearsed

    with rehearsed(ready(), dry_run=dry_run) as connection:
        effects = act(connection, why)
    if as_json:
        say({"dry_run": dry_run, "effects": [effect.as_dict() for effect in effects]}, as_json, str)
        return
    from deployments.printing import print_effect

    for effect in effects:
        print_effect(effect, dry_run=dry_run)
