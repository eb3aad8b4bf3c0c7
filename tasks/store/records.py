"""What people record, written in bulk inside a transaction that somebody else commits.

Lists go in and one statement for each kind of row goes out; a single fact costs about a millisecond. Whatever changes
what an open enrollment is judged by also makes it due, so that the next sweep looks at it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, bindparam, insert, literal, select, update

from models.rules.errors import Problem, Refused, nearest
from models.rules.intake.roster import Stated, fact_faults
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import Post, Risk, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, FORMER_TENURE, MILESTONE, PERSON
from tasks.store.bulk import copied, insert_once
from tasks.store.cases import IDS
from tasks.store.clock import now_in
from tasks.store.lookups import (
    CHUNK,
    Speller,
    Trouble,
    chunks,
    enrolled_by_agency,
    ids_by_code,
    locate,
    siblings,
    stored_by_code,
)
from tasks.store.programs import program_in_force

_E = ENROLLMENT.c


class NewFact(NamedTuple):
    """A milestone to record. `enrollment` is `AGENCY`, `AGENCY/track` or `AGENCY/track/cycle`."""

    enrollment: str
    milestone: str
    occurred_on: date
    value: int | None = None
    reference: str = ""
    recorded_by: str = "operator"


class NewEnrollment(NamedTuple):
    """An agency that is known here, to be enrolled on a track; the experts by their codes."""

    agency: str
    track: str
    agreement_on: date
    cycle: int = 1
    sme_1: str | None = None
    sme_2: str | None = None
    mandatory: int | None = None
    other: int | None = None


_TOUCH = (
    update(ENROLLMENT)
    .where(_E.id.in_(IDS), _E.status == Status.OPEN)
    .values(next_review_on=bindparam("today"))
)


def add_rows(connection: Connection, target: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, stamped with the instant they were recorded at.

    Core names the conversion of each column; the rows then go to the driver themselves, by COPY with PostgreSQL, which
    halves the time of a large import (measured): Core's own executemany looks at every value of every row anew.
    """
    now = now_in(connection) if rows else None
    for some in chunks(rows):  # what the driver is given of all rows at once would take as much memory again
        _add_rows(connection, target, some, now=now)


def _add_rows(
    connection: Connection, target: Table, rows: Sequence[Mapping[str, Any]], *, now: datetime | None
) -> None:
    dialect, given = connection.dialect, {*rows[0], "recorded_at"}
    names = [column.name for column in target.columns if column.name in given]
    columns: list[Iterable[Any]] = [
        itertools.repeat(now, len(rows)) if name == "recorded_at" else [row[name] for row in rows] for name in names
    ]
    converts = [target.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    pairs = zip(columns, converts, strict=True)
    values = zip(*(map(convert, column) if convert else column for column, convert in pairs), strict=True)
    if dialect.name == "postgresql":
        copied(connection, target, values, names=names)
        return
    compiled: Any = insert(target).compile(dialect=dialect, column_keys=names)
    assert compiled.positiontup == names, "a statement names its columns in the table's order"
    connection.exec_driver_sql(str(compiled), list(values))


def change_rows(connection: Connection, target: Table, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change rows by id, each in the columns given for it."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for key, values in changes.items():
        alike[tuple(sorted(values))].append({"row_id": key, **{f"new_{name}": value for name, value in values.items()}})
    for names, rows in alike.items():
        change = update(target).where(target.c.id == bindparam("row_id"))
        connection.execute(change.values({name: bindparam(f"new_{name}") for name in names}), rows)


def add_people(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Add people (every column but `id` and `deputy_id`) and return their ids by code."""
    add_rows(connection, PERSON, rows)
    return ids_by_code(connection, PERSON, [row["code"] for row in rows])


def add_agencies(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Add agencies (every column but `id`) and return their ids by code."""
    add_rows(connection, AGENCY, rows)
    return ids_by_code(connection, AGENCY, [row["code"] for row in rows])


EnrollmentKey = tuple[int, str, int]
"""An agency's id, the track and the cycle: what makes an enrollment unique."""


def add_enrollments(
    connection: Connection, rows: Sequence[Mapping[str, Any]], given: tuple[Policy, date]
) -> dict[EnrollmentKey, int]:
    """Open enrollments at the start of their cycle, due at once, and return their ids.

    Args:
        connection: the open transaction.
        rows: agency_id, track, cycle, agreement_on, mandatory and other of each.
        given: the program's policy, and today.
    """
    policy, today = given
    fresh = {
        "stage_seq": 0, "status": Status.OPEN, "risk": Risk.ON_TRACK, "ended_on": None,
        "next_review_on": today, "pace": 0.0,
    }
    for some in chunks(rows):
        begun = [{"stage": policy.start_of(row["cycle"]), "stage_entered_on": row["agreement_on"]} for row in some]
        add_rows(connection, ENROLLMENT, [{**row, **fresh, **begin} for row, begin in zip(some, begun, strict=True)])
    found: dict[EnrollmentKey, int] = {}
    query = select(_E.agency_id, _E.track, _E.cycle, _E.id).where(_E.agency_id.in_(IDS))
    for some in chunks({row["agency_id"] for row in rows}):
        found |= {(agency, track, cycle): key for agency, track, cycle, key in connection.execute(query, {"ids": some})}
    return found


class NewSeat(NamedTuple):
    """Somebody put in a post: of an enrollment, an agency or a region, or of the program where all three are None."""

    person_id: int
    post: Post
    since: date
    until: date | None = None
    enrollment_id: int | None = None
    agency_id: int | None = None
    region: str | None = None


def open_seats(connection: Connection, seats: Iterable[NewSeat]) -> None:
    """Put people in posts."""
    rest = iter(seats)
    while some := [seat._asdict() for seat in itertools.islice(rest, CHUNK)]:
        add_rows(connection, ASSIGNMENT, some)


def close_seats(connection: Connection, ends: Mapping[int, date]) -> None:
    """End assignments by id; the day given is the last day in the post."""
    change_seats(connection, {key: {"until": day} for key, day in ends.items()})


def change_seats(connection: Connection, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change assignments by id, and keep from when until when they were thought to be held: a past day knew that."""
    a, now = ASSIGNMENT.c, now_in(connection)
    names = ["assignment_id", "since", "until", "replaced_at"]
    for some in chunks(changes):
        former = select(a.id, a.since, a.until, literal(now, FORMER_TENURE.c.replaced_at.type)).where(a.id.in_(some))
        connection.execute(insert(FORMER_TENURE).from_select(names, former))
    change_rows(connection, ASSIGNMENT, changes)


def touch(connection: Connection, enrollment_ids: Collection[int], today: date) -> None:
    """Make enrollments due today; those that have ended stay as they are."""
    for some in chunks(enrollment_ids):
        connection.execute(_TOUCH, {"ids": some, "today": today})


def record_facts(connection: Connection, facts: Sequence[NewFact], today: date) -> int:
    """Record facts, each once, and make their open enrollments due.

    Returns:
        How many were not there before.

    Raises:
        Refused: an enrollment or a milestone is unknown, a day lies before the agreement or after today, a number is
            missing or out of place; every reason of every fact, and nothing is recorded.
    """
    policy = program_in_force(connection).policy
    found = enrolled_by_agency(connection, {fact.enrollment.partition("/")[0] for fact in facts})
    speller = Speller(connection, AGENCY)
    problems: list[Problem] = []
    rows: list[dict[str, Any]] = []
    for fact in facts:
        enrolled = locate(found, fact.enrollment, speller)
        if isinstance(enrolled, Trouble):
            problems.append(Problem(fact.enrollment, *enrolled))
            continue
        stated = Stated(fact.milestone, fact.occurred_on, fact.value)
        faults = fact_faults(stated, policy, (enrolled.facts_from, today))
        problems += [Problem(f"{fact.enrollment}, {fault.column}", fault.what, fault.remedy) for fault in faults]
        rows.append({**fact._asdict(), "enrollment_id": enrolled.id})
    if problems:
        raise Refused(problems)
    for row in rows:
        del row["enrollment"]
    return write_facts(connection, rows, today, policy=policy)


def write_facts(connection: Connection, rows: Sequence[dict[str, Any]], today: date, *, policy: Policy) -> int:
    """Write facts that were checked before: enrollment_id, milestone, occurred_on, value, reference, recorded_by.

    One that is of the agency is written to its other open enrollments too, and not counted.

    Returns:
        How many of those given were not there before.
    """
    new = _add_facts(connection, rows, today)
    of_agencies = [row for row in rows if policy.of_agency(row["milestone"])]
    others = siblings(connection, {row["enrollment_id"] for row in of_agencies}) if of_agencies else {}
    shared = [
        {**row, "enrollment_id": other.id}
        for row in of_agencies for other in others.get(row["enrollment_id"], ())
        if other.shares(row["occurred_on"])
    ]
    _add_facts(connection, shared, today)
    return new


def _add_facts(connection: Connection, rows: Sequence[dict[str, Any]], today: date) -> int:
    if not rows:
        return 0
    now = now_in(connection)
    stamped = [{**row, "recorded_at": now} for row in rows]
    once = insert_once(connection, MILESTONE).execution_options(preserve_rowcount=True)
    new = connection.execute(once, stamped).rowcount
    if new:
        touch(connection, {row["enrollment_id"] for row in rows}, today)
    return new


def enrollment_id_of(connection: Connection, code: str) -> int:
    """Return the id of the enrollment that `AGENCY`, `AGENCY/track` or `AGENCY/track/cycle` names.

    Raises:
        Refused: it names none (with the nearest good name), or more than one.
    """
    found = enrolled_by_agency(connection, [code.partition("/")[0]])
    enrolled = locate(found, code, Speller(connection, AGENCY))
    if isinstance(enrolled, Trouble):
        raise Refused.one("enrollment", *enrolled)
    return enrolled.id


def enroll(connection: Connection, rows: Sequence[NewEnrollment], today: date) -> list[int]:
    """Enroll agencies that are known here, with their experts in post since the agreement.

    Returns:
        The ids, in the order given.

    Raises:
        Refused: an agency, track or person is unknown, the track is not for the agency's kind, the agreement lies
            after today, or the enrollment is there already.
    """
    policy = program_in_force(connection).policy
    agencies = stored_by_code(connection, AGENCY, {row.agency for row in rows})
    experts = {code for row in rows for code in (row.sme_1, row.sme_2) if code is not None}
    people = ids_by_code(connection, PERSON, experts)
    there = {e.code for mine in enrolled_by_agency(connection, agencies).values() for e in mine}
    spellers = Speller(connection, AGENCY), Speller(connection, PERSON)
    problems = [
        *(p for row in rows for p in _enrollment_problems(row, (policy, today), (agencies, there, spellers[0]))),
        *(
            Problem("expert", f'nobody has the code "{code}".', spellers[1].near(code))
            for code in sorted(experts - people.keys())
        ),
    ]
    if problems:
        raise Refused(problems)
    wanted = [
        {
            "agency_id": agencies[row.agency]["id"], "track": row.track, "cycle": row.cycle,
            "agreement_on": row.agreement_on, "mandatory": row.mandatory, "other": row.other,
        }
        for row in rows
    ]
    keys = add_enrollments(connection, wanted, (policy, today))
    ids = [keys[row["agency_id"], row["track"], row["cycle"]] for row in wanted]
    open_seats(
        connection,
        (
            NewSeat(people[code], post, row.agreement_on, enrollment_id=key)
            for key, row in zip(ids, rows, strict=True)
            for post, code in ((Post.SME_1, row.sme_1), (Post.SME_2, row.sme_2)) if code is not None
        ),
    )
    return ids


def _enrollment_problems(
    row: NewEnrollment, given: tuple[Policy, date], known: tuple[Mapping[str, RowMapping], set[str], Speller]
) -> Iterator[Problem]:
    (policy, today), (agencies, there, speller) = given, known
    agency, track = agencies.get(row.agency), policy.tracks.get(row.track)
    code = enrollment_code(row.agency, row.track, row.cycle)
    if agency is None:
        yield Problem("agency", f'"{row.agency}" is no agency.', speller.near(row.agency))
    if track is None:
        yield Problem("track", f'"{row.track}" is no track.', nearest(row.track, policy.tracks))
    if agency is not None and track is not None and agency["kind"] not in track.kinds:
        kinds = ", ".join(track.kinds)
        yield Problem("track", f'"{row.track}" is not for the kind "{agency["kind"]}".', f"It is for: {kinds}.")
    if row.agreement_on > today:
        yield Problem("agreement", f"{row.agreement_on} is after today, {today}.", "Enroll it once signed.")
    if code in there:
        yield Problem("enrollment", f'"{code}" is there already.', "Nothing needs to be done, or name another cycle.")
    if row.sme_1 is not None and row.sme_1 == row.sme_2:
        yield Problem("sme_2", f'"{row.sme_2}" is both experts of the pair.', "Name another person.")
