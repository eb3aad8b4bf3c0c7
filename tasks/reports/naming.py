"""What several reports put to a reader's words: codes of a program, figures of indicators, the way to the target."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from models.rules.case import Program
from models.rules.reporting.groups import ALL, OTHERS
from models.rules.reporting.indicators import Row
from models.rules.reporting.measures import Unit
from tasks.reports.wording import NOTHING, Wording

if TYPE_CHECKING:
    from tasks.reports.gathering import Fan


def regions(program: Program, say: Wording) -> dict[str, str]:
    """Name the regions, and what stands for several of them."""
    return {region.code: region.name for region in program.policy.regions} | {
        ALL: say("group_all"), OTHERS: say("group_others"),
    }


def stages(program: Program, say: Wording) -> dict[str, str]:
    """Name the stages."""
    return {stage.code: stage.name.text(say.language) for stage in program.policy.stages}


def kinds(program: Program, say: Wording) -> dict[str, str]:
    """Name the kinds of agency."""
    return {code: kind.name.text(say.language) for code, kind in program.policy.kinds.items()}


def rules(program: Program, say: Wording) -> dict[str, str]:
    """Name the escalation rules: as the program's reports do, else by what opens them, with their code where alike."""
    alike = Counter(rule.cause for rule in program.policy.escalations)
    found = {}
    for rule in program.policy.escalations:
        cause = say(f"cause_{rule.cause}")
        if alike[rule.cause] == 1:
            found[rule.rule] = cause
        else:
            found[rule.rule] = f"{cause} ({rule.rule})"
    named = program.policy.reports.rule_names if program.policy.reports is not None else {}
    return found | {code: label.text(say.language) for code, label in named.items()}


def amount(row: Row, value: float | None, say: Wording, *, signed: bool = False) -> str:
    """Write a figure of an indicator with its unit; agencies are whole, whatever a line between two targets says."""
    if value is None:
        return NOTHING
    told = round(value) if row.unit is Unit.AGENCIES else value
    return f"{say.signed(told) if signed else say.number(told)}{say(f'unit_{row.unit}')}"


def course(fan: Fan, say: Wording, *, day: date) -> str:
    """Say whether a program is on course for its target; empty where that lies ahead and nothing is forecast."""
    if fan.goal is None:
        return say("p_awards_no_target")
    agencies, by = fan.goal
    if by < day:
        return say("p_awards_passed", agencies=agencies, by=by, reached=sum(on <= by for on in fan.past))
    if fan.target is None:
        return ""
    return say("p_awards_target", agencies=agencies, by=by, chance=say.chance(fan.target.chance))
