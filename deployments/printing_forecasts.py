"""Forecasts, and how good they were, as tables for a terminal."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console

from deployments.printing import table
from deployments.printing_case import CasePrinter
from models.rules.forecast.answers import Answer, sentence
from models.rules.forecast.spelling import percent
from models.rules.words import Language

if TYPE_CHECKING:
    from models.rules.forecast.judging import Verdict
    from tasks.views.forecasts import Forecasts, JudgedPast

BEYOND = "not listed"


def print_forecasts(found: Forecasts) -> None:
    """Print one enrollment at length, or the program: who may not make it, and the awards to come."""
    console = Console(highlight=False)
    learned = found.fit.finished
    stored = f"fit {found.stored_fit}" if found.stored_fit is not None else "a fit made just now"
    console.print(
        f"[bold]{found.program.policy.name.en}[/] · {found.as_of} · {stored} of {found.fit.as_of},"
        f" from {learned} finished stages of {found.fit.enrollments} enrollments\n"
    )
    if found.awards:
        _portfolio(console, found)
    else:
        for answer in found.answers:
            _enrollment(console, found, answer)


def _day(on: date | None) -> str:
    return BEYOND if on is None else str(on)


def _chance(chance: float, end: date, today: date) -> str:
    return "passed" if end < today else percent(chance)


def _portfolio(console: Console, found: Forecasts) -> None:
    columns = ("enrollment", ">in window", ">in limit", "p10", "p50", "p90", "risk in")
    rows = table("on the way, the least likely first", *columns)
    names = {stage.code: stage.name.en for stage in found.program.policy.stages}
    for each in found.answers:
        code = found.codes[each.enrollment]
        if each.cannot_say:
            rows.add_row(code, "?", "?", each.cannot_say)
            continue
        riskiest = each.riskiest
        rows.add_row(
            code, _chance(each.in_window, each.window_until, found.as_of),
            _chance(each.in_limit, each.limit, found.as_of), *map(_day, each.days),
            names[riskiest.stage] if riskiest is not None else "",
        )
    console.print(rows)
    console.print()
    ahead = table("accredited agencies, eight times in ten", "by", ">now", ">low", ">mean", ">high")
    for awards in found.awards:
        ahead.add_row(str(awards.on), str(awards.already), str(awards.low), f"{awards.mean:.1f}", str(awards.high))
    console.print(ahead)
    if found.target is not None:
        chance = percent(found.target.chance)
        console.print(f"\n{found.target.agencies} agencies by {found.target.by}: [bold]{chance}[/]")
    console.print()
    parts = table(f"by {next(iter(found.by.values())).on if found.by else ''}", "", ">now", ">low", ">mean", ">high")
    for name, awards in found.by.items():
        parts.add_row(name, str(awards.already), str(awards.low), f"{awards.mean:.1f}", str(awards.high))
    console.print(parts)


def _enrollment(console: Console, found: Forecasts, answer: Answer) -> None:
    names = {stage.code: stage.name.en for stage in found.program.policy.stages}
    console.print(f"[bold]{found.codes[answer.enrollment]}[/]\n{sentence(answer, names)}\n")
    if answer.cannot_say:
        return
    console.print(
        f"window until {answer.window_until}: {percent(answer.in_window)} · limit {answer.limit}: "
        f"{percent(answer.in_limit)}\n"
    )
    slots = table("the award falls on", "conference", ">chance")
    for slot in answer.slots:
        slots.add_row(str(slot.on), percent(slot.chance))
    console.print(slots)
    assert found.program.policy.forecast is not None
    band = found.program.policy.forecast.band.at_risk_below
    title = f"\nlast safe days: left later, the chance is below {band} %"
    steps = table(title, "stage", "leave by", ">may take longer")
    learned = found.fit.stages
    steps.add_column("learned", justify="right")
    for step in answer.steps:
        steps.add_row(
            names[step.stage], "" if step.leave_by is None else str(step.leave_by), f"{step.swing} days",
            f"{100 * learned[step.stage].data:.0f} %",
        )
    console.print(steps)
    if found.told is not None:
        CasePrinter(found.told, Language.EN).print_plan(console)


def print_backtest(found: JudgedPast) -> None:
    """Print how good the forecast was: scores, calibration, warnings."""
    console = Console(highlight=False)
    console.print(f"[bold]{found.what}[/] · until {found.until} · {found.enrollments} enrollments\n")
    for clock, verdict in found.verdicts.items():
        if verdict is None:
            console.print(
                f"{clock}: cannot say, because no half-year after the second had a forecast whose end is known."
                " A history that was imported whole is judged with --as-happened.\n"
            )
            continue
        _verdict(console, str(clock), verdict)
        ours, theirs = found.warnings[clock]
        warned = table("warnings, at equal alarms", "", ">alarms", ">false", ">missed deadlines", ">median days before")
        for name, each in (("forecast", ours), ("days left", theirs)):
            warned.add_row(name, str(each.alarms), str(each.false_alarms), str(each.missed), f"{each.lead_days:.0f}")
        console.print(warned)
        console.print()


def _verdict(console: Console, clock: str, verdict: Verdict) -> None:
    columns = (">forecasts", ">Brier", ">skill on days left", ">on base rate", ">calibration error")
    scores = table(f"by {clock.replace('_', ' ')}", *columns)
    scores.add_row(
        str(verdict.number), f"{verdict.brier:.3f}", f"{verdict.against_days_left:.3f}",
        f"{verdict.against_base_rate:.3f}", f"{verdict.error:.3f}",
    )
    console.print(scores)
    tenths = table("", "said", *(f">{each.said:.2f}" for each in verdict.bins))
    tenths.add_row("came", *(f"{each.came:.2f}" for each in verdict.bins))
    tenths.add_row("of", *(str(each.number) for each in verdict.bins))
    console.print(tenths)
