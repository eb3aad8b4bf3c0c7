"""Pending notices put together into one letter a person, with what is true on the day it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, or_, select

from models.rules.budget import allotted
from models.rules.case import Program
from models.rules.delivery import is_due
from models.rules.hours import at_work, reader_of
from models.rules.words import EmailKind, NoticeState, Reason
from models.schema import AGENCY, ENROLLMENT, INSTALLATION, NOTICE, OF_A_CASE, same
from tasks.answers.absences import stand_ins
from tasks.mail.budgets import Budgets, had_today
from tasks.mail.letters.histories import Histories
from tasks.mail.letters.moved import MovedDates
from tasks.mail.letters.parcels import Gathered, Parcel, Rules
from tasks.mail.letters.recipients import Groups, Reach, Seated, grouped, holders_of
from tasks.mail.letters.scribe import Past, Scribe
from tasks.mail.outbox.parked import FREE
from tasks.mail.outbox.retries import Carrier, Carriers, carriers_of, outdated
from tasks.store.cases import named_cases
from tasks.store.programs import program_in_force
from tasks.weekly import letters as weekly

_N, _E = NOTICE.c, ENROLLMENT.c
# A case that is due is not written about: its next sweep may say that the deadline moved or the case ended.
_PENDING = (
    select(
        _N.id, _N.subject_id, _N.rule, _N.occurrence, _N.anchor_on, _N.post, _N.template, _N.planned_for, _N.facts,
        _N.email_id, _N.waits_until, _N.batch_id,
        AGENCY.c.code, AGENCY.c.name, AGENCY.c.id.label("agency_id"), AGENCY.c.region, _E.track, _E.cycle, _E.risk,
    )
    .join(ENROLLMENT, ENROLLMENT.c.id == _N.subject_id)
    .join(AGENCY, AGENCY.c.id == _E.agency_id)
    .where(
        same(_N.state, NoticeState.PENDING),
        OF_A_CASE, FREE,
        _N.planned_for <= bindparam("today"),
        or_(_E.next_review_on.is_(None), _E.next_review_on > bindparam("today")),
    )
    .order_by(_N.planned_for, _N.id)
    .limit(bindparam("size"))
)


def gather(connection: Connection, now: datetime, rules: Rules) -> Gathered:
    """Bind pending notices to whoever can be reached for their post today, and put them together by person and kind.

    People outside their working hours are passed over, and those whose last email is to be tried later: their notices
    wait.
    """
    program = program_in_force(connection)
    today = now.astimezone(ZoneInfo(program.policy.zone)).date()
    gathered = Gathered([], [], {}, {}, {}, program.policy.mail.a_run)
    day = _Day(program, now, today, rules, Budgets(connection, program.policy.mail.a_week, today=today))
    _gather_cases(connection, gathered, day)
    _gather_weeklies(connection, gathered, day)
    return gathered


class _Day(NamedTuple):
    """What all that is gathered at one moment shares."""

    program: Program
    now: datetime
    today: date
    rules: Rules
    budgets: Budgets

    def may_go(self, carrier: Carrier | None) -> bool:
        """Whether an email that waits may be tried again, if there is one."""
        return carrier is None or is_due(carrier.next_at, self.now, self.rules.horizon)

    def at_work(self, person: int, zone: str) -> bool:
        """Whether mail may reach somebody now, and for as long as a letter may lie."""
        hours, reader = self.program.policy.working_hours, reader_of(self.program, person, zone)
        return all(at_work(hours, reader, instant) for instant in (self.now, self.now + self.rules.lies))


def _gather_weeklies(connection: Connection, gathered: Gathered, day: _Day) -> None:
    """Write the mails of the week to people who are at work, whoever stands in for them otherwise."""
    program, today = day.program, day.today
    rows = connection.execute(weekly.PENDING.where(FREE), {"today": today, "size": day.rules.size}).all()
    gathered.nobody.extend(row.id for row in rows if row.undeliverable_since is not None)
    gathered.outdated.update(_superseded(rows))
    carriers = {person: carrier for (person, _), carrier in carriers_of(connection, rows).items()}
    due = [
        row for row in rows
        if row.undeliverable_since is None and row.id not in gathered.outdated
        and day.at_work(row.person_id, row.time_zone)
        and day.may_go(carriers.get(row.person_id)) and _goes_with(row, carriers.get(row.person_id))
    ]
    # One mail of a kind a day: who has two weekly mails gets the other tomorrow, and until then nothing is written.
    had = had_today(connection, {row.person_id for row in due}, today)
    due = [row for row in due if row.email_id is not None or (row.person_id, EmailKind.WEEKLY) not in had]
    if not due:
        return
    people = {row.person_id for row in due}
    scribe = weekly.Weeklies(connection, program, due, today=today, is_demo=_is_demo(connection))
    written: set[int] = set()
    for row in due:
        if row.person_id in written:
            continue
        if row.email_id is None and not day.budgets.has_one(row.person_id, people):
            if row.rule in program.weekly:
                gathered.outdated[row.id] = Reason.OVER_BUDGET
            elif row.waits_until != day.budgets.next_week:  # what counts down to a day is no less true next week
                gathered.over[row.id] = day.budgets.next_week
            continue
        try:
            found = scribe.letter(row)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter must not hold up the others
            gathered.broken[row.id] = type(error).__name__
            continue
        if isinstance(found, Reason):
            gathered.outdated[row.id] = found
            continue
        written.add(row.person_id)
        if row.email_id is None:
            day.budgets.spend(row.person_id, 1)
        parcel = Parcel(
            row.person_id, row.email, found, (row.id,), released=row.batch_id is not None, a_week=day.budgets.a_week
        )
        gathered.parcels.append(_carried(parcel, carriers.get(row.person_id)))


def _superseded(rows: Sequence[Row[Any]]) -> Iterator[tuple[int, Reason]]:
    """Yield what was never written while a later one of its rule and reader has come due: that one tells it all."""
    last = {(row.person_id, row.rule): row.id for row in rows}
    for row in rows:
        if row.email_id is None and row.id != last[row.person_id, row.rule]:
            yield row.id, Reason.SUPERSEDED


def _gather_cases(connection: Connection, gathered: Gathered, day: _Day) -> None:
    program, today = day.program, day.today
    rows = connection.execute(_PENDING, {"today": today, "size": day.rules.size}).all()
    if not rows:
        return
    carriers = carriers_of(connection, rows)
    waiting = {key for key, carrier in carriers.items() if not day.may_go(carrier)}
    seats: dict[int, Seated] = {}
    holders = holders_of(connection, rows, today)
    there = stand_ins(connection, {holder.id for holder in holders.values()}, today)
    groups = grouped(program, rows, Reach(holders, there, gathered, seats))
    groups = {
        (person, kind): [row for row in found if _goes_with(row, carriers.get((person.id, kind)))]
        for (person, kind), found in groups.items()
        if (person.id, kind) not in waiting and day.at_work(person.id, person.time_zone)
    }
    had = had_today(connection, {person.id for person, _ in groups}, today)
    groups = {
        (person, kind): found for (person, kind), found in groups.items()
        if (person.id, kind) in carriers or (person.id, kind) not in had
    }
    groups = _within_budget(groups, carriers, day.budgets, gathered=gathered)
    wanted = sorted({row.subject_id for found in groups.values() for row in found})
    cases = {case.id: case for case in named_cases(connection, wanted)}
    again = {row.subject_id for found in groups.values() for row in found if row.email_id is not None}
    taken_back = outdated((cases[number] for number in again), program, today)
    written = [row for found in groups.values() for row in found]
    past = Past(
        Histories(connection, program, written, today=today),
        MovedDates(connection, program, cases.values(), today=today),
    )
    scribe = Scribe(program, cases, seats, past=past, today=today, is_demo=_is_demo(connection))
    for (person, kind), found in groups.items():
        gathered.outdated.update((row.id, taken_back[row.id]) for row in found if row.id in taken_back)
        left = [row for row in found if row.id not in taken_back]
        parcel = _whole(left, gathered.broken, partial(scribe.parcel, to=person, kind=kind))
        if parcel is not None:
            released = all(row.batch_id is not None for row in left)
            parcel = parcel._replace(released=released, a_week=day.budgets.a_week)
            gathered.parcels.append(_carried(parcel, carriers.get((person.id, kind))))


def _within_budget(groups: Groups, carriers: Carriers, budgets: Budgets, *, gathered: Gathered) -> Groups:
    """Leave out what a reader's week has no email left for, and put together what must share the last one.

    An email that waits to be sent again has its place in the week already.
    """
    if budgets.a_week is None:
        return groups
    people = {person.id: person for person, _ in groups}
    fresh: dict[int, list[EmailKind]] = defaultdict(list)
    for person, kind in groups:
        if (person.id, kind) not in carriers:
            fresh[person.id].append(kind)
    found: Groups = {key: rows for key, rows in groups.items() if (key[0].id, key[1]) in carriers}
    for number, kinds in fresh.items():
        person, goes = people[number], allotted(kinds, budgets.left(number, people))
        for kind in kinds:
            goes_as, rows = goes[kind], groups[person, kind]
            if goes_as is None:
                new = [row for row in rows if row.waits_until != budgets.next_week]
                gathered.over.update((row.id, budgets.next_week) for row in new)
            else:
                found.setdefault((person, goes_as), []).extend(rows)
        budgets.spend(number, len({each for each in goes.values() if each is not None}))
    return found


def _whole(
    rows: list[Row[Any]], broken: dict[int, str], write: Callable[[list[Row[Any]]], Parcel]
) -> Parcel | None:
    """Write one letter of notices; one that cannot be put into any is left out of it, and told of."""
    try:
        return write(rows) if rows else None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one notice must not hold up the others
        sound = []
        for row in rows:
            try:
                write([row])
            except Exception as cause:  # noqa: BLE001 - the same
                broken[row.id] = type(cause).__name__
            else:
                sound.append(row)
        if len(sound) < len(rows):
            return _whole(sound, broken, write)
        broken.update((row.id, type(error).__name__) for row in rows)  # only together, which helps nobody
        return None


def _goes_with(row: Row[Any], carrier: Carrier | None) -> bool:
    return carrier is None or carrier.carries(row)


def _carried(parcel: Parcel, carrier: Carrier | None) -> Parcel:
    """Give a letter the reference that it had before."""
    if carrier is None:
        return parcel
    return parcel._replace(carrier=carrier, letter=replace(parcel.letter, reference=carrier.reference))


def _is_demo(connection: Connection) -> bool:
    return bool(connection.scalar(select(INSTALLATION.c.is_demo)))
