"""Notices about people: what their mails of the week and reminders of a report are written from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection

from models.rules.case import Program
from models.rules.words import NoticeState, Reason, Subject
from models.schema import NOTICE
from tasks.store.bulk import add_once
from tasks.store.clock import now_in


def tell(connection: Connection, program: Program, notices: Iterable[Mapping[str, Any]], *, today: date) -> int:
    """Decide notices about people, each once; return how many that added. Before mail begins they are kept back."""
    silent = program.live_from is None or today < program.live_from
    shared = {
        "subject_kind": Subject.PERSON, "decided_on": today, "facts": {}, "policy_version_id": program.version,
        "state": NoticeState.SUPPRESSED if silent else NoticeState.PENDING,
        "reason": Reason.BEFORE_LIVE if silent else None, "recorded_at": now_in(connection),
    }
    return sum(
        add_once(connection, NOTICE, {**notice, **shared}, returning=NOTICE.c.id).first() is not None
        for notice in notices
    )
