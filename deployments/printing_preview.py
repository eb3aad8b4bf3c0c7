"""Mail to come, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.printing import table
from tasks.preview import Preview
from tasks.what_if import Compared, Warned

ROWS = 60
"""How many emails the terminal lists; the page and --json have them all."""
MOST = 12
"""How many people the terminal lists of those whom another policy changes."""
WIDEST = 24
"""How much of a person's code the terminal shows, so that a subject has room."""


def print_preview(found: Preview, page: Path | None) -> None:
    """Print what would go out, day by day."""
    console = Console(highlight=False)
    console.print(
        f"[bold]{found.program}[/] · {found.since} to {found.until} if nothing happens: {len(found.mails)} emails to "
        f"{len(found.by_person)} people; {_live(found)}"
    )
    opened = ", ".join(f"{number} {rule}" for rule, number in found.escalations.items()) or "none"
    risks = ", ".join(f"{number} {risk.replace('_', ' ')}" for risk, number in found.risks.items())
    console.print(f"escalations opened: {opened}\nopen cases at the end: {risks}\n")
    console.print(_mails(found))
    if len(found.mails) > ROWS:
        console.print(f"and {len(found.mails) - ROWS} more: --out FILE.html or --json has them all")
    if page is not None:
        console.print(f"\n{page}", soft_wrap=True)


def print_first_day(found: Preview) -> None:
    """Print the mails of the first day on which mail would go out."""
    console = Console(highlight=False)
    late = "" if found.since == found.live_from else f", the first working day from {found.live_from} on"
    console.print(
        f"[bold]{found.program}[/] · if mail began on {found.live_from} and nothing happened until then: "
        f"{len(found.mails)} emails to {len(found.by_person)} people on {found.since}{late}. Nothing was set.\n"
    )
    console.print(_mails(found))


def print_compared(found: Compared) -> None:
    """Print what another policy would change."""
    console, now, then = Console(highlight=False), found.now, found.then
    people, how = len(found.people), "as it became known" if found.warnings else "if nothing happens"
    console.print(
        f"[bold]{now.program}[/] · {now.since} to {now.until} {how}, under the policy in force and the other; "
        f"{_live(now)}\n{len(now.mails)} emails to {len(now.by_person)} people now, {len(then.mails)} to "
        f"{len(then.by_person)} then\n"
    )
    console.print(_both("emails by week", "week of", found.weeks))
    console.print()
    if people:
        title = f"emails a week, for the {people} whom it changes"
        console.print(_both(title, "person", found.people[:MOST], digits=2))
        console.print(f"and {people - MOST} more: --json has them all\n" if people > MOST else "")
    console.print(_both("escalations opened", "rule", found.escalations))
    console.print()
    console.print(_both("open cases at the end", "risk", found.risks))
    for each in found.warnings:
        console.print()
        console.print(_warned(each))


def _mails(found: Preview) -> Table:
    shown = table(f"mail to come ({len(found.mails)})", "day", "to", "post", "in", "subject")
    for column in shown.columns[:-1]:
        column.no_wrap = True
    shown.columns[1].max_width = WIDEST
    for mail in found.mails[:ROWS]:
        more = f" +{len(mail.posts) - 1}" if len(mail.posts) > 1 else ""
        shown.add_row(
            str(mail.day), mail.person, f"{mail.posts[0]}{more}".replace("_", " ") if mail.posts else "",
            mail.language, Text(mail.subject, overflow="ellipsis", no_wrap=True),
        )
    return shown


def _both(title: str, what: str, rows: Sequence[tuple[date | str, float, float]], *, digits: int = 0) -> Table:
    made = table(title, what, ">now", ">then", ">change")
    for name, now, then in rows:
        change = f"{then - now:+.{digits}f}" if then != now else "·"
        made.add_row(str(name), f"{now:.{digits}f}", f"{then:.{digits}f}", change)
    return made


def _warned(found: Warned) -> Table:
    now, then = found.now, found.then
    return _both(f"warnings before the {found.of}", "", [
        ("awards that missed it", now.missed, then.missed), ("warned of", now.alarms, then.alarms),
        ("false alarms: the award came in time", now.false_alarms, then.false_alarms),
        ("median days of warning, of those that missed it", now.lead_days, then.lead_days),
    ])


def _live(found: Preview) -> str:
    if found.live_from is None:
        return "[yellow]not live: nothing is mailed[/]"
    return f"mail since {found.live_from}"
