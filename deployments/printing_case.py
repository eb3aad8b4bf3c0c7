"""One enrollment in a terminal, in either language: its whole clock as tables, its plan, its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Row

from deployments.printing import COLOUR, table
from models.rules.clock import Derived
from models.rules.fees import spell_price
from models.rules.naming import awaited
from models.rules.planning import Slot
from models.rules.projection import Planned
from models.rules.spanish import CHOICES, spell
from models.rules.words import Clock, Language, Risk, Status
from tasks.views.chronicle import Chronicle

SHOWN = {
    "changes": ("changed_on", "from_stage", "to_stage", "status", "takes_back"),
    "facts": ("occurred_on", "milestone", "value", "reference", "recorded_by", "void_reason"),
    "escalations": ("opened_on", "rule", "rung", "state", "closed_on", "closing"),
    "notices": ("planned_for", "rule", "occurrence", "post", "state", "reason"),
}
"""Which columns of a chronicle's lists are printed."""
SLOTS_SHOWN = 4
SPANISH = {
    "as of": "al", "since": "desde", "next review": "próxima revisión", "none": "ninguna",
    **{spell(Language.EN, word): text for choice in (Status, Risk) for word, text in CHOICES[choice].items()},
    "clock": "fechas", "date": "fecha", "what": "qué", "days": "días", "rule": "regla",
    "counted from": "contada desde", "moved by": "movida por", "window from": "ventana desde",
    "window until": "ventana hasta", "limit": "fecha límite", "stage target": "objetivo de etapa",
    "cycle start": "inicio del ciclo",
    "{} months after the agreement": "{} meses después del acuerdo",
    "{} days after entering {}": "{} días después de entrar a {}",
    "{} months of extension": "{} meses de prórroga", "{} days of hold": "{} días de pausa",
    "planned by the rules": "previsto por las reglas", "when": "cuándo", "days skipped": "días inhábiles saltados",
    "{} days before": "{} días antes", "{} days after": "{} días después",
    "1 day before": "1 día antes", "1 day after": "1 día después", "1 working day after": "1 día hábil después",
    "{} working days after": "{} días hábiles después", "{} weekend days": "{} de fin de semana",
    "1 weekend day": "1 de fin de semana",
    "moved dates": "fechas movidas", "recorded": "registrado", "what and why": "qué y por qué", "by": "quién",
    "before": "antes", "after": "después", "rests": "en pausa", "asked": "pidió", "approved": "autorizó",
    "undone by {}": "anulado por {}",
    "no listed conference can be reached; the list ends on {}":
        "no se alcanza ninguna audiencia de la lista, que termina el {}",
    "plan to the conference": "plan hacia la audiencia", "conference": "audiencia", "inside": "dentro de",
    "leave the stage by": "dejar la etapa el", "a miss costs": "perderla cuesta", "window": "ventana",
    "neither": "ninguno", "on course": "en curso", "last safe days": "últimos días seguros", "step": "paso",
    "no listed conference after {}": "sin audiencia en la lista después del {}", "{} days": "{} días",
    "changes": "cambios de etapa", "facts": "hechos", "escalations": "escalamientos", "notices": "avisos",
    "changed": "cambió", "from stage": "de la etapa", "to stage": "a la etapa", "status": "situación",
    "takes back": "anula", "occurred": "ocurrió", "milestone": "hito", "value": "número",
    "reference": "referencia", "recorded by": "registró", "void reason": "anulado por", "opened": "abierto",
    "rung": "nivel", "state": "estado", "closed": "cerrado", "closing": "cierre", "planned for": "previsto para",
    "occurrence": "ocurrencia", "post": "cargo", "reason": "motivo",
}


class CasePrinter:
    """Prints a chronicle in a language; codes stay as they are, since people type them."""

    def __init__(self, found: Chronicle, language: Language) -> None:
        self._found, self._language = found, language

    def __call__(self, console: Console) -> None:
        """Print all of it."""
        found, word = self._found, self._word
        case, risk = found.case, Risk(found.risk)
        stage = found.program.policy.stage[case.stage].name.text(self._language)
        console.print(f"[bold]{found.code}[/] {found.agency} · {found.region} · {word('as of')} {found.as_of}")
        console.print(
            f"{word(_spelled(case.status))} · {stage} {word('since')} {case.stage_entered_on}"
            f" · [{COLOUR[risk]}]{word(_spelled(risk))}[/] · {word('next review')}"
            f" {found.next_review_on or word('none')}\n"
        )
        console.print(self._clock())
        if found.coming:
            console.print()
            console.print(self._coming())
        if found.moves:
            console.print()
            console.print(self._moves())
        self.print_plan(console)
        for title, names in SHOWN.items():
            console.print()
            console.print(self._listed(title, getattr(found, title), names))

    def _word(self, text: str, *values: Any) -> str:
        return (text if self._language is Language.EN else SPANISH[text]).format(*values)

    def _table(self, title: str, *columns: str) -> Table:
        """Return an empty table whose title and headings are in the language."""
        heads = [(">" if name.startswith(">") else "") + self._word(name.removeprefix(">")) for name in columns if name]
        return table(self._word(title), *heads)

    def _clock(self) -> Table:
        """Draw how each date came about."""
        made = self._table("clock", "date", "what", ">days", "rule", "counted from", "moved by")
        for each in self._found.derived:
            left = (each.on - self._found.as_of).days
            moved = [self._word("{} months of extension", each.extended_months)] if each.extended_months else []
            moved += [self._word("{} days of hold", each.rested_days)] if each.rested_days else []
            made.add_row(
                f"[bold]{each.on}[/]", self._clock_name(each.clock), f"[red]{left:+d}[/]" if left < 0 else f"{left:+d}",
                self._rule(each), str(each.anchor_on), ", ".join(moved),
            )
        return made

    def _rule(self, each: Derived) -> str:
        if each.clock is not Clock.STAGE_TARGET:
            return self._word("{} months after the agreement", each.months)
        stage = self._found.program.policy.stage[self._found.case.stage].name.text(self._language)
        return self._word("{} days after entering {}", each.days, stage)

    def _clock_name(self, clock: str) -> str:
        return self._word(clock.replace("_", " "))

    def _coming(self) -> Table:
        """Draw the days that rules are planned for: counted from which date, and which days they passed over."""
        made = self._table("planned by the rules", "date", "rule", "when", "counted from", "days skipped")
        for each in self._found.coming:
            side = "before" if each.before else "after"
            kind = "working day" if each.working else "day"
            when = self._word(f"1 {kind} {side}" if each.days == 1 else f"{{}} {kind}s {side}", each.days)
            made.add_row(
                f"[bold]{each.on}[/]", each.rule.replace("_", " "), when, str(each.counted_from), self._skipped(each)
            )
        return made

    def _skipped(self, each: Planned) -> str:
        named = [f"{name} {day}" for day, name in each.skipped if name]
        plain = sum(not name for _, name in each.skipped)
        weekend = [self._word("1 weekend day" if plain == 1 else "{} weekend days", plain)] if plain else []
        return ", ".join([*named, *weekend])

    def _moves(self) -> Table:
        """Draw the version history: each change once, with every date that it moved."""
        made = self._table("moved dates", "recorded", "what and why", "by", "date", "before", "after")
        last = None
        for move in self._found.moves:
            head = ("", "", "")
            if move.number != last:
                paid = f", {move.cost}" if move.cost else ""
                undone = f" [yellow]({self._word('undone by {}', move.undone_by)})[/]" if move.undone_by else ""
                people = {"recorded": move.actor, "asked": move.requester, "approved": move.approver}
                names = "\n".join(f"{self._word(name)} {who}" for name, who in people.items() if who)
                what = f"{move.number}. {move.what}: {move.reason}{paid}{undone}"
                head = (str(move.recorded_on), what, names)
            rests = self._word("rests") if move.clock else "·"
            clock = self._clock_name(move.clock) if move.clock else "·"
            made.add_row(*head, clock, str(move.before or rests), str(move.after or rests))
            last = move.number
        return made

    def print_plan(self, console: Console) -> None:
        """Print the conferences that can still be reached, and the last safe days to the nearest and the last.

        The last is that within window and limit, where there is one.
        """
        plan, word = self._found.plan, self._word
        if plan.nearest is None:
            if plan.listed_until is not None:
                told = word("no listed conference can be reached; the list ends on {}", plan.listed_until)
                console.print(f"\n[yellow]{told}[/]")
            return
        slots = table(
            word("plan to the conference"), word("conference"), "", word("inside"), word("leave the stage by"),
            f">{word('a miss costs')}",
        )
        for slot in plan.slots[:SLOTS_SHOWN]:
            inside = [word(name) for name, holds in (("window", slot.in_window), ("limit", slot.in_limit)) if holds]
            course = f" [green]{word('on course')}[/]" if slot == plan.on_course else ""
            slots.add_row(
                str(slot.on), slot.name + course, ", ".join(inside) or f"[red]{word('neither')}[/]", str(slot.leave_by),
                self._cost(slot),
            )
        console.print()
        console.print(slots)
        aims = plan.aims
        steps = table(word("last safe days"), word("step"), *(str(slot.on) for slot in aims))
        policy = self._found.program.policy
        for leg in plan.legs:
            for step in leg.steps:
                steps.add_row(awaited(policy, step.step, self._language), *(str(slot.last_safe(step)) for slot in aims))
        console.print()
        console.print(steps)

    def _cost(self, slot: Slot) -> str:
        slip = self._found.plan.slip(slot)
        if slip is None:
            return self._word("no listed conference after {}", slot.on)
        currency = self._found.program.policy.currency or ""
        dear = slip.price is not None and slip.price.high
        fee = f", {spell_price(slip.price, currency)}" if slip.price is not None and dear else ""
        return self._word("{} days", slip.days) + fee

    def _listed(self, title: str, rows: Sequence[Row[Any]], names: tuple[str, ...]) -> Table:
        heads = [self._word(name.removesuffix("_on").replace("_", " ")) for name in names]
        made = table(f"{self._word(title)} ({len(rows)})", *heads)
        for row in rows:
            made.add_row(*("" if getattr(row, name) is None else str(getattr(row, name)) for name in names))
        return made


def _spelled(code: str) -> str:
    return code.replace("_", " ")
