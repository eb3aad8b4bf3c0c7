"""A synthetic cohort fed into a database, through the same doors as an import: day by day, or all that is known."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from models.rules.cohort.draw import LEAVES, Cohort, Dated, draw_cohort, plain
from models.rules.cohort.margins import parse_margins
from models.rules.decide import decide
from models.rules.errors import Refused
from models.rules.intake.columns import FileKind
from models.rules.policy import Policy
from models.rules.words import SCOPE_OF, Language, Post, Scope, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, PERSON
from tasks.intake.imports import import_rows
from tasks.store.cases import named_cases
from tasks.store.cycles import open_cycles
from tasks.store.lookups import ids_by_code
from tasks.store.programs import program_in_force
from tasks.store.records import (
    NewFact,
    NewSeat,
    add_people,
    close_seats,
    enrollment_id_of,
    open_seats,
    record_facts,
    touch,
)


def synthetic_cohort(program: Path, policy: Policy, seed: int) -> Cohort:
    """Draw the cohort that a program's folder describes.

    Raises:
        Refused: the folder has no margins to draw one from, or they cannot be met.
    """
    path = program / "synthetic" / "cohort.toml"
    if not path.is_file():
        remedy = "Only a program with published margins can be replayed: add the file."
        raise Refused.one(str(path.relative_to(program.parent)), "is not there.", remedy)
    return draw_cohort(parse_margins(tomllib.loads(path.read_text(encoding="utf-8")), policy), policy, seed)


def rows_by_day(cohort: Cohort) -> dict[date, Cohort]:
    """Split a cohort by the day on which its rows become known."""
    split: dict[date, dict[str, list[Dated]]] = defaultdict(lambda: defaultdict(list))
    for name in Cohort.__dataclass_fields__:
        for dated in getattr(cohort, name):
            split[dated.known_on][name].append(dated)
    return {
        day: Cohort(**{name: tuple(lists.get(name, ())) for name in Cohort.__dataclass_fields__})
        for day, lists in split.items()
    }


def feed_day(connection: Connection, known: Cohort, today: date) -> None:
    """Record what became known, in the order in which it depends on each other."""
    for kind, rows in ((FileKind.PEOPLE, plain(known.people)), (FileKind.ROSTER, plain(known.roster))):
        if rows:
            import_rows(connection, kind, rows, today=today, name=f"synthetic {kind}")
    for dated in known.seat_changes:
        change_seat(connection, dated.row, today)
    record_facts(connection, [_fact(row) for row in plain(known.facts)], today)


def feed_all(connection: Connection, cohort: Cohort, today: date) -> None:
    """Record everything that became known until a day, in the order of the days, cycle by cycle.

    Nothing was swept yet: what an award opens is opened by the lifecycle's own word, and what is known of it follows.
    """
    by_cycle: dict[int, list[Dated]] = defaultdict(list)
    for dated in cohort.facts:
        if dated.known_on <= today:
            by_cycle[int(dated.row["cycle"])].append(dated)
    first = replace(cohort, facts=tuple(by_cycle.pop(1, ())))
    for day, known in sorted(rows_by_day(first).items()):
        if day <= today:
            feed_day(connection, known, day)
    for _, facts in sorted(by_cycle.items()):
        _open_what_awards_open(connection, today)
        record_facts(connection, [_fact(row) for row in plain(facts)], today)


def _open_what_awards_open(connection: Connection, today: date) -> None:
    program = program_in_force(connection)
    waiting = connection.scalars(select(ENROLLMENT.c.id).where(ENROLLMENT.c.status == Status.OPEN)).all()
    open_cycles(connection, [decide(case, program, today) for case in named_cases(connection, waiting)], today)


def _fact(row: dict[str, str]) -> NewFact:
    return NewFact(
        f"{row['agency_code']}/{row['track']}/{row['cycle'] or 1}", row["milestone"],
        date.fromisoformat(row["occurred_on"]), value=int(row["value"]) if row["value"] else None,
        reference=row["reference"], recorded_by=row["recorded_by"],
    )


def change_seat(connection: Connection, row: dict[str, str], today: date) -> None:
    """Let somebody leave a post (the day given is the last in it) or take it (the first)."""
    post, on = Post(row["post"]), date.fromisoformat(row["on"])
    agency_id = connection.scalar(select(AGENCY.c.id).where(AGENCY.c.code == row["agency_code"]))
    assert agency_id is not None, "a seat change follows its agency's enrollment"
    mine = connection.scalars(select(ENROLLMENT.c.id).where(ENROLLMENT.c.agency_id == agency_id)).all()
    owner: dict[str, Any] = {"agency_id": agency_id}
    if SCOPE_OF[post] is Scope.ENROLLMENT:
        code = f"{row['agency_code']}/{row['track']}/{row['cycle'] or 1}"
        owner = {"enrollment_id": enrollment_id_of(connection, code)}
    if row["change"] == LEAVES:
        here = [ASSIGNMENT.c[name] == value for name, value in owner.items()]
        leaving = select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.post == post, ASSIGNMENT.c.until.is_(None), *here)
        close_seats(connection, dict.fromkeys(connection.scalars(leaving), on))
    else:
        open_seats(connection, [NewSeat(_person(connection, row), post, on, **owner)])
    touch(connection, mine, today)


def _person(connection: Connection, row: dict[str, str]) -> int:
    """Return whoever takes the post: an expert by code, or somebody new who is named in the row."""
    code = row["person"] or f"{row['agency_code']}.{row['post']}.{row['on']}"
    found = ids_by_code(connection, PERSON, [code])
    if code not in found:
        names = ("given_names", "surname", "second_surname", "email", "time_zone")
        language = Language.EN if row["language"] == "en" else Language.ES_MX
        found = add_people(connection, [{"code": code, "language": language, **{name: row[name] for name in names}}])
    return found[code]
