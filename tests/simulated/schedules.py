"""Many schedules on all cores: `python -m tests.simulated.schedules` lives 100,000 of them and writes down the figure.

`make nightly` holds the same ones, as tests. It exits 1 where a promise was broken, and says by which seed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from multiprocessing import get_context

from tests.faults.tables import Table, write
from tests.simulated.delivery import simulate

NIGHTLY = 100_000
SHARE = 500
"""Schedules that a process is handed at a time."""


def broken_by(seeds: range) -> dict[int, list[str]]:
    """Return the promises that schedules broke, by seed."""
    return {seed: broken for seed in seeds if (broken := simulate(seed))}


def live(count: int) -> Table:
    """Live so many schedules on all cores."""
    begun, broken, done = time.monotonic(), dict[int, list[str]](), 0
    shares = [range(first, min(first + SHARE, count)) for first in range(0, count, SHARE)]
    with get_context("spawn").Pool() as pool:
        for found in pool.imap(broken_by, shares):
            broken |= found
            done += 1
            if done % 20 == 0:
                print(f"{min(done * SHARE, count):,} schedules, {len(broken)} broken", file=sys.stderr, flush=True)
    minutes = (time.monotonic() - begun) / 60
    row = (f"{count:,}", len(broken), os.cpu_count(), f"{minutes:.0f}")
    faults = [f"seed {seed}: {', '.join(promises)}" for seed, promises in broken.items()]
    return Table("schedules", ("schedules", "with a broken promise", "cores", "minutes"), [row], faults)


def main() -> int:
    """Print the table, and write it down where it is of the whole number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=NIGHTLY)
    count = parser.parse_args().schedules
    found = live(count)
    print(found, *found.faults, sep="\n")
    if count >= NIGHTLY:
        write(found)
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
