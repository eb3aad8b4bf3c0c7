"""Who is in the bench's databases: enrollments spread over tracks, stages, states and days, as a program has them.

No two fields are the same for all: what a sweep remembers of one case helps the next only as it would live. Everything
is drawn from the number of the enrollment, so that every run measures the same cases.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import psycopg

TODAY = date(2022, 3, 1)
TURNS = 10
"""Days on which a share of all enrollments comes due, the first of them `TODAY`."""
LATER = TODAY + timedelta(days=200)
STAMP = "2022-01-01 00:00:00.000000"
TRACKS = ("law_enforcement_tier1", "communications", "academy", "law_enforcement_tier1", "academy",
          "law_enforcement_advanced", "communications")
STAGES = ("gap_analysis", "directives", "proofs", "mock_assessment", "directives", "proofs")
PASSED = {
    "gap_analysis": ("accreditation_manager_trained", "kickoff_visit"),
    "directives": ("accreditation_manager_trained", "kickoff_visit", "gap_report_accepted"),
    "proofs": ("kickoff_visit", "gap_report_accepted", "directives_issued", "staff_oriented"),
    "mock_assessment": ("gap_report_accepted", "staff_oriented", "mandatory_in_compliance", "others_in_compliance"),
}
LEAVING = {
    "gap_analysis": ("gap_report_accepted",),
    "directives": ("directives_issued", "staff_oriented"),
    "proofs": ("mandatory_in_compliance", "others_in_compliance"),
    "mock_assessment": ("mock_passed", "findings_fixed", "readiness_confirmed"),
}


class Filled(NamedTuple):
    """Rows of a table, as text where they are days."""

    table: str
    columns: str
    rows: Iterator[tuple[Any, ...]]


class Made(NamedTuple):
    """An enrollment, which has the number of its agency."""

    id: int
    track: str
    stage: str
    entity: str
    agreement_on: date
    entered_on: date
    due_on: date


def day(turn: int) -> date:
    """Return the day of a turn."""
    return TODAY + timedelta(days=turn)


def drawn(number: int, what: int, sides: int) -> int:
    """Return 0 to `sides` - 1 for a number, another one for each thing that is drawn."""
    return (((number + what * 7919) * 2654435761 & 0xFFFFFFFF) >> 8) % sides


def build(size: int, share: float) -> None:
    """Fill the settings' database, which has no tables yet; a share of the enrollments comes due on each turn."""
    from tasks.store.database import engine_of, migrate
    from tasks.store.programs import Terms, folder_of, put_in_force, read_policy

    engine = engine_of()
    migrate(engine)
    put_in_force(engine, read_policy(folder_of("mexico")), Terms(live_from=date(2016, 1, 1)))
    url, lite = engine.url, engine.dialect.name == "sqlite"
    engine.dispose()
    fill = _into_sqlite(str(url.database)) if lite else _into_postgresql(os.environ["ACREDITA_DATABASE_URL"])
    fill(_tables(size, share))


Fill = Callable[[Iterable[Filled]], None]


def _into_sqlite(path: str) -> Fill:
    def fill(tables: Iterable[Filled]) -> None:
        lite = sqlite3.connect(path, isolation_level=None)
        lite.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
        lite.execute("BEGIN")
        for each in tables:
            marks = ", ".join("?" * len(each.columns.split()))
            columns = ", ".join(each.columns.split())
            lite.executemany(f"INSERT INTO {each.table} ({columns}) VALUES ({marks})", each.rows)
        lite.execute("COMMIT")
        lite.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")
        lite.close()

    return fill


def _into_postgresql(url: str) -> Fill:
    def fill(tables: Iterable[Filled]) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for each in tables:
                columns = ", ".join(each.columns.split())
                with connection.cursor().copy(f"COPY {each.table} ({columns}) FROM STDIN") as copy:
                    for row in each.rows:
                        copy.write_row(row)
                if each.columns.startswith("id "):
                    last = f"pg_get_serial_sequence('{each.table}', 'id'), max(id)"
                    connection.execute(f"SELECT setval({last}) FROM {each.table}")
            connection.execute("VACUUM ANALYZE")

    return fill


def _tables(size: int, share: float) -> Iterator[Filled]:
    ids, people = range(1, size + 1), size + size // 50 + 10
    regions, entities = _places()
    yield Filled(
        "person", "id code given_names surname email language time_zone recorded_at",
        ((p, f"P{p}", "Ana", f"Ruiz {p}", f"p{p}@example.org", "en", "UTC", STAMP) for p in range(1, people + 1)),
    )
    yield Filled(
        "agency", "id code name kind entity region time_zone recorded_at",
        ((i, f"A{i}", f"Agency {i}", "law_enforcement", at, regions[at], "America/Mexico_City", STAMP)
         for i in ids for at in (entities[drawn(i, 3, len(entities))],)),
    )
    yield Filled(
        "enrollment", "id agency_id track cycle agreement_on stage stage_entered_on stage_seq status risk"
        " next_review_on pace recorded_at",
        ((m.id, m.id, m.track, 1, str(m.agreement_on), m.stage, str(m.entered_on), 2, "open", "on_track",
          str(m.due_on), 0.0, STAMP) for m in made(size, share)),
    )
    yield Filled(
        "milestone", "enrollment_id milestone occurred_on value reference recorded_by void_reference recorded_at",
        ((m.id, name, str(on), 999 if name.endswith("_in_compliance") else None, "", "bench", "", STAMP)
         for m in made(size, share) for name, on in _facts(m)),
    )
    yield Filled(
        "assignment", "person_id post enrollment_id agency_id region since recorded_at",
        (seat for seats in (_seats(size, share, people), _wide(set(regions.values()))) for seat in seats),
    )
    yield Filled(
        "email", "id person_id day kind state reference address subject text html attempt failures again claimed_at",
        iter([(1, 1, "2021-12-01", "digest", "sent", "bench", "p1@example.org", "-", "-", "-", 1, 0, 0, STAMP)]),
    )
    yield Filled(
        "notice", "subject_kind subject_id rule occurrence anchor_on post template planned_for decided_on state facts"
        " policy_version_id email_id recorded_at",
        (("enrollment", m.id, "stage_target", "onboarding:30", str(m.agreement_on + timedelta(days=61)), post,
          "stage_target", str(m.agreement_on + timedelta(days=31)), str(m.agreement_on + timedelta(days=31)), "sent",
          '{"days":30,"stage":"onboarding","late":0}', 1, 1, STAMP)
         for m in made(size, share) for post in ("accreditation_manager", "sme_1")),
    )


@cache
def _places() -> tuple[dict[str, str], tuple[str, ...]]:
    from tasks.store.programs import folder_of, read_policy

    policy = read_policy(folder_of("mexico"))
    return dict(policy.region_of), tuple(sorted(policy.region_of))


@cache
def _budgets() -> dict[str, dict[str, tuple[int, int]]]:
    """By track and stage: the days it is expected to take, and those of all stages before it."""
    from models.rules.case import Program
    from tasks.store.programs import folder_of, read_policy

    program = Program(read_policy(folder_of("mexico")), 1)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for track in set(TRACKS):
        stages = program.plan(track, 1).stages
        whole = max(plan.budget + plan.after for plan in stages.values())
        found[track] = {code: (plan.budget, whole - plan.budget - plan.after) for code, plan in stages.items()}
    return found


@cache
def made(size: int, share: float) -> list[Made]:
    """Return the enrollments: the target of each stage lies 30 days after the day on which the case comes due."""
    entities, found = _places()[1], []
    for i in range(1, size + 1):
        turn = drawn(i, 0, 1000) // round(1000 * share)
        due = day(turn) if turn < TURNS else LATER
        track, stage = TRACKS[drawn(i, 1, len(TRACKS))], STAGES[drawn(i, 2, len(STAGES))]
        budget, before = _budgets()[track][stage]
        entered = due + timedelta(days=30 - budget)
        agreement = entered - timedelta(days=before * (80 + drawn(i, 4, 40)) // 100)
        found.append(Made(i, track, stage, entities[drawn(i, 3, len(entities))], agreement, entered, due))
    return found


def _facts(m: Made) -> Iterator[tuple[str, date]]:
    passed = PASSED[m.stage]
    span = (m.entered_on - m.agreement_on).days
    for number, name in enumerate(passed, 1):
        yield name, m.agreement_on + timedelta(days=span * number // len(passed))
    if m.due_on == LATER:
        yield "remote_contact", TODAY - timedelta(days=drawn(m.id, 5, 30) + 1)
        return
    if drawn(m.id, 6, 7):  # one in seven is silent, and has stalled where its stage is a long one
        yield "remote_contact", m.due_on - timedelta(days=drawn(m.id, 5, 30) + 1)
    if drawn(m.id, 7, 5) == 0:  # one in five leaves its stage
        yield from ((name, m.due_on) for name in LEAVING[m.stage])


def _seats(size: int, share: float, people: int) -> Iterator[tuple[Any, ...]]:
    experts = people - size
    for m in made(size, share):
        since = str(m.agreement_on)
        pair = m.id % experts + 1
        yield size + pair, "sme_1", m.id, None, None, since, STAMP
        yield size + pair % experts + 1, "sme_2", m.id, None, None, since, STAMP
        yield m.id, "accreditation_manager", None, m.id, None, since, STAMP


def _wide(regions: set[str]) -> Iterator[tuple[Any, ...]]:
    yield from ((1, "regional_manager", None, None, region, "2016-01-01", STAMP) for region in sorted(regions))
    yield 2, "director", None, None, None, "2016-01-01", STAMP
