"""`make bench`: how long somebody waits for the command line to say what it can do.

A process of its own each time, the files in the cache; the median of a few. What it must not import, a test holds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.paper import Sheet, told

ROUNDS = 9
LIMIT = 0.4


def measure() -> Sheet:
    """Measure it."""
    acredita = str(Path(sys.executable).with_name("acredita"))
    _seconds(acredita, "--help")  # the first one reads the disk
    python = statistics.median(_seconds(sys.executable, "-c", "pass") for _ in range(ROUNDS))
    started = statistics.median(_seconds(acredita, "--help") for _ in range(ROUNDS))
    cells = [("Python alone", f"{python:.2f}", ""), ("acredita --help", f"{started:.2f}", f"{LIMIT}")]
    missed = ["acredita --help"] if started > LIMIT else []
    return Sheet("how long the command line takes to start", ("what", "seconds", "limit"), cells, missed)


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(told(measure()))
