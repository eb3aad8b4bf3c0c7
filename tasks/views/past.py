"""A case as it stood at the end of a past day, and the program as it judged it: what was recorded later is left out.

A day ends where the agency is. Of the forecast it is the fit, the pace and the band of that day that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.clock import anchor_of
from models.rules.decision import Advance
from models.rules.errors import Refused
from models.rules.hours import zone_named
from models.rules.log import State, replayed
from models.rules.risk import paced
from models.rules.words import Risk
from models.schema import AGENCY, ENROLLMENT, FORECAST, FORECAST_FIT, STAGE_CHANGE
from tasks.store import clock
from tasks.store.log import Dated, log_of
from tasks.store.past import Past, at
from tasks.store.programs import program_in_force, program_of
from tasks.store.records import enrollment_id_of


class Known(NamedTuple):
    """An enrollment by id, a day, the case at the end of it, and the program that judged it then."""

    enrollment_id: int
    day: date
    case: Case
    program: Program


def known_on(connection: Connection, code: str, on: date | None) -> Known:
    """Return what was known of an enrollment at the end of a day, by default of today where its agency is.

    Raises:
        Refused: the code names no enrollment, or the day cannot be told of.
    """
    program, key = program_in_force(connection), enrollment_id_of(connection, code)
    today = clock.now_in(connection).astimezone(zone_named(zone_at(connection, key))).date()
    day = on or today
    case = case_on(connection, key, (program, day))
    program = program_knowing(connection, case, (program, day))
    if day >= today:
        return Known(key, day, case, program)
    return Known(key, day, *_foreseen_then(connection, case, (program, day)))


def zone_at(connection: Connection, enrollment_id: int) -> str:
    """Return the zone of an enrollment's agency."""
    here = select(AGENCY.c.time_zone).join(ENROLLMENT, ENROLLMENT.c.agency_id == AGENCY.c.id)
    return str(connection.execute(here.where(ENROLLMENT.c.id == enrollment_id)).scalar_one())


def _end_of(connection: Connection, enrollment_id: int, day: date) -> datetime:
    """Return the instant at which a day is over where an enrollment's agency is."""
    return datetime.combine(day + timedelta(days=1), time(), zone_named(zone_at(connection, enrollment_id)))


def _foreseen_then(connection: Connection, case: Case, given: tuple[Program, date]) -> tuple[Case, Program]:
    """Give a case the pace and the band that it had at the end of a day, and the program the fit of that day."""
    program, day = given
    f = FORECAST.c
    last = connection.execute(
        select(f.forecast_fit_id, f.as_of, f.risk, f.pace).where(f.enrollment_id == case.id, f.as_of <= day)
        .order_by(f.as_of.desc(), f.id.desc()).limit(1)
    ).first()
    fit = last.forecast_fit_id if last is not None else connection.scalar(
        select(FORECAST_FIT.c.id).where(FORECAST_FIT.c.recorded_at < _end_of(connection, case.id, day))
        .order_by(FORECAST_FIT.c.id.desc()).limit(1)
    )
    program = program_of(connection, program.version, fit)
    if last is None:
        return replace(case, fit=None, pace=0.0, risk=Risk.ON_TRACK), program
    log = [(on, step) for on, step in log_of(connection, case.id, program) if on <= day]
    return foreseen(case, program, last=last, log=log), program


def foreseen(case: Case, program: Program, *, last: Row[Any], log: Sequence[Dated]) -> Case:
    """Give a case what the last forecast by a day stored of it, and the pace that its steps since then tell.

    Args:
        case: the enrollment on that day.
        program: the program with the fit of that forecast.
        last: the row of the last forecast by then.
        log: its steps that had been decided by then.
    """
    start = State(program.policy.start_of(case.cycle), anchor_of(case).on)
    before = replayed(start, [step for on, step in log if on <= last.as_of])
    since = [step for on, step in log if on > last.as_of]
    pace = _paced(replace(case, pace=last.pace), since, (program, before.entered_on))
    return replace(case, fit=last.forecast_fit_id, pace=pace, risk=last.risk)


def _paced(case: Case, steps: Sequence[Advance], given: tuple[Program, date]) -> float:
    """Return the pace after steps that were taken since it was stored; what was taken back tells nothing."""
    program, entered = given
    for step in steps:
        if step.takes_back is None:
            case = replace(case, pace=paced(case, [step], program, entered=entered))
        entered = step.on
    return case.pace


def program_knowing(connection: Connection, case: Case, given: tuple[Program, date]) -> Program:
    """Return the program in force; of a stage or track that it dropped, the version by which the case came there."""
    program, day = given
    if case.stage in program.policy.stage and case.track in program.policy.tracks:
        return program
    s = STAGE_CHANGE.c
    came_by = select(s.policy_version_id).where(s.enrollment_id == case.id, s.decided_on <= day).order_by(s.seq.desc())
    version = connection.scalar(came_by.limit(1))
    if version is None:
        what = f'stood in "{case.stage}" on "{case.track}", which no policy here knows of.'
        raise Refused.one("enrollment", what, "Name a later day.")
    return program_of(connection, version)


def case_on(connection: Connection, enrollment_id: int, given: tuple[Program, date]) -> Case:
    """Rebuild a case as it stood at the end of a day: what was recorded or decided on later days is left out.

    Raises:
        Refused: the day is the last that a calendar has: it has no end.
    """
    program, day = given
    return Past(connection, program, [enrollment_id]).case(enrollment_id, at(day))
