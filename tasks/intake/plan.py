"""What an import would change, worked out in memory, and then written in one go or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, bindparam, select, update

from models.rules.errors import Refused
from models.rules.intake.roster import Fault, Found, Source
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import Post, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, PERSON
from tasks.operations.asked import Because
from tasks.operations.deadlines import correct_agreement
from tasks.operations.facts import Right, Wrong, correct_fact
from tasks.store.lookups import enrolled_by_agency, ids_by_code
from tasks.store.records import (
    NewSeat,
    add_agencies,
    add_enrollments,
    add_people,
    change_rows,
    change_seats,
    open_seats,
    touch,
    write_facts,
)


class FieldChange(NamedTuple):
    """A stored field that the file has otherwise. `code` is an enrollment's, agency's, person's or fact's."""

    code: str
    field: str
    old: Any
    new: Any


class PlannedSeat(NamedTuple):
    """Somebody to be put in a post, all by codes: some of them have no id before the plan is carried out."""

    person: str
    post: Post
    since: date
    until: date | None = None
    enrollment: str | None = None
    agency: str | None = None
    region: str | None = None


class Correction(NamedTuple):
    """A number on record that a row of the file has otherwise: the fact is voided and recorded anew."""

    wrong: Wrong
    right: Right
    actor: str
    row: int


class AnchorCorrection(NamedTuple):
    """An agreement that a row of the file has on another day: its correction is a change of dates like any other."""

    enrollment: str
    agreement_on: date
    row: int


@dataclass(frozen=True)
class Scene:
    """What rows are planned against: the program's policy, today, and where the rows come from.

    `reason` is why what is on record is corrected, by its code in the program, and `actor` who does; without a reason
    nothing can be.
    """

    policy: Policy
    today: date
    source: Source
    reason: str | None = None
    actor: str = "operator"


@dataclass
class Plan:
    """The difference between a file and what is stored."""

    agencies: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    enrollments: list[dict[str, Any]] = field(default_factory=list)
    """New ones; `agency` is the agency's code."""
    seats: list[PlannedSeat] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    anchors: list[AnchorCorrection] = field(default_factory=list)
    deputies: dict[str, str | None] = field(default_factory=dict)
    changed: defaultdict[Table, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    touched: set[int] = field(default_factory=set)
    """Enrollments that the next sweep must look at."""
    touched_regions: set[str] = field(default_factory=set)
    everything_touched: bool = False
    created: list[str] = field(default_factory=list)
    changes: list[FieldChange] = field(default_factory=list)
    moved_rows: set[int] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)
    """What is wrong; a plan with anything in it is not carried out."""

    def amend(self, target: Table, stored: RowMapping, given: tuple[Mapping[str, Any], str, int]) -> bool:
        """Note the fields of a stored row that a file's row has otherwise; tell whether there are any."""
        wanted, code, number = given
        new = {name: value for name, value in wanted.items() if stored[name] != value}
        if new:
            self.changed[target][stored["id"]] = new
            self.changes += [FieldChange(code, name, stored[name], value) for name, value in new.items()]
            self.moved_rows.add(number)
        return bool(new)

    def create(self, rows: list[dict[str, Any]], row: dict[str, Any], given: tuple[str, int]) -> None:
        """Note a new row; `given` is the code it is reported by, and the number of the file's row."""
        code, number = given
        rows.append(row)
        self.created.append(code)
        self.moved_rows.add(number)

    def change(self, change: FieldChange, number: int) -> None:
        """Note a change that is told under a name of its own."""
        self.changes.append(change)
        self.moved_rows.add(number)

    def refuse(self, source: Source, number: int, fault: Fault) -> None:
        """Note what is wrong with a row."""
        self.found.append(source.problem(number, fault))


def carry_out(connection: Connection, plan: Plan, scene: Scene) -> None:
    """Write a plan down in the transaction that it was made in, one statement for each kind of row."""
    agencies = add_agencies(connection, plan.agencies)
    people = add_people(connection, plan.people)
    plan.agencies.clear()  # what is written is let go
    plan.people.clear()
    agencies |= ids_by_code(connection, AGENCY, _others(_agencies_of(plan), agencies))
    people |= ids_by_code(connection, PERSON, _others(_people_of(plan), people))
    _set_deputies(connection, plan.deputies, people)
    for target in (AGENCY, PERSON, ENROLLMENT):
        change_rows(connection, target, plan.changed[target])
    change_seats(connection, plan.changed[ASSIGNMENT])
    enrollments = _enroll(connection, plan, (agencies, scene))
    open_seats(
        connection,
        (
            NewSeat(
                people[seat.person], seat.post, seat.since, seat.until,
                enrollment_id=enrollments[seat.enrollment] if seat.enrollment else None,
                agency_id=agencies[seat.agency] if seat.agency else None, region=seat.region,
            )
            for seat in plan.seats
        ),
    )
    write_facts(connection, plan.facts, scene.today, policy=scene.policy)
    touch(connection, plan.touched, scene.today)
    _touch_wide(connection, plan, scene.today)
    _correct(connection, plan, scene)


def _correct(connection: Connection, plan: Plan, scene: Scene) -> None:
    """Correct facts and agreements as an operator would, so that nothing of what was wrong is lost."""
    for fact in plan.corrections:
        with _of_row(scene, fact.row):
            correct_fact(connection, fact.wrong, fact.right, because=_because(scene, fact.actor))
    for anchor in plan.anchors:
        with _of_row(scene, anchor.row):
            correct_agreement(
                connection, anchor.enrollment, anchor.agreement_on, because=_because(scene, scene.actor)
            )


def _because(scene: Scene, actor: str) -> Because:
    assert scene.reason is not None, "a plan without a reason refuses to correct"
    return Because(scene.reason, scene.today, actor=actor)


@contextmanager
def _of_row(scene: Scene, number: int) -> Iterator[None]:
    """Say of which row an operation is refused."""
    try:
        yield
    except Refused as refused:
        row = f"{scene.source.name} row {number}"
        raise Refused(problem._replace(place=f"{row}, {problem.place}") for problem in refused.problems) from None


def _others(codes: Iterable[str], known: Mapping[str, int]) -> set[str]:
    return {code for code in codes if code not in known}


def _agencies_of(plan: Plan) -> Iterable[str]:
    yield from (row["agency"] for row in plan.enrollments)
    yield from (seat.agency for seat in plan.seats if seat.agency)
    yield from (seat.enrollment.partition("/")[0] for seat in plan.seats if seat.enrollment)


def _people_of(plan: Plan) -> Iterable[str]:
    yield from (seat.person for seat in plan.seats)
    yield from (code for pair in plan.deputies.items() for code in pair if code)


def _set_deputies(connection: Connection, deputies: Mapping[str, str | None], people: Mapping[str, int]) -> None:
    rows = {people[code]: {"deputy_id": people[deputy] if deputy else None} for code, deputy in deputies.items()}
    change_rows(connection, PERSON, rows)


def _enroll(connection: Connection, plan: Plan, given: tuple[Mapping[str, int], Scene]) -> dict[str, int]:
    """Open the new enrollments and return the ids, by code, of those and of all that get a seat."""
    agencies, scene = given
    rows = [{"agency_id": agencies[row["agency"]], **row} for row in plan.enrollments]
    for row in rows:
        del row["agency"]
    ids = add_enrollments(connection, rows, (scene.policy, scene.today))
    code_of = {key: code for code, key in agencies.items()}
    found = {enrollment_code(code_of[agency], track, cycle): key for (agency, track, cycle), key in ids.items()}
    older = {seat.enrollment for seat in plan.seats if seat.enrollment and seat.enrollment not in found}
    stored = enrolled_by_agency(connection, {code.partition("/")[0] for code in older})
    return found | {each.code: each.id for mine in stored.values() for each in mine}


def _touch_wide(connection: Connection, plan: Plan, today: date) -> None:
    """Make due whatever a regional or program seat is told of."""
    due = update(ENROLLMENT).where(ENROLLMENT.c.status == Status.OPEN).values(next_review_on=today)
    if plan.everything_touched:
        connection.execute(due)
    elif plan.touched_regions:
        there = select(AGENCY.c.id).where(AGENCY.c.region.in_(bindparam("regions", expanding=True)))
        connection.execute(due.where(ENROLLMENT.c.agency_id.in_(there)), {"regions": sorted(plan.touched_regions)})
