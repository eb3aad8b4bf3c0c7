"""What a mail says of an escalation's past: read from what was sent, recorded and answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, update

from models.rules.words import NoticeState, Post, Reason
from models.schema import EMAIL, ESCALATION, MILESTONE, NOTICE, PERSON
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tests.building import case, crew, day, program
from tests.storing import install

STALLED, CLIMBED, TOP = day(61), day(76), day(106)


def live(engine: Engine, folder: Path, on: date) -> list[str]:
    """Sweep and deliver on a day; return the texts of its mail about the stall, in one line each."""
    instant = datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
    with transaction(engine) as connection:
        clock.set_clock(connection, instant)
    sweep(on)
    deliver(engine, FolderSender(folder), clock.stopped(instant))
    with reading(engine) as connection:
        mailed = select(EMAIL.c.text).join(NOTICE, NOTICE.c.email_id == EMAIL.c.id)
        texts = connection.scalars(mailed.where(NOTICE.c.rule == "stall", EMAIL.c.day == on).distinct()).all()
    return [" ".join(text.split()) for text in texts]


def stalled(engine: Engine, **more: Any) -> None:
    install(engine, program().policy, [replace(case(**more), id=1)])
    with transaction(engine) as connection:
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City", language="en"))


def test_each_rung_is_told_who_heard_before_who_took_it_and_what_is_new(store: Engine, tmp_path: Path) -> None:
    stalled(store)
    first = live(store, tmp_path, STALLED)
    assert not [text for text in first if "Told so far" in text]
    with transaction(store) as connection:
        took = {"acknowledged_by": "P3", "acknowledged_on": day(62), "acknowledged_reason": "meeting_agreed"}
        connection.execute(update(ESCALATION).where(ESCALATION.c.rule == "stall").values(**took))
        # No activity: the stall stands.
        fact = {"enrollment_id": 1, "milestone": "contacts_confirmed", "occurred_on": day(65), "recorded_by": "P3"}
        connection.execute(insert(MILESTONE), fact | {"reference": "", "recorded_at": clock.now_in(connection)})
    (second,) = live(store, tmp_path, CLIMBED)
    assert "New since March 2, 2020: contacts confirmed (March 6, 2020)" in second
    assert "Told so far: " in second
    assert "(first subject matter expert) on March 2, 2020" in second
    assert "on March 3, 2020 (a meeting is agreed); it is still open" in second
    assert "Decision asked of you: what is done, by whom and by which day" in second
    (third,) = live(store, tmp_path, TOP)
    assert "New since March 17, 2020: nothing was recorded" in third
    assert "(regional manager) on March 17, 2020" in third


def test_an_empty_rung_is_skipped_on_the_same_day_and_the_next_one_is_told_so(store: Engine, tmp_path: Path) -> None:
    stalled(store, seats=crew(without=["sme_1", "sme_2"]))
    (text,) = live(store, tmp_path, STALLED)
    assert "Nobody to tell before you: first subject matter expert, second subject matter expert" in text
    n = NOTICE.c
    with reading(store) as connection:
        kept = connection.execute(select(n.post, n.state, n.reason).where(n.rule == "stall").order_by(n.id)).all()
    assert [tuple(row) for row in kept] == [
        (Post.SME_1, NoticeState.SUPPRESSED, Reason.NO_RECIPIENT),
        (Post.SME_2, NoticeState.SUPPRESSED, Reason.NO_RECIPIENT),
        (Post.REGIONAL_MANAGER, NoticeState.SENT, None),
    ]
