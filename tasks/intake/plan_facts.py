"""A facts file planned: each milestone led to its enrollment, new or corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from models.rules.intake.roster import Fault, Row, Stated, fact_faults
from models.schema import AGENCY, MILESTONE
from tasks.intake.plan import Plan, Scene
from tasks.store.cases import IDS
from tasks.store.lookups import Enrolled, Speller, Trouble, chunks, enrolled_by_agency, locate

FactKey = tuple[int, str, date, str]
_FACTS = select(MILESTONE).where(MILESTONE.c.enrollment_id.in_(IDS), MILESTONE.c.voided_at.is_(None))


def plan_facts(connection: Connection, rows: Sequence[Row], scene: Scene) -> Plan:
    """Compare facts with those recorded: a new one is recorded once, a number or name that differs is corrected."""
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
        wanted: dict[str, Any] = {name: values[name] for name in ("value", "recorded_by") if name in values}
        label = f"{enrolled.code} {stated.milestone} {stated.occurred_on}"
        stored = recorded.get(key)
        if stored is None:
            fresh = dict(zip(("enrollment_id", "milestone", "occurred_on", "reference"), key, strict=True))
            plan.create(plan.facts, {"value": None, **fresh, **wanted}, (label, row.number))
        elif plan.amend(MILESTONE, stored, (wanted, label, row.number)):
            plan.touched.add(enrolled.id)
