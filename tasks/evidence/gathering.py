"""What an evidence pack of an enrollment holds: everything recorded, decided and sent, each as one entry, in order.

People are told by their codes, except in the text of a mail, which is the one that was sent. A void fact is two
entries: that it was recorded, and that it was voided; so is an escalation that was taken or closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, Select, insert, or_, select

from models.rules.evidence import Entry, canonical, digest
from models.rules.words import TAKEN, Subject
from models.schema import (
    AGENCY,
    ASSIGNMENT,
    CHANGE,
    EMAIL,
    ENROLLMENT,
    ESCALATION,
    EVIDENCE_PACK,
    FORECAST,
    MILESTONE,
    NOTICE,
    PERSON,
    POLICY_VERSION,
    PROPOSAL,
    SNOOZE,
    STAGE_CHANGE,
)
from tasks.evidence.archive import Pack, pack_of
from tasks.operations.asked import enrolled_of
from tasks.store import clock
from tasks.store.database import transaction
from tasks.store.past import Sight, sight_from
from tasks.store.programs import program_in_force, program_of

_PERSON = PERSON.c.code.label("person")


class Happening(NamedTuple):
    """One entry before it is named: its day, its kind, its number, when it was recorded, and what it says."""

    on: date
    kind: str
    number: int
    recorded_at: datetime
    says: dict[str, Any]


class Packed(NamedTuple):
    """A pack, and under which number its head is noted in the database."""

    pack: Pack
    number: int


def evidence(engine: Engine, code: str, *, as_of: date | None = None, known_on: date | None = None) -> Packed:
    """Pack an enrollment's evidence and note the head: the same days give the same pack, noted once.

    Raises:
        Refused: the code names no enrollment, or the days are none to look from.
    """
    with transaction(engine) as connection:
        program, enrolled = program_in_force(connection), enrolled_of(connection, code)
        zone, now = ZoneInfo(program.policy.zone), clock.now_in(connection)
        sight = sight_from(as_of, known_on, today=_day(now, zone))
        midnight = datetime.combine(sight.known_on + timedelta(days=1), time(), zone)
        found = [
            each for each in _happenings(connection, enrolled.id, zone)
            if each.recorded_at < midnight and each.on <= sight.as_of
        ]
        found.sort(key=lambda each: (each.on, each.recorded_at, each.kind, each.number))
        header = {
            "enrollment": enrolled.code, "program": program.policy.code, "as_of": sight.as_of.isoformat(),
            "known_on": sight.known_on.isoformat(),
        }
        pack = pack_of(header, [_entry(place, each) for place, each in enumerate(found, 1)])
        return Packed(pack, _noted(connection, enrolled.id, pack, sight=sight, now=now))


def noted_on(connection: Connection, head: str) -> datetime | None:
    """Return when a pack of this head was made here; None where none was."""
    found: datetime | None = connection.scalar(
        select(EVIDENCE_PACK.c.recorded_at).where(EVIDENCE_PACK.c.head == head)
    )
    return found


def _noted(connection: Connection, enrollment_id: int, pack: Pack, *, sight: Sight, now: datetime) -> int:
    p = EVIDENCE_PACK.c
    before: int | None = connection.scalar(select(p.id).where(p.head == pack.head))
    if before is not None:
        return before
    row = {
        "enrollment_id": enrollment_id, "head": pack.head, "entries": len(pack.entries), "as_of": sight.as_of,
        "known_on": sight.known_on, "recorded_at": now,
    }
    return int(connection.execute(insert(EVIDENCE_PACK).values(row).returning(p.id)).scalar_one())


def _entry(place: int, each: Happening) -> Entry:
    says = {"kind": each.kind, "on": each.on, "recorded_at": each.recorded_at.isoformat(), "number": each.number}
    return Entry(f"{place:05}-{each.on}-{each.kind}-{each.number}.json", canonical({**each.says, **says}))


def _happenings(connection: Connection, key: int, zone: ZoneInfo) -> Iterator[Happening]:
    """Yield everything there is; what has a moment but no day of its own happened on the zone's day."""
    yield from _enrolled(connection, key)
    yield from _facts(connection, key, zone)
    yield from _clock(connection, key, zone)
    yield from _stages(connection, key)
    yield from _escalations(connection, key, zone)
    yield from _notices(connection, key)
    yield from _answers(connection, key, zone)
    yield from _forecasts(connection, key)


def _says(row: Row[Any], *left_out: str) -> dict[str, Any]:
    """Return a row as it is told: what is not there is left out."""
    drop = {"id", "recorded_at", "enrollment_id", *left_out}
    return {name: value for name, value in row._mapping.items() if name not in drop and value is not None}  # noqa: SLF001 - SQLAlchemy's public name


def _all(connection: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _enrolled(connection: Connection, key: int) -> Iterator[Happening]:
    e, a = ENROLLMENT.c, ASSIGNMENT.c
    row = connection.execute(
        select(e.id, AGENCY.c.code.label("agency"), AGENCY.c.id.label("agency_id"), e.track, e.cycle, e.agreement_on,
               e.mandatory, e.other, e.recorded_at)
        .join(AGENCY, AGENCY.c.id == e.agency_id).where(e.id == key)
    ).one()
    yield Happening(row.agreement_on, "enrollment", row.id, row.recorded_at, _says(row, "agency_id"))
    seats = select(a.id, a.post, _PERSON, a.since, a.until, a.recorded_at).join(PERSON, PERSON.c.id == a.person_id)
    for seat in _all(connection, seats.where(or_(a.enrollment_id == key, a.agency_id == row.agency_id))):
        yield Happening(seat.since, "post", seat.id, seat.recorded_at, _says(seat))


def _facts(connection: Connection, key: int, zone: ZoneInfo) -> Iterator[Happening]:
    m = MILESTONE.c
    void = ("voided_at", "voided_by", "void_reason", "void_reference")
    for row in _all(connection, select(MILESTONE).where(m.enrollment_id == key)):
        yield Happening(row.occurred_on, "fact", row.id, row.recorded_at, _says(row, *void))
        if row.voided_at is not None:
            says = {"fact": row.id, **{name: getattr(row, name) for name in void[1:]}}
            yield Happening(_day(row.voided_at, zone), "fact-voided", row.id, row.voided_at, says)


def _clock(connection: Connection, key: int, zone: ZoneInfo) -> Iterator[Happening]:
    for row in _all(connection, select(CHANGE).where(CHANGE.c.enrollment_id == key)):
        yield Happening(_day(row.recorded_at, zone), "clock", row.id, row.recorded_at, _says(row))


def _stages(connection: Connection, key: int) -> Iterator[Happening]:
    """Yield the changes of stage, each with the gate that it went through, by the policy of its day."""
    s, v = STAGE_CHANGE.c, POLICY_VERSION.c
    rows = _all(connection, select(STAGE_CHANGE, v.digest.label("policy")).join(POLICY_VERSION).where(
        s.enrollment_id == key).order_by(s.seq))
    policies = {number: program_of(connection, number).policy for number in {row.policy_version_id for row in rows}}
    for row in rows:
        stage = policies[row.policy_version_id].stage.get(row.from_stage)
        gate = stage.gate.model_dump(mode="json", exclude_defaults=True) if stage is not None else None
        says = _says(row, "policy_version_id") | {"gate": gate}
        yield Happening(row.decided_on, "stage", row.id, row.recorded_at, says)


def _escalations(connection: Connection, key: int, zone: ZoneInfo) -> Iterator[Happening]:
    x = ESCALATION.c
    for row in _all(connection, select(ESCALATION).where(x.enrollment_id == key)):
        about = {name: getattr(row, name) for name in ("rule", "occurrence", "anchor_on")}
        yield Happening(row.opened_on, "escalation", row.id, row.recorded_at, about)
        if row.acknowledged_on is not None:
            taken = {name: getattr(row, f"acknowledged_{name}") for name in ("by", "until", "reason")}
            on = row.acknowledged_on
            yield Happening(on, "escalation-taken", row.id, _at(on, zone), about | taken)
        if row.closed_on is not None:
            says = about | {"closing": row.closing}
            yield Happening(row.closed_on, "escalation-closed", row.id, _at(row.closed_on, zone), says)


def _at(day: date, zone: ZoneInfo) -> datetime:
    """Return an instant of a day for what is stamped with its day alone: its first, told in UTC as the others are."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _notices(connection: Connection, key: int) -> Iterator[Happening]:
    n, m = NOTICE.c, EMAIL.c
    rows = _all(connection, select(NOTICE, POLICY_VERSION.c.digest.label("policy")).join(POLICY_VERSION).where(
        n.subject_kind == Subject.ENROLLMENT, n.subject_id == key))
    for row in rows:
        says = _says(row, "policy_version_id", "email_id", "subject_kind", "subject_id", "state")
        yield Happening(row.decided_on, "notice", row.id, row.recorded_at, says)
    carried: dict[int, list[int]] = {row.email_id: [] for row in rows if row.email_id is not None}
    for row in rows:
        if row.email_id is not None:
            carried[row.email_id].append(row.id)
    mails = select(m.id, m.day, m.kind, m.reference, m.subject, m.text, m.html, m.calendar, m.claimed_at, _PERSON)
    for row in _all(connection, mails.join(PERSON, PERSON.c.id == m.person_id).where(
        m.id.in_(carried), m.state.in_(TAKEN)
    )):
        says = _says(row, "html", "claimed_at", "kind") | {
            "notices": sorted(carried[row.id]), "mail": row.kind, "html_sha256": digest(row.html.encode()),
        }
        yield Happening(row.day, "mail", row.id, row.claimed_at, says)


def _answers(connection: Connection, key: int, zone: ZoneInfo) -> Iterator[Happening]:
    z, p, ended = SNOOZE.c, PROPOSAL.c, ("ended_on", "ended_by", "ended_why")
    for row in _all(connection, select(SNOOZE).where(z.enrollment_id == key)):
        yield Happening(row.since, "snooze", row.id, row.recorded_at, _says(row, *ended))
        if row.ended_on is not None:
            says = {name: getattr(row, name) for name in ended}
            yield Happening(row.ended_on, "snooze-ended", row.id, _at(row.ended_on, zone), says)
    proposals = select(PROPOSAL, _PERSON).join(PERSON, PERSON.c.id == p.person_id).where(p.enrollment_id == key)
    settled = ("state", "settled_by", "settled_on")
    for row in _all(connection, proposals):
        says = _says(row, "person_id", "kind", *settled) | {"proposed": row.kind}
        yield Happening(_day(row.recorded_at, zone), "proposal", row.id, row.recorded_at, says)
        if row.settled_on is not None:
            says = {name: getattr(row, name) for name in settled}
            yield Happening(row.settled_on, "proposal-settled", row.id, _at(row.settled_on, zone), says)


def _forecasts(connection: Connection, key: int) -> Iterator[Happening]:
    for row in _all(connection, select(FORECAST).where(FORECAST.c.enrollment_id == key)):
        yield Happening(row.as_of, "forecast", row.id, row.recorded_at, _says(row))
