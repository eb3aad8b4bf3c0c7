"""What operators see in the Prefect UI: runs named by what they did, a table of changes, the portfolio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from sqlalchemy import Row, select

from models.rules.case import Program
from models.rules.naming import enrollment_code
from models.rules.words import Cycle, Language, Risk
from models.schema import INSTALLATION
from tasks.store.database import engine_of, reading
from tasks.store.programs import program_in_force
from tasks.sweep import Tally
from tasks.views.reports import RISKS, ROWS_SHOWN, Portfolio, changes, most_at_risk, portfolio

CHANGES_KEY, PORTFOLIO_KEY = "sweep-changes", "portfolio"
WORST_SHOWN = 15
BAR = 24


def name_this_run(name: str) -> None:
    """Rename the running flow run by what it did, so that the list of runs tells the story."""
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=name)


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> count(1, "escalation"), count(0, "escalation"), count(2, "case is", "cases are")
    ('1 escalation', '0 escalations', '2 cases are')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


@task(task_run_name="publish the sweep of {as_of}", cache_policy=NO_CACHE, persist_result=False)
def publish_sweep(as_of: date, tally: Tally) -> str:
    """Draw the day's changes and the portfolio as artifacts and return the run's name."""
    with reading(engine_of()) as connection:
        program = program_in_force(connection)
        rows = changes(connection, program, as_of)
        now, later = portfolio(connection, program), portfolio(connection, program, Cycle.REACCREDITATION)
        worst = most_at_risk(connection, WORST_SHOWN)
        is_demo = bool(connection.scalar(select(INSTALLATION.c.is_demo)))
    label = "Synthetic demonstration. " if is_demo else ""
    shown = f" (the first {ROWS_SHOWN} of each kind)" if len(rows) >= ROWS_SHOWN else ""
    create_table_artifact(
        key=CHANGES_KEY,
        table=[{"enrollment": row.enrollment, "what": row.what, "detail": row.detail} for row in rows]
        or [{"enrollment": "-", "what": "nothing changed", "detail": ""}],
        description=f"{label}What the sweep of {as_of} decided{shown}.",
    )
    create_markdown_artifact(
        key=PORTFOLIO_KEY, markdown=portfolio_page(program, (now, later), (as_of, worst, label)),
        description=f"{label}Open enrollments by stage and risk on {as_of}.",
    )
    failed = f", {tally.failed} FAILED" if tally.failed else ""
    return (
        f"sweep {as_of}: {now.open} open, {tally.due} due, {tally.advances} advanced, "
        f"{count(tally.notices, 'notice')}, {count(tally.escalations, 'escalation')}{failed}"
    )


def portfolio_page(
    program: Program, counted: tuple[Portfolio, Portfolio], given: tuple[date, Sequence[Row[Any]], str]
) -> str:
    """Draw the portfolio as Markdown: tables by stage and risk with bars, and the cases that need attention.

    Args:
        program: the program in force.
        counted: the enrollments on their way to a first award, and those of the accredited in their next cycle.
        given: the day, the cases that need attention, and the label of a demo.
    """
    now, later = counted
    as_of, worst, label = given
    name = {stage.code: stage.name.text(Language.EN) for stage in program.policy.stages}
    lines = [
        f"# {program.policy.name.en}", "",
        f"{label}**{as_of}** · {now.open} open · {now.at(Risk.AT_RISK)} at risk · {now.at(Risk.OVERDUE)} overdue · "
        + " · ".join(f"{number} {status}" for status, number in sorted(now.ended.items())),
        "", *_by_stage(now, name),
    ]
    if later.open:
        lines += ["", f"## Accredited, in their next cycle: {later.open}", "", *_by_stage(later, name)]
    lines += ["", "## Asking for attention", "", *_attention(worst, name)]
    return "\n".join(lines)


def _by_stage(counted: Portfolio, name: dict[str, str]) -> list[str]:
    most = max((sum(risks.values()) for _, risks in counted.stages), default=0) or 1
    lines = ["| stage | on track | at risk | overdue | open | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for code, risks in counted.stages:
        cells = [str(risks.get(risk, 0) or "·") for risk in RISKS]
        total = sum(risks.values())
        bar = f"`{'█' * max(1, round(BAR * total / most))}`" if total else ""
        lines.append(f"| {name.get(code, code)} | {' | '.join(cells)} | {total or '·'} | {bar} |")
    return lines


def _attention(worst: Sequence[Row[Any]], name: dict[str, str]) -> list[str]:
    if not worst:
        return ["Nothing is at risk or overdue."]
    head = ["| enrollment | region | stage | in it since | agreement | risk |", "| --- | --- | --- | --- | --- | --- |"]
    return head + [
        f"| {enrollment_code(row.code, row.track, row.cycle)} | {row.region} | {name.get(row.stage, row.stage)} "
        f"| {row.stage_entered_on} | {row.agreement_on} | {'**overdue**' if row.risk is Risk.OVERDUE else 'at risk'} |"
        for row in worst
    ]
