"""A people file planned: who is written to, who manages which region and when, who stands in for whom."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from models.rules.intake.cells import Role
from models.rules.intake.roster import Fault, Row
from models.rules.words import Post
from models.schema import ASSIGNMENT, PERSON
from tasks.intake.plan import FieldChange, Plan, PlannedSeat, Scene
from tasks.store.cases import WIDE
from tasks.store.lookups import Speller, ids_by_code, stored_by_code

_A = ASSIGNMENT.c
_WIDE_SEATS = (
    select(_A.id, _A.post, _A.region, _A.since, _A.until, PERSON.c.code.label("person"))
    .join(PERSON, PERSON.c.id == _A.person_id)
    .where(WIDE)
    .order_by(_A.since, _A.id)
)
_DEPUTY = PERSON.alias("deputy")
_DEPUTIES = select(PERSON.c.code, _DEPUTY.c.code).join(_DEPUTY, _DEPUTY.c.id == PERSON.c.deputy_id)
FIELDS = ("given_names", "surname", "second_surname", "email")


class SeatOf(NamedTuple):
    """Whose seat: a person's in a post, of a region or of the program."""

    person: str
    post: Post
    region: str | None


class Term(NamedTuple):
    """How long somebody is in a region's post; `number` is the file's row, 0 where only the database knows of it."""

    since: date
    until: date | None
    person: str
    number: int


def plan_people(connection: Connection, rows: Sequence[Row], scene: Scene) -> Plan:
    """Compare a people file with what is stored. Who is not in the file stays as stored."""
    planned = _People(connection, rows, scene)
    for row in rows:
        if row.sound:
            planned.take(row)
    planned.take_deputies(connection, rows)
    planned.take_seats()
    return planned.plan


class _People:
    def __init__(self, connection: Connection, rows: Sequence[Row], scene: Scene) -> None:
        self.plan = Plan()
        self._scene = scene
        self._people = stored_by_code(connection, PERSON, {row.values.get("code", "") for row in rows})
        self._stored: dict[SeatOf, list[RowMapping]] = defaultdict(list)
        for seat in connection.execute(_WIDE_SEATS).mappings():
            self._stored[SeatOf(seat["person"], seat["post"], seat["region"])].append(seat)
        self._asked: dict[SeatOf, list[Row]] = defaultdict(list)
        self._taken: set[str] = set()

    def take(self, row: Row) -> None:
        """Plan one row; a person who has several is planned with the first."""
        values, code = row.values, row.values["code"]
        if code not in self._taken:
            self._taken.add(code)
            self._take_person(row)
        if values["role"] != Role.SME:
            self._asked[SeatOf(code, Post(values["role"]), values.get("region"))].append(row)

    def _take_person(self, row: Row) -> None:
        values, policy, code = row.values, self._scene.policy, row.values["code"]
        wanted = {name: values[name] for name in FIELDS if name in values}
        defaults = {"language": policy.language, "time_zone": policy.zone}
        wanted |= {name: values[name] or default for name, default in defaults.items() if name in values}
        stored = self._people.get(code)
        if stored is not None:
            if wanted.get("email", stored["email"]) != stored["email"]:
                wanted |= {"undeliverable_since": None, "undeliverable_by": None}  # of the address that is no more
            self.plan.amend(PERSON, stored, (wanted, code, row.number))
            return
        fresh = {"second_surname": None, **defaults, **wanted, "code": code}
        self.plan.create(self.plan.people, fresh, (code, row.number))

    def take_deputies(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Plan who stands in for whom; nobody can stand in for himself, even by way of others."""
        asked = {row.values["code"]: row for row in rows if row.values.get("code") and "deputy" in row.values}
        if not asked:
            return
        stored = {code: deputy for code, deputy in connection.execute(_DEPUTIES)}  # noqa: C416 - a Row is not a pair to mypy
        named = {row.values["deputy"] for row in asked.values() if row.values["deputy"] is not None}
        known = ids_by_code(connection, PERSON, named).keys() | {row.values.get("code", "") for row in rows}
        speller = Speller(connection, PERSON)
        chain = stored | {code: row.values["deputy"] for code, row in asked.items()}
        for code, row in asked.items():
            deputy = row.values["deputy"]
            if deputy is not None and deputy not in known:
                self._refuse(row, "deputy", (f'nobody has the code "{deputy}".', speller.near(deputy, known - {""})))
            elif circle := _circle(code, chain):
                self._refuse(row, "deputy", (f"stands in for itself: {' > '.join(circle)}.", "Break the circle."))
            elif deputy != stored.get(code):
                self._take_deputy(row, stored.get(code))

    def _take_deputy(self, row: Row, old: str | None) -> None:
        code, deputy = row.values["code"], row.values["deputy"]
        self.plan.deputies[code] = deputy
        if code in self._people:
            self.plan.change(FieldChange(code, "deputy", old, deputy), row.number)

    def _refuse(self, row: Row, column: str, said: tuple[str, str]) -> None:
        self.plan.refuse(self._scene.source, row.number, Fault(column, *said))

    def take_seats(self) -> None:
        """Plan every post named in the file, and refuse a region that would have two managers on one day."""
        terms: dict[str, list[Term]] = defaultdict(list)
        for of, rows in self._asked.items():
            for term in self._take_post(of, rows):
                terms[of.region or ""].append(term)
        terms.pop("", None)
        for of, seats in self._stored.items():
            if of.region in terms:
                terms[of.region] += [Term(s["since"], s["until"], of.person, 0) for s in seats]
        for region, held in terms.items():
            self._refuse_overlap(region, held)

    def _take_post(self, of: SeatOf, rows: list[Row]) -> Iterator[Term]:
        """Match the rows of one person and post with the seats stored of them; what is left over is new.

        Matched seats are taken out of what is stored, so that what stays there is what the file does not speak of.
        """
        left = self._stored[of]
        matched: dict[int, RowMapping] = {}
        rows = sorted(rows, key=lambda row: row.values.get("from") or date.max)
        for find in (_same, _overlapping):
            for row in rows:
                seat = None if row.number in matched else find(row, left, self._scene.today)
                if seat is not None:
                    matched[row.number] = seat
                    left.remove(seat)
        for row in rows:
            yield self._take_seat(of, row, matched.get(row.number))

    def _take_seat(self, of: SeatOf, row: Row, seat: RowMapping | None) -> Term:
        values = row.values
        label = of.post.value if of.region is None else f"{of.post.value} {of.region}"
        if seat is None:
            since = values.get("from") or self._scene.today
            until = values.get("until")
            if until is not None and until < since:
                self._refuse(row, "until", (f"{until} is before {since}, today.", "Fill in from."))
            self.plan.seats.append(PlannedSeat(of.person, of.post, since, until, region=of.region))
            if of.person in self._people:
                self.plan.change(FieldChange(of.person, label, None, f"from {since}"), row.number)
            self._touch(of)
            return Term(since, until, of.person, row.number)
        since = values.get("from") or seat["since"]
        until = values.get("until", seat["until"])
        if self.plan.amend(ASSIGNMENT, seat, ({"since": since, "until": until}, f"{of.person} {label}", row.number)):
            self._touch(of)
        return Term(since, until, of.person, row.number)

    def _touch(self, of: SeatOf) -> None:
        if of.region is None:
            self.plan.everything_touched = True
        else:
            self.plan.touched_regions.add(of.region)

    def _refuse_overlap(self, region: str, held: list[Term]) -> None:
        ordered = sorted(held, key=lambda term: (term.since, term.until or date.max, term.person))
        for before, after in itertools.pairwise(ordered):
            if before.until is not None and before.until < after.since:
                continue
            who = before.person if before.number else f"{before.person} (stored already)"
            number = after.number or before.number
            if number:
                what = f'"{region}" has two managers from {after.since}: {who} and {after.person}.'
                fault = Fault("until", what, f"Give {before.person} an until before {after.since}.")
                self.plan.refuse(self._scene.source, number, fault)


def _same(row: Row, seats: Sequence[RowMapping], today: date) -> RowMapping | None:
    """Find the stored seat that a row speaks of: it begins on the same day, or is the last where no day is given."""
    since = row.values.get("from")
    if since is not None:
        return next((seat for seat in seats if seat["since"] == since), None)
    current = [seat for seat in seats if seat["until"] is None or seat["until"] >= today]
    candidates = current or list(seats)
    return candidates[-1] if candidates else None


def _overlapping(row: Row, seats: Sequence[RowMapping], _today: date) -> RowMapping | None:
    """Find a stored seat that shares a day with a row: its first day was corrected."""
    since, until = row.values.get("from") or date.min, row.values.get("until") or date.max
    return next((s for s in seats if s["since"] <= until and (s["until"] or date.max) >= since), None)


def _circle(code: str, chain: Mapping[str, Any]) -> list[str]:
    """Follow the deputies from a person and return the way if it leads back; an empty one if it does not."""
    way, seen = [code], {code}
    while (following := chain.get(way[-1])) is not None:
        way.append(following)
        if following == code:
            return way
        if following in seen:
            return []
        seen.add(following)
    return []
