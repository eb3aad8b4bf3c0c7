"""`make bench`: how long somebody waits for the command line to say what it can do.

A process of its own each time, the files in the cache; the median of a few. What it must not import, a test holds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROUNDS = 9
LIMIT = 0.4


def main() -> int:
    """Print the table; exit 1 where the start is over its limit."""
    acredita = str(Path(sys.executable).with_name("acredita"))
    _seconds(acredita, "--help")  # the first one reads the disk
    table = Table(title="how long the command line takes to start")
    for name in ("what", "seconds", "limit"):
        table.add_column(name, justify="left" if name == "what" else "right")
    python = statistics.median(_seconds(sys.executable, "-c", "pass") for _ in range(ROUNDS))
    started = statistics.median(_seconds(acredita, "--help") for _ in range(ROUNDS))
    table.add_row("Python alone", f"{python:.2f}", "")
    table.add_row("acredita --help", f"{started:.2f}", f"{LIMIT}")
    Console(width=100).print(table)
    return 1 if started > LIMIT else 0


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
