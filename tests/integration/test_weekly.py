"""The mail of the week on both databases: once a person and week, about all that they hold, through the same outbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from models.rules.errors import Refused
from models.rules.words import EmailKind, EmailState, Language, NoticeState, Post, Reason, Subject
from models.schema import (
    AGENCY,
    ASSIGNMENT,
    EMAIL,
    ENROLLMENT,
    ESCALATION,
    INCIDENT,
    INSTALLATION,
    NOTICE,
    PERSON,
    STAGE_CHANGE,
)
from tasks.mail import rendering
from tasks.mail.deliver import deliver, rehearse
from tasks.mail.senders.folder import FolderSender
from tasks.reports.weekly import weekly
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import put_in_force
from tasks.sweep import sweep
from tasks.views.asked import not_told
from tasks.views.ledger import ledger, wanted_by
from tasks.weekly.deciding import decide_weekly
from tasks.weekly.whole import whole_of
from tests.building import case, day, program
from tests.storing import NOW, install

MONDAY = date(2020, 3, 9)
"""The stall of a case without any fact has climbed to its experts by then."""
EXPERT, MANAGER = 2, 3


@pytest.fixture
def stocked(store: Engine) -> Engine:
    """Three cases of one pair, whose first expert reads English, and a manager who reads Spanish."""
    lives: list[dict[str, Any]] = [{}, {"facts": [("visit", 65)]}, {"stage": "proofs", "entered": 40}]
    policy = program().policy.model_copy(update={"weekly": program().policy.weekly[:2]})
    install(store, policy, [replace(case(**life), id=n) for n, life in enumerate(lives, 1)])
    zoned = {"time_zone": "America/Mexico_City", "recorded_at": NOW, "surname": "Paz"}
    people = [
        {"id": EXPERT, "code": "P2", "given_names": "Eva", "email": "eva@example.org", "language": Language.EN},
        {"id": MANAGER, "code": "P3", "given_names": "Rosa", "email": "rosa@example.org", "language": Language.ES_MX},
    ]
    a = ASSIGNMENT.c
    with transaction(store) as connection:
        connection.execute(insert(PERSON), [person | zoned for person in people])
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City"))
        connection.execute(update(ASSIGNMENT).where(a.post.in_([Post.SME_1, Post.SME_2])).values(person_id=EXPERT))
        connection.execute(update(ASSIGNMENT).where(a.post == Post.REGIONAL_MANAGER).values(person_id=MANAGER))
    return store


def live(engine: Engine, folder: Path, on: date) -> int:
    """Sweep, decide the week and deliver on a day; return how many notices of the week that added."""
    instant = datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
    with transaction(engine) as connection:
        clock.set_clock(connection, instant)
    sweep(on)
    with transaction(engine) as connection:
        added = decide_weekly(connection, on)
    deliver(engine, FolderSender(folder), clock.stopped(instant))
    return added


def mailed(engine: Engine) -> dict[int, list[str]]:
    """Return the texts of the weekly mails by person, each in one line."""
    found: dict[int, list[str]] = {}
    with reading(engine) as connection:
        query = select(EMAIL.c.person_id, EMAIL.c.text).where(EMAIL.c.kind == EmailKind.WEEKLY).order_by(EMAIL.c.id)
        for person, text in connection.execute(query):
            found.setdefault(person, []).append(" ".join(text.split()))
    return found


def told(engine: Engine) -> list[tuple[Any, ...]]:
    n = NOTICE.c
    query = select(n.subject_id, n.rule, n.occurrence, n.state, n.reason).where(n.subject_kind == Subject.PERSON)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query.order_by(n.id))]


def test_each_gets_one_mail_a_week_about_what_they_hold_whatever_runs_twice(stocked: Engine, tmp_path: Path) -> None:
    assert live(stocked, tmp_path, MONDAY) == 2
    for later in range(3):
        assert live(stocked, tmp_path, MONDAY + timedelta(days=later)) == 0
    texts = mailed(stocked)
    assert {person: len(each) for person, each in texts.items()} == {EXPERT: 1, MANAGER: 1}
    (english,), (spanish,) = texts[EXPERT], texts[MANAGER]
    assert "Your agencies by risk - overdue: 0 - at risk: 0 - on track: 3" in english
    assert "visit by the experts: March 6, 2020" in english
    assert "escalated for 0 days (level 1 of 3): no activity on record since January 1, 2020" in english
    assert "You receive this because rule “portfolio_experts” tells your post" in english
    assert "Sus agencias por riesgo" in spanish
    assert "visita de expertos: 6 de marzo de 2020" in spanish
    assert "No hay nada pendiente de usted." in spanish  # the stall has not climbed to her yet
    assert live(stocked, tmp_path, MONDAY + timedelta(days=7)) == 2


def test_a_week_whose_day_was_missed_is_told_later_in_it_and_a_missed_week_is_not(
    stocked: Engine, tmp_path: Path
) -> None:
    assert live(stocked, tmp_path, MONDAY + timedelta(days=3)) == 2
    assert live(stocked, tmp_path, MONDAY + timedelta(days=21)) == 2
    assert {row[2] for row in told(stocked)} == {"2020-W11", "2020-W14"}


def test_a_week_in_which_nothing_is_asked_or_changed_mails_nothing_and_says_so(stocked: Engine, tmp_path: Path) -> None:
    with transaction(stocked) as connection:
        # One case of the three is left, active and on track, and nothing is recorded of it this week.
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id != 3).values(
            status="withdrawn", ended_on=day(30), next_review_on=None,
        ))
    live(stocked, tmp_path, MONDAY)
    assert mailed(stocked) == {}
    assert {row[3:] for row in told(stocked)} == {(NoticeState.CANCELLED, Reason.NOTHING_TO_SAY)}


def test_a_week_in_which_nothing_is_new_is_left_out_and_the_next_says_so(stocked: Engine, tmp_path: Path) -> None:
    quiet = [rule.model_copy(update={"quiet_weeks": 2}) for rule in program().policy.weekly[:1]]
    put_in_force(stocked, program().policy.model_copy(update={"weekly": tuple(quiet)}))
    for weeks in (0, 3, 4, 5):
        live(stocked, tmp_path, MONDAY + timedelta(weeks=weeks))
    assert [row[3:] for row in told(stocked)] == [
        (NoticeState.SENT, None), (NoticeState.SENT, None), (NoticeState.CANCELLED, Reason.NOTHING_NEW),
        (NoticeState.SENT, None),
    ]
    _, news, again = mailed(stocked)[EXPERT]
    assert "What changed since March 9, 2020" in news, "of the weeks between nothing was told"
    assert "Nothing has changed" not in news
    assert "Nothing has changed in the cases that you hold" in again
    assert "since our mail of March 30, 2020. What it asked still waits on April 13, 2020" in again
    assert "The next date: A3/law_enforcement_tier1: stage “" in again
    with reading(stocked) as connection:
        subject = connection.scalar(select(EMAIL.c.subject).order_by(EMAIL.c.day.desc(), EMAIL.c.kind.desc()))
        found = [each for each in ledger(connection, wanted_by(connection, person="P2")) if not each.enrollment]
    assert "unchanged since March 30, 2020" in str(subject)
    assert {each.reason for each in found} == {"", "nothing_new"}
    asked = ("A1/law_enforcement_tier1", "P2")
    why = " ".join(each.text for each in not_told(stocked, asked, MONDAY + timedelta(weeks=4)))
    assert '"portfolio_experts" of the week of 2020-04-06, about all that P2 holds: held back, because it' in why


def test_of_two_mails_of_one_day_the_second_waits_unwritten_and_a_week_that_is_over_is_not_told(
    stocked: Engine, tmp_path: Path
) -> None:
    put_in_force(stocked, program().policy)
    with transaction(stocked) as connection:
        connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.post == Post.DIRECTOR).values(person_id=EXPERT))
        clock.set_clock(connection, datetime(2020, 3, 6, 12, tzinfo=UTC))
        decide_weekly(connection, MONDAY - timedelta(days=3))
    live(stocked, tmp_path, MONDAY)
    assert {row[3:] for row in told(stocked) if row[2] == "2020-W10"} == {(NoticeState.CANCELLED, Reason.SUPERSEDED)}
    assert len(mailed(stocked)[EXPERT]) == 1
    assert rehearse(stocked, datetime(2020, 3, 9, 20, tzinfo=UTC)) == []
    assert [each["kind"] for each in rehearse(stocked, datetime(2020, 3, 10, 18, tzinfo=UTC))] == [EmailKind.WEEKLY]


def test_whoever_left_between_deciding_and_writing_gets_none(stocked: Engine, tmp_path: Path) -> None:
    with transaction(stocked) as connection:
        clock.set_clock(connection, datetime(2020, 3, 9, 12, tzinfo=UTC))
        assert decide_weekly(connection, MONDAY) == 2
        connection.execute(delete(ASSIGNMENT).where(ASSIGNMENT.c.person_id == MANAGER))
    live(stocked, tmp_path, MONDAY)
    assert set(mailed(stocked)) == {EXPERT}
    assert (MANAGER, "portfolio_region", "2020-W11", NoticeState.CANCELLED, Reason.HOLDER_LEFT) in told(stocked)


def test_a_mail_in_doubt_goes_out_again_alone_before_another_of_the_week(stocked: Engine, tmp_path: Path) -> None:
    live(stocked, tmp_path, MONDAY)
    e, n, mine = EMAIL.c, NOTICE.c, (NOTICE.c.subject_kind == Subject.PERSON) & (NOTICE.c.subject_id == EXPERT)
    weekly_of = (e.person_id == EXPERT) & (e.kind == EmailKind.WEEKLY)
    with transaction(stocked) as connection:
        connection.execute(update(EMAIL).where(weekly_of).values(state=EmailState.PENDING, again=1))
        connection.execute(update(NOTICE).where(mine).values(state=NoticeState.PENDING))
        row = dict(connection.execute(select(NOTICE).where(mine)).mappings().one())
        del row["id"]
        connection.execute(insert(NOTICE).values(row | {
            "rule": "program_director", "planned_for": MONDAY - timedelta(days=1), "email_id": None,
        }))
    live(stocked, tmp_path, MONDAY + timedelta(days=1))
    with reading(stocked) as connection:
        assert connection.execute(select(e.state, e.attempt).where(weekly_of)).tuples().all() == [(EmailState.SENT, 2)]
        states = connection.execute(select(n.rule, n.state).where(mine)).tuples().all()
    assert dict(states) == {"portfolio_experts": NoticeState.SENT, "program_director": NoticeState.PENDING}


def test_before_live_it_is_decided_and_not_mailed(stocked: Engine, tmp_path: Path) -> None:
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(live_from=None))
    live(stocked, tmp_path, MONDAY)
    assert mailed(stocked) == {}
    assert {row[3:] for row in told(stocked)} == {(NoticeState.SUPPRESSED, Reason.BEFORE_LIVE)}


def test_it_stands_in_the_ledger_of_its_reader_and_in_none_of_a_case(stocked: Engine, tmp_path: Path) -> None:
    """People and cases are numbered alike: what is about person 2 must not be taken for one about case 2."""
    live(stocked, tmp_path, MONDAY)
    with reading(stocked) as connection:
        mine = [each for each in ledger(connection, wanted_by(connection, person="P2")) if not each.enrollment]
        assert [(each.rule, each.outcome, each.person) for each in mine] == [("portfolio_experts", "sent", "P2")]
        of_case = list(ledger(connection, wanted_by(connection, enrollment="A2/law_enforcement_tier1")))
    assert not [each for each in of_case if each.rule.startswith("portfolio")]


def test_a_broken_frame_stops_the_weekly_mails_alone(
    stocked: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rendering.Press.template

    def broken(press: rendering.Press, name: str, known: Any) -> Any:
        if name.endswith("en/weekly.html"):
            raise Refused.one(name, 'asks for the unknown fact "agnecy".', "Correct it.")
        return whole(press, name, known)

    monkeypatch.setattr(rendering.Press, "template", broken)
    live(stocked, tmp_path, MONDAY)
    assert set(mailed(stocked)) == {MANAGER}
    assert (EXPERT, "portfolio_experts", "2020-W11", NoticeState.SUPPRESSED, Reason.UNDELIVERABLE) in told(stocked)
    with reading(stocked) as connection:
        assert "template weekly" in set(connection.scalars(select(INCIDENT.c.subject)))
        assert connection.scalar(select(EMAIL.c.id).where(EMAIL.c.kind == EmailKind.ESCALATION)) is not None


def test_the_director_hears_of_the_next_conference_and_of_vacant_posts(stocked: Engine, tmp_path: Path) -> None:
    put_in_force(stocked, program().policy)
    a = ASSIGNMENT.c
    with transaction(stocked) as connection:
        connection.execute(delete(ASSIGNMENT).where(a.post == Post.SME_2, a.enrollment_id == 1))
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 3).values(
            stage="commission_review", stage_entered_on=day(0)
        ))
    live(stocked, tmp_path / "mail", MONDAY)
    (text,) = mailed(stocked)[1]
    assert "Who can make the conference of March 21, 2020" in text
    assert "favourable decision: by March 21, 2020" in text
    assert "Vacant posts" in text
    assert "second subject matter expert: nobody since January 1, 2020" in text
    assert "On course for the target - accredited: 0" in text
    assert "target 31 Jan 2024: 80 No forecast is stored yet" in text
    assert "What the escalations led to The last 28 days. nothing happens - opened: 1; open now: 1, of them" in text
    assert "Load of the regions Centro - open: 3, at risk: 1, overdue: 0, escalations: 2" in text
    assert "Load of the pairs" in text


def test_the_whole_program_is_counted_as_its_page_counts_it(stocked: Engine) -> None:
    """The mail asks a few tables, the page rebuilds every case: on the day itself both say the same."""
    put_in_force(stocked, program().policy)
    e, kinds, last = ENROLLMENT.c, list(program().policy.kinds), program().policy.path[-1].code
    with transaction(stocked) as connection:
        clock.set_clock(connection, datetime(2020, 3, 9, 18, tzinfo=UTC))
        connection.execute(update(AGENCY).values(government="G"))
        for number, kind in enumerate(kinds, 1):
            connection.execute(update(AGENCY).where(AGENCY.c.id == number).values(kind=kind))
    sweep(MONDAY)
    with transaction(stocked) as connection:
        connection.execute(update(ESCALATION).values(acknowledged_on=MONDAY))
        connection.execute(insert(STAGE_CHANGE), [
            {"enrollment_id": number, "seq": 99, "from_stage": stage, "to_stage": last, "status": "awarded",
             "changed_on": day(60), "decided_on": day(60), "policy_version_id": 1, "recorded_at": NOW, "evidence": {}}
            for number, stage in connection.execute(select(e.id, e.stage).where(e.id > 1)).tuples().all()
        ])
        connection.execute(update(ENROLLMENT).where(e.id > 1).values(
            status="awarded", stage=last, stage_entered_on=day(60), ended_on=day(60), next_review_on=None,
        ))
    with reading(stocked) as connection:
        told = whole_of(connection, program(), MONDAY)
    page = weekly(stocked)
    assert told.accredited == len(page.fan.past) == 2
    assert list(told.led) == list(page.led) != []
    assert [(each.government, each.lacks, each.standing) for each in told.short] == [
        (each.government, each.lacks, each.standing and each.standing.place.enrollment) for each in page.arcs
    ] == [("G", kinds[0], "A1/law_enforcement_tier1")]

