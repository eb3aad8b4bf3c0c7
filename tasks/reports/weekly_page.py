"""The director's week in words: its sections, pictures and tables in one language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from models.rules.naming import awaited
from models.rules.reporting.glances import Glance
from models.rules.reporting.weeks import LED_DAYS
from models.rules.words import Level, Risk
from tasks.plots import awards, gantt, responses, risk, stages
from tasks.plots.style import Picture
from tasks.reports import naming
from tasks.reports.files import Told
from tasks.reports.pages import Cell, Column, Line, Section, Shown, Tile, drawn, page, shown
from tasks.reports.weekly import QUARTERS_BACK, Missing, Weekly
from tasks.reports.wording import NOTHING, Wording

_LEVEL = {Risk.ON_TRACK: Level.LOW, Risk.AT_RISK: Level.WATCH, Risk.OVERDUE: Level.HIGH}
CODES_NAMED = 8


def weekly_page(found: Weekly, say: Wording) -> Told:
    """Tell the week in one language."""
    sections = list(_sections(found, say))
    return Told(say.language, page(
        "weekly.html", say, program_name=found.program.policy.name.text(say.language), sight=found.sight,
        since=found.since, is_demo=found.is_demo, nothing="" if found.seen.open else say("w_nobody"),
        tiles=list(_tiles(found, say)), sections=sections,
    ), sections)


def _tiles(found: Weekly, say: Wording) -> Iterator[Tile]:
    seen = found.seen
    yield Tile(say.number(len(found.missing)), say("tile_miss"), say("tile_miss_of", number=len(seen.open)))
    listed = found.conference is not None
    note = say("tile_conference_of", day=found.conference) if listed else say("tile_conference_none")
    yield Tile(say.number(len(found.reaching)) if listed else NOTHING, say("tile_conference"), note)
    vacant = found.vacant
    cases = len({each.id for each, _, _ in vacant})
    yield Tile(say.number(len(vacant)), say("tile_vacant"), say("tile_vacant_of", number=cases))
    stays = sum(stay.left >= found.since for each in seen.glances for stay in each.stays if stay.on)
    yield Tile(say.number(stays), say("tile_week"), say(
        "tile_week_of", awards=sum(each.entered_on >= found.since for each in seen.awarded),
        opened=sum(each.opened_on >= found.since for each in seen.raised),
        closed=sum(each.closed_on is not None and each.closed_on >= found.since for each in seen.raised),
    ))


def _sections(found: Weekly, say: Wording) -> Iterator[Section]:
    below = _below(found)
    yield Section(
        say("h_miss"), [say("p_miss", below=below) if found.missing else say("p_miss_none")],
        table=_missing(found, say) if found.missing else None,
    )
    yield _windows(found, say)
    yield _conference(found, say)
    tables = {table.name: table for table in found.tables()}
    region, rule = naming.regions(found.program, say), naming.rules(found.program, say)
    stage, kinds = naming.stages(found.program, say), naming.kinds(found.program, say)
    post = {each.value: label.text(say.language) for each, label in found.program.policy.posts.items()}
    yield Section(
        say("h_vacant"), [] if found.vacant else [say("p_vacant_none")],
        table=shown(tables["vacant"], say, columns=tables["vacant"].columns,
                    spelling={"region": region.__getitem__, "post": post.__getitem__}),
    )
    yield Section(
        say("h_load"), [say("p_load")],
        table=shown(tables["regions"], say, columns=tables["regions"].columns,
                    spelling={"region": region.__getitem__}),
    )
    yield Section(
        say("h_pairs"), [say("p_pairs") if found.pairs else say("p_pairs_none")],
        table=shown(tables["pairs"], say, columns=tables["pairs"].columns),
    )
    yield Section(
        say("h_led"), [say("p_led" if found.led else "p_led_none", days=LED_DAYS)],
        drawn(responses.picture(found.answers, rule, say), say) if found.led else None,
        _led(found, say) if found.led else None,
    )
    yield Section(say("h_course"), [about_course(found, say)], drawn(awards.picture(found.fan, say), say))
    yield Section(
        say("h_stages"), picture=drawn(stages.funnel(found.stages, found.program.policy, say), say),
        table=shown(tables["stages"], say, columns=("stage", "reached", "standing", "finished"),
                    spelling={"stage": stage.__getitem__}),
    )
    yield Section(
        say("h_risk"), [say("p_risk_lately", quarters=QUARTERS_BACK)],
        drawn(risk.picture(found.risks, region, say), say),
        shown(tables["risk"], say, columns=("group", "open", "on_track", "at_risk", "overdue"),
              spelling={"group": region.__getitem__}),
    )
    yield Section(
        say("h_arc"), [say("p_arc" if found.arcs else "p_arc_none", kinds=", ".join(kinds.values()))],
        table=_arcs(found, say, kinds) if found.arcs else None,
    )


def about_course(found: Weekly, say: Wording) -> str:
    """Say whether the program is on course for its target, or why there is no forecast to say it by."""
    return naming.course(found.fan, say, day=found.sight.as_of) or say(f"no_forecast_{found.fan.why_not}")


def _below(found: Weekly) -> int:
    terms = found.program.policy.forecast
    return terms.band.at_risk_below if terms is not None else 0


def _table(name: str, names: list[str], rows: list[list[Cell]], *, say: Wording) -> Shown:
    numeric = {cell.label for row in rows for cell in row if cell.is_number}
    return Shown(
        [Column(say(f"col_{each}"), say(f"col_{each}") in numeric) for each in names], [Line(row) for row in rows],
        f"tables/{name}.csv",
    )


def _stage(found: Weekly, each: Glance, say: Wording) -> str:
    return found.program.policy.stage[each.stage].name.text(say.language)


def _whose(found: Weekly, each: Glance, say: Wording) -> Cell:
    """Name an enrollment so that a narrow column holds it: its agency's code, under it the track and the region."""
    regions = naming.regions(found.program, say)
    track = found.program.policy.tracks[each.track].name.text(say.language)
    about = f"{track} · {regions.get(each.place.region, each.place.region)}"
    return Cell(each.place.code, say("col_enrollment"), note=about)


def _missing(found: Weekly, say: Wording) -> Shown:
    names = ["enrollment", "stage", "risk", "in_window", "in_limit", "award_on", "window_until", "limit"]

    def row(each: Missing) -> list[Cell]:
        answer, seen = each.answer, each.glance
        said = answer if answer is not None and not answer.cannot_say else None
        label = {name: say(f"col_{name}") for name in names}
        return [
            _whose(found, seen, say),
            Cell(_stage(found, seen, say), label["stage"]),
            Cell(say(f"risk_{seen.risk}"), label["risk"], level=_LEVEL[seen.risk]),
            Cell(say.chance(said.in_window) if said else say("no_forecast_case"), label["in_window"], is_number=True),
            Cell(say.chance(said.in_limit) if said else NOTHING, label["in_limit"], is_number=True),
            Cell(say.spell(said.days[1]) if said else NOTHING, label["award_on"], is_number=True),
            Cell(say.day(seen.window_until), label["window_until"], is_number=True),
            Cell(say.day(seen.limit), label["limit"], is_number=True),
        ]

    return _table("missing", names, [row(each) for each in found.missing], say=say)


def _windows(found: Weekly, say: Wording) -> Section:
    fan = found.fan
    if not fan.answers:
        words = say(f"no_forecast_{fan.why_not}") if fan.why_not else say("plot_gantt_none")
        return Section(say("h_gantt"), [words])
    lines = [say("p_gantt", below=_below(found))]
    unknown = [fan.codes[each.enrollment] for each in fan.answers if each.cannot_say]
    if unknown:
        more = ", …" if len(unknown) > CODES_NAMED else ""
        codes = ", ".join(unknown[:CODES_NAMED]) + more
        lines.append(say("p_gantt_unknown", number=len(unknown), codes=codes))
    rows = gantt.rows_of(fan.answers, fan.codes, found.program.policy)
    return Section(say("h_gantt"), lines, drawn(gantt.picture(rows, found.sight.day, say), say))


def _conference(found: Weekly, say: Wording) -> Section:
    listed = found.program.conferences
    if found.conference is None:
        said = say("p_conference_unlisted", day=listed[-1]) if listed else say("p_conference_never")
        return Section(say("h_conference_unlisted"), [said])
    title = say("h_conference", day=found.conference)
    if not found.reaching:
        return Section(title, [say("p_conference_none")])
    names = ["enrollment", "stage", "leave_by", "todo"]
    label = {name: say(f"col_{name}") for name in names}
    step = partial(awaited, found.program.policy, language=say.language)
    rows = [
        [
            _whose(found, each.glance, say),
            Cell(_stage(found, each.glance, say), label["stage"]),
            Cell(say.day(each.leave_by), label["leave_by"], is_number=True),
            Cell("; ".join(
                say("step_late" if on < found.sight.as_of else "step_by", step=step(name), day=on)
                for name, on in each.steps
            ) or say("nothing_to_do"), label["todo"]),
        ]
        for each in found.reaching
    ]
    return Section(title, [say("p_conference", number=len(rows))], table=_table("conference", names, rows, say=say))


def _led(found: Weekly, say: Wording) -> Shown:
    names, rule = ["rule", "lately", "open", "top", "led"], naming.rules(found.program, say)
    label = {name: say(f"col_{name}") for name in names}
    rows = []
    for each in found.led:
        ends = [(say("led_taken"), each.taken), *((say(f"closing_{end}"), n) for end, n in each.closed.items())]
        rows.append([
            Cell(rule.get(each.rule, each.rule), label["rule"]),
            *(
                Cell(say.number(value), label[name], is_number=True)
                for name, value in (("lately", each.opened), ("open", each.open), ("top", each.top))
            ),
            Cell("; ".join(f"{name}: {n}" for name, n in ends if n) or NOTHING, label["led"]),
        ])
    return _table("led", names, rows, say=say)


def _arcs(found: Weekly, say: Wording, kinds: dict[str, str]) -> Shown:
    names = ["government", "has", "lacks", "stands"]
    label = {name: say(f"col_{name}") for name in names}
    rows = [
        [
            Cell(each.government, label["government"]),
            Cell(", ".join(kinds[kind] for kind in each.has), label["has"]),
            Cell(kinds[each.lacks], label["lacks"]),
            Cell(
                say("arc_not_enrolled") if each.standing is None else say(
                    "arc_stands", enrollment=each.standing.place.enrollment, stage=_stage(found, each.standing, say)
                ),
                label["stands"],
            ),
        ]
        for each in found.arcs
    ]
    return _table("arc", names, rows, say=say)


def pictures(found: Weekly, say: Wording) -> Iterator[tuple[str, Picture]]:
    """Yield the plots of the week that are looked at without the page, each with its heading."""
    policy, regions = found.program.policy, naming.regions(found.program, say)
    yield say("h_course"), awards.picture(found.fan, say)
    yield say("h_stages"), stages.funnel(found.stages, policy, say)
    yield say("h_risk"), risk.picture(found.risks, regions, say)
    if found.fan.answers:
        rows = gantt.rows_of(found.fan.answers, found.fan.codes, policy)
        yield say("h_gantt"), gantt.picture(rows, found.sight.day, say)
