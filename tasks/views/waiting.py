"""What was decided of a case and waits, for its reader's week or for an operator: what no rule can know."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select

from models.rules.explaining.telling import which
from models.rules.explaining.view import Outcome, Sentence
from models.rules.policy import Policy
from models.rules.spanish import say
from models.rules.words import Language, NoticeState
from models.schema import NOTICE, OF_A_CASE, same
from tasks.mail.outbox.parked import FREE

_N = NOTICE.c
_WAITING = select(
    _N.rule, _N.occurrence, _N.anchor_on, _N.post, _N.waits_until, _N.batch_id, FREE.label("is_free")
).where(OF_A_CASE, same(_N.state, NoticeState.PENDING)).order_by(_N.id)


def waits(
    connection: Connection, enrollment_id: int, day: date, *, policy: Policy, language: Language = Language.EN
) -> list[Sentence]:
    """Say of each notice of a case that was decided by a day and is pending still what keeps it, if anything does."""
    found = []
    for row in connection.execute(_WAITING.where(_N.subject_id == enrollment_id, _N.decided_on <= day)):
        known = {
            "rule": row.rule, "which": which(row.occurrence, language), "on": row.anchor_on,
            "post": policy.posts[row.post].text(language),
        }
        if not row.is_free:
            text = (
                '"{rule}" {which} {on}, to {post}, waits in batch {batch} for an operator: one run had too much mail.'
            )
            text = say(language, text, batch=row.batch_id, **known)
            found.append(Sentence(row.rule, Outcome.HELD_BACK, None, text))
        elif row.waits_until is not None:
            text = (
                '"{rule}" {which} {on}, to {post}, waits until {until}: its reader\'s week has no email left, and it'
                " joins the next digest."
            )
            text = say(language, text, until=row.waits_until, **known)
            found.append(Sentence(row.rule, Outcome.HELD_BACK, row.waits_until, text))
    return found
