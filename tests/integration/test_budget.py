"""The budget of a week and the cap of a run, on both databases: what waits is never lost, and says until when."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from models.rules.errors import Refused
from models.rules.policy import Policy
from models.rules.policy.checks import parse_policy
from models.rules.words import BatchState, EmailKind, NoticeState, Reason, Release
from models.schema import EMAIL, INCIDENT, NOTICE
from tasks.mail.outbox.parked import parked, settle_batch
from tasks.store.database import reading, transaction
from tasks.views.asked import not_told
from tasks.views.ledger import ledger, wanted_by
from tests.building import document
from tests.integration.test_deliver import MONDAY, NOW, Desk, at

NEXT_MONDAY = MONDAY + timedelta(days=7)


def policy(**mail: int) -> Policy:
    return parse_policy(deepcopy(document()) | {"mail": mail})


def desk_with(store: Engine, folder: Path, **mail: int) -> Desk:
    return Desk(store, folder / "mail", policy(**mail))


def mailed(desk: Desk) -> list[tuple[date, EmailKind]]:
    return sorted((row[0], row[1]) for row in desk.rows(EMAIL, "day", "kind"))


def on(desk: Desk, weekday: int, rule: str = "limit", **more: Any) -> None:
    """Decide a notice on a weekday of the first week, and deliver on that day."""
    day = MONDAY + timedelta(days=weekday)
    row = {"planned_for": day, "decided_on": day, **more}
    desk.escalated(**row) if rule == "stall" else desk.notice(rule, **row)
    desk.run(at(18, on=day))


def test_over_the_budget_notices_join_the_next_weeks_digest_and_none_is_lost(store: Engine, tmp_path: Path) -> None:
    desk = desk_with(store, tmp_path, a_week=2)
    on(desk, 0)
    on(desk, 1, occurrence="7", subject_id=2)
    on(desk, 2, "stall")
    on(desk, 3, occurrence="60", subject_id=3)
    assert mailed(desk) == [(MONDAY, EmailKind.DIGEST), (MONDAY + timedelta(days=1), EmailKind.DIGEST)]
    assert Counter(row[0] for row in desk.rows(NOTICE, "waits_until")) == {None: 2, NEXT_MONDAY: 2}
    with reading(store) as connection:
        assert [each.reason for each in ledger(connection, wanted_by(connection)) if each.outcome == "waiting"] == [
            f"over_budget until {NEXT_MONDAY}"
        ] * 2
    desk.run(at(18, on=NEXT_MONDAY))
    assert mailed(desk)[2:] == [(NEXT_MONDAY, EmailKind.DIGEST)], "an escalation that waited travels in the digest"
    assert desk.notices() == [NoticeState.SENT] * 4


def test_the_last_email_of_a_week_carries_both_kinds(lite: Engine, tmp_path: Path) -> None:
    desk = desk_with(lite, tmp_path, a_week=1)
    desk.notice()
    desk.escalated()
    desk.run(at(18))
    assert mailed(desk) == [(MONDAY, EmailKind.DIGEST)]
    assert desk.notices() == [NoticeState.SENT] * 2


def test_why_not_says_that_the_week_has_no_email_left(lite: Engine, tmp_path: Path) -> None:
    desk = desk_with(lite, tmp_path, a_week=1)
    on(desk, 0)
    on(desk, 1, "window_closes")
    told = " ".join(each.text for each in not_told(lite, ("A1/law_enforcement_tier1", "P1"), MONDAY + timedelta(1)))
    assert f"waits until {NEXT_MONDAY}: its reader's week has no email left" in told


def crowd(desk: Desk) -> None:
    """Let four people be told of something on one day."""
    for number, post in ((11, "sme_1"), (12, "sme_2"), (13, "regional_manager"), (14, "director")):
        desk.person(number, post)
        desk.notice(post=post)


def test_what_exceeds_the_cap_of_a_run_is_parked_and_later_runs_go_on(store: Engine, tmp_path: Path) -> None:
    desk = desk_with(store, tmp_path, a_run=2)
    crowd(desk)
    done = desk.run(at(18))
    assert (done.sent, done.parked, done.batch) == (2, 2, 1)
    assert ", 2 PARKED" in done.asides()
    assert sorted(desk.notices()) == [NoticeState.PENDING] * 2 + [NoticeState.SENT] * 2
    with reading(store) as connection:
        assert "batch 1" in set(connection.scalars(select(INCIDENT.c.subject)))
        (batch,) = parked(connection)
        assert (batch.state, batch.emails, batch.waiting) == (BatchState.PARKED, 2, 2)
        assert [each.reason for each in ledger(connection, wanted_by(connection)) if each.outcome == "waiting"] == [
            "parked", "parked"
        ]
    desk.notice("window_closes", "accreditation_manager")
    assert desk.run(at(19)).sent == 1, "what is new is not held up by it"
    assert desk.run(at(19)).parked == 0


@pytest.mark.parametrize(
    ("verdict", "state", "reason"),
    [(Release.RELEASE, NoticeState.SENT, None), (Release.CANCEL, NoticeState.CANCELLED, Reason.BY_OPERATOR)],
)
def test_an_operator_releases_or_cancels_a_batch_once(
    lite: Engine, tmp_path: Path, verdict: Release, state: NoticeState, reason: Reason | None
) -> None:
    desk = desk_with(lite, tmp_path, a_run=1)
    crowd(desk)
    desk.run(at(18))
    with transaction(lite) as connection:
        assert settle_batch(connection, 1, verdict, actor="op", now=NOW) == 3
    desk.run(at(19))
    assert Counter(desk.rows(NOTICE, "state", "reason"))[state, reason] == 3 + (state is NoticeState.SENT)
    with transaction(lite) as connection, pytest.raises(Refused, match="already"):
        settle_batch(connection, 1, verdict, actor="op", now=NOW)
    with transaction(lite) as connection, pytest.raises(Refused, match="acredita parked"):
        settle_batch(connection, 7, verdict, actor="op", now=NOW)


def test_what_was_released_leaves_the_cap_to_what_is_new(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with(lite, tmp_path, a_run=1)
    crowd(desk)
    desk.run(at(18))
    with transaction(lite) as connection:
        assert settle_batch(connection, 1, Release.RELEASE, actor="op", now=NOW) == 3
    monkeypatch.setattr("tasks.mail.deliver.NOTICES_A_RUN", 3)
    desk.notice("window_closes", "accreditation_manager")
    done = desk.run(at(19))
    assert (done.sent, done.parked) == (4, 0), "the run looks for what is new once the batch is gone"


def test_a_parked_notice_that_lost_its_meaning_is_not_released(lite: Engine, tmp_path: Path) -> None:
    desk = desk_with(lite, tmp_path, a_run=1)
    crowd(desk)
    desk.run(at(18))
    with transaction(lite) as connection:
        gone = update(NOTICE).where(NOTICE.c.batch_id == 1, NOTICE.c.post == "director")
        connection.execute(gone.values(state=NoticeState.CANCELLED, reason=Reason.DEADLINE_MOVED))
        assert settle_batch(connection, 1, Release.RELEASE, actor="op", now=NOW) == 2
    desk.run(at(19))
    assert Counter(desk.notices()) == {NoticeState.SENT: 3, Reason.DEADLINE_MOVED: 1}
