"""The week in one line: that nothing came is news too, once somebody expects this line."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from sqlalchemy import func, select

from models.rules.alarms import WORDS
from models.rules.words import Language, NoticeState
from models.schema import NOTICE, STAGE_CHANGE, SWEEP
from tasks.store import clock
from tasks.store.database import engine_of, reading
from tasks.store.programs import program_in_force
from tasks.views.health import findings
from tasks.views.reports import status

HEARTBEAT_KEY = "heartbeat"
WEEK = timedelta(days=7)


@task(task_run_name="the week in one line", cache_policy=NO_CACHE, persist_result=False)
def publish_heartbeat() -> str:
    """Publish the week as an artifact and return it as one line."""
    n = NOTICE.c
    with reading(engine_of()) as connection:
        program = program_in_force(connection)
        now = clock.now_in(connection)
        today = now.astimezone(ZoneInfo(program.policy.zone)).date()
        here = status(connection, program, today)
        this_week = (n.decided_on > today - WEEK) & (n.decided_on <= today)
        counted = connection.execute(select(n.state, func.count()).where(this_week).group_by(n.state))
        told: dict[NoticeState, int] = dict(counted.tuples().all())
        swept = (SWEEP.c.as_of > today - WEEK) & (SWEEP.c.as_of <= today)
        sweeps, back = connection.execute(
            select(func.count(), func.coalesce(func.sum(SWEEP.c.sent_back), 0)).where(swept)
        ).one()
        s = STAGE_CHANGE.c
        fell = s.takes_back.is_not(None) & (s.decided_on > today - WEEK) & (s.decided_on <= today)
        fallen = connection.scalar(select(func.count()).where(fell))
        wrong = findings(connection, now)
    queue = f"{here.notices_pending} in the queue" if here.notices_pending else "queue empty"
    line = (
        f"{here.open} open, {here.due} due, {told.get(NoticeState.SENT, 0)} reminded, "
        f"{told.get(NoticeState.SUPPRESSED, 0)} suppressed, {queue}"
    )
    troubles = [f"- **{f.alarm}** {WORDS[f.alarm][Language.EN].what} ({f.detail})" for f in wrong]
    create_markdown_artifact(
        key=HEARTBEAT_KEY, description=f"The week until {today}",
        markdown="\n".join([
            f"# The week until {today}", "",
            f"{line}; {sweeps} sweeps.", "",
            f"{back} sent back by a verdict, {fallen} by a fact that was voided.", "",
            *(troubles or ["Nothing is wrong."]),
        ]),
    )
    return line
