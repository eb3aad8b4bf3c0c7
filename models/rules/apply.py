"""apply(case, decision): the case as it stands once a decision was written down, without a database."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from models.rules.case import Case, Said, Standing
from models.rules.decision import Decision
from models.rules.words import SCOPE_OF, EscalationState, NoticeState, Scope, Status


def apply(case: Case, decision: Decision) -> Case:
    """Return the case after its decision, as the store would read it back; new rows get the next free ids.

    Facts, seats and deadline changes are left alone: no decision makes them.
    """
    return replace(
        case,
        stage=decision.stage,
        stage_entered_on=decision.stage_entered_on,
        stage_seq=decision.stage_seq,
        status=decision.status,
        reentered_on=decision.reentered_on,
        said=_said(case, decision),
        standings=_standings(case, decision),
        risk=decision.risk,
        pace=decision.pace,
        fit=decision.forecast.fit if decision.forecast is not None else case.fit,
    )


def next_case(case: Case, decision: Decision, number: int) -> Case | None:
    """Return the enrollment that an award opens, as the store would open it under this number; None without an award.

    The agency's, the region's and the program's seats are there already; of the enrollment's own those are carried over
    that the program keeps, from the award on.
    """
    opened = decision.next_cycle
    if opened is None:
        return None
    on = opened.award_on
    seats = [
        seat if SCOPE_OF[seat.post] is not Scope.ENROLLMENT else seat._replace(since=max(seat.since, on))
        for seat in case.seats
        if SCOPE_OF[seat.post] is not Scope.ENROLLMENT
        or (seat.post in opened.keeps and (seat.until is None or seat.until >= on))
    ]
    return Case(
        number, case.track, opened.stage, on, 0, Status.OPEN, on, case.mandatory, case.other, seats=seats,
        site=case.site, staff=case.staff, cycle=opened.cycle,
    )


def _said(case: Case, decision: Decision) -> list[Said]:
    why = {cancelling.notice_id: cancelling.reason for cancelling in decision.cancellings}
    revived = set(decision.revived)
    kept = [n._replace(state=NoticeState.CANCELLED, reason=why[n.id]) if n.id in why else n for n in case.said]
    kept = [n._replace(state=NoticeState.PENDING, reason=None) if n.id in revived else n for n in kept]
    ids = count(max((notice.id for notice in case.said), default=0) + 1)
    return [*kept, *(Said(next(ids), telling.key, telling.state, telling.reason) for telling in decision.tellings)]


def _standings(case: Case, decision: Decision) -> list[Standing]:
    moved = {standing.id: standing for standing in decision.moved}
    closed = {over.escalation_id: over.on for over in decision.closed}
    kept = [moved.get(standing.id, standing) for standing in case.standings]
    kept = [
        s._replace(state=EscalationState.CLOSED, closed_on=closed[s.id]) if s.id in closed else s for s in kept
    ]
    ids = count(max((standing.id for standing in case.standings), default=0) + 1)
    return [*kept, *(standing._replace(id=next(ids)) for standing in decision.opened)]
