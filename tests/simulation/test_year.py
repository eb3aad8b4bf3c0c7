"""One simulated year of forty synthetic cases: swept every day, swept twice and killed in between, and swept seldom."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from models.rules.case import Case
from models.rules.words import Status
from models.schema import table
from models.tables import Escalation, Notice, StageChange
from tasks.store.cases import Cursor
from tasks.store.database import engine_of, reading
from tasks.sweep import BatchResult, sweep, sweep_batch
from tests.building import FactRow, SeatRow, case, day, program
from tests.storing import everything, install

YEAR = range(366)
DAYS = [day(number) for number in YEAR]
CASES = 40
# The lifecycle's facts in order, with the days that each takes after the one before, in the middle.
COURSE: list[tuple[str, int, int | None]] = [
    ("accreditation_manager_trained", 25, None),
    ("kickoff_visit", 30, None),
    ("gap_report_accepted", 85, None),
    ("directives_issued", 200, None),
    ("staff_oriented", 30, None),
    ("mandatory_in_compliance", 200, 400),
    ("others_in_compliance", 40, 400),
    ("mock_passed", 50, None),
    ("findings_fixed", 30, None),
    ("readiness_confirmed", 10, None),
    ("remote_review_passed", 15, None),
    ("site_visit_done", 15, None),
    ("site_report_filed", 10, None),
    ("decision_favourable", 60, None),
]
Key = tuple[Any, ...]


def cohort(seed: int) -> list[Case]:
    """Draw cases in mid-course: some quick, some slow, some silent, some that leave, some whose experts change."""
    random = Random(seed)  # noqa: S311 - a drawing, not a secret
    return [_drawn(random, number) for number in range(1, CASES + 1)]


def _drawn(random: Random, number: int) -> Case:
    began = -random.randrange(0, 1000)
    rows: list[FactRow] = []
    on, pace = began, random.uniform(0.6, 1.6)
    for name, days, value in COURSE:
        on += round(days * pace * random.uniform(0.5, 1.5))
        rows.append((name, on) if value is None else (name, on, value))
    rows += [("visit", visit) for visit in range(began + 45, 366, random.choice([40, 80, 95, 400]))]
    if random.random() < 0.15:
        rows.append(("withdrawn", random.randrange(366)))
    left = random.randrange(-100, 300)
    seats: list[SeatRow] = [
        (post, began) for post in ("accreditation_manager", "head", "sme_1", "regional_manager", "director")
    ]
    seats += [("sme_2", began, max(began, left)), ("sme_2", max(began, left) + random.randrange(1, 90))]
    return case(id=number, facts=rows, seats=seats, agreement_on=day(began), stage_entered_on=day(began))


@contextmanager
def stocked(migrated: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    folder.mkdir()
    path = folder / "year.db"
    shutil.copy(migrated, path)
    monkeypatch.setenv("ACREDITA_DATABASE_URL", f"sqlite:///{path}")
    engine = engine_of()
    # The machine does not lose power here: a year of days need not wait for the disk.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    install(engine, program().policy, cohort(7))
    yield engine
    engine.dispose()


@dataclass
class Year:
    """What a year came to: all its rows, and the days on which somebody looked."""

    rows: dict[str, Any]
    notices: list[Key]
    looks: list[date]
    left: list[tuple[int, date]]
    escalations: dict[Key, tuple[date, date | None, int]]


Look = Callable[[date], object]


@pytest.fixture
def lived(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[date], Look], Year]:
    """Live the cohort's year, looking on some days in some way."""

    def live(days: list[date], look: Look) -> Year:
        with stocked(migrated, tmp_path / "lived", monkeypatch) as engine:
            for today in days:
                look(today)
            return _told(engine, days)

    return live


@pytest.fixture(scope="module")
def daily(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """The year as it should be: swept every day, once."""
    folder = tmp_path_factory.mktemp("daily") / "year"
    with pytest.MonkeyPatch.context() as monkeypatch, stocked(migrated, folder, monkeypatch) as engine:
        for today in DAYS:
            sweep(today)
        yield _told(engine, DAYS)


def _told(engine: Engine, looks: list[date]) -> Year:
    n, x, s = table(Notice).c, table(Escalation).c, table(StageChange).c
    with reading(engine) as connection:
        notices = connection.execute(
            select(n.subject_id, n.rule, n.occurrence, n.anchor_on, n.post, n.planned_for, n.decided_on)
        )
        left = connection.execute(select(s.enrollment_id, s.decided_on))
        opened = connection.execute(
            select(x.enrollment_id, x.rule, x.occurrence, x.anchor_on, x.opened_on, x.closed_on, x.rung)
        )
        return Year(
            everything(engine),
            [tuple(row) for row in notices],
            looks,
            [(row[0], row[1]) for row in left],
            {tuple(row[:4]): (row[4], row[5], row[6]) for row in opened},
        )


def dies_after_a_batch(today: date) -> None:
    batches: list[Cursor | None] = []

    def dying(as_of: date, after: Cursor) -> BatchResult:
        if batches:
            raise KeyboardInterrupt
        result = sweep_batch.fn(as_of, after)
        batches.append(result[1])
        return result

    with suppress(KeyboardInterrupt):
        sweep(today, dying)


def test_a_year_of_double_runs_and_crashes_is_the_year_of_single_runs(
    lived: Callable[[list[date], Look], Year], daily: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sweep.BATCH", 3)
    random = Random(11)  # noqa: S311 - a drawing, not a secret

    def twice(today: date) -> None:
        if random.random() < 0.5:
            dies_after_a_batch(today)
        sweep(today)
        if random.random() < 0.3:
            sweep(today)

    often = lived(DAYS, twice)
    assert often.rows == daily.rows
    assert len(daily.notices) == len(set(daily.notices)) > 200
    statuses = Counter(status for row in daily.rows["Enrollment"] for status in row if isinstance(status, Status))
    assert min(statuses[Status.OPEN], statuses[Status.AWARDED], statuses[Status.WITHDRAWN]) > 0


def test_a_year_with_missed_days_loses_and_repeats_nothing(
    lived: Callable[[list[date], Look], Year], daily: Year
) -> None:
    random = Random(5)  # noqa: S311 - a drawing, not a secret
    looks, today = [], 0
    while today < len(YEAR):
        looks.append(day(today))
        today += random.choice([1, 1, 1, 2, 3, 8, 15])
    seldom = lived(looks, sweep)
    keys = [notice[:5] for notice in seldom.notices]
    assert len(keys) == len(set(keys))
    assert {row[0] for row in seldom.rows["Enrollment"]} == {row[0] for row in daily.rows["Enrollment"]}
    assert _reminders(seldom).keys() <= _reminders(daily).keys(), "nothing is said that a daily sweep would not say"
    assert seldom.escalations.keys() <= daily.escalations.keys()
    for key in _reminders(daily).keys() - _reminders(seldom).keys():
        _, decided_on = _reminders(daily)[key]
        assert _left_before_the_next_look((key[0], decided_on), daily, looks), f"{key} is lost"
    for key in daily.escalations.keys() - seldom.escalations.keys():
        opened_on, closed_on, _ = daily.escalations[key]
        assert closed_on is not None, f"{key} is lost"
        assert closed_on <= _next_look(opened_on, looks), f"{key} is lost"
    assert all(seldom.escalations[key][2] <= daily.escalations[key][2] for key in seldom.escalations)


def _reminders(year: Year) -> dict[Key, tuple[date, date]]:
    rules = program().reminders
    return {notice[:5]: (notice[5], notice[6]) for notice in year.notices if notice[1] in rules}


def _next_look(since: date, looks: list[date]) -> date:
    return min((look for look in looks if look >= since), default=since + timedelta(days=400))


def _left_before_the_next_look(given: tuple[int, date], daily: Year, looks: list[date]) -> bool:
    case_id, decided_on = given
    until = _next_look(decided_on, looks)
    return until > DAYS[-1] or any(number == case_id and decided_on < on <= until for number, on in daily.left)
