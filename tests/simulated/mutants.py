"""Deliberate bugs, each of which the simulation must find: what it does not find, it does not test.

`make mutants` prints the table and writes it into docs/faults.md: each bug, the promise that it breaks, the first seed
that finds it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from sqlalchemy import bindparam, update

from models.rules import delivery as rules
from models.rules.delivery import Moment, Next, Resolution, is_due, put_off
from models.rules.words import EmailState, NoticeState, OnUnknown, Outcome
from models.schema import EMAIL, NOTICE
from tasks.mail import deliver
from tasks.mail.outbox import claims, doubts, results, retries
from tasks.mail.outbox.boundaries import Boundary
from tasks.store.cases import IDS
from tasks.store.clock import Watch
from tests.faults.tables import Table, write
from tests.simulated import delivery as simulated
from tests.simulated.delivery import TIMES, simulate

MOST_SEEDS = 1000
Mutant = Callable[[], Any]
MUTANTS: dict[str, Mutant] = {}


def mutant(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def named(make: Callable[[], Any]) -> Callable[[], Any]:
        MUTANTS[name] = make
        return make

    return named


@contextmanager
def several(*patches: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for each in patches:
            stack.enter_context(each)
        yield


@mutant("no claim: read, send, then write")
def _no_claim() -> Any:
    """Write letters down only once they were answered."""
    kept: dict[int, Any] = {}
    numbers = count(1)
    real_claim, real_settle = claims.claim, results.insist

    def claim(shift: Any, batch: Any) -> Any:
        found = []
        for each in batch:
            row = claims._row(each.parcel, each.message, {})
            outgoing = claims.outgoing_of(row, "-")
            mine = claims.Claimed(-next(numbers), 0, 0, shift.watch.steady(), outgoing)
            kept[mine.id] = each
            found.append(mine)
        if found:
            shift.reached(Boundary.CLAIMED)
        return found

    def settle(shift: Any, answered: Any) -> bool:
        silent = dataclasses.replace(shift, reached=lambda _: None)
        for mine, result in answered:
            for real in real_claim(silent, [kept.pop(mine.id)]):
                real_settle(silent, [(real, result)])
        return True

    return several(patch.object(deliver, "claim", claim), patch.object(deliver, "insist", settle))


@mutant("no fence: a result counts for any attempt")
def _no_fence() -> Any:
    def become(connection: Any, attempt: Any, upcoming: Next, *, now: datetime, note: str = "", **more: Any) -> bool:
        values: dict[str, Any] = {"state": upcoming.state, "failures": upcoming.failures, "next_at": upcoming.next_at}
        values |= {"settled_at": now, "note": note, **more}
        connection.execute(update(EMAIL).where(EMAIL.c.id == attempt[0]).values(**values))
        if upcoming.state in results._OF_NOTICES:
            connection.execute(update(NOTICE).where(NOTICE.c.email_id == attempt[0]).values(
                state={"sent": "sent", "pending": "pending", "dead": "suppressed"}[upcoming.state],
                reason="undeliverable" if upcoming.state == "dead" else None,
            ))
        return True

    return several(patch.object(results, "become", become), patch.object(doubts, "become", become))


@mutant("no fence: a doubt may be resolved twice")
def _no_state_fence() -> Any:
    every = tuple(EmailState)
    return patch.dict(results.CLOSES, {EmailState.PENDING: every})


@mutant("the settle time by the wall clock")
def _wall_clock() -> Any:
    def moment(self: Watch) -> Moment:
        return Moment(self.wall(), self.machine, self.wall().timestamp())

    return patch.object(Watch, "moment", moment)


@mutant("no settle time: what the log lacks twice is sent again")
def _no_settle() -> Any:
    return patch.object(simulated, "TIMES", dataclasses.replace(TIMES, settle=timedelta(0), recheck=timedelta(0)))


@mutant("what the log lacks once is sent again")
def _once() -> Any:
    real = rules.resolve

    def resolve(doubt: Any, answer: Any, moment: Any, *, times: Any) -> Resolution:
        return real(doubt, answer._replace(exact=True), moment, times=times)

    return patch.object(doubts, "resolve", resolve)


@mutant("the mark of not found is not stored")
def _unstored_mark() -> Any:
    real = rules.resolve

    def resolve(doubt: Any, answer: Any, moment: Any, *, times: Any) -> Resolution:
        found = real(doubt, answer, moment, times=times)
        return found._replace(vigil={name: look._replace(missed=None) for name, look in found.vigil.items()})

    return patch.object(doubts, "resolve", resolve)


@mutant("no liveness lock: a lapsed lease is enough")
def _no_lock() -> Any:
    return patch.object(simulated.Presence, "lives", lambda *_: False)


@mutant("a lapsed claim is sent again")
def _lease_retry() -> Any:
    return _lapsed("pending", "pending", None)


@mutant("a lapsed claim is given up as dead")
def _lease_fail() -> Any:
    return _lapsed("dead", "suppressed", "undeliverable")


def _lapsed(state: str, notices: str, reason: str | None) -> Any:
    def give_up(shift: Any, rows: Any) -> None:
        gone = [row.id for row in rows if not shift.presence.lives(row.owner)]
        with shift.engine.begin() as connection:
            for number in gone:
                connection.execute(update(EMAIL).where(EMAIL.c.id == number).values(state=state))
                connection.execute(
                    update(NOTICE).where(NOTICE.c.email_id == number).values(state=notices, reason=reason)
                )

    return patch.object(doubts, "_give_up_the_dead", give_up)


@mutant("retry on 5xx")
def _retry() -> Any:
    real = rules.after_attempt

    def after_attempt(outcome: Any, failures: int, *, now: Any, times: Any, draw: float) -> Next:
        if outcome is Outcome.UNKNOWN:
            return put_off(failures, now=now, times=times, draw=draw)
        return real(outcome, failures, now=now, times=times, draw=draw)

    return patch.object(results, "after_attempt", after_attempt)


@mutant("next_at is not clamped")
def _unclamped() -> Any:
    def due(at: Any, now: datetime, _longest: Any) -> bool:
        return at is None or at <= now

    return several(patch.object(simulated, "is_due", due), patch.object(rules, "is_due", due))


@mutant("lease_until is not clamped")
def _unclamped_lease() -> Any:
    def due(at: Any, now: datetime, longest: timedelta) -> bool:
        return at <= now if longest == TIMES.lease else is_due(at, now, longest)

    return patch.object(doubts, "is_due", due)


@mutant("a claim takes notices that were cancelled meanwhile")
def _blind_claim() -> Any:
    take = update(NOTICE).where(NOTICE.c.id.in_(IDS)).values(
        state=NoticeState.CLAIMED, reason=None, email_id=bindparam("email")
    )
    return several(patch.object(claims._Free, "holds", lambda *_: True), patch.object(claims, "_TAKE", take),
                   patch.object(deliver, "still_pending", lambda _, parcels: parcels))


@mutant("an email in doubt is merged into another that waits")
def _merged_in_doubt() -> Any:
    return patch.object(retries.Carrier, "carries", lambda *_: True)


@mutant("what was not taken does not release its notices")
def _kept_notices() -> Any:
    left = {state: change for state, change in results._OF_NOTICES.items() if state is not EmailState.PENDING}
    return patch.object(results, "_OF_NOTICES", left)


@mutant("marked as sent before it is sent")
def _mark_first() -> Any:
    real = claims.claim

    def claim(shift: Any, batch: Any) -> Any:
        mine = real(dataclasses.replace(shift, reached=lambda _: None), batch)
        with shift.engine.begin() as connection:
            for each in mine:
                results.become(connection, (each.id, each.attempt), Next(EmailState.SENT, 0), now=shift.watch.wall())
        shift.reached(Boundary.CLAIMED)
        return mine

    return patch.object(deliver, "claim", claim)


@mutant("a rule that asks to hold is sent again in doubt")
def _no_hold() -> Any:
    return patch.object(doubts, "_on_unknown", lambda *_: OnUnknown.RESEND)


def found_by(name: str, most: int = MOST_SEEDS) -> tuple[int, str] | None:
    """Return the first seed that finds a bug, and what it breaks; None where no seed does."""
    for seed in range(most):
        with MUTANTS[name]():
            broken = simulate(seed)
        if broken:
            return seed, min(broken, key=lambda promise: "come to an end" in promise)
    return None


def table() -> Table:
    """Look for every bug."""
    rows: list[tuple[Any, ...]] = []
    faults = []
    for name in MUTANTS:
        found = found_by(name)
        if found is None:
            faults.append(f"not found within {MOST_SEEDS:,} schedules: {name}")
            rows.append((name, "nothing", "none", f"more than {MOST_SEEDS:,}"))
        else:
            seed, breaks = found
            rows.append((name, breaks, seed, f"{seed + 1:,}"))
    return Table("mutants", ("deliberate bug", "what breaks", "first seed that finds it", "schedules needed"), rows,
                 faults)


def main() -> int:
    """Print the table, and write it down; exit 1 where a bug is not found."""
    found = table()
    print(found, *found.faults, sep="\n")
    write(found)
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
