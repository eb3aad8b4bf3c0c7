"""The reminder of a quarterly report on both databases: each person and day once, until the report is handed in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from models.rules.policy.mailing import Mailing
from models.rules.reporting.quarters import Quarter
from models.rules.words import EmailKind, EmailState, NoticeState, Reason
from models.schema import EMAIL, NOTICE, PERSON
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.reports.reasons import file_report
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import put_in_force
from tasks.weekly.reports import RULE, decide_reminders
from tests.building import case, program
from tests.storing import NOW, install

QUARTER, DUE = Quarter(2020, 1), date(2020, 4, 30)


@pytest.fixture
def stocked(store: Engine) -> Engine:
    install(store, program().policy, [case()])
    with transaction(store) as connection:
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City"))
    return store


def live(engine: Engine, folder: Path, on: date) -> int:
    instant = datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
    with transaction(engine) as connection:
        clock.set_clock(connection, instant)
        added = decide_reminders(connection, on)
    deliver(engine, FolderSender(folder), clock.stopped(instant))
    return added


def told(engine: Engine) -> list[tuple[Any, ...]]:
    n = NOTICE.c
    with reading(engine) as connection:
        rows = connection.execute(
            select(n.occurrence, n.anchor_on, n.state, n.reason).where(n.rule == RULE).order_by(n.id)
        )
        return [tuple(row) for row in rows]


def test_the_director_is_reminded_once_on_each_day_and_no_more_once_it_is_handed_in(
    stocked: Engine, tmp_path: Path
) -> None:
    added = [live(stocked, tmp_path / "mail", date(2020, 4, on)) for on in (9, 13, 14, 22, 24, 24)]
    assert added == [0, 1, 0, 0, 1, 0], "day 10 and day 23 were missed: the nearest is told the day after, once"
    assert told(stocked) == [("20", DUE, NoticeState.SENT, None), ("7", DUE, NoticeState.SENT, None)]
    with reading(stocked) as connection:
        text = " ".join((connection.scalar(select(EMAIL.c.text).order_by(EMAIL.c.id)) or "").split())
    assert "Quarterly report 2020Q1: owed by April 30, 2020" in text
    assert "acredita report quarterly 2020Q1" in text
    assert "17 days are left" in text
    assert "rule “quarterly_report” addresses your post (program director)" in text
    with transaction(stocked) as connection:
        file_report(connection, QUARTER, date(2020, 4, 24), actor="P1")
    assert live(stocked, tmp_path / "mail", date(2020, 4, 29)) == 0
    assert live(stocked, tmp_path / "mail", date(2020, 5, 4)) == 0


def test_where_the_week_has_no_email_left_it_waits_for_the_next(stocked: Engine, tmp_path: Path) -> None:
    put_in_force(stocked, program().policy.model_copy(update={"mail": Mailing(a_week=1)}))
    other = {
        "person_id": 1, "day": date(2020, 4, 13), "kind": EmailKind.DIGEST, "state": EmailState.SENT, "address": "-",
        "reference": "7F3K-2Q9D", "subject": "-", "text": "-", "html": "-", "claimed_at": NOW, "attempt": 1,
    }
    with transaction(stocked) as connection:
        connection.execute(insert(EMAIL), other)
    assert live(stocked, tmp_path / "mail", date(2020, 4, 13)) == 1
    assert told(stocked) == [("20", DUE, NoticeState.PENDING, None)]
    assert live(stocked, tmp_path / "mail", date(2020, 4, 20)) == 0
    assert told(stocked) == [("20", DUE, NoticeState.SENT, None)]


def test_what_is_pending_when_the_report_is_handed_in_is_not_mailed(stocked: Engine, tmp_path: Path) -> None:
    with transaction(stocked) as connection:
        clock.set_clock(connection, datetime(2020, 4, 13, 11, tzinfo=UTC))
        assert decide_reminders(connection, date(2020, 4, 13)) == 1
        file_report(connection, QUARTER, date(2020, 4, 13), actor="P1")
    assert live(stocked, tmp_path / "mail", date(2020, 4, 13)) == 0
    assert told(stocked) == [("20", DUE, NoticeState.CANCELLED, Reason.FULFILLED)]
