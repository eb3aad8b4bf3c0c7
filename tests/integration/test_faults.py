"""The fault campaign in short: real processes killed at boundaries and at random, judged by the provider's journal.

`make faults` is the whole of it (docs/faults.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import KINDS
from tests.faults import boundaries, kills
from tests.faults.boundaries import PLANS
from tests.faults.kills import Fire
from tests.faults.world import Databases
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.xdist_group("faults")  # the process that forks is started once


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as zygote:
        yield zygote


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    postgres = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return Databases(request.param, tmp_path / "databases", postgres)


def test_whoever_dies_between_two_writes_loses_nothing_and_sends_nothing_twice(
    zygote: Zygote, databases: Databases, tmp_path: Path
) -> None:
    short = [plan for plan in PLANS if plan.name in {"claimed", "posted", "lapsed", "resolved"}]
    rows = boundaries.run(zygote, databases, tmp_path, plans=short, answers=["500+", "reset"], slots=4)
    assert [fault for row in rows for fault in row.faults] == []
    assert all(row.kills >= row.worlds for row in rows)


def test_killed_at_random_four_senders_and_two_sweeps_lose_nothing_and_send_nothing_twice(
    zygote: Zygote, databases: Databases, tmp_path: Path
) -> None:
    siege = kills.run(zygote, databases, tmp_path, Fire(cases=8, days=1, kills=30, mails=1, pause=0.05))
    assert siege.kills == 30
    assert str(siege.verdict) == "clean"
    assert siege.undecided == []
    assert siege.verdict.emails > 8
