"""`make forecast`: the forecast judged on the cohorts of laws.toml, by the seeds that were held out (docs/forecast.md).

    python -m tests.benchmarks.forecast.measure [--seeds seen|held_out] [--first N] [--law NAME] [--speed]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import date
from multiprocessing import Pool
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from models.rules.forecast.backtest import Backtest, backtest
from models.rules.forecast.fitting import fit
from models.rules.forecast.forecaster import Forecaster
from models.rules.forecast.journeys import as_known
from models.rules.forecast.judging import Judged, Verdict, brier, by_days_left, by_forecast, judge, pooled, skill
from models.rules.forecast.tables import Asked
from models.rules.words import Clock
from tasks.demo import SEED
from tasks.views.forecasts import judged_past
from tests.benchmarks.forecast.laws import document, draw, reference, seeds

FOLLOWED_UNTIL = date(2030, 1, 1)
MILLION = 1_000_000
NEVER = 10_000
SECONDS_A_MILLION, SECONDS_ONE, SECONDS_BACKTEST = 10, 0.001, 30
"""What a million forecasts, a single one after the fit, and the backtest of the whole program may take."""
MUST = {"against days left": 0.30, "against the base rate": 0.35, "calibration error": 0.05}

Cohort = dict[Clock, Backtest]


class Asking(NamedTuple):
    """One cohort to be judged."""

    law: str
    seed: int


def _table(title: str) -> Table:
    return Table(title=f"\n{title}", box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")


def judged(asking: Asking) -> Cohort:
    policy, _ = reference()
    return backtest(draw(asking.law, asking.seed), policy, until=FOLLOWED_UNTIL)


def judged_with_visits(asking: Asking) -> Cohort:
    """Judge the same cohort with standards in compliance counted at visits; on half-years only, no alarms."""
    policy, _ = reference()
    return backtest(draw(asking.law, asking.seed, counted=True), policy, until=FOLLOWED_UNTIL, look_days=NEVER)


def verdicts(cohorts: Sequence[Cohort], clock: Clock) -> tuple[Verdict, list[Verdict]]:
    """Return the verdict on all cohorts pooled, and on each alone."""
    each = [cohort[clock].judged for cohort in cohorts]
    whole = judge(pooled(each))
    alone = [verdict for one in each if (verdict := judge(one)) is not None]
    assert whole is not None
    return whole, alone


def rows(whole: Verdict, alone: Sequence[Verdict]) -> Iterator[tuple[str, float, list[float]]]:
    yield "against days left", whole.against_days_left, [one.against_days_left for one in alone]
    yield "against the base rate", whole.against_base_rate, [one.against_base_rate for one in alone]
    yield "calibration error", whole.error, [one.error for one in alone]


def skills(console: Console, cohorts: Sequence[Cohort], law: str) -> bool:
    """Print skill and calibration; return whether what must be reached is reached for the end of the window."""
    reached = True
    for clock in (Clock.WINDOW_UNTIL, Clock.LIMIT):
        whole, alone = verdicts(cohorts, clock)
        counted = f"{len(cohorts)} cohorts, {whole.number} forecasts, Brier {whole.brier:.3f}"
        table = _table(f"{law}, {clock}: {counted}")
        for name in ("", "must", "pooled", "min", "p10", "median", "p90", "max"):
            table.add_column(name, justify="left" if not name else "right")
        for name, pool, spread in rows(whole, alone):
            quantiles = np.quantile(spread, [0, 0.1, 0.5, 0.9, 1])
            table.add_row(name, f"{MUST[name]:.2f}", f"{pool:.3f}", *(f"{q:.3f}" for q in quantiles))
            met = pool <= MUST[name] if name == "calibration error" else pool >= MUST[name]
            reached = reached and (met or clock is Clock.LIMIT)
        console.print(table)
        said = _table("said and came, by tenths")
        for each in whole.bins:
            said.add_column(f"{each.low:.1f}-{each.high:.1f}", justify="right")
        said.add_row(*(f"{each.said:.2f}" for each in whole.bins))
        said.add_row(*(f"{each.came:.2f}" for each in whole.bins))
        said.add_row(*(str(each.number) for each in whole.bins))
        console.print(said)
    return reached


def leads(console: Console, cohorts: Sequence[Cohort], law: str) -> None:
    """Print how early either rule warns, at an equal number of alarms in each cohort."""
    table = _table(f"{law}: median days of warning before a deadline that was missed, at equal alarms")
    for name in ("deadline", "below", "alarms", "forecast", "false", "days left", "false", "cohorts in which earlier"):
        table.add_column(name, justify="right")
    for clock in (Clock.WINDOW_UNTIL, Clock.LIMIT):
        for below in (0.3, document()["alarms"]["below"], 0.7):
            ours = [by_forecast(cohort[clock].watched, below) for cohort in cohorts]
            theirs = [
                by_days_left(cohort[clock].watched, own.alarms) for cohort, own in zip(cohorts, ours, strict=True)
            ]
            earlier = sum(own.lead_days > other.lead_days for own, other in zip(ours, theirs, strict=True))
            table.add_row(
                clock, f"{below:.1f}", str(sum(own.alarms for own in ours)),
                f"{np.median([own.lead_days for own in ours]):.0f}", str(sum(own.false_alarms for own in ours)),
                f"{np.median([other.lead_days for other in theirs]):.0f}",
                str(sum(other.false_alarms for other in theirs)), f"{earlier} of {len(cohorts)}",
            )
    console.print(table)


def visits(console: Console, pairs: Sequence[tuple[Cohort, Cohort]], law: str) -> None:
    """Print what counting at visits is worth, on the forecasts that a count moved."""
    table = _table(f"{law}: forecasts that standards counted at visits moved, without the counts and with them")
    for name in ("deadline", "forecasts", "Brier", "counted", "better by", "error", "counted", "cohorts better"):
        table.add_column(name, justify="right")
    for clock in (Clock.WINDOW_UNTIL, Clock.LIMIT):
        moved = [_moved(plain[clock].judged, counted[clock].judged) for plain, counted in pairs]
        without, counted = (judge(pooled(each)) for each in zip(*moved, strict=True))
        assert without is not None
        assert counted is not None
        better = sum(
            brier(one.chance, one.came) > brier(other.chance, other.came) for one, other in moved if one.came.size
        )
        table.add_row(
            clock, str(counted.number), f"{without.brier:.3f}", f"{counted.brier:.3f}",
            f"{skill(counted.brier, without.brier):.3f}", f"{without.error:.3f}", f"{counted.error:.3f}",
            f"{better} of {len(pairs)}",
        )
    console.print(table)


def _moved(without: Judged, counted: Judged) -> tuple[Judged, Judged]:
    here = without.chance != counted.chance
    return Judged(*(column[here] for column in without)), Judged(*(column[here] for column in counted))


def speed(console: Console) -> bool:
    """Print what a fit, a million forecasts, a single one and a backtest take; return whether all is fast enough."""
    policy, _ = reference()
    day = date(2021, 1, 1)
    known = list(as_known(draw("closure", 1), day))
    began = time.perf_counter()
    forecaster = Forecaster(policy, fit(known, policy, day))
    fitted = time.perf_counter()
    tables = forecaster.tables
    worked_out = time.perf_counter()
    rng = np.random.default_rng(1)
    many = Asked(
        rng.integers(len(tables.tracks), size=MILLION), rng.integers(len(tables.stages), size=MILLION),
        rng.normal(0, 0.2, MILLION), rng.uniform(0, 400, MILLION),
    )
    tables.chance(many, rng.uniform(0, 900, MILLION))
    tables.quantiles(many)
    all_told = time.perf_counter()
    journey = next(each for each in known if each.end is None)
    paces = forecaster.paces([journey])
    singles = time.perf_counter()
    for _ in range(1000):
        place = forecaster.place(journey, day, paces)
        forecaster.chances([place], [date(2023, 1, 1)], day)
    single, million = (time.perf_counter() - singles) / 1000, all_told - worked_out
    whole = time.perf_counter()
    judged_past(synthetic=SEED)
    tested = time.perf_counter() - whole
    console.print(
        f"fit of {len(known)} enrollments {fitted - began:.2f} s, tables {worked_out - fitted:.2f} s; a million "
        f"forecasts (chance, p10, p50, p90) {million:.2f} s; a single one {single * 1000:.2f} ms; backtest of the "
        f"whole program {tested:.1f} s", soft_wrap=True,
    )
    return million < SECONDS_A_MILLION and single < SECONDS_ONE and tested < SECONDS_BACKTEST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", choices=("seen", "held_out"), default="held_out")
    parser.add_argument("--first", type=int, default=None, help="only so many of the seeds")
    parser.add_argument("--law", choices=sorted(document()["laws"]), action="append")
    parser.add_argument("--speed", action="store_true", help="only what it takes")
    asked = parser.parse_args()
    console = Console(width=110)
    reached = speed(console)
    if asked.speed:
        raise SystemExit(not reached)
    with Pool(2) as pool:
        for law in asked.law or sorted(document()["laws"]):
            began = time.perf_counter()
            chosen = list(seeds(asked.seeds))[: asked.first]
            cohorts = pool.map(judged, [Asking(law, seed) for seed in chosen], chunksize=1)
            reached = skills(console, cohorts, law) and reached
            leads(console, cohorts, law)
            seen_at_visits = pool.map(judged_with_visits, [Asking(law, seed) for seed in chosen], chunksize=1)
            visits(console, list(zip(cohorts, seen_at_visits, strict=True)), law)
            console.print(f"{time.perf_counter() - began:.0f} s")
    if not reached:
        raise SystemExit("what must be reached was not")


if __name__ == "__main__":
    main()
