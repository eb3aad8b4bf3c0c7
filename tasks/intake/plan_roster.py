"""A roster planned: agencies with their own people, enrollments, and the pair of experts of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, Connection, RowMapping, bindparam, func, or_, select

from models.rules.intake.columns import fold
from models.rules.intake.roster import HEAD, HEAD_PAIR, MANAGER, MANAGER_TRIO, Fault, Row
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import Post, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, MILESTONE, PERSON
from tasks.intake.plan import AnchorCorrection, FieldChange, Plan, PlannedSeat, Scene
from tasks.store.cases import IDS
from tasks.store.lookups import LAST_CORRECTION, Speller, chunks, stored_by_code

ONE_DAY = timedelta(days=1)
EXPERTS = {"sme1": Post.SME_1, "sme2": Post.SME_2}
OPTIONAL = ("municipality", "government", "staff")
APPLICABLE = {"mandatory": "applicable_mandatory", "other": "applicable_other"}
OWN_PEOPLE = {HEAD: (Post.HEAD, HEAD_PAIR[0]), MANAGER: (Post.ACCREDITATION_MANAGER, MANAGER_TRIO[0])}
TODAY: BindParameter[Any] = bindparam("today")
_A = ASSIGNMENT.c
_SEATS = (
    select(_A.id, _A.post, _A.since, _A.until, _A.enrollment_id, _A.agency_id, PERSON.c.code.label("person"))
    .join(PERSON, PERSON.c.id == _A.person_id)
    .where(or_(_A.until.is_(None), _A.until >= TODAY))
    .order_by(_A.since, _A.id)
)
_ENROLLMENTS = select(ENROLLMENT, LAST_CORRECTION.label("corrected")).where(ENROLLMENT.c.agency_id.in_(IDS))
_FIRST_FACTS = (
    select(MILESTONE.c.enrollment_id, func.min(MILESTONE.c.occurred_on))
    .where(MILESTONE.c.enrollment_id.in_(IDS), MILESTONE.c.voided_at.is_(None))
    .group_by(MILESTONE.c.enrollment_id)
)


def plan_roster(connection: Connection, rows: Sequence[Row], scene: Scene) -> Plan:
    """Compare a roster with what is stored: a few set queries, then memory only."""
    planned = _Roster(connection, rows, scene)
    for row in rows:
        if planned.knows_experts(row) and row.sound:
            planned.take(row)
    _refuse_moved(connection, planned)
    return planned.plan


class _Post(NamedTuple):
    """A post of one agency or enrollment: who shall hold it since when, and who holds it."""

    post: Post
    person: str | None
    since: date
    stored: RowMapping | None
    agency: str | None = None
    enrollment: str | None = None
    fresh: bool = False
    """What the post belongs to is new itself: nothing of it is told apart."""


class _Roster:
    """The roster's rows met one by one; everything stored was read before."""

    def __init__(self, connection: Connection, rows: Sequence[Row], scene: Scene) -> None:
        self.plan = Plan()
        self.scene = scene
        self.moved: dict[int, tuple[Row, date]] = {}
        codes = {row.values["agency_code"]: None for row in rows if "agency_code" in row.values}
        experts = {row.values[column] for row in rows for column in EXPERTS if row.values.get(column) is not None}
        own = {f"{code}.{end}" for code in codes for end in OWN_PEOPLE}
        self._agencies = stored_by_code(connection, AGENCY, codes)
        self._people = stored_by_code(connection, PERSON, own | experts)
        self._enrollments = _enrollments(connection, [row["id"] for row in self._agencies.values()])
        self._seats = _seats(connection, (self._agencies.values(), self._enrollments.values()), scene.today)
        self._speller = Speller(connection, PERSON)
        self._first_agreement = _first_agreements(rows)
        self._taken: set[str] = set()
        self._of_agency: dict[int, list[int]] = {}
        for (agency_id, _, _), stored in self._enrollments.items():
            self._of_agency.setdefault(agency_id, []).append(stored["id"])

    def knows_experts(self, row: Row) -> bool:
        """Whether the experts that a row names are known people; they are imported before the roster."""
        unknown = [
            column for column in EXPERTS
            if row.values.get(column) is not None and row.values[column] not in self._people
        ]
        for column in unknown:
            expert = row.values[column]
            remedy = f"{self._speller.near(expert)} People are imported before the roster."
            self.plan.refuse(self.scene.source, row.number, Fault(column, f'nobody has the code "{expert}".', remedy))
        return not unknown

    def take(self, row: Row) -> None:
        """Plan one row; an agency that has several is planned with its first."""
        code = row.values["agency_code"]
        if code not in self._taken:
            self._taken.add(code)
            before = len(self.plan.changes)
            self._take_agency(row)
            if len(self.plan.changes) > before and code in self._agencies:
                self.plan.touched.update(self._of_agency.get(self._agencies[code]["id"], ()))
        self._take_enrollment(row)

    def _take_agency(self, row: Row) -> None:
        values, policy = row.values, self.scene.policy
        code, stored = values["agency_code"], self._agencies.get(values["agency_code"])
        wanted = {"name": values["agency"], "kind": values["kind"], "entity": values["entity"]}
        wanted |= {name: values[name] for name in OPTIONAL if name in values}
        municipality = wanted.get("municipality", stored["municipality"] if stored else None)
        zone = zone_of(policy, values["entity"], municipality)
        wanted |= {"region": policy.region_of[values["entity"]], "time_zone": zone}
        if stored is None:
            fresh = {**dict.fromkeys(OPTIONAL), **wanted, "code": code}
            self.plan.agencies.append(fresh)
            self.plan.moved_rows.add(row.number)
        else:
            self.plan.amend(AGENCY, stored, (wanted, code, row.number))
        for end in OWN_PEOPLE:
            self._take_own(row, (end, zone))

    def _take_own(self, row: Row, given: tuple[str, str]) -> None:
        """Plan the head or the accreditation manager: always the person of that code, whoever it is by now."""
        (end, zone), values, code = given, row.values, row.values["agency_code"]
        post, column = OWN_PEOPLE[end]
        person, stored_agency = f"{code}.{end}", self._agencies.get(code)
        wanted: dict[str, Any] = {"time_zone": zone}
        if "language" in values:
            wanted["language"] = values["language"] or self.scene.policy.language
        if values.get(column) is not None:
            wanted |= _named(values, end)
        if values.get(column) is not None or (column not in values and person in self._people):
            self._take_person(person, wanted, row.number)
        if column not in values:
            return
        stored = self._seats.get((post, None, stored_agency["id"])) if stored_agency else None
        since = self.scene.today if stored_agency else self._first_agreement[code]
        holder = person if values[column] is not None else None
        asked = _Post(post, holder, since, stored, agency=code, fresh=stored_agency is None)
        self._take_seat(asked, (code, post.value, row.number))

    def _take_person(self, code: str, wanted: dict[str, Any], number: int) -> None:
        stored = self._people.get(code)
        if stored is not None:
            self.plan.amend(PERSON, stored, (wanted, code, number))
            return
        defaults = {"language": self.scene.policy.language, "second_surname": None}
        self.plan.people.append({**defaults, **wanted, "code": code})

    def _take_enrollment(self, row: Row) -> None:
        values = row.values
        agency, track, cycle = values["agency_code"], values["track"], values.get("cycle") or 1
        code = enrollment_code(agency, track, cycle)
        agreement = values["agreement_countersigned_on"]
        wanted = {name: values[column] for name, column in APPLICABLE.items() if column in values}
        stored_agency = self._agencies.get(agency)
        stored = self._enrollments.get((stored_agency["id"], track, cycle)) if stored_agency else None
        before = len(self.plan.changes)
        if stored is None:
            fresh = {"agency": agency, "track": track, "cycle": cycle, "mandatory": None, "other": None, **wanted}
            fresh |= {"agreement_on": agreement}
            self.plan.create(self.plan.enrollments, fresh, (code, row.number))
        else:
            self.plan.amend(ENROLLMENT, stored, (wanted, code, row.number))
            self._correct_agreement(row, stored, code)
        for column, post in EXPERTS.items():
            if column in values:
                self._take_expert(row, stored, (column, post, code))
        if stored is not None and len(self.plan.changes) > before:
            self.plan.touched.add(stored["id"])

    def _correct_agreement(self, row: Row, stored: RowMapping, code: str) -> None:
        """Plan the correction of an agreement that the file has on another day than the one that counts here."""
        agreement, before = row.values["agreement_countersigned_on"], stored["corrected"] or stored["agreement_on"]
        if agreement == before:
            return
        fault = None
        if stored["status"] is not Status.OPEN:
            what = f"{agreement} is not the day on record, {before}, and {code} is {stored['status']}."
            fault = Fault("agreement_countersigned_on", what, "Correct the date in the file.")
        elif self.scene.reason is None:
            what = f"{agreement} is not the day on record, {before}, and no reason was given to correct it."
            fault = Fault("agreement_countersigned_on", what, "Import it with a reason of the program.")
        if fault is not None:
            self.plan.refuse(self.scene.source, row.number, fault)
            return
        self.moved[stored["id"]] = row, agreement
        self.plan.anchors.append(AnchorCorrection(code, agreement, row.number))
        self.plan.change(FieldChange(code, "agreement_on", before, agreement), row.number)

    def _take_expert(self, row: Row, stored: RowMapping | None, given: tuple[str, Post, str]) -> None:
        column, post, code = given
        expert = row.values[column]
        seat = self._seats.get((post, stored["id"], None)) if stored else None
        since = self.scene.today if stored else row.values["agreement_countersigned_on"]
        asked = _Post(post, expert, since, seat, enrollment=code, fresh=stored is None)
        self._take_seat(asked, (code, column, row.number))

    def _take_seat(self, asked: _Post, given: tuple[str, str, int]) -> None:
        """Put somebody else in a post: the old seat ends yesterday, the new one begins today.

        A seat that only began today, or has yet to, is corrected where it stands: nobody held it for a day.
        """
        (code, column, number), stored, today = given, asked.stored, self.scene.today
        if asked.person == (stored["person"] if stored else None):
            return
        if not asked.fresh:
            self.plan.change(FieldChange(code, column, stored["person"] if stored else None, asked.person), number)
        if stored is not None:
            ends = self.plan.changed[ASSIGNMENT]
            if stored["since"] >= today and asked.person in self._people:
                ends[stored["id"]] = {"person_id": self._people[asked.person]["id"]}
                return
            ends[stored["id"]] = {"until": max(stored["since"], today - ONE_DAY)}
        if asked.person is not None:
            seat = PlannedSeat(asked.person, asked.post, asked.since, None, asked.enrollment, asked.agency)
            self.plan.seats.append(seat)


def _named(values: Mapping[str, Any], end: str) -> dict[str, Any]:
    """Return an agency person's names and address. A head's name is one field, and is never split on blanks."""
    if end == HEAD:
        return {"given_names": values["head_name"], "surname": "", "email": values["head_email"]}
    names = {"given_names": MANAGER_TRIO[0], "surname": MANAGER_TRIO[1], "email": MANAGER_TRIO[2]}
    second = "accreditation_manager_second_surname"
    wanted = {name: values[column] for name, column in names.items()}
    return wanted | ({"second_surname": values[second]} if second in values else {})


@lru_cache(maxsize=1024)
def _folded(names: tuple[str, ...]) -> dict[str, str]:
    return {fold(name): name for name in names}


def zone_of(policy: Policy, entity: str, municipality: str | None) -> str:
    """Return the zone of a place, whatever the case and the accents of its municipality."""
    spelt = _folded(tuple(policy.entities[entity].municipality_zones)).get(fold(municipality or ""), municipality)
    return policy.zone_of(entity, spelt)


def _first_agreements(rows: Sequence[Row]) -> dict[str, date]:
    first: dict[str, date] = {}
    for row in rows:
        code, day = row.values.get("agency_code"), row.values.get("agreement_countersigned_on")
        if code is not None and day is not None:
            first[code] = min(first.get(code, day), day)
    return first


def _enrollments(connection: Connection, agency_ids: Collection[int]) -> dict[tuple[int, str, int], RowMapping]:
    found: dict[tuple[int, str, int], RowMapping] = {}
    for some in chunks(agency_ids):
        rows = connection.execute(_ENROLLMENTS, {"ids": some}).mappings()
        found |= {(row["agency_id"], row["track"], row["cycle"]): row for row in rows}
    return found


SeatKey = tuple[Post, int | None, int | None]


def _seats(
    connection: Connection, given: tuple[Collection[RowMapping], Collection[RowMapping]], today: date
) -> dict[SeatKey, RowMapping]:
    """Read who holds, or is to hold, the posts of agencies and enrollments; the latest where there are several."""
    found: dict[SeatKey, RowMapping] = {}
    columns: tuple[Column[Any], Column[Any]] = (_A.agency_id, _A.enrollment_id)
    for column, owners in zip(columns, given, strict=True):
        for some in chunks([owner["id"] for owner in owners]):
            rows = connection.execute(_SEATS.where(column.in_(IDS)), {"ids": some, "today": today}).mappings()
            found |= {(row["post"], row["enrollment_id"], row["agency_id"]): row for row in rows}
    return found


def _refuse_moved(connection: Connection, planned: _Roster) -> None:
    """Refuse an agreement that is moved past a fact that was recorded of it."""
    for some in chunks(planned.moved):
        for key, first in connection.execute(_FIRST_FACTS, {"ids": some}):
            row, agreement = planned.moved[key]
            if first < agreement:
                what = f"{agreement} is after {first}, the day of a fact recorded of this enrollment."
                fault = Fault("agreement_countersigned_on", what, "Correct the date, or the fact first.")
                planned.plan.refuse(planned.scene.source, row.number, fault)
