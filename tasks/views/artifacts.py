"""What operators see in the Prefect UI: runs named by what they did, a table of changes, the portfolio, a case's page.

Codes, days and numbers only: Prefect keeps what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.logging import get_logger
from prefect.runtime import flow_run
from sqlalchemy import select

from models.rules.case import Program
from models.rules.words import Cycle, Language, Risk
from models.schema import INSTALLATION
from tasks.beside import Beside
from tasks.journal import KEPT, Journal, Move, Named
from tasks.looking import Tally
from tasks.shards import sweep_in_shards
from tasks.store.cases import Cursor
from tasks.store.database import engine_of, reading
from tasks.store.programs import program_in_force
from tasks.store.stretches import due_count
from tasks.sweep import BatchResult, sweep_batch
from tasks.views.attention import Wanting, most_at_risk
from tasks.views.case_page import case_key, case_page
from tasks.views.charts import Bar, bars_by_risk
from tasks.views.events import emit_moves
from tasks.views.forms import Forms
from tasks.views.links import artifact_url
from tasks.views.reports import RISKS, Portfolio, change_row, names_of, portfolio

CHANGES_KEY, PORTFOLIO_KEY, PROGRESS_KEY = "sweep-changes", "portfolio", "sweep-progress"
WEEK_KEY = "directors-week"
"""Plots cost a second that a sweep has not: a flow of its own draws them once a week."""


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


def sweep_and_draw(enrollment: str, today: date) -> str:
    """Sweep at once what a form has changed, and draw the page of the case it was about."""
    told = sweep_and_tell(today)
    publish_case(enrollment)
    return f"sweep {today}: {told}"


def sweep_and_tell(as_of: date, shards: int = 1) -> str:
    """Sweep a day, in so many parts at once, and tell of what changed; return it in one line."""
    journal = Journal()
    tally = sweep_in_shards(as_of, shards, journal, run_batch=Watched(as_of))
    told: str = publish_changes(as_of, tally, journal)
    return told


class Watched:
    """Runs the batches of a sweep, and where there is more than one shows how far it has come.

    An import of many, or another policy, makes thousands of cases due.
    """

    def __init__(self, as_of: date) -> None:
        self._as_of = as_of
        self._artifact: UUID | None = None
        self._due = self._done = 0

    def __call__(self, as_of: date, after: Cursor, beside: Beside | None = None) -> BatchResult:
        """Decide the next batch and show what share of all is done."""
        result: BatchResult = sweep_batch(as_of, after, beside)
        self._done += result.tally.due
        if self._artifact is None and result.cursor is not None:
            with reading(engine_of()) as connection:
                self._due = self._done + due_count(connection, as_of)
            made: Any = create_progress_artifact(
                key=PROGRESS_KEY, progress=self._share, description=f"The sweep of {as_of}: {self._due} cases are due.",
            )
            self._artifact = made
        elif self._artifact is not None:
            done = 100.0 if result.cursor is None else self._share
            update_progress_artifact(artifact_id=self._artifact, progress=done)
        return result

    @property
    def _share(self) -> float:
        return min(99.0, round(100 * self._done / max(self._due, 1), 1))


@task(task_run_name="publish what changed on {as_of}", cache_policy=NO_CACHE, persist_result=False)
def publish_changes(as_of: date, tally: Tally, journal: Journal) -> str:
    """Draw the sweep's changes as a table, send their events, and return them in one line."""
    with reading(engine_of()) as connection:
        program = program_in_force(connection)
        names = names_of(connection, {move.case_id for move in journal.moves})
        label = _label(connection)
    moves = [(names[move.case_id], move) for move in journal.moves]
    rows = [change_row(named, move, program)._asdict() for named, move in moves]
    shown = f" The first {KEPT} of each kind; {journal.left_out} more." if journal.left_out else ""
    create_table_artifact(
        key=CHANGES_KEY, table=rows or [{"enrollment": "-", "what": "nothing changed", "detail": ""}],
        description=" ".join([
            f"{label}What the sweep of {as_of} decided.{shown}{_tell(moves)}",
            *(f"**Warning:** {warning}" for warning in journal.warnings),
        ]),
    )
    for warning in journal.warnings:
        get_logger(__name__).warning("%s", warning)
    failed = f", {tally.failed} FAILED" if tally.failed else ""
    return (
        f"{tally.due} due, {tally.steps}, "
        f"{count(tally.notices, 'notice')}, {count(tally.escalations, 'escalation')}{failed}"
    )


def _tell(moves: Sequence[tuple[Named, Move]]) -> str:
    """Send the events; say how many are in this table alone."""
    try:
        left_out = emit_moves(moves)
    except Exception as error:  # noqa: BLE001 - a feed that cannot be written to must not undo what was decided
        get_logger(__name__).warning("events were not sent: %s", type(error).__name__)
        return " No events were sent."
    return f" {left_out} of them are not in the event feed." if left_out else ""


@task(task_run_name="draw the portfolio of {as_of}", cache_policy=NO_CACHE, persist_result=False)
def publish_portfolio(as_of: date) -> int:
    """Draw the open enrollments by stage and risk; return how many there are."""
    with reading(engine_of()) as connection:
        program = program_in_force(connection)
        now, later = portfolio(connection, program), portfolio(connection, program, Cycle.REACCREDITATION)
        worst = most_at_risk(connection, program, today=as_of)
        label = _label(connection)
    create_markdown_artifact(
        key=PORTFOLIO_KEY, markdown=portfolio_page(program, (now, later), (as_of, worst, label)),
        description=f"{label}Open enrollments by stage and risk on {as_of}.",
    )
    return now.open


def _label(connection: Any) -> str:
    is_demo = connection.scalar(select(INSTALLATION.c.is_demo))
    return "Synthetic demonstration. " if is_demo else ""


def portfolio_page(
    program: Program, counted: tuple[Portfolio, Portfolio], given: tuple[date, Sequence[Wanting], str]
) -> str:
    """Draw the portfolio as Markdown: charts and tables by stage and risk, and the cases that need attention.

    Args:
        program: the program in force.
        counted: the enrollments on their way to a first award, and those of the accredited in their next cycle.
        given: the day, the cases that need attention, and the label of a demo.
    """
    now, later = counted
    as_of, worst, label = given
    name = {stage.code: stage.name.text(Language.EN) for stage in program.policy.stages}
    ends = " · ".join(f"{number} {status}" for status, number in sorted(now.ended.items()))
    lines = [
        f"# {program.policy.name.en}", "",
        f"{label}**{as_of}** · {now.open} open · {now.at(Risk.AT_RISK)} at risk · {now.at(Risk.OVERDUE)} overdue"
        + (f" · {ends}" if ends else ""),
        "", *_by_stage(now, name, "Open enrollments by stage"),
    ]
    if later.open:
        title = f"Accredited, in their next cycle: {later.open}"
        lines += ["", f"## {title}", "", *_by_stage(later, name, title)]
    lines += ["", "## Asking for attention", "", *_attention(worst, name, Forms(program, as_of))]
    changed, week = artifact_url(CHANGES_KEY), artifact_url(WEEK_KEY)
    lines += ["", f"[What the last sweep changed]({changed}) · [The week in pictures, drawn on Mondays]({week})"]
    return "\n".join(lines)


def _by_stage(counted: Portfolio, name: dict[str, str], title: str) -> list[str]:
    bars = [Bar(name.get(code, code), risks) for code, risks in counted.stages]
    head = ["| stage | on track | at risk | overdue | open |", "| --- | ---: | ---: | ---: | ---: |"]
    lines = [bars_by_risk(bars, title), "", *head]
    for bar in bars:
        cells = [str(bar.risks.get(risk, 0) or "·") for risk in RISKS]
        lines.append(f"| {bar.name} | {' | '.join(cells)} | {sum(bar.risks.values()) or '·'} |")
    return lines


def _attention(worst: Sequence[Wanting], name: dict[str, str], forms: Forms) -> list[str]:
    """Draw who asks for attention; what is to be done stands first, since a phone shows three columns."""
    if not worst:
        return ["Nothing is at risk or overdue."]
    head = [
        "| enrollment | risk | last safe day | next conference | a miss costs | stage, since | region |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return head + [
        f"| {_linked(each.code, forms)} | {'**overdue**' if each.risk is Risk.OVERDUE else 'at risk'} "
        f"| {each.last_safe} | {each.conference} | {each.miss} "
        f"| {name.get(each.stage, each.stage)}, {each.stage_entered_on} | {each.region} |"
        for each in worst
    ]


def _linked(code: str, forms: Forms) -> str:
    """Return an enrollment's code as a link to the form that draws its page, where its decisions are."""
    url = forms.show(code)
    return f"[{code}]({url})" if url else code


@task(task_run_name="draw a case", cache_policy=NO_CACHE, persist_result=False)
def publish_case(enrollment: str) -> str:
    """Draw one enrollment's page; return its address."""
    found = case_page(engine_of(), enrollment)
    key = case_key(found.code)
    create_markdown_artifact(key=key, markdown=found.markdown, description=f"{found.code} on {found.as_of}")
    return artifact_url(key)
