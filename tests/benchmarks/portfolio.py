"""`make bench`: what the pages of the Prefect UI cost with many enrollments: the portfolio, and the page of one case.

Everything but the sending: counted, planned and drawn, each the median of some rounds, on SQLite and after a sweep that
had every case before it.

    python -m tests.benchmarks.portfolio [SIZE...]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.measures import seconds
from tests.benchmarks.paper import Sheet, told
from tests.benchmarks.population import TODAY, build

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 5
JUDGED, LIMIT = 10_000, 1.0
"""A portfolio of so many enrollments is drawn within so many seconds."""


class Drawn(NamedTuple):
    """What the pages of one size took, and how large the portfolio is in kilobytes."""

    portfolio: float
    case: float
    kilobytes: float


def measure(sizes: Sequence[int] = SIZES) -> Sheet:
    """Draw the pages of each size."""
    found = {size: measured(size) for size in sizes}
    cells = [
        (f"{size:,}", f"{1000 * each.portfolio:.0f}", f"{each.kilobytes:.0f}", f"{1000 * each.case:.0f}")
        for size, each in found.items()
    ]
    missed = [f"{size:,}" for size, each in found.items() if size <= JUDGED and each.portfolio > LIMIT]
    return Sheet("what pages cost", ("enrollments", "portfolio, ms", "of KB", "a case's page, ms"), cells, missed)


def measured(size: int) -> Drawn:
    """Fill a database, sweep it once and draw its pages again and again."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ACREDITA_HOME": folder, "ACREDITA_DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}"}
        os.environ |= {"PREFECT_HOME": folder, "PREFECT_LOGGING_LEVEL": "WARNING"}
        os.environ.pop("PREFECT_API_URL", None)  # without a server there are no links, which cost one request a form
        build(size, 1.0)
        # Prefect reads its settings when it is first imported.
        from tasks.store.database import engine_of
        from tasks.sweep import sweep
        from tasks.views.case_page import case_page

        sweep(TODAY)
        engine = engine_of()
        pages: list[str] = []
        portfolio = _median(lambda: pages.append(_portfolio(engine)))
        case = _median(lambda: case_page(engine, _some_code(engine)))
        engine.dispose()
        return Drawn(portfolio, case, len(pages[-1]) / 1024)


def _median(work: Callable[[], Any]) -> float:
    return statistics.median(seconds(work) for _ in range(ROUNDS))


def _portfolio(engine: Any) -> str:
    from models.rules.words import Cycle
    from tasks.store.database import reading
    from tasks.store.programs import program_in_force
    from tasks.views.artifacts import portfolio_page
    from tasks.views.attention import most_at_risk
    from tasks.views.reports import portfolio

    with reading(engine) as connection:
        program = program_in_force(connection)
        counted = portfolio(connection, program), portfolio(connection, program, Cycle.REACCREDITATION)
        worst = most_at_risk(connection, program, today=TODAY)
    return portfolio_page(program, counted, (TODAY, worst, ""))


def _some_code(engine: Any) -> str:
    from sqlalchemy import select

    from models.schema import AGENCY
    from tasks.store.database import reading

    with reading(engine) as connection:
        return str(connection.scalar(select(AGENCY.c.code).order_by(AGENCY.c.id.desc()).limit(1)))


if __name__ == "__main__":
    sys.exit(told(measure([int(each) for each in sys.argv[1:]] or SIZES)))
