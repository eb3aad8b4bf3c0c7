"""The program on any of its days, at a glance: what every report is made of, read once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from models.rules.case import Case, Program
from models.rules.clock import anchor_of
from models.rules.naming import enrollment_code
from models.rules.reporting.glances import Place, Raised, glance
from models.rules.reporting.measures import Seen
from models.rules.words import Risk
from models.schema import AGENCY, ENROLLMENT, ESCALATION, FORECAST, FORECAST_FIT, INSTALLATION
from tasks.store import clock
from tasks.store.past import Past, Sight, at
from tasks.store.programs import program_in_force, program_of
from tasks.views.past import foreseen

_E, _A, _X, _F, _O = ENROLLMENT.c, AGENCY.c, ESCALATION.c, FORECAST_FIT.c, FORECAST.c
_PLACES = (
    select(_E.id, _E.track, _E.cycle, _A.code, _A.name, _A.kind, _A.region, _A.government)
    .join(AGENCY, _A.id == _E.agency_id)
)
_ESCALATIONS = select(
    _X.enrollment_id, _X.rule, _X.opened_on, _X.rung, _X.acknowledged_on, _X.closed_on, _X.closing, _X.id
).order_by(_X.opened_on, _X.id)
_FITS = select(_F.id, _F.recorded_at)
_FORECASTS = select(_O.enrollment_id, _O.forecast_fit_id, _O.as_of, _O.risk, _O.pace).order_by(_O.as_of, _O.id)


class History:
    """The whole program with all that was ever recorded of it, to be looked at from any day."""

    def __init__(self, connection: Connection) -> None:
        """Read it: the same few queries however many days are looked at."""
        self.program = program_in_force(connection)
        self.now: datetime = clock.now_in(connection)
        self.is_demo = bool(connection.scalar(select(INSTALLATION.c.is_demo)))
        self._connection = connection
        self._past = Past(connection, self.program)
        self._places = {
            row.id: Place(
                enrollment_code(row.code, row.track, row.cycle), row.code, row.name, row.kind, row.region,
                row.government,
            )
            for row in connection.execute(_PLACES)
        }
        self._escalations = connection.execute(_ESCALATIONS).all()
        self._fits = connection.execute(_FITS).all()
        self._programs: dict[int | None, Program] = {}
        self._forecasts: dict[int, list[Row[Any]]] = defaultdict(list)
        for row in connection.execute(_FORECASTS):
            self._forecasts[row.enrollment_id].append(row)

    @property
    def today(self) -> date:
        """The day that this installation lives in."""
        return self.now.astimezone(ZoneInfo(self.program.policy.zone)).date()

    @cached_property
    def began_on(self) -> date:
        """The first day of which anything can be reported."""
        return self.program.policy.began_on or min(
            (anchor_of(case).on for case in self.cases(at(self.today))), default=self.today
        )

    def seen(self, sight: Sight, since: date) -> Seen:
        """Look at every enrollment and escalation on a day; `since` begins the quarter that it lies in."""
        cases = self.cases(sight)
        glances = [
            glance(case, self._past.log(case.id, sight), program, place=self._places[case.id], day=sight.as_of)
            for case, program in (self._foreseen(case, sight.day) for case in cases)
        ]
        rungs = {standing.id: standing.rung for case in cases for standing in case.standings}
        raised = [
            self._as_known(row, rungs[row.id], sight.day) for row in self._escalations if row.id in rungs
        ]
        return Seen(sight.as_of, since, glances, raised)

    def cases(self, sight: Sight) -> list[Case]:
        """Return the enrollments of a day, those left out that stand where the program in force has nothing."""
        policy = self.program.policy
        found = [self._past.case(each, sight) for each in self._past.ids if self._past.is_known(each, sight)]
        return [case for case in found if case.stage in policy.stage and case.track in policy.tracks]

    def _foreseen(self, case: Case, day: date) -> tuple[Case, Program]:
        """Give a case the pace and band that it had on a day, and the program the fit of that day, as `why` does."""
        last = next((row for row in reversed(self._forecasts.get(case.id, ())) if row.as_of <= day), None)
        if last is None:
            midnight = self._past.end_of(day, case.id)
            fit = max((row.id for row in self._fits if row.recorded_at < midnight), default=None)
            return replace(case, fit=None, pace=0.0, risk=Risk.ON_TRACK), self._program_with(fit)
        program = self._program_with(last.forecast_fit_id)
        return foreseen(case, program, last=last, log=self._past.decided(case.id, day)), program

    def _program_with(self, fit: int | None) -> Program:
        if fit not in self._programs:
            self._programs[fit] = program_of(self._connection, self.program.version, fit)
        return self._programs[fit]

    def _as_known(self, row: Row[Any], rung: int, day: date) -> Raised:
        closed = row.closed_on if row.closed_on is not None and row.closed_on <= day else None
        taken = row.acknowledged_on if row.acknowledged_on is not None and row.acknowledged_on <= day else None
        place = self._places[row.enrollment_id]
        return Raised(
            place.enrollment, place.region, row.rule, row.opened_on, rung,
            min((on for on in (taken, closed) if on is not None), default=None), closed,
            row.closing if closed is not None else None,
        )
