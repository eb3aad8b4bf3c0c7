"""Doubt: what a dead run left behind becomes `unknown`, and what is unknown is asked for until somebody knows.

Nothing is sent again on a hunch. A lapsed lease counts only where its owner is dead; "not found" counts only twice, so
long after the doubt began as the provider's log may lag; and both are measured on a clock that nobody sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, text, update

from models.rules.case import Program
from models.rules.delivery import Answer, Doubt, Look, Next, Resolution, Vigil, begin_vigil, is_due, put_off, resolve
from models.rules.words import EmailState, Finding, NoticeState, OnUnknown
from models.schema import EMAIL, NOTICE
from models.tables.notices import OPEN
from tasks.mail.outbox.boundaries import Boundary
from tasks.mail.outbox.results import become
from tasks.mail.outbox.shift import Shift
from tasks.mail.senders.protocol import Sought
from tasks.store.cases import IDS
from tasks.store.database import reading, transaction
from tasks.store.programs import program_in_force
from tasks.sweep import report

ASKED_A_RUN = 100
"""A provider limits how often its log may be asked."""

_E, _N = EMAIL.c, NOTICE.c
_OPEN = text(f"email.{OPEN}")
_UNKNOWN = (
    select(
        _E.id, _E.attempt, _E.failures, _E.again, _E.reference, _E.address, _E.subject, _E.day, _E.claimed_at,
        _E.next_at, _E.vigil,
    )
    .where(_OPEN, _E.state == EmailState.UNKNOWN)
    .order_by(_E.next_at, _E.id)
)
_WAITS = update(EMAIL).where(
    _E.id == bindparam("email"), _E.attempt == bindparam("which"), _E.state == EmailState.UNKNOWN
)
_RULES = select(_N.email_id, _N.rule).where(_N.email_id.in_(IDS)).order_by(_N.email_id)
_WAITED_WITH = exists().where(_N.email_id == _E.id, _N.state == NoticeState.PENDING)
_LEFT = (
    select(_E.id, _E.attempt, _E.state, _E.owner, _E.lease_until, _WAITED_WITH.label("waited_with"))
    .where(_OPEN, _E.state != EmailState.HELD)
    .order_by(_E.id)
)
_WHY = select(_N.email_id, _N.reason).where(_N.email_id.in_(IDS), _N.reason.is_not(None)).order_by(_N.id)


def clear_up(shift: Shift) -> None:
    """Go through what other runs left: what carries nothing, what its sender died with, what nobody knows of."""
    with reading(shift.engine) as connection:
        rows = connection.execute(_LEFT).all()
    _cancel_the_empty(shift, [row.id for row in rows if row.state is EmailState.PENDING and not row.waited_with])
    _give_up_the_dead(shift, [row for row in rows if row.state is EmailState.SENDING])
    if any(row.state is not EmailState.PENDING for row in rows):
        _ask_about_the_unknown(shift)


def _give_up_the_dead(shift: Shift, rows: list[Row[Any]]) -> None:
    """Turn what runs had claimed that died since into a doubt."""
    now = shift.watch.wall()
    lapsed = [row for row in rows if is_due(row.lease_until, now, shift.times.lease)]
    dead = {owner for owner in {row.owner for row in lapsed} if not shift.presence.lives(owner)}
    gone = sorted((row.id, row.attempt) for row in lapsed if row.owner in dead)
    if not gone:
        return
    vigil = begin_vigil(shift.watch.moment())
    with transaction(shift.engine) as connection:
        for number, attempt in gone:
            doubted = update(EMAIL).where(_E.id == number, _E.attempt == attempt, _E.state == EmailState.SENDING)
            values = {"state": EmailState.UNKNOWN, "note": "the sender died", "vigil": vigil, "next_at": None}
            shift.delivery.unknown += connection.execute(doubted.values(**values)).rowcount
    shift.reached(Boundary.LAPSED)


def _ask_about_the_unknown(shift: Shift) -> None:
    """Look into the provider's log for what is in doubt, and store what that says, one email at a time."""
    now = shift.watch.wall()
    with reading(shift.engine) as connection:
        rows = [r for r in connection.execute(_UNKNOWN) if is_due(r.next_at, now, shift.times.horizon)][:ASKED_A_RUN]
        policies = _policies(connection, [row.id for row in rows]) if rows else {}
    for row in rows:
        # An answer is as old as its question: a run may be stopped for hours before it makes something of it.
        asked_at, answer = shift.watch.moment(), _asked(shift, row)
        shift.reached(Boundary.ASKED)
        doubt = Doubt(_vigil(row.vigil), policies[row.id], row.again)
        resolution = resolve(doubt, answer, asked_at, times=shift.times)
        with transaction(shift.engine) as connection:
            _store(connection, shift, (row, answer, resolution))
        shift.reached(Boundary.RESOLVED)


def _policies(connection: Connection, ids: list[int]) -> dict[int, OnUnknown]:
    """Return what the rules of each email want where nobody can know; one that wants to be asked is enough."""
    program = program_in_force(connection)
    found = dict.fromkeys(ids, OnUnknown.RESEND)
    for number, rows in groupby(connection.execute(_RULES, {"ids": ids}), lambda row: row.email_id):
        if any(_on_unknown(program, row.rule) is OnUnknown.HOLD for row in list(rows)):
            found[number] = OnUnknown.HOLD
    return found


def _on_unknown(program: Program, name: str) -> OnUnknown:
    rule = program.reminding.get(name) or program.escalations.get(name)
    return OnUnknown.RESEND if rule is None else rule.on_unknown


def _asked(shift: Shift, row: Row[Any]) -> Answer:
    log = shift.sender.log
    if log is None:
        return Answer(Finding.NO_LOG)
    sought = Sought(row.reference, row.address, row.subject, label=str(row.day), since=row.claimed_at)
    return Answer(log.find(sought), exact=log.exact)


def _vigil(stored: Mapping[str, Iterable[Any]] | None) -> Vigil:
    return {machine: Look(*look) for machine, look in (stored or {}).items()}


def _store(connection: Connection, shift: Shift, given: tuple[Row[Any], Answer, Resolution]) -> None:
    row, answer, resolution = given
    now, attempt = shift.watch.wall(), (row.id, row.attempt)
    match resolution.state:
        case EmailState.UNKNOWN:
            waits = {"vigil": resolution.vigil, "next_at": now + shift.times.recheck}
            connection.execute(_WAITS, {"email": row.id, "which": row.attempt, **waits})
        case EmailState.SENT:
            sent = Next(EmailState.SENT, row.failures)
            shift.delivery.found += become(connection, attempt, sent, now=now, note="found in the log")
        case EmailState.PENDING:
            waits_on = Next(EmailState.PENDING, row.failures)
            if not answer.exact:
                waits_on = put_off(row.failures, now=now, times=shift.times, draw=shift.draw())
            said = "sent again in doubt" if resolution.again else "not in the log"
            again = row.again + resolution.again
            if become(connection, attempt, waits_on, now=now, note=said, again=again, vigil=None) and resolution.again:
                shift.delivery.again += 1
                report(connection, f"email {row.id}", "possible duplicate: its rules say to send it again in doubt")
        case EmailState.HELD:
            held = Next(EmailState.HELD, row.failures)
            if become(connection, attempt, held, now=now, note=f"nobody knows: {answer.finding}"):
                shift.delivery.held += 1
                report(connection, f"email {row.id}", "held: nobody knows whether it was taken. Settle it")
        case _:
            raise AssertionError("a doubt ends in one of three states, or stays")


def _cancel_the_empty(shift: Shift, ids: list[int]) -> None:
    """End the emails that wait while every notice of theirs was cancelled, or went with another email."""
    if not ids:
        return
    with reading(shift.engine) as connection:
        reasons = {row.email_id: str(row.reason) for row in connection.execute(_WHY, {"ids": ids})}
    now = shift.watch.wall()
    with transaction(shift.engine) as connection:
        for number in ids:
            empty = update(EMAIL).where(_E.id == number, _E.state == EmailState.PENDING, ~_WAITED_WITH)
            ended = empty.values(state=EmailState.CANCELLED, settled_at=now, note=reasons.get(number, "merged"))
            shift.delivery.cancelled += connection.execute(ended).rowcount
