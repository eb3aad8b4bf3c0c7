"""What was decided of a case and waits, for its reader's week or for an operator: what no rule can know."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select

from models.rules.explain import Outcome, Sentence, which
from models.rules.words import NoticeState
from models.schema import NOTICE, OF_A_CASE, same
from tasks.mail.outbox.parked import FREE

_N = NOTICE.c
_WAITING = select(
    _N.rule, _N.occurrence, _N.anchor_on, _N.post, _N.waits_until, _N.batch_id, FREE.label("is_free")
).where(OF_A_CASE, same(_N.state, NoticeState.PENDING)).order_by(_N.id)


def waits(connection: Connection, enrollment_id: int, day: date) -> list[Sentence]:
    """Say of each notice of a case that was decided by a day and is pending still what keeps it, if anything does."""
    found = []
    for row in connection.execute(_WAITING.where(_N.subject_id == enrollment_id, _N.decided_on <= day)):
        said = f'"{row.rule}" {which(row.occurrence)} {row.anchor_on}, to {row.post.replace("_", " ")}, waits'
        if not row.is_free:
            text = f"{said} in batch {row.batch_id} for an operator: one run had too much mail."
            found.append(Sentence(row.rule, Outcome.HELD_BACK, None, text))
        elif row.waits_until is not None:
            text = f"{said} until {row.waits_until}: its reader's week has no email left, and it joins the next digest."
            found.append(Sentence(row.rule, Outcome.HELD_BACK, row.waits_until, text))
    return found
