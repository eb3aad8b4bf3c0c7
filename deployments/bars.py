"""Bars that say how far long work has come: on stderr, where a person watches, and gone when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from models.rules.cohort.draw import Cohort
from tasks.life import Life, Watcher
from tasks.replay import Report, Span, replay

BAR = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


def _bars() -> Progress:
    console = Console(stderr=True)
    return Progress(*BAR, console=console, disable=not console.is_terminal, transient=True)


@contextmanager
def watching() -> Iterator[Watcher]:
    """Show how far lives have come, a bar for each, in days."""
    with _bars() as bars:
        shown: dict[str, TaskID] = {}

        def seen(life: Life, day: date) -> None:
            if life.name not in shown:
                shown[life.name] = bars.add_task("", total=(life.until - life.since).days + 1)
            name = f"{min(day, life.until)} {life.name}"
            bars.update(shown[life.name], completed=(day - life.since).days, description=name)

        yield seen


def replay_with_bar(program: Path, cohort: Cohort, *, folder: Path, span: Span) -> Report:
    """Replay a program in a folder, with a bar of its days."""
    report: Report | None = None
    with _bars() as bars:
        days = bars.add_task(str(span.since), total=len(span))
        for day, done in replay(program, cohort, (folder, span)):
            bars.update(days, advance=1, description=str(day))
            report = done
    assert report is not None, "a span has a last day"
    return report
