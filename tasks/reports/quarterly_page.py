"""The quarterly report in words: its sections, pictures and tables in one language, and its files in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from models.rules.dates import add_months
from models.rules.reporting.indicators import Row, target_on
from models.rules.reporting.quarters import quarter_of
from models.rules.words import Language, Level, Risk
from tasks.plots import awards, responses, risk, stages
from tasks.plots.style import Picture
from tasks.reports import naming
from tasks.reports.files import Files, Told, write_files, write_tables
from tasks.reports.pages import Cell, Column, Line, Section, Shown, Tile, drawn, page, shown
from tasks.reports.quarterly import Quarterly
from tasks.reports.wording import NOTHING, Wording

CONFERENCES = 3


def write_report(found: Quarterly, folder: Path, languages: Sequence[Language], *, rows: bool = False) -> Files:
    """Write a quarter's report: a page and a PDF in each language, its plots, and every table as CSV.

    Args:
        found: the quarter's figures.
        folder: where; a report that was written there before is replaced.
        languages: which.
        rows: write the single cases behind the totals too, in a folder of their own.

    Raises:
        Refused: the folder cannot be written.
    """
    behind = write_tables(folder.with_name(f"{folder.name}-rows"), found.rows()) if rows else []
    told = (quarterly_page(found, Wording(language)) for language in languages)
    files = write_files(folder, found.tables(), told)
    return files._replace(paths=[*files.paths, *behind])


def pictures(found: Quarterly, say: Wording) -> list[Picture]:
    """Return the report's plots, in its order."""
    policy = found.program.policy
    return [
        awards.picture(found.fan, say), stages.funnel(found.stages, policy, say),
        stages.spans(found.stages, policy, say), risk.picture(found.risks, naming.regions(found.program, say), say),
        responses.picture(found.escalations, naming.rules(found.program, say), say),
    ]


def quarterly_page(found: Quarterly, say: Wording) -> Told:
    """Tell the report in one language."""
    quarter, sections = found.quarter, list(_sections(found, say))
    return Told(say.language, page(
        "quarterly.html", say, program_name=found.program.policy.name.text(say.language), quarter=str(quarter),
        first_month=say.month_name(quarter.since), last_month=say.month_name(quarter.until), year=str(quarter.year),
        sight=found.sight, unfinished=found.is_unfinished, due_on=found.due_on, is_demo=found.is_demo,
        nothing=_nothing(found, say), tiles=list(_tiles(found, say)), sections=sections,
    ), sections)


def _nothing(found: Quarterly, say: Wording) -> str:
    """Say why there is nothing to count; empty where there is something."""
    if found.quarter.until < found.began_on:
        return say("q_before", began=found.began_on)
    return "" if found.seen.first_cycles else say("q_nobody", as_of=found.sight.as_of)


def _tiles(found: Quarterly, say: Wording) -> Iterator[Tile]:
    seen, none = found.seen, say("tile_none")
    accredited = len(found.fan.past)
    goal = found.reporting.accredited
    wanted = None if goal is None else target_on(goal, found.sight.as_of)
    target = none if wanted is None else say("tile_accredited_of", target=round(wanted))
    yield Tile(say.number(accredited), say("tile_accredited"), target)
    now = sum(each.entered_on >= seen.since for each in seen.awarded)
    agencies = len({each.place.code for each in seen.first_cycles})
    yield Tile(say.number(now), say("tile_awards"), say("tile_awards_of", number=agencies))
    yield Tile(say.number(len(seen.open)), say("tile_open"), say("tile_open_of", number=len(seen.left)))
    counts = {each: sum(one.risk is each for one in seen.open) for each in Risk}
    share = f"{say.number(round(100 * counts[Risk.ON_TRACK] / len(seen.open)))} %" if seen.open else NOTHING
    note = say("tile_track_of", at_risk=counts[Risk.AT_RISK], overdue=counts[Risk.OVERDUE]) if seen.open else none
    yield Tile(share, say("tile_track"), note)


def _sections(found: Quarterly, say: Wording) -> Iterator[Section]:
    tables = {table.name: table for table in found.tables()}
    fan, funnel, spans, risks, answered = (partial(drawn, each, say) for each in pictures(found, say))
    program, seen = found.program, found.seen
    region, rule, stage = naming.regions(program, say), naming.rules(program, say), naming.stages(program, say)
    yield Section(say("h_indicators"), [say("p_indicators")], table=_indicators(found, say))
    yield Section(
        say("h_awards"), list(_about_awards(found, say)), fan(),
        shown(tables["awards"], say, columns=("on", "target", "accredited", "low", "mean", "high")),
    )
    lines = [say("p_stages", open=len(seen.open), awarded=len(seen.awarded), left=len(seen.left))]
    yield Section(
        say("h_stages"), lines, funnel(),
        shown(tables["stages"], say, columns=("stage", "reached", "standing", "finished"),
              spelling={"stage": stage.__getitem__}),
    )
    yield Section(
        say("h_spans"), [say("p_spans")], spans(),
        shown(tables["stages"], say, columns=("stage", "expected", "p10", "p50", "p90"),
              spelling={"stage": stage.__getitem__}),
    )
    yield Section(
        say("h_risk"), [say("p_risk", fewest=found.reporting.fewest_in_a_group)], risks(),
        shown(tables["risk"], say, columns=("group", "open", "on_track", "at_risk", "overdue"),
              spelling={"group": region.__getitem__}),
    )
    opened, standing = (sum(getattr(each, name) for each in found.escalations) for name in ("opened", "open"))
    lines = [say("p_escalations", opened=opened, open=standing) if found.escalations else say("p_escalations_none")]
    yield Section(
        say("h_escalations"), lines, answered(),
        shown(tables["escalations"], say, columns=("rule", "opened", "closed", "open", "top", "answered", "q2", "q3"),
              spelling={"rule": rule.__getitem__}),
    )
    kind = naming.kinds(program, say)
    yield Section(
        say("h_kinds"), [say("p_kinds")],
        table=shown(tables["kinds"], say, columns=tables["kinds"].columns, spelling={"kind": kind.__getitem__}),
    )
    yield Section(say("h_ahead"), list(_ahead(found, say)))


def _about_awards(found: Quarterly, say: Wording) -> Iterator[str]:
    fan = found.fan
    yield say("p_awards", on=found.sight.day) if fan.ahead else say(f"no_forecast_{fan.why_not}")
    on_course = naming.course(fan, say, day=found.sight.as_of)
    if on_course:
        yield on_course


def _ahead(found: Quarterly, say: Wording) -> Iterator[str]:
    days = [day for day in found.program.conferences if day > found.sight.as_of][:CONFERENCES]
    if days:
        yield say("p_ahead", days=", ".join(map(say.day, days)))
    elif found.program.conferences:
        yield say("p_ahead_none", day=found.program.conferences[-1])
    after = quarter_of(add_months(found.quarter.since, 3))
    yield say("p_ahead_due", quarter=str(after), due=after.due_on(found.reporting.quarterly.due_days))


def _indicators(found: Quarterly, say: Wording) -> Shown:
    names = ("indicator", "baseline", "target", "actual", "variance", "level", "reasons")
    labels = {name: say(f"col_{name}") for name in names}
    numbers = {"baseline", "target", "actual", "variance"}
    columns = [Column(labels[name], name in numbers) for name in names]
    return Shown(columns, [Line(_row(each, found, say, labels)) for each in found.indicators], "tables/indicators.csv")


def _row(each: Row, found: Quarterly, say: Wording, labels: dict[str, str]) -> list[Cell]:  # noqa: PLR0917 - a row of a table is made of these
    codes = found.program.policy.reasons
    said = ", ".join(codes[code].text(say.language) if code in codes else code for code in each.reasons)
    needed = each.variance is not None and each.variance < 0
    reasons = said or say("reason_none" if needed else "reason_needless")
    among = say("among", number=each.actual.among) if each.unit.value == "percent" and each.actual.among else ""
    variance = naming.amount(each, each.variance, say, signed=True)
    chance = "" if each.chance is None else say("chance_of_goal", chance=say.chance(each.chance / 100))
    return [
        Cell(each.indicator.name.text(say.language), labels["indicator"], note=chance),
        Cell(naming.amount(each, each.indicator.baseline.value, say), labels["baseline"], is_number=True),
        Cell(naming.amount(each, each.target, say), labels["target"], is_number=True),
        Cell(naming.amount(each, each.actual.value, say), labels["actual"], is_number=True, note=among),
        Cell(variance, labels["variance"], is_number=True),
        Cell(say(f"level_{each.level}"), labels["level"], level=Level(each.level)),
        Cell(reasons, labels["reasons"]),
    ]
