"""What is measured, each in a process of its own on a database of its own, which `ACREDITA_DATABASE_URL` names.

`python -m tests.benchmarks.measures NAME FOLDER NUMBER` prints one line of JSON: seconds of ours and of the floor, in
pairs that took turns, and whatever else a row tells.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.benchmarks import importing, recording, shapes
from tests.benchmarks.floors import batches, floor, floor_of_none
from tests.benchmarks.population import TODAY, TURNS, build, day

SHARE = 0.03
ROUNDS = 3
NOBODY_DUE_ROUNDS = 7


def peak_mb() -> float:
    """Return the most memory that this process ever had."""
    # Not getrusage: its figure begins with the size of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def seconds(work: Callable[[], Any]) -> float:
    """Return how long something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def fill(_folder: Path, size: int) -> dict[str, Any]:
    """Fill a database."""
    return {"seconds": seconds(lambda: build(size, SHARE))}


def share_due(_folder: Path, _size: int) -> dict[str, Any]:
    """Let our sweep and the floor take turns on days on which 3 % are due, and sweep one on which nobody is."""
    from tasks.sweep import sweep

    mine, bare, due = [], [], 0
    for turn in range(ROUNDS):
        for _ in batches(day(2 * turn)):  # warm, as the floor is
            pass
        begun = time.perf_counter()
        due = sweep(day(2 * turn)).due
        mine.append(time.perf_counter() - begun)
        bare.append(floor(day(2 * turn + 1)))
    last = day(2 * ROUNDS - 1)
    idle, none = [], []
    for _ in range(NOBODY_DUE_ROUNDS):
        idle.append(seconds(lambda: sweep(last)))
        none.append(floor_of_none(last))
    pairs = {"ours": mine, "floor": bare, "idle_ours": idle, "idle_floor": none}
    return {**pairs, "due": due, "peak_mb": peak_mb()}


def all_due(_folder: Path, rounds: int) -> dict[str, Any]:
    """Put every case in front of a sweep at once, as a new policy does, again: by one process, by two, by the floor."""
    on = day(TURNS)
    told: dict[str, Any] = {"ours": [], "pair_ours": [], "floor": []}
    _swept(on)
    for _ in range(rounds):
        told["ours"].append(_swept(on)["seconds"])
        told["pair_ours"].append(_swept(on, 2)["seconds"] if _decides_beside() else 0)
        _policy_changes()
        told["floor"].append(floor(on))
    return told | {"pair_floor": told["floor"], "peak_mb": peak_mb()}


def all_due_once(_folder: Path, processes: int) -> dict[str, Any]:
    """Put every case in front of a sweep for the first time, which tells most of them something."""
    return _swept(day(TURNS), processes) | {"peak_mb": peak_mb()}


def _decides_beside() -> bool:
    """Whether a second process decides for the one that writes: PostgreSQL has shards, and they a table."""
    from tasks.store.database import engine_of

    return engine_of().dialect.name == "sqlite"


def _swept(on: date, processes: int = 1) -> dict[str, Any]:
    """Sweep a day on which everything is due."""
    from tasks.journal import Journal
    from tasks.shards import sweep_in_shards
    from tasks.sweep import sweep_batch

    _policy_changes()
    journal = Journal()
    begun = time.perf_counter()
    tally = sweep_in_shards(on, processes, journal, run_batch=sweep_batch.fn)
    taken = time.perf_counter() - begun
    assert not journal.remarks, journal.remarks
    return {"seconds": taken, "notices": tally.notices}


def _policy_changes() -> None:
    from tasks.store.database import engine_of, transaction
    from tasks.store.programs import everything_is_due

    with transaction(engine_of()) as connection:
        everything_is_due(connection, TODAY)


def planning(_folder: Path, _size: int) -> dict[str, Any]:
    """Gather what is pending into letters, as deliveries do before they write one."""
    from sqlalchemy import Engine

    from models.settings import settings
    from tasks.mail.deliver import NOTICES_A_RUN
    from tasks.mail.letters.gathering import gather
    from tasks.mail.letters.parcels import Rules
    from tasks.store.database import engine_of, reading
    from tasks.sweep import sweep

    sweep(day(0))
    now = datetime.combine(day(0), clock_time(17), UTC)
    rules = Rules(settings().times.horizon, NOTICES_A_RUN)

    def work(engine: Engine) -> None:
        with reading(engine) as connection:
            assert gather(connection, now, rules).parcels

    work(engine_of())
    return recording.compared(engine_of(), work, rounds=ROUNDS)


def replaying(folder: Path, days: int) -> dict[str, Any]:
    """Live through the first days of the reference program, mail and all; then fit what it knows by its last day."""
    from tasks.feed import synthetic_cohort
    from tasks.forecasting import make_fit
    from tasks.replay import Span, database_in, replay
    from tasks.store.programs import folder_of, read_policy

    program = folder_of("mexico")
    policy = read_policy(program)
    cohort = synthetic_cohort(program, policy, 1)
    span = Span(policy.began_on or TODAY, (policy.began_on or TODAY) + timedelta(days=days - 1))
    with recording.recorded() as steps:
        mine = seconds(lambda: deque(replay(program, cohort, (folder, span)), maxlen=0))
    told: dict[str, Any] = {"ours": [mine], "floor": [recording.sent_again(steps, f"{folder}/again.db", durable=False)]}
    with database_in(folder) as engine:
        make_fit(engine, span.until)
        fitted = recording.compared(engine, lambda engine: _ignored(make_fit(engine, span.until)), rounds=ROUNDS)
    return told | {f"fit_{name}": figures for name, figures in fitted.items()}


def _ignored(_answer: object) -> None:
    pass


def rendering(_folder: Path, notices: int) -> dict[str, Any]:
    """Render letters of one notice, beside the smallest Jinja template as often."""
    from jinja2 import Environment

    from tasks.mail.rendering import render
    from tests.benchmarks.letters import letters

    given, smallest = list(letters(notices)), Environment(autoescape=True).from_string("<p>{{ name }}</p>")
    for letter in given[:40]:
        render(letter)
    mine, bare = [], []
    for _ in range(ROUNDS):
        mine.append(seconds(lambda: deque(map(render, given), maxlen=0)))
        bare.append(seconds(lambda: deque((smallest.render(name=letter.surname) for letter in given), maxlen=0)))
    return {"ours": mine, "floor": bare}


def common_shape(folder: Path, count: int) -> dict[str, Any]:
    """Decide cases one by one."""
    return shapes.measure(folder, count)._asdict()


def roster(folder: Path, rows: int) -> dict[str, Any]:
    """Import a roster."""
    return importing.measure(folder, rows)


SHEETS = {
    "line": "mail", "words": "letters", "prefect": "service", "pages": "portfolio", "start": "start",
    "shards": "shards",
}
"""The scripts that measure something by themselves, each imported only where it is asked for."""


def sheet(name: str) -> dict[str, Any]:
    """Measure what a script of its own measures."""
    found: dict[str, Any] = import_module(f"tests.benchmarks.{SHEETS[name]}").measure()._asdict()
    return found


MEASURES = {
    "fill": fill, "share_due": share_due, "all_due": all_due, "all_due_once": all_due_once,
    "planning": planning, "replaying": replaying,
    "rendering": rendering, "roster": roster, "common_shape": common_shape,
}


def main() -> None:
    """Measure one thing."""
    name, folder, number = sys.argv[1:]
    print(json.dumps(sheet(name) if name in SHEETS else MEASURES[name](Path(folder), int(number))))


if __name__ == "__main__":
    main()
