"""Mail to come: what the preview says is what then goes out, and the installation does not notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from models.rules.errors import Refused
from models.rules.policy import Policy
from models.rules.words import EmailKind
from models.schema import EMAIL, ENROLLMENT, INSTALLATION, PERSON
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.preview import Mail, Preview, first_day, preview
from tasks.store import clock
from tasks.store.database import reading, transaction
from tasks.store.programs import current_program, go_live, put_in_force
from tasks.sweep import sweep
from tasks.views.calendar_page import write_calendar
from tasks.weekly.deciding import decide_weekly
from tasks.weekly.reports import decide_reminders
from tasks.what_if import what_if
from tests.building import case, day, document, program, program_with
from tests.on_prefect import TODAY
from tests.storing import everything, install

DAYS = 36


@pytest.fixture
def stocked(stocked: Engine) -> Engine:
    """The five cases under a policy that forecasts nothing: a fit takes a second, and most days need none."""
    put_in_force(stocked, silent())
    return stocked


def silent(a_week: int | None = None) -> Policy:
    policy = program().policy
    mail = policy.mail if a_week is None else policy.mail.model_copy(update={"a_week": a_week})
    return policy.model_copy(update={"forecast": None, "mail": mail})


def unhurried(policy: Policy) -> Policy:
    """Return it without the mails of the week, which would fill up whatever budget is left."""
    return policy.model_copy(update={"forecast": None, "weekly": ()})


def rows(engine: Engine) -> list[tuple[date, str, EmailKind, str]]:
    with reading(engine) as connection:
        query = select(EMAIL.c.day, PERSON.c.code, EMAIL.c.kind, EMAIL.c.subject)
        return sorted(row._tuple() for row in connection.execute(query.join(PERSON, PERSON.c.id == EMAIL.c.person_id)))


def foreseen(found: Preview) -> list[tuple[date, str, EmailKind, str]]:
    return sorted((each.day, each.person, each.kind, each.subject) for each in found.mails)


def at(number: int, hour: int) -> datetime:
    return datetime.combine(TODAY + timedelta(days=number), time(), UTC) + timedelta(hours=hour)


def live_through(engine: Engine, folder: Path, *, days: int, begins: int) -> None:
    """Live every day of a preview that was asked for at an hour, hour by hour where people work."""
    for number in range(days):
        swept = at(number, 15 if number else begins)
        with transaction(engine) as connection:
            clock.set_clock(connection, swept)
        sweep(TODAY + timedelta(days=number))
        with transaction(engine) as connection:
            decide_weekly(connection, TODAY + timedelta(days=number))
            decide_reminders(connection, TODAY + timedelta(days=number))
        for hour in (16, 19, 22):
            if at(number, hour) >= swept:
                deliver(engine, FolderSender(folder, durable=False), clock.stopped(at(number, hour)))


@pytest.mark.parametrize("a_week", [1, 3])
def test_what_is_foreseen_is_what_goes_out(stocked: Engine, tmp_path: Path, a_week: int) -> None:
    """One person holds every post and is owed three mails of the week: the budget decides which go out, and when."""
    put_in_force(stocked, silent(a_week))
    found = preview(stocked, DAYS)
    live_through(stocked, tmp_path / "mail", days=DAYS, begins=15)
    assert {each.kind for each in found.mails} == set(EmailKind)
    assert foreseen(found) == rows(stocked)
    assert found.steps < DAYS, "days with nothing due are stepped over"


def test_what_is_foreseen_in_the_evening_goes_out_after_the_next_sweep(stocked: Engine, tmp_path: Path) -> None:
    """Of one case mail is due on the day that is over, of another on the next: both travel in one mail."""
    a_day_later = {"agreement_on": day(1), "stage_entered_on": day(1), "next_review_on": day(1)}
    with transaction(stocked) as connection:
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == 2).values(a_day_later))
        clock.set_clock(connection, at(0, 25))
    found = preview(stocked, 4)
    assert found.since == TODAY
    live_through(stocked, tmp_path / "mail", days=4, begins=25)
    assert foreseen(found) == rows(stocked)


def test_the_installation_does_not_notice(stocked: Engine, tmp_path: Path) -> None:
    live_day = FolderSender(tmp_path / "mail", durable=False)
    sweep(TODAY)
    assert deliver(stocked, live_day, clock.stopped(at(0, 16))).sent
    before, files = everything(stocked), sorted((tmp_path / "home").rglob("*"))
    preview(stocked, 30)
    assert everything(stocked) == before
    assert sorted((tmp_path / "home").rglob("*")) == files
    with reading(stocked) as connection:
        assert connection.scalar(select(INSTALLATION.c.token)), "the count of runs outside is this one's"
    sweep(TODAY + timedelta(days=1))
    deliver(stocked, live_day, clock.stopped(at(1, 16)))
    with reading(stocked) as connection:
        assert connection.scalar(select(INSTALLATION.c.restored_at)) is None, "nothing looks like a restore"


def test_mail_that_is_on_its_way_is_not_sent_again(stocked: Engine) -> None:
    under_way = {
        "person_id": 1, "day": TODAY, "kind": "digest", "state": "unknown", "reference": "7F3K-2Q9D", "address": "-",
        "subject": "on its way", "text": "-", "html": "-", "claimed_at": at(0, 15), "attempt": 1,
    }
    with transaction(stocked) as connection:
        connection.execute(insert(EMAIL), under_way)
    assert "on its way" not in {each.subject for each in preview(stocked, 30).mails}


def test_before_it_is_live_nothing_goes_out(stocked: Engine, tmp_path: Path) -> None:
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(live_from=None))
    found = preview(stocked, 30)
    assert found.mails == ()
    write_calendar(found, tmp_path / "calendar.html")
    assert "not live" in (tmp_path / "calendar.html").read_text(encoding="utf-8")


def test_the_page_shows_each_mail_under_its_day(stocked: Engine, tmp_path: Path) -> None:
    found = preview(stocked, 8)
    mail: Mail = found.mails[0]
    page = tmp_path / "calendar.html"
    write_calendar(found, page)
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    assert text.count('<td class="who">') == len(found.mails)
    assert f'href="#d{mail.day}"' in text
    assert f'id="d{mail.day}"' in text
    assert mail.person in text
    with pytest.raises(Refused, match="cannot be written"):
        write_calendar(found, tmp_path / "nowhere" / "calendar.html")


def test_either_kind_of_database_is_copied_and_fitted_anew_as_often_as_it_would_be(store: Engine) -> None:
    install(store, program().policy, [replace(case(), id=number) for number in (1, 2)])
    with transaction(store) as connection:
        clock.set_clock(connection, at(0, 15))
    before = everything(store)
    found = preview(store, 40)
    assert found.fits == 2, "at once, since there is none, and thirty days later"
    assert found.mails
    assert everything(store) == before


def test_the_same_policy_changes_nothing(stocked: Engine) -> None:
    found = what_if(stocked, silent(), 15)
    assert found.now == found.then
    assert found.people == []
    assert all(now == then for _, now, then in (*found.weeks, *found.escalations, *found.risks))


def test_another_policy_is_compared_and_not_put_in_force(stocked: Engine) -> None:
    put_in_force(stocked, unhurried(silent()))
    before = everything(stocked)
    other = program_with(escalations=[each for each in document()["escalations"] if each["rule"] != "stall"])
    found = what_if(stocked, unhurried(other.policy), DAYS)
    opened = {rule: (now, then) for rule, now, then in found.escalations}
    assert opened["stall"][0] > 0 == opened["stall"][1]
    assert all(now == then for rule, (now, then) in opened.items() if rule != "stall")
    assert found.people, "somebody gets less"
    assert sum(now for _, now, _ in found.weeks) == len(found.now.mails)
    assert everything(stocked) == before
    assert current_program(stocked).policy == unhurried(silent())


def test_the_first_days_mails_are_seen_before_mail_begins(stocked: Engine) -> None:
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(live_from=None))
    sweep(TODAY)
    before = everything(stocked)
    begins = TODAY + timedelta(days=12)  # a Saturday
    found = first_day(stocked, begins)
    assert found.mails
    assert found.since == TODAY + timedelta(days=15), "the first working day: Monday is a holiday"
    assert {each.day for each in found.mails} == {found.since}
    assert everything(stocked) == before
    assert current_program(stocked).live_from is None
    with pytest.raises(Refused, match="before today"):
        first_day(stocked, TODAY - timedelta(days=1))
    go_live(stocked, TODAY)
    with pytest.raises(Refused, match="mail goes out since"):
        first_day(stocked, begins)
