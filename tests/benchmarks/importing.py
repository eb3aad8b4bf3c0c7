"""An import of a large roster, beside the bare driver that writes the same rows of the same file's cells.

Ours reads the file, checks every cell of every row, compares each with what is stored, and writes; the floor reads the
file with the csv module and inserts the rows that ours left behind, into a database that is as empty.
"""

from __future__ import annotations

import csv
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.floors import Driver, driver
from tests.benchmarks.population import TODAY, drawn

ENTITIES = ("JAL", "NLE", "PUE", "SON", "YUC", "CHH", "BCN", "CMX")
KINDS = (("law_enforcement", "law_enforcement_tier1"), ("communications", "communications"), ("academy", "academy"))
EXPERTS = 200
WRITTEN = ("person", "agency", "enrollment", "assignment")
TITLES = (
    "agency_code", "agency", "kind", "entity", "track", "cycle", "agreement_countersigned_on", "head_name",
    "head_email", "accreditation_manager_given_names", "accreditation_manager_surname",
    "accreditation_manager_email", "sme1", "sme2", "language",
)


def _row(i: int) -> tuple[Any, ...]:
    kind, track = KINDS[drawn(i, 1, len(KINDS))]
    agreement = TODAY - timedelta(days=drawn(i, 2, 900) + 1)
    return (
        f"AG-{i}", f"Agencia {i}", kind, ENTITIES[drawn(i, 3, len(ENTITIES))], track, 1, agreement,
        f"María Peña {i}", f"head{i}@example.org", "José Luis", f"Muñoz {i}", f"am{i}@example.org",
        f"SME-{drawn(i, 4, EXPERTS)}", f"SME-{(drawn(i, 4, EXPERTS) + 1) % EXPERTS}", "es",
    )


def write_files(folder: Path, count: int) -> tuple[Path, Path]:
    """Write the experts and the roster, and return their paths."""
    people, roster = folder / "people.csv", folder / "roster.csv"
    with people.open("w", newline="", encoding="utf-8") as file:
        titles = ("code", "given_names", "surname", "email", "language", "time_zone", "role")
        rows = ((f"SME-{n}", "Ana", f"Ruiz {n}", f"sme{n}@example.org", "en", "UTC", "sme") for n in range(EXPERTS))
        csv.writer(file).writerows([titles, *rows])
    with roster.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([TITLES, *map(_row, range(1, count + 1))])
    return people, roster


def ours(folder: Path, rows: int) -> float:
    """Return the seconds that an import of a roster takes in the settings' database, which is empty."""
    from tasks.intake.imports import ImportOptions, import_file
    from tasks.store.database import engine_of, migrate
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    engine = engine_of()
    migrate(engine)
    put_in_force(engine, read_policy(folder_of("mexico")), Terms(live_from=date(2016, 1, 1)))
    people, roster = write_files(folder, rows)
    options = ImportOptions(TODAY)
    import_file(engine, people, options)
    begun = time.perf_counter()
    report = import_file(engine, roster, options)
    seconds = time.perf_counter() - begun
    assert len(report.created) == rows, "every row is new"
    engine.dispose()
    return seconds


def floor(roster: Path) -> float:
    """Return the seconds that the bare driver takes to write what an import left behind into tables as empty."""
    bare = driver()
    kept = {table: _taken(bare, table) for table in WRITTEN}
    _empty(bare)
    bare.execute(bare.spelled("INSERT INTO person SELECT * FROM kept_person"))
    begun = time.perf_counter()
    with roster.open(newline="", encoding="utf-8") as file:
        cells = sum(1 for _ in csv.reader(file))
    bare.execute("BEGIN" if bare.locking else "BEGIN IMMEDIATE")
    for table, (columns, rows) in kept.items():
        bare.insert(table, columns, rows)
    bare.execute("COMMIT")
    seconds = time.perf_counter() - begun
    assert cells
    bare.close()
    return seconds


def _empty(bare: Driver) -> None:
    if bare.locking:
        bare.execute(f"TRUNCATE {', '.join(WRITTEN)} CASCADE")
        return
    bare.execute("PRAGMA foreign_keys = OFF")  # or each row is looked for in every table that might name it
    for table in reversed(WRITTEN):
        bare.execute(f"DELETE FROM {table}")
    bare.execute("PRAGMA foreign_keys = ON")


def _taken(bare: Driver, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    if table == "person":
        bare.execute("CREATE TABLE kept_person AS SELECT * FROM person WHERE code LIKE 'SME-%'")
    where = " WHERE code NOT LIKE 'SME-%'" if table == "person" else ""
    found = bare.execute(f"SELECT * FROM {table}{where} ORDER BY id")
    return [column[0] for column in found.description], found.fetchall()


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Import a roster, and write it once more with the bare driver."""
    from tests.benchmarks.measures import peak_mb

    mine, peak = ours(folder, rows), peak_mb()
    return {"ours": [mine], "floor": [floor(folder / "roster.csv")], "peak_mb": peak}
