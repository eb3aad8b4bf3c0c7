"""The replay on the real synthetic cohort: what it reports stands in the database, and follows from the facts alone."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from models.rules.cohort.draw import LEAVES, SEAT_COLUMNS, Cohort, Dated
from models.rules.words import EmailState, NoticeState, Post, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, ESCALATION, NOTICE, PERSON, STAGE_CHANGE
from models.settings import settings
from tasks.feed import synthetic_cohort
from tasks.replay import Report, Span, replay
from tasks.store.database import engine_of, reading
from tasks.store.programs import folder_of
from tests.building import program
from tests.claims import (
    CLAIMS,
    Claim,
    mail_in_working_hours,
    something_new_each_time,
    stalls_reach_the_regional_manager,
    within_the_budget,
)

pytestmark = pytest.mark.xdist_group("replay")  # its replays are lived through once

ABOUT_AGENCIES = ("roster", "facts", "seat_changes")
FIRST_YEAR = Span(date(2016, 8, 1), date(2017, 3, 31))


@cache
def cohort(seed: int = 1) -> Cohort:
    return synthetic_cohort(folder_of("mexico"), program().policy, seed)


class Lived(NamedTuple):
    """A replay that is over, and where it left its database and mail."""

    report: Report
    folder: Path

    def rows(self, *columns: Any, where: Any = None) -> list[tuple[Any, ...]]:
        engine = engine_of(f"sqlite:///{self.folder / 'replay.db'}")
        query = select(*columns).order_by(*columns)
        with reading(engine) as connection:
            found = [tuple(row) for row in connection.execute(query if where is None else query.where(where))]
        engine.dispose()
        return found

    def told(self) -> dict[str, Any]:
        """Return the report without what the machine's speed decides."""
        return asdict(self.report) | {"seconds": 0}

    def awards(self) -> list[date]:
        return [on for (on,) in self.rows(ENROLLMENT.c.ended_on, where=ENROLLMENT.c.status == Status.AWARDED)]


Live = Callable[[Cohort, Span], Lived]


@pytest.fixture(scope="module")
def live(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Live:
    def lives(given: Cohort, span: Span) -> Lived:
        folder = tmp_path_factory.mktemp("replay")
        shutil.copy(migrated, folder / "replay.db")
        *before, (last, report) = replay(folder_of("mexico"), given, (folder, span))
        assert [day for day, _ in before] + [last] == list(span)
        assert all(early is None for _, early in before)
        assert report is not None
        return Lived(report, folder)

    return lives


@pytest.fixture(scope="module")
def year(live: Live) -> Lived:
    return live(cohort(), FIRST_YEAR)


# The report


def test_the_report_is_what_the_database_holds(year: Lived) -> None:
    report, e, n = year.report, ENROLLMENT.c, NOTICE.c
    assert min(report.enrolled, report.advances, report.reminders, report.escalations, report.emails) > 0
    agreed = {row.row["agency_code"] for row in cohort().roster if row.known_on <= FIRST_YEAR.until}
    assert {code for (code,) in year.rows(AGENCY.c.code)} == agreed
    assert report.enrolled == len(agreed) == len(year.rows(e.id))
    assert report.advances == len(year.rows(STAGE_CHANGE.c.id))
    assert report.escalations == len(year.rows(ESCALATION.c.id))
    assert report.days == len(FIRST_YEAR) == 243
    sent = Counter(rule for rule, _ in year.rows(n.rule, n.id, where=n.state == NoticeState.SENT))
    assert report.reminders == sum(sent[rule] for rule in program().reminding)
    assert all(sum(one.mailed.values()) == sent[one.rule] for one in report.by_rule)
    opened = Counter(rule for rule, _ in year.rows(ESCALATION.c.rule, ESCALATION.c.id))
    assert {one.rule: one.opened for one in report.by_rule if one.opened} == opened


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_people_are_promised_holds_on_every_day(year: Lived, claim: Claim) -> None:
    engine = engine_of(f"sqlite:///{year.folder / 'replay.db'}")
    assert list(claim(engine, program())) == []
    engine.dispose()


BREACHES: dict[str, tuple[Claim, str]] = {
    "a digest too many": (within_the_budget, "UPDATE email SET day = (SELECT min(day) FROM email), kind = id"),
    "the same again": (something_new_each_time, "UPDATE email SET text = (SELECT text FROM email LIMIT 1)"),
    "a stall that nobody heard of": (
        stalls_reach_the_regional_manager, "DELETE FROM notice WHERE rule = 'stall' AND post = 'regional_manager'"
    ),
    "a stall that was mailed too late": (
        stalls_reach_the_regional_manager, "UPDATE email SET day = date(day, '+40 days'), kind = id"
    ),
    "mail at night": (mail_in_working_hours, "UPDATE email SET claimed_at = datetime(claimed_at, '+12 hours')"),
}


@pytest.mark.parametrize(("claim", "spoil"), BREACHES.values(), ids=BREACHES)
def test_a_promise_that_is_broken_is_found(year: Lived, tmp_path: Path, claim: Claim, spoil: str) -> None:
    """Spoilt on a copy whose checks are off: the database itself would refuse some of it."""
    copy = tmp_path / "spoilt.db"
    shutil.copy(year.folder / "replay.db", copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(spoil)
    engine = engine_of(f"sqlite:///{copy}")
    assert list(claim(engine, program()))
    engine.dispose()


def test_every_email_that_is_counted_lies_in_the_folder_once(year: Lived) -> None:
    stored = year.rows(EMAIL.c.day, EMAIL.c.reference, EMAIL.c.state)
    assert {state for *_, state in stored} == {EmailState.SENT}
    names = {f"{day}-{reference}.eml" for day, reference, _ in stored}
    assert names == {path.name for path in (year.folder / "mail").iterdir()}
    assert len(names) == year.report.emails
    assert all(day.weekday() < 5 for day, *_ in stored)
    assert all(address.endswith(".org") for (address,) in year.rows(EMAIL.c.address))


def test_the_same_seed_is_the_same_history_and_another_another(live: Live, year: Lived) -> None:
    short = Span(FIRST_YEAR.since, date(2016, 9, 30))
    one, same, other = live(cohort(), short), live(cohort(), short), live(cohort(2), short)
    assert one.told() == same.told()
    s = STAGE_CHANGE.c
    columns = (s.enrollment_id, s.seq, s.to_stage, s.changed_on)
    assert one.rows(*columns) == same.rows(*columns) != other.rows(*columns)
    assert set(one.rows(*columns)) <= set(year.rows(*columns)), "what was lived through does not change later"


def test_begun_in_mid_course_it_stands_where_the_whole_one_stands(live: Live, year: Lived) -> None:
    late = live(cohort(), Span(FIRST_YEAR.until - timedelta(days=30), FIRST_YEAR.until))
    e = ENROLLMENT.c
    columns = (AGENCY.c.code, e.track, e.stage, e.stage_entered_on, e.status, e.risk)
    joined = e.agency_id == AGENCY.c.id
    assert late.rows(*columns, where=joined) == year.rows(*columns, where=joined)
    assert late.report.advances == year.report.advances
    before = [day for (day,) in late.rows(EMAIL.c.day) if day < FIRST_YEAR.until - timedelta(days=30)]
    assert before == [], "what came due before its first day is decided and not mailed"


def test_the_settings_of_the_installation_are_as_before(live: Live) -> None:
    before = settings()
    live(cohort(), Span(FIRST_YEAR.since, FIRST_YEAR.since))
    assert settings() == before
    assert not settings().home.exists()


# What follows from what


def only(agency: str) -> Cohort:
    """Return the rows of one agency, and everybody."""
    own = {name: tuple(r for r in getattr(cohort(), name) if r.row["agency_code"] == agency) for name in ABOUT_AGENCIES}
    return replace(cohort(), **own)


def an_agency() -> str:
    """Return one that was decided on early enough to be followed by more conferences."""
    enrolled = Counter(r.row["agency_code"] for r in cohort().roster)
    decided = [r for r in cohort().facts if r.row["milestone"] == "decision_favourable"]
    return next(r.row["agency_code"] for r in decided[20:] if enrolled[r.row["agency_code"]] == 1)


@pytest.fixture(scope="module")
def awarded(live: Live) -> Lived:
    """The agency's last half year before its award, and what followed."""
    decided = next(r.known_on for r in only(an_agency()).facts if r.row["milestone"] == "decision_favourable")
    lived = live(only(an_agency()), Span(decided - timedelta(days=60), decided + timedelta(days=240)))
    assert lived.report.awards == {next(iter(lived.report.awards)): 1}
    return lived


def span_of(lived: Lived) -> Span:
    (on,) = lived.awards()
    return Span(on - timedelta(days=30), on + timedelta(days=240))


@pytest.mark.parametrize("name", ["kickoff_visit", "others_in_compliance", "site_report_filed", "decision_favourable"])
def test_without_one_gate_fact_there_is_no_award(live: Live, awarded: Lived, name: str) -> None:
    own = only(an_agency())
    without = replace(own, facts=tuple(r for r in own.facts if r.row["milestone"] != name))
    assert len(without.facts) < len(own.facts)
    lived = live(without, replace(span_of(awarded), until=awarded.awards()[0] + timedelta(days=30)))
    assert (lived.report.awards, lived.awards()) == ({}, [])
    (stage,) = [s for s in program().policy.path if name in (*s.gate.usual, *(x.count for x in s.gate.shares))]
    assert lived.rows(ENROLLMENT.c.stage) == [(stage.code,)]


def test_a_proof_after_the_conference_moves_the_award_to_the_next_that_it_is_in_time_for(
    live: Live, awarded: Lived
) -> None:
    (before,) = awarded.awards()
    own, name = only(an_agency()), "mandatory_in_compliance"
    whole = max(int(r.row["value"]) for r in own.facts if r.row["milestone"] == name)
    proofs = [r for r in own.facts if r.row["milestone"] == name and int(r.row["value"]) == whole]
    late = [Dated(before, r.row | {"occurred_on": str(before)}) for r in proofs]
    facts = [r for r in own.facts if r not in proofs] + late
    moved = replace(own, facts=tuple(sorted(facts, key=lambda r: r.known_on)))
    lived = live(moved, span_of(awarded))
    lead = program().policy.stage["commission_review"].gate.conference_lead_days
    assert lead is not None
    assert lived.awards() == [min(on for on in program().conferences if (on - before).days >= lead)]


def test_somebody_hears_of_an_expert_who_leaves(live: Live) -> None:
    own = only(an_agency())
    agreed = own.roster[0].known_on
    left = agreed + timedelta(days=40)
    kept = replace(own, seat_changes=tuple(r for r in own.seat_changes if r.row["post"] != Post.SME_1))
    row = dict.fromkeys(SEAT_COLUMNS, "") | {name: own.roster[0].row[name] for name in ("agency_code", "track")}
    leaves = Dated(left, row | {"cycle": "1", "post": Post.SME_1.value, "change": LEAVES, "on": str(left)})
    span = Span(left - timedelta(days=2), left + timedelta(days=14))
    gone = live(replace(kept, seat_changes=(*kept.seat_changes, leaves)), span)
    n = NOTICE.c
    query = (n.post, EMAIL.c.address, EMAIL.c.day)
    where = (n.rule == "vacant_expert") & (n.email_id == EMAIL.c.id) & (n.state == NoticeState.SENT)
    ((post, address, day),) = gone.rows(*query, where=where)
    assert post is Post.REGIONAL_MANAGER
    assert (address,) in gone.rows(PERSON.c.email)
    assert left < day <= left + timedelta(days=11), "a week's grace, and a weekend"
    assert any(address.encode() in path.read_bytes() for path in (gone.folder / "mail").glob(f"{day}-*.eml"))
    assert live(kept, span).rows(*query, where=where) == []
