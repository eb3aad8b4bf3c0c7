"""What a change does to a case, decided in the change's own transaction: so it can be shown before it is done.

The case is first brought to today, then changed, then decided again. Whoever only wants to see the effect rolls the
transaction back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from models.rules.apply import apply
from models.rules.case import Case, Key, Program
from models.rules.clock import clocks
from models.rules.decide import decide
from models.rules.decision import Decision, Forecast
from models.rules.forecast.spelling import spell_chance
from models.rules.gates import dossier
from models.rules.meaning import outlived
from models.rules.risk import days_gained, forecast
from models.rules.words import Clock, NoticeState, Risk, Status
from models.schema import ENROLLMENT, NOTICE, OF_A_CASE
from tasks.store.cases import named_cases, write
from tasks.store.database import transaction
from tasks.store.programs import program_in_force


class Moved(NamedTuple):
    """A date before and after; None where the case has no clock because it has ended."""

    clock: Clock
    before: date | None
    after: date | None


class Word(NamedTuple):
    """A notice: what it says, of which day, to whom, and why it is in this list."""

    rule: str
    occurrence: str
    anchor_on: date
    post: str
    why: str = ""


class Outlooks(NamedTuple):
    """What the forecast says of a case before and after; None where it has ended, or no forecast is made of it."""

    before: Forecast | None
    after: Forecast | None


class Effect(NamedTuple):
    """What a change came to for one case. `went_out` is what was sent and would not be said any more.

    `forecasts` is None where nothing that the forecast says is another.
    """

    enrollment: str
    what: str
    stage: tuple[str, str]
    status: tuple[Status, Status]
    risk: Risk
    dates: tuple[Moved, ...]
    cancelled: tuple[Word, ...]
    revived: tuple[Word, ...]
    decided: tuple[Word, ...]
    went_out: tuple[Word, ...]
    next_review_on: date | None
    forecasts: Outlooks | None = None

    def __str__(self) -> str:
        """Return it in one sentence."""
        moved = [f"{each.clock.value.replace('_', ' ')} {each.before} -> {each.after}" for each in self.dates]
        stages = [f"{self.stage[0]} -> {self.stage[1]}"] if self.stage[0] != self.stage[1] else []
        hopes = [f"chance within the limit {_limit(self.forecasts)}"] if self.forecasts is not None else []
        counts = [f"{len(getattr(self, name))} {words}" for name, words in SAID.items() if getattr(self, name)]
        return f"{self.enrollment}: {'; '.join([self.what, *stages, *moved, *hopes, *counts])}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        lists = {name: [each._asdict() for each in getattr(self, name)] for name in LISTS}
        seen = self.forecasts
        pair = None if seen is None else {name: each and each._asdict() for name, each in seen._asdict().items()}
        return self._asdict() | lists | {"forecasts": pair}


def _limit(seen: Outlooks) -> str:
    return " -> ".join(spell_chance(each and each.in_limit) for each in seen)


SAID = {
    "cancelled": "cancelled before they went out", "revived": "to go out after all", "decided": "newly to go out",
    "went_out": "went out and would not be said now",
}
"""What became of notices, list by list."""
LISTS = ("dates", *SAID)


@contextmanager
def rehearsed(engine: Engine, *, dry_run: bool) -> Iterator[Connection]:
    """One unit of work that writes, or, with `dry_run`, one that leaves nothing behind."""
    if not dry_run:
        with transaction(engine) as connection:
            yield connection
        return
    with engine.connect() as connection, connection.begin() as rehearsal:
        yield connection
        rehearsal.rollback()


def bring_to_today(connection: Connection, enrollment_id: int, today: date) -> Case:
    """Lock a case against sweeps, decide what is due of it, and return it as it stands then."""
    connection.execute(select(ENROLLMENT.c.id).where(ENROLLMENT.c.id == enrollment_id).with_for_update())
    (case,) = named_cases(connection, [enrollment_id])
    if case.status is not Status.OPEN:
        return case
    program = program_in_force(connection)
    decision = decide(case, program, today)
    write(connection, [decision], (program.version, today))
    (case,) = named_cases(connection, [enrollment_id])
    return case


class Change(NamedTuple):
    """Something that a person did to a case: its name as people type it, and what it was, in a few words."""

    enrollment: str
    what: str


def effect_of(
    connection: Connection, before: Case, change: Change, *, today: date, strength: Collection[int] = ()
) -> Effect:
    """Decide a case that was changed, write that down, and tell what became of it.

    Args:
        connection: the transaction of the change.
        before: the case as `bring_to_today` returned it.
        change: what was done.
        today: the day.
        strength: notices by id that went out on the strength of what was taken back.
    """
    program = program_in_force(connection)
    (changed,) = named_cases(connection, [before.id])
    decision = None
    after = changed
    if changed.status is Status.OPEN:
        decision = decide(changed, program, today)
        write(connection, [decision], (program.version, today))
        after = apply(changed, decision)
    gone = {notice.id for notice in outlived(before, after, program, today=today)} | set(strength)
    return Effect(
        change.enrollment, change.what, (before.stage, after.stage), (before.status, after.status),
        decision.risk if decision is not None else Risk.ENDED,
        tuple(_moved(before, after, program, today=today)),
        went_out=tuple(_word(notice.key, notice.state) for notice in after.said if notice.id in gone),
        next_review_on=decision.next_review_on if decision is not None else None,
        forecasts=_foreseen(before, after, program, today=today), **_words(changed, decision),
    )


def _moved(before: Case, after: Case, program: Program, *, today: date) -> Iterator[Moved]:
    then, now = (
        clocks(case, program.plan(case.track, case.cycle), today) if case.status is Status.OPEN else None
        for case in (before, after)
    )
    for clock in Clock:
        pair = Moved(clock, then and then.read(clock), now and now.read(clock))
        if pair.before != pair.after:
            yield pair


def _foreseen(before: Case, after: Case, program: Program, *, today: date) -> Outlooks | None:
    """Forecast a case as it was and as it is now, on the same day and by the same fit."""
    pair = Outlooks(*(_forecast(case, program, today=today) for case in (before, after)))
    return None if pair.before == pair.after else pair


def _forecast(case: Case, program: Program, *, today: date) -> Forecast | None:
    if case.status is not Status.OPEN:
        return None
    dates = clocks(case, program.plan(case.track, case.cycle), today)
    gained = days_gained(case, program, dossier(case, program, today))
    return forecast(case, program, ends=(dates.window_until, dates.limit), today=today, gained=gained)


def _words(case: Case, decision: Decision | None) -> dict[str, tuple[Word, ...]]:
    if decision is None:
        return {"cancelled": (), "revived": (), "decided": ()}
    keys = {notice.id: notice.key for notice in case.said}
    return {
        "cancelled": tuple(_word(keys[each.notice_id], each.reason) for each in decision.cancellings),
        "revived": tuple(_word(keys[number], "") for number in decision.revived),
        "decided": tuple(_word(t.key, "") for t in decision.tellings if t.state is NoticeState.PENDING),
    }


def _word(key: Key, why: str) -> Word:
    return Word(key.rule, key.occurrence, key.anchor_on, key.post.value, str(why))


def sent_since(connection: Connection, enrollment_id: int, since: date, *, stages: Collection[str]) -> list[int]:
    """Return the notices that went out of some stages since a day: decided while it was thought to stand there."""
    n = NOTICE.c
    rows = connection.execute(
        select(n.id, n.facts).where(
            OF_A_CASE, n.subject_id == enrollment_id, n.decided_on >= since,
            n.state.in_([NoticeState.CLAIMED, NoticeState.SENT]),
        )
    )
    return [row.id for row in rows if row.facts.get("stage") in stages]
