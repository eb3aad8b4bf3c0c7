"""Fits: when one is due, how it is made from the program's own history, and what it changes.

A new fit makes every open case due once, in batches; each of them gets the pace that its agency's stages tell under
the new fit. A fit that changes nothing of a case costs that case one look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from models.rules.case import Program
from models.rules.errors import Refused
from models.rules.forecast.journeys import Journey, as_known
from models.rules.words import Status
from models.schema import ENROLLMENT, FORECAST_FIT, INSTALLATION, STAGE_CHANGE, same
from tasks.store import clock
from tasks.store.bulk import change, run, wire
from tasks.store.database import reading, transaction
from tasks.store.journeys import journeys
from tasks.store.programs import program_in_force
from tasks.sweep import rehearsal

BATCH = 1000
_F = FORECAST_FIT.c
_LAST = select(_F.as_of, _F.finished, _F.policy_version_id).order_by(_F.id.desc()).limit(1)
_FINISHED = select(func.count()).select_from(STAGE_CHANGE)
_PACED = change(ENROLLMENT, "pace next_review_on", same(ENROLLMENT.c.status, Status.OPEN))


@dataclass(frozen=True)
class Fitted:
    """What a fit came to: its row, and how many cases came due by it."""

    id: int
    as_of: date
    enrollments: int
    finished: int
    due: int


def fit_is_due(engine: Engine, day: date) -> str | None:
    """Say why a fit is due on a day: none was made, the policy is another, days or stages went by; None: it is not."""
    with reading(engine) as connection:
        program = program_in_force(connection)
        terms = program.policy.forecast
        if terms is None:
            return None
        last = connection.execute(_LAST).first()
        if last is None:
            return "no fit was made yet"
        if last.policy_version_id != program.version:
            return "the policy is another"
        days = (day - last.as_of).days
        if days >= terms.refit_days:
            return f"the last one is {days} days old"
        stages = (connection.scalar(_FINISHED) or 0) - last.finished
        return f"{stages} more stages were left" if stages >= terms.refit_stages else None


def next_fit_on(connection: Connection) -> date | None:
    """Return the day on which a fit is due by the days gone by alone; None where a program forecasts nothing."""
    terms = program_in_force(connection).policy.forecast
    last = connection.execute(_LAST).first()
    return None if terms is None or last is None else last.as_of + timedelta(days=terms.refit_days)


def make_fit(engine: Engine, day: date) -> Fitted:
    """Fit the history known on a day, put the fit in force, and make every open case due.

    Before the first sweep a history that was just imported is one of facts alone: it is learned from as that sweep will
    decide it.

    Raises:
        Refused: the program has no `[forecast]` to start from.
    """
    # Here, and not above: a sweep reads outlooks without numpy and scipy.
    from models.rules.forecast.compiling import compiled
    from models.rules.forecast.fitting import fit
    from models.rules.forecast.forecaster import Forecaster
    from models.rules.forecast.outlook import packed

    with reading(engine) as connection:
        program = program_in_force(connection)
        require_forecast(program)
        is_first = connection.scalar(select(INSTALLATION.c.last_swept_on)) is None
    with rehearsal(engine, day) if is_first else reading(engine) as connection:
        known = list(as_known(journeys(connection, program, today=day), day))
        finished = connection.scalar(_FINISHED) or 0
    forecaster = Forecaster(program.policy, fit(known, program.policy, day))
    outlook = packed(compiled(forecaster))
    row = {
        "as_of": day, "policy_version_id": program.version, "finished": finished, "outlook": outlook,
        "parameters": as_parameters(forecaster.fit), "digest": hashlib.sha256(outlook.encode()).hexdigest()[:16],
    }
    with transaction(engine) as connection:
        row["recorded_at"] = clock.now_in(connection)
        number = int(connection.execute(insert(FORECAST_FIT).values(row).returning(_F.id)).scalar_one())
    due = 0
    # The first sweep moves every pace itself, by the stages that it finds to be left.
    paces = dict.fromkeys((each.id for each in known), 0.0) if is_first else forecaster.paces(known)
    for batch in _batches(known, paces):
        with transaction(engine) as connection:
            due += _made_due(connection, batch, day)
    return Fitted(number, day, len(known), forecaster.fit.finished, due)


def require_forecast(program: Program) -> None:
    """Refuse a program that says nothing to start a forecast from."""
    if program.policy.forecast is None:
        remedy = "Add forecast.toml with [forecast]: docs/forecast.md says what stands in it."
        raise Refused.one("forecast", f'"{program.policy.code}" has none.', remedy)


def as_parameters(fit: Any) -> dict[str, Any]:
    """Return a fit as it is stored."""
    plain: dict[str, Any] = fit._asdict()
    plain["as_of"] = fit.as_of.isoformat()
    for name in ("stages", "tracks"):
        plain[name] = {key: learned._asdict() for key, learned in plain[name].items()}
    return plain


def from_parameters(plain: dict[str, Any]) -> Any:
    """Return a fit as it was stored."""
    from models.rules.forecast.fitting import Fit, Learned

    learned = {
        name: {key: Learned(**each) for key, each in plain[name].items()} for name in ("stages", "tracks")
    }
    return Fit(**{**plain, **learned, "as_of": date.fromisoformat(plain["as_of"])})


Paced = Sequence[tuple[float, int]]


def _batches(known: Sequence[Journey], paces: dict[int, float]) -> Iterator[Paced]:
    still = iter([(paces[each.id], each.id) for each in known if each.end is None])
    while batch := list(islice(still, BATCH)):
        yield batch


def _made_due(connection: Connection, batch: Paced, day: date) -> int:
    on = wire(connection).day(day)
    return run(connection, _PACED, [(pace, on, number) for pace, number in batch])
