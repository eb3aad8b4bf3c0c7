"""Delivery: what is pending is written, claimed, sent and settled. `models.rules.delivery` draws the states.

One run goes through the steps in this order, any number of runs may do so at once, and each may die anywhere:

    cancel    emails that wait while all that they carried was cancelled       `outbox.doubts`
    give up   what dead runs had claimed becomes unknown                       `outbox.doubts`
    ask       the provider's log about what is unknown                         `outbox.doubts`
    gather    pending notices into one letter a person, from today's facts     `letters`, `outbox.retries`
    claim     a few letters, with their text, committed before a byte leaves   `outbox.claims`
    send      each by a thread of its own, while its lease covers the attempt  here
    settle    what became of it, fenced by the attempt                         `outbox.results`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Engine

from models.rules.delivery import Admission, Outlet, Times, admission, may_post
from models.rules.errors import AcreditaError
from models.rules.letter import Item, Message
from models.rules.words import EmailKind, NoticeState, Outcome, Reason
from models.settings import settings
from tasks.mail.letters.gathering import gather
from tasks.mail.letters.parcels import Gathered, Parcel, Rules
from tasks.mail.outbox.boundaries import Boundary
from tasks.mail.outbox.claims import BATCH, Claimed, Written, claim, put_off_until, set_aside, still_pending
from tasks.mail.outbox.doubts import clear_up
from tasks.mail.outbox.outlets import outlet_of, take_probe
from tasks.mail.outbox.parked import park
from tasks.mail.outbox.presence import present
from tasks.mail.outbox.restored import count_this_run, look_for_a_restore
from tasks.mail.outbox.results import Answered, insist
from tasks.mail.outbox.shift import Delivery, Shift
from tasks.mail.rendering import render
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.protocol import Result, Sender
from tasks.store import clock
from tasks.store.clock import Watch
from tasks.store.database import engine_of, reading, transaction
from tasks.sweep import report

NOTICES_A_RUN = 5000
FRESH_SECONDS = 60
"""How long a letter may lie between the facts that it was written from and its claim."""


@task(task_run_name="deliver what is pending", cache_policy=NO_CACHE, persist_result=False)
def deliver_pending() -> Delivery:
    """Deliver with the settings' sender at this installation's own time."""
    engine = engine_of()
    with closing(sender_of(settings())) as sender:
        return deliver(engine, sender, clock.watch(engine))


def deliver(engine: Engine, sender: Sender, watch: Watch) -> Delivery:
    """Send everything that may go out now, each notice once.

    Args:
        engine: the database.
        sender: where mail goes.
        watch: the clocks; people outside their working hours are passed over.
    """
    with present(engine) as presence:
        shift = Shift(engine, sender, watch, presence)
        work(shift)
    return shift.delivery


def work(shift: Shift) -> None:
    """Go through the steps of a run; the letters until none is left that can go out now."""
    look_for_a_restore(shift)
    clear_up(shift)
    while _letters(shift):
        pass


def rehearse(engine: Engine, now: datetime) -> list[dict[str, Any]]:
    """List the emails that would go out now, by person's id; nothing is claimed."""
    with reading(engine) as connection:
        parcels = gather(connection, now, rules_of(settings().times)).parcels
    return [
        {"person_id": p.person_id, "kind": p.letter.kind, "notices": len(p.notice_ids),
         "enrollments": sorted({item.enrollment for item in p.letter.items})} for p in parcels
    ]


def rules_of(times: Times) -> Rules:
    """Return what may be gathered; a letter goes out before it is stale and its lease is over, or not at all."""
    return Rules(times.horizon, NOTICES_A_RUN, timedelta(seconds=FRESH_SECONDS) + times.lease)


def _letters(shift: Shift) -> bool:
    """Write and send what can go out now; return whether looking again may find more."""
    begun = shift.watch.steady()
    with reading(shift.engine) as connection:
        gathered = gather(connection, shift.watch.wall(), rules_of(shift.times))
    _set_aside(shift, gathered)
    parcels = _within_cap(shift, gathered)
    # Several runs at once begin at different places, and meet at the end.
    start = int(shift.draw() * len(parcels))
    batches = _batches(shift, [*parcels[start:], *parcels[:start]], begun)
    claimed, may_go_on = _send(shift, batches)
    return claimed > 0 and may_go_on


def _within_cap(shift: Shift, gathered: Gathered) -> list[Parcel]:
    """Return what this run may send; what exceeds its cap is parked whole, until an operator has looked at it.

    What an operator released goes out, and so does what was on its way before.
    """
    if gathered.a_run is None:
        return gathered.parcels
    counted = [each for each in gathered.parcels if each.counts]
    excess = counted[max(0, gathered.a_run - shift.claimed):]
    if not excess:
        return gathered.parcels
    with transaction(shift.engine) as connection:
        letters = [parcel.notice_ids for parcel in excess]
        number = park(connection, letters, batch=shift.delivery.batch, now=shift.watch.wall())
    if number is not None:
        shift.delivery.batch = number
        shift.delivery.parked += len(excess)
    left_out = {parcel.notice_ids for parcel in excess}
    return [each for each in gathered.parcels if each.notice_ids not in left_out]


def _set_aside(shift: Shift, gathered: Gathered) -> None:
    """Take note of the notices that cannot go out, with the reason."""
    shift.delivery.nobody += set_aside(shift.engine, gathered.nobody, Reason.NO_RECIPIENT)
    set_aside(shift.engine, gathered.broken, Reason.UNDELIVERABLE)
    if gathered.broken:
        with transaction(shift.engine) as connection:
            for number, error in sorted(gathered.broken.items()):
                report(connection, f"notice {number}", f"cannot be put into a letter: {error}")
    shift.delivery.over += put_off_until(shift.engine, gathered.over)
    for reason in set(gathered.outdated.values()):
        ids = [number for number, why in gathered.outdated.items() if why is reason]
        set_aside(shift.engine, ids, reason, state=NoticeState.CANCELLED)


def _batches(shift: Shift, parcels: Sequence[Parcel], begun: float) -> Iterator[list[Claimed]]:
    """Claim a few letters at a time, for as long as they are fresh and the sender may take them."""
    left = iter(parcels)
    while shift.watch.steady() - begun <= FRESH_SECONDS:
        some = list(islice(left, BATCH))
        if not some:
            return
        with reading(shift.engine) as connection:
            outlet = outlet_of(connection, shift.sender.name)
            free = still_pending(connection, some)
        admitted = _admitted(shift, outlet, free)
        if free and not admitted:
            return
        written = list(_written(shift, admitted))
        if written and not shift.counted:
            count_this_run(shift)
            shift.counted = True
        taken = claim(shift, written) if written else []
        shift.claimed += sum(each.counts for each in taken)
        yield taken


def _admitted(shift: Shift, outlet: Outlet, parcels: list[Parcel]) -> list[Parcel]:
    """Return the letters that the sender may take now: after a refusal of everything, one goes first."""
    now = shift.watch.wall()
    match admission(outlet, now, shift.times):
        case Admission.OPEN:
            return parcels
        case Admission.SHUT:
            return []
        case Admission.PROBE:
            with transaction(shift.engine) as connection:
                mine = take_probe(connection, shift.sender.name, outlet, now=now, times=shift.times)
            return parcels[:1] if mine else []


def _written(shift: Shift, parcels: Sequence[Parcel]) -> Iterator[Written]:
    for parcel in parcels:
        message = _rendered(shift, parcel)
        if message is not None:
            yield Written(parcel, message)


def _rendered(shift: Shift, parcel: Parcel) -> Message | None:
    """Return the letter's text. A template that fails stops the notices that use it, and no other."""
    try:
        return render(parcel.letter)
    except AcreditaError as error:
        broken = _broken(parcel)
        set_aside(shift.engine, broken, Reason.UNDELIVERABLE)
        with transaction(shift.engine) as connection:
            for template in sorted(set(broken.values())):
                report(connection, f"template {template}", str(error))
        shift.delivery.dead += 1
        return None


def _broken(parcel: Parcel) -> dict[int, str]:
    """Return the notices that cannot be put into words, with the template of each; all where only together."""
    if parcel.letter.kind is EmailKind.WEEKLY:
        return dict.fromkeys(parcel.notice_ids, EmailKind.WEEKLY.value)
    carried = list(zip(parcel.notice_ids, parcel.letter.items, strict=True))
    # Where each can be written alone, the letter as a whole cannot: nothing would change by trying again.
    broken = [(notice_id, item) for notice_id, item in carried if not _renders(parcel, item)] or carried
    return {notice_id: item.template for notice_id, item in broken}


def _renders(parcel: Parcel, item: Item) -> bool:
    try:
        render(replace(parcel.letter, items=(item,)))
    except AcreditaError:
        return False
    return True


class _Hand(Executor):
    """Does at once what it is given: one message after the other, without a thread."""

    def submit(self, fn: Any, /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*given, **named))
        return done


class _Line:
    """The messages that are on their way. Threads send, the run alone reads and writes the database."""

    def __init__(self, shift: Shift, hands: Executor) -> None:
        self._shift, self._hands = shift, hands
        self._flying: set[Future[Answered]] = set()
        self.may_go_on = True

    def send(self, claimed: Claimed) -> None:
        self._flying.add(self._hands.submit(self._post, claimed))
        self._settle(until=self._shift.threads)

    def finish(self) -> None:
        self._settle(until=1)

    def _settle(self, until: int) -> None:
        """Settle what was answered, and wait while so many or more are on their way."""
        while self._flying:
            waits = len(self._flying) >= until
            done, self._flying = wait(self._flying, timeout=None if waits else 0, return_when=FIRST_COMPLETED)
            self.may_go_on &= insist(self._shift, [future.result() for future in done])
            if not waits:
                return

    def _post(self, claimed: Claimed) -> Answered:
        """Send one message, unless the sender was stopped or the claim would not last until its answer."""
        shift = self._shift
        shift.reached(Boundary.POSTING)
        if not self.may_go_on or not may_post(shift.watch.steady() - claimed.steady, shift.times):
            return claimed, None
        try:
            result = shift.sender.send(claimed.outgoing, shift.watch.wall())
        except Exception as error:  # noqa: BLE001 - a sender does not raise; if one does, nobody knows what it did
            result = Result(Outcome.UNKNOWN, type(error).__name__)
        shift.reached(Boundary.POSTED)
        return claimed, result


def _send(shift: Shift, batches: Iterator[list[Claimed]]) -> tuple[int, bool]:
    """Send batches as they are claimed; return how many emails were claimed, and whether the sender may go on."""
    count = 0
    with _Hand() if shift.threads == 1 else ThreadPoolExecutor(shift.threads) as hands:
        line = _Line(shift, hands)
        for batch in batches:
            count += len(batch)
            for claimed in batch:
                line.send(claimed)
            if len(batch) == 1:  # perhaps the one that goes first
                line.finish()
            if not line.may_go_on:
                break
        line.finish()
    return count, line.may_go_on
