"""The whole program for the mail of the week: awards against the target, what escalations led to, its governments.

A few cheap queries, and the numbers that the forecast stored: nothing is forecast while mail is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, or_, select

from models.rules.case import Program
from models.rules.naming import enrollment_code
from models.rules.reporting.glances import Raised
from models.rules.reporting.weeks import LED_DAYS, Led, lacking, led
from models.rules.words import Status
from models.schema import AGENCY, ENROLLMENT, ESCALATION, FORECAST, same

_E, _A, _X, _F = ENROLLMENT.c, AGENCY.c, ESCALATION.c, FORECAST.c
_FIRST = (
    select(_E.id, _E.agency_id, _E.status, _E.stage, _E.track, _E.cycle, _A.code, _A.name, _A.kind, _A.government)
    .join(AGENCY, _A.id == _E.agency_id)
    .where(_E.cycle == 1, or_(same(_E.status, Status.OPEN), same(_E.status, Status.AWARDED)))
    .order_by(_A.government, _E.id)
)
_LAST = select(func.max(_F.id)).group_by(_F.enrollment_id)
_FORECASTS = select(_F.enrollment_id, _F.p50).where(_F.id.in_(_LAST))
_SINCE: Any = bindparam("since")
_RAISED = select(_X.rule, _X.opened_on, _X.rung, _X.acknowledged_on, _X.closed_on, _X.closing).where(
    or_(_X.closed_on.is_(None), _X.closed_on > _SINCE)
)


class Short(NamedTuple):
    """A government with all kinds of agency accredited but one; `standing` is the open case of that, by its stage."""

    government: str
    lacks: str
    standing: str
    stage: str


class Whole(NamedTuple):
    """The program on a day. `likely` agencies more have the median day of their award by the target's.

    None where there is no target, or no forecast of any open enrollment was stored.
    """

    accredited: int
    likely: int | None
    led: Sequence[Led]
    short: Sequence[Short]


def whole_of(connection: Connection, program: Program, today: date) -> Whole:
    """Read the program as it stands on a day that is today."""
    rows = connection.execute(_FIRST).all()
    accredited = {row.agency_id for row in rows if row.status is Status.AWARDED}
    since = today - timedelta(days=LED_DAYS)
    raised = [
        Raised(
            "", "", row.rule, row.opened_on, row.rung,
            min((on for on in (row.acknowledged_on, row.closed_on) if on is not None), default=None),
            row.closed_on, row.closing,
        )
        for row in connection.execute(_RAISED, {"since": since})
    ]
    ladders = {name: len(rule.ladder) for name, rule in program.escalations.items()}
    likely = _likely(connection, rows, program)
    return Whole(
        len(accredited), None if likely is None else len(likely - accredited),
        list(led(raised, ladders, since=since)), _short(rows, program),
    )


def _likely(connection: Connection, rows: Sequence[Any], program: Program) -> set[int] | None:
    terms = program.policy.forecast
    if terms is None or terms.target is None:
        return None
    median = {row.enrollment_id: row.p50 for row in connection.execute(_FORECASTS)}
    known = [row for row in rows if row.status is Status.OPEN and row.id in median]
    by = terms.target.by
    return {row.agency_id for row in known if (median[row.id] or date.max) <= by} if known else None


def _short(rows: Sequence[Any], program: Program) -> list[Short]:
    by_government: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.government:
            by_government[row.government].append(row)
    found = []
    for government, mine in by_government.items():
        has = {row.kind for row in mine if row.status is Status.AWARDED}
        lacks = lacking(list(program.policy.kinds), has)
        if lacks is None:
            continue
        standing = next((row for row in mine if row.kind == lacks), None)
        code = "" if standing is None else enrollment_code(standing.code, standing.track, standing.cycle)
        found.append(Short(government, lacks, code, "" if standing is None else standing.stage))
    return found
