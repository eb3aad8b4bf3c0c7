"""Tables for a terminal: the shape of what the CLI says to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.rules.case import Program
from models.rules.forecast.spelling import spell_chance
from models.rules.lint import Finding, Severity
from models.rules.words import Post, Risk
from tasks.answers.proposals import Listed
from tasks.operations.effect import SAID, Effect, Outlooks
from tasks.replay import Report, RuleReport
from tasks.views.ledger import Entry
from tasks.views.projection import Projection
from tasks.views.reports import RISKS, Portfolio, Today

COLOUR = {Risk.ON_TRACK: "green", Risk.AT_RISK: "yellow", Risk.OVERDUE: "red", Risk.ENDED: "dim"}


def table(title: str, *columns: str) -> Table:
    """Return an empty table in the house style; a column that begins with `>` is for numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for name in columns:
        made.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left")
    return made


def print_status(program: Program, day: date, given: tuple[Today, Portfolio, Portfolio]) -> None:
    """Print where the installation stands: the enrollments on their way, and the accredited in their next cycle."""
    now, portfolio, later = given
    console = Console()
    demo = " · [yellow]synthetic demo[/]" if now.is_demo else ""
    console.print(f"[bold]{program.policy.name.en}[/]{demo} · {day}")
    live = f"mail since {now.live_from}" if now.live_from else "[yellow]not live: nothing is mailed[/]"
    console.print(f"last sweep {now.last_swept_on or 'never'} · {live}\n")
    console.print(_stages("open enrollments", program, portfolio))
    if later.open:
        console.print()
        console.print(_stages("accredited, in their next cycle", program, later))
    ends = " · ".join(f"{number} {status}" for status, number in sorted(portfolio.ended.items())) or "none"
    console.print(f"\nended: {ends}")
    console.print(
        f"due {now.due} · escalations open {now.escalations} · notices pending {now.notices_pending} · "
        f"emails sent {now.emails_sent}, unsettled {now.emails_unsettled} · incidents {now.incidents}"
    )


def _stages(title: str, program: Program, counted: Portfolio) -> Table:
    stages = table(title, "stage", *(f">{risk.value.replace('_', ' ')}" for risk in RISKS), ">open")
    for code, risks in counted.stages:
        cells = [f"[{COLOUR[risk]}]{risks[risk]}[/]" if risks.get(risk) else "·" for risk in RISKS]
        stages.add_row(program.policy.stage[code].name.en, *cells, str(sum(risks.values()) or "·"))
    stages.add_row("[bold]all[/]", *(str(counted.at(risk)) for risk in RISKS), f"[bold]{counted.open}[/]")
    return stages


def print_effect(effect: Effect, *, dry_run: bool) -> None:
    """Print what a change did, or would do: the dates before and after, and what becomes of notices."""
    console = Console()
    mark = "[yellow]would be[/]" if dry_run else "[green]✓[/]"
    console.print(f"{mark} [bold]{effect.enrollment}[/] {effect.what}")
    if effect.stage[0] != effect.stage[1] or effect.status[0] != effect.status[1]:
        (was, now), (then, today) = effect.stage, effect.status
        console.print(f"  {was.replace('_', ' ')}, {then} -> [bold]{now.replace('_', ' ')}, {today}[/]")
    if effect.dates:
        dates = table("dates", "clock", "before", "after", ">days")
        for clock, before, after in effect.dates:
            moved = f"{(after - before).days:+d}" if before is not None and after is not None else ""
            dates.add_row(clock.value.replace("_", " "), str(before or "·"), f"[bold]{after or '·'}[/]", moved)
        console.print(dates)
    if effect.forecasts is not None:
        console.print(_foreseen(effect.forecasts))
    for name, title in SAID.items():
        words = getattr(effect, name)
        if words:
            said = table(f"{title} ({len(words)})", "rule", "occurrence", "counted from", "to", "why")
            for word in words:
                said.add_row(word.rule, word.occurrence, str(word.anchor_on), word.post, word.why.replace("_", " "))
            console.print(said)
    console.print(f"[dim]next review {effect.next_review_on or 'none'}[/]")


def _foreseen(seen: Outlooks) -> Table:
    """Draw what the forecast says before and after, in the rows that differ."""
    made = table("forecast", "", "before", "after")
    chances = (("award within the window", "in_window"), ("award within the limit", "in_limit"))
    days = (("award early (1 in 10)", "p10"), ("award as likely as not", "p50"), ("award late (9 in 10)", "p90"))
    for title, name in chances:
        before, after = (spell_chance(each and getattr(each, name)) for each in seen)
        if before != after:
            made.add_row(title, before, f"[bold]{after}[/]")
    for title, name in days:
        before, after = ("·" if each is None else str(getattr(each, name) or "not listed") for each in seen)
        if before != after:
            made.add_row(title, before, f"[bold]{after}[/]")
    return made


def print_projection(found: Projection) -> None:
    """Print which planned days of open cases a new version of the program moves, the nearest of them by name."""
    console = Console()
    if not found.days:
        console.print("no planned day of an open case moves")
        return
    title = f"{found.days} planned days of {found.cases} open cases move"
    more = f"; the nearest {len(found.first)}" if found.days > len(found.first) else ""
    made = table(title + more, "enrollment", "rule", "occurrence", "from", "to")
    for code, moved in found.first:
        made.add_row(code, moved.rule, moved.occurrence, str(moved.before), f"[bold]{moved.after}[/]")
    console.print(made)


def print_proposals(found: Sequence[Listed]) -> None:
    """Print what readers proposed; the note is theirs, and is shown as they wrote it."""
    made = table(f"proposals ({len(found)})", ">no", "enrollment or place", "what", "on", "by", "note", "state")
    for each in found:
        note = Text(each.note, overflow="fold")
        made.add_row(str(each.id), each.place, each.what, str(each.on), each.person, note, each.state.value)
    Console().print(made)


OUTCOMES = {"sent": "green", "delivered": "green", "failed": "red", "bounced": "red", "in doubt": "yellow"}


def print_ledger(entries: Sequence[Entry], last: int) -> None:
    """Print the last entries of a ledger."""
    console, shown = Console(), entries[-last:] if last > 0 else []
    made = table(f"ledger ({len(entries)})", "decided", "enrollment", "rule", "to", "person", "outcome")
    for column, width in zip(made.columns, (10, 23, 18, 16, 10, None), strict=True):
        column.no_wrap, column.overflow, column.max_width, column.min_width = True, "ellipsis", width, width
    for entry in shown:
        outcome = Text(entry.reason.replace("_", " ") or entry.outcome, OUTCOMES.get(entry.outcome, "dim"))
        step = entry.occurrence.rpartition("/")[2].rpartition(":")[2]
        rule, post = f"{entry.rule} {step}".replace("_", " "), entry.post.replace("_", " ")
        made.add_row(str(entry.decided_on), entry.enrollment, rule, post, entry.person, outcome)
    console.print(made)
    if len(shown) < len(entries):
        console.print(f"[dim]the last {len(shown)} of {len(entries)}; --csv FILE writes all, with their facts[/]")


SEVERITIES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def print_findings(found: Sequence[Finding]) -> None:
    """Print what lint found, the worst first."""
    console = Console()
    if not found:
        console.print("[green]Nothing found.[/]")
        return
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name, ratio in (("", None), ("place", 3), ("what", 6), ("remedy", 4)):
        made.add_column(name, ratio=ratio, overflow="fold")
    order = list(Severity)
    for finding in sorted(found, key=lambda each: order.index(each.severity)):
        style = SEVERITIES[finding.severity]
        made.add_row(Text(finding.severity.value, style), Text(finding.place), Text(finding.what), Text(finding.remedy))
    console.print(made)
    counts = [(severity, sum(each.severity is severity for each in found)) for severity in order]
    console.print("\n" + ", ".join(f"{number} {severity}{'s' * (number > 1)}" for severity, number in counts if number))


def _rules(by_rule: Sequence[RuleReport]) -> Table:
    """Return what each rule came to, with a column for each post that was mailed to."""
    posts = [post for post in Post if any(post in rule.mailed for rule in by_rule)]
    headings = [">" + post.replace("_", "\n") for post in posts]
    shown = table("by rule, and mailed to", "rule", ">opened", ">to the\ntop", ">lead,\ndays", *headings)
    for rule in by_rule:
        climbed = (str(rule.opened), str(rule.reached_top)) if rule.kind == "escalation" else ("", "")
        lead = "" if rule.lead_days is None else str(rule.lead_days)
        mailed = (str(rule.mailed.get(post, "")) for post in posts)
        shown.add_row(rule.rule.replace("_", " "), *climbed, lead, *mailed)
    return shown


def print_replay(report: Report, seed: int) -> None:
    """Print the report of a replay."""
    console = Console()
    awards = sum(report.awards.values())
    by_kind = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in report.awards.items())
    console.print(f"[bold]The program, replayed[/] · synthetic cohort, seed {seed} · nobody in it is real")
    console.print(
        "[dim]Who enrolled, when each milestone happened and who left is input, drawn with the published margins;\n"
        "stage changes, awards, reminders and escalations came out of the lifecycle, counted in the database.[/]\n"
    )
    outcome = table("agencies and initial awards", "what", ">number", "")
    outcome.add_row("agencies enrolled", str(report.enrolled), "")
    outcome.add_row("agencies accredited", str(report.accredited_agencies), "")
    outcome.add_row("awards", str(awards), by_kind)
    outcome.add_row("reaccredited", str(report.renewals), "hearings of year 4")
    outcome.add_row("agencies that left", str(report.left), "")
    outcome.add_row("entities with an accredited agency", str(report.entities), "")
    outcome.add_row("last award", str(report.last_award_on or "none"), "")
    outcome.add_row("stages left", str(report.advances), "")
    outcome.add_row("reminders mailed", str(report.reminders), "")
    outcome.add_row("escalations opened", str(report.escalations), "")
    outcome.add_row("emails", str(report.emails), f"in {report.days} days, replayed in {report.seconds} s")
    console.print(outcome)
    console.print()
    console.print(_rules(report.by_rule))
    console.print("[dim]lead: median days from the mail to the date it warns of[/]")
