"""One enrollment on a page: its clock, what the rules make of it, its history, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row

from models.rules.explain import Sentence
from models.rules.words import EscalationState, Language, Status
from tasks.views.chronicle import Chronicle, chronicle, explanation
from tasks.views.links import form_url

LAST_SHOWN = 15
RECORD, ACKNOWLEDGE = "record a milestone/form", "acknowledge an escalation/form"


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
        "## What the rules say", "", *(f"- {_plain(sentence)}" for sentence in sentences), "",
        "## History", "", *_history(found), "",
        "## Facts", "", *_table(
            ("on", "milestone", "number", "reference", "voided"),
            [(f.occurred_on, f.milestone, f.value, f.reference, _voided(f)) for f in found.facts[-LAST_SHOWN:]],
        ), "",
        "## Notices", "", *_table(
            ("planned for", "rule", "occurrence", "to", "state"),
            [(n.planned_for, n.rule, n.occurrence, n.post, n.reason or n.state) for n in found.notices[-LAST_SHOWN:]],
        ),
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


def _voided(fact: Row[Any]) -> str:
    return "" if fact.voided_at is None else f"{fact.voided_at:%Y-%m-%d}: {fact.void_reason.replace('_', ' ')}"


def _links(found: Chronicle) -> list[str]:
    if found.case.status is not Status.OPEN:
        return []
    wanted: list[tuple[str, str, dict[str, Any]]] = [
        ("Record a milestone", RECORD, {"enrollment": found.code, "occurred_on": found.as_of})
    ]
    open_rules = sorted({x.rule for x in found.escalations if x.state is EscalationState.OPEN})
    wanted += [(f"Acknowledge {rule}", ACKNOWLEDGE, {"enrollment": found.code, "rule": rule}) for rule in open_rules]
    links = [(words, form_url(deployment, given)) for words, deployment, given in wanted]
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


def _plain(sentence: Sentence) -> str:
    return sentence.text.replace("|", "\\|")
