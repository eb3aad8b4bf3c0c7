"""A facts file planned: each milestone led to its enrollment, new or corrected.

A number that differs from the one on record is corrected with a reason, as an operator corrects a fact. Who recorded
a fact first stays on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping, select

from models.rules.intake.roster import Fault, Row, Stated, fact_faults
from models.schema import AGENCY, MILESTONE
from tasks.intake.plan import Correction, FieldChange, Plan, Scene
from tasks.operations.facts import Right, Wrong
from tasks.store.cases import IDS
from tasks.store.lookups import Enrolled, Speller, Trouble, chunks, enrolled_by_agency, locate

FactKey = tuple[int, str, date, str]
_FACTS = select(MILESTONE).where(MILESTONE.c.enrollment_id.in_(IDS), MILESTONE.c.voided_at.is_(None))


def plan_facts(connection: Connection, rows: Sequence[Row], scene: Scene) -> Plan:
    """Compare facts with those recorded: a new one is recorded once, a number that differs is corrected."""
    plan = Plan()
    found = enrolled_by_agency(connection, {row.values["agency_code"] for row in rows if "agency_code" in row.values})
    speller = Speller(connection, AGENCY)
    names = {name for name in ("agency_code", "track", "cycle") if scene.source.header.has(name)}
    placed: list[tuple[Row, Enrolled]] = []
    for row in rows:
        if not names <= row.values.keys():
            continue
        enrolled = locate(found, _code(row), speller)
        if isinstance(enrolled, Trouble):
            plan.refuse(scene.source, row.number, Fault("agency_code", *enrolled))
        elif row.sound:
            placed.append((row, enrolled))
    _take(plan, placed, (_recorded(connection, {enrolled.id for _, enrolled in placed}), scene))
    return plan


def _code(row: Row) -> str:
    track, cycle = row.values.get("track") or "", row.values.get("cycle")
    return f"{row.values['agency_code']}/{track}/{cycle or ''}".rstrip("/")


def _recorded(connection: Connection, ids: set[int]) -> dict[FactKey, RowMapping]:
    found: dict[FactKey, RowMapping] = {}
    for some in chunks(ids):
        for row in connection.execute(_FACTS, {"ids": some}).mappings():
            found[row["enrollment_id"], row["milestone"], row["occurred_on"], row["reference"]] = row
    return found


def _take(plan: Plan, placed: Sequence[tuple[Row, Enrolled]], given: tuple[dict[FactKey, RowMapping], Scene]) -> None:
    recorded, scene = given
    seen: dict[FactKey, int] = {}
    for row, enrolled in placed:
        values = row.values
        stated = Stated(values["milestone"], values["occurred_on"], values.get("value"))
        for fault in fact_faults(stated, scene.policy, (enrolled.facts_from, scene.today)):
            plan.refuse(scene.source, row.number, fault)
        key = enrolled.id, stated.milestone, stated.occurred_on, values.get("reference") or ""
        before = seen.setdefault(key, row.number)
        if before != row.number:
            fault = Fault("agency_code", f"repeats row {before}: both are of {enrolled.code}.", "Keep one of them.")
            plan.refuse(scene.source, row.number, fault)
            continue
        stored = recorded.get(key)
        label = f"{enrolled.code} {stated.milestone} {stated.occurred_on}"
        if stored is None:
            fresh = dict(zip(("enrollment_id", "milestone", "occurred_on", "reference"), key, strict=True))
            named = {name: values[name] for name in ("value", "recorded_by") if name in values}
            plan.create(plan.facts, {"value": None, **fresh, **named}, (label, row.number))
        elif "value" in values and values["value"] != stored["value"]:
            _correct(plan, row, enrolled, stored=stored, scene=scene)


def _correct(plan: Plan, row: Row, enrolled: Enrolled, *, stored: RowMapping, scene: Scene) -> None:
    """Note that a number on record is to be corrected, or refuse it where nobody said why."""
    value = row.values["value"]
    if scene.reason is None:
        what = f"{value} is not what is on record, {stored['value']}, and no reason was given to correct it."
        plan.refuse(scene.source, row.number, Fault("value", what, "Import it with a reason of the program."))
        return
    wrong = Wrong(enrolled.code, stored["milestone"], stored["occurred_on"], stored["reference"])
    actor = row.values.get("recorded_by") or scene.actor
    plan.corrections.append(Correction(wrong, Right(value=value), actor, row.number))
    label = f"{enrolled.code} {stored['milestone']} {stored['occurred_on']}"
    plan.change(FieldChange(label, "value", stored["value"], value), row.number)
