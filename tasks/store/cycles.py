"""The enrollments that awards open, and the experts who go with the agency into the next cycle: two bulk statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, case, exists, insert, literal, or_, select

from models.rules.decision import Decision
from models.rules.words import Risk, Status
from models.schema import ASSIGNMENT, ENROLLMENT
from tasks.store.bulk import insert_once
from tasks.store.clock import now_in

_E, _A = ENROLLMENT.c, ASSIGNMENT.c
_OLD, _NEW, _HOLDS = ENROLLMENT.alias("earlier"), ENROLLMENT.alias("later"), ASSIGNMENT.alias("holds")
_ON: BindParameter[Any] = bindparam("on", type_=_E.agreement_on.type)
_NEXT_CYCLE = (
    "agency_id", "track", "cycle", "mandatory", "other", "agreement_on", "stage_entered_on", "stage", "stage_seq",
    "status", "risk", "next_review_on", "recorded_at",
)
_OPENED = select(
    _OLD.c.agency_id, _OLD.c.track, _OLD.c.cycle + 1, _OLD.c.mandatory, _OLD.c.other, _ON, _ON,
    bindparam("stage", type_=_E.stage.type), literal(0), bindparam("status", Status.OPEN, type_=_E.status.type),
    bindparam("risk", Risk.ON_TRACK, type_=_E.risk.type), bindparam("today", type_=_E.next_review_on.type),
    bindparam("now", type_=_E.recorded_at.type),
).where(_OLD.c.id == bindparam("id"))
_KEPT = (
    select(
        _A.person_id, _A.post, _NEW.c.id, case((_A.since < _ON, _ON), else_=_A.since), _A.until,
        bindparam("now", type_=_A.recorded_at.type),
    )
    .select_from(ASSIGNMENT)
    .join(_OLD, _OLD.c.id == _A.enrollment_id)
    .join(
        _NEW, and_(_NEW.c.agency_id == _OLD.c.agency_id, _NEW.c.track == _OLD.c.track, _NEW.c.cycle == _OLD.c.cycle + 1)
    )
    .where(
        _OLD.c.id == bindparam("id"), _A.post == bindparam("post", type_=_A.post.type),
        or_(_A.until.is_(None), _A.until >= _ON),
        # Whoever was named for the new cycle by hand stays named.
        ~exists().where(_HOLDS.c.enrollment_id == _NEW.c.id, _HOLDS.c.post == _A.post),
    )
)
_CARRY = insert(ASSIGNMENT).from_select(
    ["person_id", "post", "enrollment_id", "since", "until", "recorded_at"], _KEPT
)


def open_cycles(connection: Connection, decisions: Sequence[Decision], today: date) -> None:
    """Open what the awards among these decisions open, with the experts who are kept: once, whoever opens it first."""
    awards = [(d.case_id, d.next_cycle) for d in decisions if d.next_cycle is not None]
    if not awards:
        return
    now = now_in(connection)
    rows = [{"id": n, "on": next_.award_on, "stage": next_.stage, "today": today, "now": now} for n, next_ in awards]
    connection.execute(insert_once(connection, ENROLLMENT).from_select(_NEXT_CYCLE, _OPENED), rows)
    kept = [
        {"id": n, "on": next_.award_on, "post": post, "now": now} for n, next_ in awards for post in next_.keeps
    ]
    if kept:
        connection.execute(_CARRY, kept)
