"""The whole program, all of its days: the published totals come out of the lifecycle, whatever seed draws the days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tasks.feed import synthetic_cohort
from tasks.replay import Report, Span, replay
from tasks.store.database import engine_of
from tasks.store.programs import folder_of
from tests.building import program
from tests.claims import CLAIMS

WHOLE = Span(date(2016, 8, 1), date(2024, 5, 31))


def lived_through(seed: int, folder: Path) -> Report:
    cohort = synthetic_cohort(folder_of("mexico"), program().policy, seed)
    *_, (_, report) = replay(folder_of("mexico"), cohort, (folder, WHOLE))
    assert report is not None
    return report


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2])
def test_the_published_totals_come_out_of_every_day_lived_through(seed: int, tmp_path: Path) -> None:
    report = lived_through(seed, tmp_path)
    assert (report.days, report.enrolled, report.accredited_agencies, report.left) == (2861, 82, 70, 12)
    assert report.awards == {"academy": 29, "communications": 19, "law_enforcement": 23}
    assert report.entities == 27
    assert report.last_award_on is not None
    assert report.last_award_on.isoformat()[:7] == "2023-11"
    assert min(report.advances, report.reminders, report.escalations, report.emails) > 100
    # Those awarded early enough for a hearing of year 4, and duties that most of the accredited kept.
    assert report.renewals >= 20
    opened = {rule.rule: rule.opened for rule in report.by_rule}
    assert 0 < opened["duty_missed"] < 60
    assert 0 < opened["change_unfinished"] < 60
    assert len(list((tmp_path / "mail").iterdir())) == report.emails
    engine = engine_of(f"sqlite:///{tmp_path / 'replay.db'}")
    assert [breach for claim in CLAIMS for breach in claim(engine, program())] == []
    engine.dispose()
