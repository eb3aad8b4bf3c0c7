"""The shape that such programs commonly have, for comparison: a Prefect task for each enrollment, ORM objects inside.

It decides by the same rules and writes the same rows; each case is read and written alone, in a transaction of its own.
"""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, or_, select

from tests.benchmarks.paper import Sheet
from tests.benchmarks.population import day, drawn

WORKERS = 4


def decide_one(number: int, on: date) -> int:
    """Read an enrollment as objects, decide it, and write it as objects; return how many notices it got."""
    from models import tables
    from models.rules.case import Case, Fact, Key, Said, Seat, Site, Standing
    from models.rules.decide import decide
    from models.rules.words import Subject
    from tasks.store.database import engine_of
    from tasks.store.programs import program_in_force

    with Session(engine_of()) as session:
        program = program_in_force(session.connection())
        row = session.get_one(tables.Enrollment, number)
        agency = session.get_one(tables.Agency, row.agency_id)
        facts = session.exec(select(tables.Milestone).where(tables.Milestone.enrollment_id == number)).all()
        seat = tables.Assignment
        wide = (col(seat.enrollment_id).is_(None)) & (col(seat.agency_id).is_(None))
        here = or_(col(seat.region).is_(None), seat.region == agency.region)
        seats = session.exec(
            select(seat).where(or_(seat.enrollment_id == number, seat.agency_id == row.agency_id, wide & here))
        ).all()
        told = session.exec(
            select(tables.Notice).where(
                tables.Notice.subject_id == number, tables.Notice.subject_kind == Subject.ENROLLMENT
            )
        ).all()
        standing = session.exec(select(tables.Escalation).where(tables.Escalation.enrollment_id == number)).all()
        case = Case(
            number, row.track, row.stage, row.stage_entered_on, row.stage_seq, row.status, row.agreement_on,
            facts=[Fact(f.id or 0, f.milestone, f.occurred_on, f.value) for f in facts],
            seats=[Seat(s.id or 0, s.post, s.since, s.until, s.person_id) for s in seats],
            said=[Said(n.id or 0, Key(n.rule, n.occurrence, n.anchor_on, n.post), n.state, n.reason) for n in told],
            standings=[
                Standing(e.id or 0, e.rule, e.occurrence, e.anchor_on, e.state, e.opened_on, e.rung, e.rung_on)
                for e in standing
            ],
            site=Site(agency.code, agency.entity), risk=row.risk,
        )
        decision = decide(case, program, on)
        row.stage, row.stage_entered_on, row.stage_seq = decision.stage, decision.stage_entered_on, decision.stage_seq
        row.status, row.risk, row.next_review_on = decision.status, decision.risk, decision.next_review_on
        for step in decision.advances:
            session.add(
                tables.StageChange(
                    enrollment_id=number, seq=step.seq, from_stage=step.from_stage, to_stage=step.to_stage,
                    status=step.status, changed_on=step.on, decided_on=on, policy_version_id=program.version,
                    evidence={"facts": list(step.evidence.facts), "seats": list(step.evidence.seats)},
                )
            )
        for new in decision.opened:
            session.add(
                tables.Escalation(
                    enrollment_id=number, rule=new.rule, occurrence=new.occurrence, anchor_on=new.anchor_on,
                    state=new.state, opened_on=new.opened_on, rung=new.rung, rung_on=new.rung_on, repeat=new.repeat,
                    policy_version_id=program.version,
                )
            )
        for telling in decision.tellings:
            key = telling.key
            session.add(
                tables.Notice(
                    subject_kind=Subject.ENROLLMENT, subject_id=number, rule=key.rule, occurrence=key.occurrence,
                    anchor_on=key.anchor_on, post=key.post, template=telling.template,
                    planned_for=telling.planned_for, decided_on=on, state=telling.state, reason=telling.reason,
                    facts=telling.facts, policy_version_id=program.version,
                )
            )
        session.commit()
        return len(decision.tellings)


def _due_on(turn: int, count: int) -> list[int]:
    """Return so many enrollments that come due on a turn."""
    from tests.benchmarks.measures import SHARE

    wide = round(1000 * SHARE)
    found = (i for i in range(1, 1_000_000) if drawn(i, 0, 1000) // wide == turn)
    return [next(found) for _ in range(count)]


def as_objects(count: int) -> float:
    """Return the seconds that so many cases take, one after the other, as ORM objects."""
    begun = time.perf_counter()
    for number in _due_on(0, count):
        decide_one(number, day(0))
    return time.perf_counter() - begun


def as_tasks(count: int) -> float:
    """Return the seconds that they take as a Prefect task each, on the server that the environment names."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    one = task(persist_result=False)(decide_one)
    runner: Any = ThreadPoolTaskRunner(max_workers=WORKERS)

    @flow(task_runner=runner)
    def one_by_one(numbers: list[int], on: date) -> None:
        for future in [one.submit(number, on) for number in numbers]:
            future.result()

    first, *numbers = _due_on(1, count + 1)
    one_by_one([first], day(1))
    begun = time.perf_counter()
    one_by_one(numbers, day(1))
    return time.perf_counter() - begun


def measure(folder: Path, count: int) -> Sheet:
    """Decide so many cases as objects and as a task each, on a server of their own, and a day's in batches."""
    from tests.prefect_server import PrefectServer, answering

    server = PrefectServer(folder)
    # Before Prefect is imported: it reads its settings once.
    os.environ.update(
        PREFECT_API_URL=answering(server.url), PREFECT_HOME=str(folder / "client"), PREFECT_LOGGING_LEVEL="ERROR"
    )
    try:
        from tasks.sweep import sweep

        objects, tasks = as_objects(count), as_tasks(count)
        begun = time.perf_counter()
        due = sweep(day(2)).due
        batches = (time.perf_counter() - begun) / due
        ways = {
            "in batches": batches, "ORM objects, one by one": objects / count,
            "a Prefect task each, ORM objects": tasks / count,
        }
        cells = [(name, f"{1 / taken:,.0f}", f"{taken / batches:,.0f}") for name, taken in ways.items()]
        return Sheet(f"the common shape, {count:,} cases", ("way", "cases a second", "as long as batches"), cells)
    finally:
        server.stop()
