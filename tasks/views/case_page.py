"""One enrollment on a page: its clock, what the rules make of it, its history, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row

from models.rules.explaining.view import Sentence
from models.rules.forecast.spelling import spell_chance
from models.rules.gates import dossier, gate_state
from models.rules.naming import awaited
from models.rules.prospect import Prospect, prospect
from models.rules.words import EscalationState, Language, Status
from tasks.views.chronicle import Chronicle, chronicle, explanation
from tasks.views.forms import Forms, is_past_limit

LAST_SHOWN = 15


class CasePage(NamedTuple):
    """A page as Markdown, and whose it is."""

    code: str
    as_of: date
    markdown: str


def case_key(code: str) -> str:
    """Return the key of an enrollment's artifact: Prefect takes small letters, digits and dashes.

    >>> case_key("JAL-ACA-01/academy")
    'case-jal-aca-01-academy'
    """
    return "case-" + re.sub(r"[^a-z0-9]+", "-", code.lower()).strip("-")


def case_page(engine: Engine, enrollment: str) -> CasePage:
    """Draw an enrollment as it stands today."""
    found = chronicle(engine, enrollment, None)
    sentences = explanation(engine, enrollment, None)
    policy, case = found.program.policy, found.case
    stage = policy.stage[case.stage].name.text(Language.EN)
    lines = [
        f"# {found.code}", "",
        " · ".join((
            f"**{stage}** since {case.stage_entered_on}", case.status, found.risk.replace("_", " "), found.region,
            f"as of {found.as_of}",
        )),
        "", *_links(found), "",
        "## Clock", "", *_table(("date", "day"), [(name.replace("_", " "), day) for name, day in _dates(found)]), "",
        *_moved_dates(found),
        *_forecast(found),
        "## History", "", *_history(found), "",
        "## Notices", "", *_table(
            ("planned for", "rule", "occurrence", "to", "state"),
            [
                (n.planned_for, *map(_words, (n.rule, n.occurrence, n.post, n.reason or n.state)))
                for n in found.notices[-LAST_SHOWN:]
            ],
        ), "",
        "## Facts", "", *_table(
            ("on", "milestone", "number", "reference", "voided"),
            [(f.occurred_on, _words(f.milestone), f.value, f.reference, _voided(f)) for f in found.facts[-LAST_SHOWN:]],
        ), "",
        "## What the rules say", "", *(f"- {_plain(sentence)}" for sentence in sentences),
    ]
    return CasePage(found.code, found.as_of, "\n".join(lines))


def _dates(found: Chronicle) -> Iterable[tuple[str, Any]]:
    yield "agreement", found.case.agreement_on
    yield from found.dates._asdict().items()
    yield "looked at again on", found.next_review_on


def _moved_dates(found: Chronicle) -> list[str]:
    """Draw each change of dates with its number, which an undo asks for; nothing where there was none."""
    rows = [
        (
            move.number, move.recorded_on, f"{move.what}: {move.reason}", (move.clock or "").replace("_", " "),
            move.before or (move.clock and "rests"), move.after or (move.clock and "rests"), move.undone_by,
        )
        for move in found.moves
    ]
    head = ("#", "recorded", "what and why", "date", "before", "after", "undone by")
    return ["## Moved dates", "", *_table(head, rows), ""] if rows else []


def _forecast(found: Chronicle) -> list[str]:
    """Draw what is forecast, and until when each stage and step can be done; nothing where there is neither."""
    seen = prospect(found.case, found.program, found.as_of)
    lines = [*(_foreseen(found, seen) if seen is not None else ()), *_last_safe(found)]
    return ["## Forecast", "", *lines] if lines else []


def _foreseen(found: Chronicle, seen: Prospect) -> list[str]:
    policy, said = found.program.policy, seen.said
    assert policy.forecast is not None, "there is a forecast"
    ends = ((seen.window_until, "end of the window", said.in_window), (seen.limit, "limit", said.in_limit))
    p10, p50, p90 = (str(day) if day is not None else "after the last listed conference" for day in said[3:])
    counted = f" Counted at visits, it is {_ahead(seen.gained)}." if seen.gained else ""
    slots = [(slot.on, spell_chance(slot.chance)) for slot in seen.slots]
    return [
        " · ".join(f"**{spell_chance(chance)}** by the {name}, {on}" for on, name, chance in ends), "",
        f"If it stays, most likely on {p50}, eight times in ten between {p10} and {p90}.{counted}", "",
        *_table(("conference", "chance of the award on it"), slots), "",
        *_table(
            ("stage", f"last day to leave it with a chance of {policy.forecast.band.at_risk_below} %"),
            [(policy.stage[each.stage].name.text(Language.EN), each.by) for each in seen.leaves],
        ), "",
    ]


def _ahead(gained: int) -> str:
    return f"{abs(gained)} days {'ahead of' if gained > 0 else 'behind'} what its days in the stage say"


def _last_safe(found: Chronicle) -> list[str]:
    """Draw until when each step can be done, if everything behind it takes its expected days."""
    aims, policy = found.plan.aims, found.program.policy
    steps = [
        (awaited(policy, step.step, Language.EN), *(slot.last_safe(step) for slot in aims))
        for leg in found.plan.legs for step in leg.steps
    ]
    if not aims or not steps:
        return []
    head = ("last safe day of", *(f"for {slot.on}" for slot in aims))
    return [*_table(head, steps), ""]


def _voided(fact: Row[Any]) -> str:
    return "" if fact.voided_at is None else f"{fact.voided_at:%Y-%m-%d}: {fact.void_reason.replace('_', ' ')}"


def _links(found: Chronicle) -> list[str]:
    """Link to what can be decided: the form of each open escalation, and of the milestone that the stage waits for."""
    if found.case.status is not Status.OPEN:
        return []
    forms = Forms(found.program, found.as_of)
    missing = gate_state(found.case, found.program, dossier(found.case, found.program, found.as_of)).missing
    milestone = next((name for name in missing if name in found.program.policy.milestones), None)
    record = None if milestone is None else forms.record(found.code, milestone)
    open_rules = sorted({x.rule for x in found.escalations if x.state is EscalationState.OPEN})
    links = [("Record a milestone", record)]
    links += [(f"Acknowledge {rule}", forms.acknowledge(found.code, rule)) for rule in open_rules]
    if any(is_past_limit(found.program.escalations.get(rule)) for rule in open_rules):
        links.append(("Extend the limit", forms.extend(found.code)))
    return [f"- [{words}]({url})" for words, url in links if url]


def _history(found: Chronicle) -> list[str]:
    name = {stage.code: stage.name.text(Language.EN) for stage in found.program.policy.stages}
    rows: list[tuple[Any, ...]] = [(found.case.agreement_on, "agreement countersigned", "")]
    rows += [
        (
            c.decided_on if c.takes_back else c.changed_on,
            f"{name.get(c.from_stage, c.from_stage)} → {name.get(c.to_stage, c.to_stage)}",
            f"taken back, {c.status} since {c.changed_on}" if c.takes_back else c.status,
        )
        for c in found.changes
    ]
    for x in found.escalations:
        rows.append((x.opened_on, f"escalation {x.rule} opened", f"rung {x.rung}"))
        if x.closed_on is not None:
            rows.append((x.closed_on, f"escalation {x.rule} closed", str(x.closing).replace("_", " ")))
    return _table(("on", "what", ""), sorted(rows, key=lambda row: row[0]))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ["None."]
    return [f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *lines]


def _cell(value: Any) -> str:
    return _or_dot(value).replace("|", "\\|").replace("\n", " ")


def _or_dot(value: Any) -> str:
    return "·" if value in {None, ""} else str(value)


def _words(code: str) -> str:
    """Spell a code in words, which can be broken where a table is narrow: else its dates would be."""
    return code.replace("_", " ")


def _plain(sentence: Sentence) -> str:
    return sentence.text.replace("|", "\\|")
