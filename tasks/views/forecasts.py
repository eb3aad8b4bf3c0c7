"""The forecast as people ask for it: of one enrollment, of the program, and judged by its own past."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from models.rules.case import Program
from models.rules.dates import add_months
from models.rules.errors import Refused
from models.rules.forecast.answers import Answer, Awards, Target, answers, awards, sentence, target
from models.rules.forecast.backtest import Backtest, backtest
from models.rules.forecast.fitting import Fit, fit
from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.journeys import Journey, as_known
from models.rules.forecast.judging import Verdict, Warnings, by_days_left, by_forecast, judge
from models.rules.naming import enrollment_code
from models.rules.words import Clock
from models.schema import AGENCY, ENROLLMENT, FORECAST_FIT
from tasks.demo import PROGRAM
from tasks.feed import feed_all, synthetic_cohort
from tasks.forecasting import from_parameters, require_forecast
from tasks.replay import database_in
from tasks.store import clock
from tasks.store.database import engine_of, reading, transaction
from tasks.store.journeys import journeys
from tasks.store.programs import Terms, folder_of, program_in_force, put_in_force, read_policy
from tasks.store.records import enrollment_id_of
from tasks.sweep import sweep
from tasks.views.chronicle import Chronicle, chronicle, slots_of

MONTHS_AHEAD = (3, 6, 12, 24)


class Forecasts(NamedTuple):
    """What is forecast on a day: enrollments, the most at risk first, and the program's awards.

    `told` is the one enrollment that was asked for, with its plan. `by` are the awards to come by region and by kind,
    within the months that `awards` looks ahead at most.
    """

    program: Program
    as_of: date
    fit: Fit
    stored_fit: int | None
    answers: tuple[Answer, ...]
    codes: Mapping[int, str]
    journeys: tuple[Journey, ...]
    awards: tuple[Awards, ...]
    target: Target | None
    by: Mapping[str, Awards]
    forecaster: Forecaster
    told: Chronicle | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        names = {stage.code: stage.name.en for stage in self.program.policy.stages}
        return {
            "as_of": self.as_of, "fit_as_of": self.fit.as_of, "fit": self.stored_fit,
            "enrollments": [
                {
                    **each._asdict(), "enrollment": self.codes[each.enrollment], "sentence": sentence(each, names),
                    "slots": [slot._asdict() for slot in each.slots], "steps": [step._asdict() for step in each.steps],
                }
                for each in self.answers
            ],
            "awards": [each._asdict() for each in self.awards],
            "target": None if self.target is None else self.target._asdict(),
            "by": {name: each._asdict() for name, each in self.by.items()},
            **({} if self.told is None else {"plan": slots_of(self.told.plan)}),
        }


def forecasts(
    engine: Engine, enrollment: str | None, as_of: date | None, *, known_on: date | None = None
) -> Forecasts:
    """Forecast one enrollment, or every open one and the program, as of a day; today by default.

    Read by the latest fit made by that day; where none was made yet, by one made now and not stored.

    Args:
        engine: the database.
        enrollment: its code; None for all of them.
        as_of: the day.
        known_on: the day by whose end the facts were recorded; by default the same.
    """
    with reading(engine) as connection:
        program = program_in_force(connection)
        require_forecast(program)
        today = clock.now_in(connection).astimezone(ZoneInfo(program.policy.zone)).date()
        day = as_of or today
        known = tuple(as_known(journeys(connection, program, today=today), day, known_on))
        number, fitted = _fit(connection, day) or (None, fit(known, program.policy, day))
        codes = _codes(connection)
        wanted = None if enrollment is None else enrollment_id_of(connection, enrollment)
    forecaster = Forecaster(program.policy, fitted)
    found = sorted(answers(forecaster, known, day), key=lambda each: (bool(each.cannot_say), each.in_window))
    if wanted is not None:
        found = [each for each in found if each.enrollment == wanted]
        if not found:
            what = f"is not on its way to a first award on {day}."
            raise Refused.one(enrollment or "", what, "Name an open one of cycle 1, or an earlier --as-of.")
        told = chronicle(engine, codes[wanted], day)
        return Forecasts(program, day, fitted, number, tuple(found), codes, known, (), None, {}, forecaster, told)
    days = [add_months(day, months) for months in MONTHS_AHEAD]
    return Forecasts(
        program, day, fitted, number, tuple(found), codes, known, tuple(awards(forecaster, known, day, on_days=days)),
        target(forecaster, known, day), _by(forecaster, known, day, by=days[-2]), forecaster,
    )


def _fit(connection: Connection, day: date) -> tuple[int | None, Fit] | None:
    f = FORECAST_FIT.c
    row = connection.execute(select(f.id, f.parameters).where(f.as_of <= day).order_by(f.id.desc()).limit(1)).first()
    return None if row is None else (row.id, from_parameters(row.parameters))


def _codes(connection: Connection) -> dict[int, str]:
    e = ENROLLMENT.c
    rows = connection.execute(
        select(e.id, AGENCY.c.code, e.track, e.cycle).join(AGENCY, AGENCY.c.id == e.agency_id)
    )
    return {row.id: enrollment_code(row.code, row.track, row.cycle) for row in rows}


def _by(forecaster: Forecaster, known: Sequence[Journey], day: date, *, by: date) -> dict[str, Awards]:
    groups: dict[str, list[Journey]] = defaultdict(list)
    for each in known:
        groups[f"region {each.region}"].append(each)
        groups[f"kind {each.kind}"].append(each)
    return {name: awards(forecaster, groups[name], day, on_days=[by])[0] for name in sorted(groups)}


class JudgedPast(NamedTuple):
    """How good the forecast was on a past: the verdict by the end of the window and by the limit, and the warnings."""

    what: str
    until: date
    enrollments: int
    verdicts: Mapping[Clock, Verdict | None]
    warnings: Mapping[Clock, tuple[Warnings, Warnings]]
    fit: Fit

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "what": self.what, "until": self.until, "enrollments": self.enrollments,
            "verdicts": {
                clock: None if verdict is None else {
                    **verdict._asdict(), "bins": [each._asdict() for each in verdict.bins],
                }
                for clock, verdict in self.verdicts.items()
            },
            "warnings": {
                clock: {"forecast": ours._asdict(), "days_left": theirs._asdict()}
                for clock, (ours, theirs) in self.warnings.items()
            },
        }


def judged_past(*, synthetic: int | None = None, as_happened: bool = False) -> JudgedPast:
    """Judge this database's past, or that of the synthetic cohort of a seed, lived through whole beforehand."""
    if synthetic is None:
        return _judged(engine_of(), "this program's own past", as_happened=as_happened)
    with tempfile.TemporaryDirectory() as folder, database_in(Path(folder)) as engine:
        _lived_through(engine, synthetic)
        return _judged(engine, f"the synthetic cohort of seed {synthetic}", as_happened=True)


def _lived_through(engine: Engine, seed: int) -> None:
    """Feed a cohort to its end and decide it at once: the same stages on the same days as day by day."""
    folder = folder_of(PROGRAM)
    policy = read_policy(folder)
    cohort = synthetic_cohort(folder, policy, seed)
    last = max(dated.known_on for dated in (*cohort.facts, *cohort.roster)) + timedelta(days=1)
    instant = datetime(last.year, last.month, last.day, 12, tzinfo=ZoneInfo(policy.zone))
    put_in_force(engine, policy, Terms(clock_starts_at=instant, is_demo=True))
    with transaction(engine) as connection:
        feed_all(connection, cohort, last)
    sweep(last)


def _judged(engine: Engine, what: str, *, as_happened: bool) -> JudgedPast:
    with reading(engine) as connection:
        program = program_in_force(connection)
        require_forecast(program)
        until = clock.now_in(connection).astimezone(ZoneInfo(program.policy.zone)).date()
        past = journeys(connection, program, today=until, as_happened=as_happened)
    assert program.policy.forecast is not None
    below = program.policy.forecast.band.at_risk_below / 100
    found = backtest(past, program.policy, until=until)
    return JudgedPast(
        what, until, len(past), {clock: judge(each.judged) for clock, each in found.items()},
        {clock: _warned(each, below) for clock, each in found.items()}, fit(past, program.policy, until),
    )


def _warned(found: Backtest, below: float) -> tuple[Warnings, Warnings]:
    ours = by_forecast(found.watched, below)
    return ours, by_days_left(found.watched, ours.alarms)
