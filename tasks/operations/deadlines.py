"""Deadlines moved by people: extended, corrected, put on hold, resumed, undone. Each is a row, none is overwritten."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, update

from models.rules.case import Case, ClockChange
from models.rules.clock import anchor_of, holds, limit_of, standing, with_changes
from models.rules.errors import Refused
from models.rules.fees import extension_fee, fee_on
from models.rules.words import Change as Kind
from models.schema import CHANGE, ENROLLMENT
from tasks.answers.people import person_id_of
from tasks.operations.asked import Asked, Because, asked, require_open
from tasks.operations.effect import Change, Effect, effect_of
from tasks.store.clock import now_in

LONGEST_PLAN = timedelta(days=366)
REOPEN = "Void the fact that ended it, if that fact is wrong."


class Extension(NamedTuple):
    """Months more on the accrediting body's limit, asked for by somebody and approved by somebody.

    `staff` decides the fee where the agency's own number is not known.
    """

    enrollment: str
    months: int
    requester: str
    approver: str | None
    staff: int | None = None


def extend(connection: Connection, given: Extension, because: Because) -> Effect:
    """Extend the limit, at what the program's fee table asks for on the day.

    Raises:
        Refused: the case has ended, nobody approved it, somebody named is nobody, the new limit would lie before today,
            or the fee depends on a number of staff that nobody knows.
    """
    found = asked(connection, given.enrollment, because)
    require_open(found, REOPEN)
    if not given.approver:
        raise Refused.one("approver", "nobody approved the extension.", "Name the code of the person who did.")
    person_id_of(connection, given.approver, "approver")
    person_id_of(connection, given.requester, "requester")
    plan = found.program.plan(found.case.track, found.case.cycle)
    if given.months < 1:
        raise Refused.one("months", f"{given.months} extends nothing.", "Give a whole number from 1.")
    limit = limit_of(found.case, plan, given.months)
    if limit < (today := because.today):
        need = next(months for months in range(given.months, 1200) if limit_of(found.case, plan, months) >= today)
        what = f"{given.months} months more end on {limit}, before today, {today}."
        raise Refused.one("months", what, f"Extend by {need} or more.")
    row = {
        "months": given.months, "requester": given.requester, "approver": given.approver, "limit_on": limit,
        **_cost(found, given),
    }
    _add(connection, found, {"kind": Kind.EXTENSION, **row})
    what = f"extended by {given.months} months, to {limit}"
    return _effect(connection, found, what)


def _cost(found: Asked, given: Extension) -> dict[str, Any]:
    """Return the price of an extension in integer cents; nothing where the program lists no fee for the track."""
    policy = found.program.policy
    fee = fee_on(policy, found.case.track, found.because.today)
    if fee is None:
        return {"cost_cents": None, "currency": None}
    price = extension_fee(fee, given.staff if given.staff is not None else found.case.staff, given.months)
    if price.low != price.high:
        what = f"of {found.code} is not known, and the fee depends on it: from {_money(price.low)} to"
        remedy = "Say how many with the extension, or import the agency's staff with the roster."
        raise Refused.one("staff", f"{what} {_money(price.high)} {policy.currency}.", remedy)
    return {"cost_cents": price.low, "currency": policy.currency}


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02}"


def correct_agreement(connection: Connection, enrollment: str, agreement_on: date, *, because: Because) -> Effect:
    """Correct the day of the countersigned agreement, which window and limit count from.

    Raises:
        Refused: the case has ended, the day is no news, lies before the program or after today, or after a fact.
    """
    found = asked(connection, enrollment, because)
    require_open(found, REOPEN)
    if agreement_on == anchor_of(found.case).on:
        raise Refused.one("agreement_on", f"is {agreement_on} already.", "Nothing needs to be done.")
    if agreement_on > (today := because.today):
        raise Refused.one("agreement_on", f"{agreement_on} is after today, {today}.", "Correct the date.")
    _require_in_program(found, "agreement_on", agreement_on)
    earliest = min(found.case.facts, key=lambda fact: fact.on, default=None)
    if earliest is not None and earliest.on < agreement_on:
        what = f'{agreement_on} is after "{earliest.milestone}" of {earliest.on}: a fact cannot precede the agreement.'
        raise Refused.one("agreement_on", what, "Correct that fact first, or the date.")
    corrected = _with(found.case, ClockChange(0, Kind.CORRECTION, anchor_on=agreement_on))
    limit = limit_of(corrected, found.program.plan(found.case.track, found.case.cycle))
    _add(connection, found, {"kind": Kind.CORRECTION, "anchor_on": agreement_on, "limit_on": limit})
    _enter_on(connection, found, corrected.stage_entered_on)
    what = f"agreement corrected from {anchor_of(found.case).on} to {agreement_on}"
    return _effect(connection, found, what)


def _with(case: Case, change: ClockChange) -> Case:
    return with_changes(case, [*case.changes, change])


def _enter_on(connection: Connection, found: Asked, day: date) -> None:
    """Store the day on which the stage was entered, where a change moved it."""
    if day != found.case.stage_entered_on:
        connection.execute(update(ENROLLMENT).where(ENROLLMENT.c.id == found.case.id).values(stage_entered_on=day))


def _require_in_program(found: Asked, place: str, day: date) -> None:
    began_on = found.program.policy.began_on
    if began_on is not None and day < began_on:
        raise Refused.one(place, f"{day} is before the program began, {began_on}.", "Correct the date.")


def hold(connection: Connection, enrollment: str, since: date, *, because: Because) -> Effect:
    """Put a case on hold: its internal targets rest until it is resumed; the limit and the window do not.

    Raises:
        Refused: the case has ended, is on hold already, or the day lies outside the case or more than a year ahead.
    """
    found = asked(connection, enrollment, because)
    require_open(found, REOPEN)
    last = next(reversed(holds(found.case.changes)), None)
    if last is not None and last.until == date.max:
        raise Refused.one("enrollment", f"{found.code} is on hold since {last.since}.", "Resume it first.")
    if last is not None and since < last.until:
        what = f"{since} is before {last.until}, the end of its last hold."
        raise Refused.one("since", what, f"Name {last.until} or later, or undo that hold.")
    _require_in_case(found, "since", since)
    _add(connection, found, {"kind": Kind.HOLD, "effective_on": since})
    return _effect(connection, found, f"on hold since {since}")


def resume(connection: Connection, enrollment: str, on: date, *, because: Because) -> Effect:
    """End a hold: `on` is the first day on which work goes on.

    Raises:
        Refused: the case is not on hold, or the day lies before the hold or more than a year ahead.
    """
    found = asked(connection, enrollment, because)
    require_open(found, REOPEN)
    last = next(reversed(holds(found.case.changes)), None)
    if last is None or last.until < date.max:
        ended = f"; its last hold ends on {last.until}" if last is not None else ""
        raise Refused.one("enrollment", f"{found.code} has no hold that is open{ended}.", "Nothing needs to be done.")
    if on < last.since:
        raise Refused.one("on", f"{on} is before {last.since}, the first day of the hold.", "Correct the date.")
    _require_in_case(found, "on", on)
    _add(connection, found, {"kind": Kind.RESUME, "effective_on": on})
    days = (on - last.since).days
    return _effect(connection, found, f"resumed on {on}, after {days} days")


def _require_in_case(found: Asked, place: str, day: date) -> None:
    anchor_on, latest = anchor_of(found.case).on, found.because.today + LONGEST_PLAN
    if day < anchor_on:
        raise Refused.one(place, f"{day} is before the agreement, {anchor_on}.", "Correct the date.")
    if day > latest:
        raise Refused.one(place, f"{day} is more than {LONGEST_PLAN.days} days ahead.", f"Name a day until {latest}.")


def undo(connection: Connection, enrollment: str, number: int, *, because: Because) -> Effect:
    """Take back a change by its number, with a reason: the dates before it hold again, and what they had to say.

    Raises:
        Refused: the case has ended, the change is not its own, is an undo, was undone, or a later one builds on it.
    """
    found = asked(connection, enrollment, because)
    require_open(found, REOPEN)
    changes = {change.id: change for change in found.case.changes}
    change = changes.get(number)
    if change is None:
        known = ", ".join(f"{each.id} ({each.kind})" for each in standing(found.case.changes)) or "none"
        raise Refused.one("change", f"{found.code} has no change {number}.", f"Changes that stand: {known}.")
    if change.kind is Kind.UNDO:
        raise Refused.one("change", f"{number} is an undo, of {change.undoes}.", "Record the change itself again.")
    undone = next((each for each in found.case.changes if each.undoes == number), None)
    if undone is not None:
        raise Refused.one("change", f"{number} was undone by {undone.id}.", "Nothing needs to be done.")
    builds = _built_on(found.case, change)
    if builds is not None:
        what = f"{number} cannot be undone: {builds.id}, a {builds.kind}, builds on it."
        raise Refused.one("change", what, f"Undo {builds.id} first.")
    _add(connection, found, {"kind": Kind.UNDO, "undoes_id": number})
    _enter_on(connection, found, _with(found.case, ClockChange(0, Kind.UNDO, undoes=number)).stage_entered_on)
    return _effect(connection, found, f"undid {change.kind} {number}")


def _built_on(case: Case, change: ClockChange) -> ClockChange | None:
    """Return a later change that means nothing without this one: a hold's resume, a hold after a resume."""
    next_kind = {Kind.HOLD: Kind.RESUME, Kind.RESUME: Kind.HOLD}.get(change.kind)
    later = (each for each in standing(case.changes) if each.id > change.id and each.kind is next_kind)
    return next(later, None)


def _add(connection: Connection, found: Asked, row: dict[str, Any]) -> None:
    because = found.because
    why = {"reason": because.reason, "reference": because.reference, "actor": because.actor}
    connection.execute(
        insert(CHANGE).values(enrollment_id=found.case.id, **why, **row, recorded_at=now_in(connection))
    )


def _effect(connection: Connection, found: Asked, what: str) -> Effect:
    return effect_of(connection, found.case, Change(found.code, what), today=found.because.today)
