"""Made-up facts for looking at a letter before anybody gets one. Nobody in it is real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from models.rules.letter import Answer, Form, Item, Letter, Moved, News, Taken, Told, reference_of
from models.rules.words import EmailKind, Language, Purpose, Risk

# Which date a notice reads, and how many days it lies ahead.
_ANCHORS: dict[str, tuple[str | None, int]] = {
    "stage_target": ("stage_target", 30),
    "window_closes": ("window_until", 90),
    "limit": ("limit", 60),
    "stall": ("last_activity", -130),
    "overstay": ("stage_entered_on", -430),
    "window_at_risk": ("window_until", 200),
    "limit_passed": ("limit", -14),
    "vacant_post": (None, -20),
    "duty": (None, 45),
    "duty_overdue": (None, -12),
    "undeliverable": (None, -6),
}


def sample_letter(items: tuple[Item, ...], language: Language, today: date) -> Letter:
    """Return a letter to a made-up person."""
    return Letter(
        given_names="María Fernanda", surname="López", second_surname="Hernández", post_name=items[0].post_name,
        language=language, kind=EmailKind.ESCALATION if items[0].rung else EmailKind.DIGEST, items=items,
        reference=reference_of(f"preview/{items[0].template}/{today}"), today=today,
        program_name=_SAMPLE[language]["program_name"], is_demo=True,
    )


def sample_answered(letter: Letter) -> Letter:
    """Return a letter with the links that it would carry where a desk is open; they lead nowhere."""
    leaving = (Answer(Purpose.LEFT, _link(Purpose.LEFT), letter.post_name),)
    return replace(letter, items=tuple(map(_with_answers, letter.items)), leaving=leaving)


def _with_answers(item: Item) -> Item:
    purposes = (Purpose.ACKNOWLEDGE, Purpose.DONE, Purpose.SNOOZE) if item.rung else (Purpose.DONE, Purpose.SNOOZE)
    forms = sample_forms("take", "extend", "record", "show")
    return replace(item, answers=tuple(Answer(each, _link(each)) for each in purposes), forms=forms)


def sample_forms(*does: str) -> tuple[Form, ...]:
    """Return run forms, as a letter leads to them; they lead nowhere."""
    return tuple(Form(each, f"https://prefect.example.org/v2/{each}") for each in does)


def _link(purpose: Purpose) -> str:
    return f"https://desk.example.org/a/{purpose}"


def sample_several(language: Language, today: date, *, escalated: bool) -> Letter:
    """Return a letter of several items of several agencies: the day's reminders, or what has climbed."""
    told = ("limit_passed", "stall", "vacant_post") if escalated else ("limit", "stage_target", "window_closes")
    items = tuple(
        replace(
            sample_item(notice, language, today), agency=_SAMPLE[language][f"agency_{number}"],
            agency_code=f"EX-0{number}", enrollment=f"EX-0{number}/example", duty=f"EX-0{number}/example/{notice}",
        )
        for number, notice in enumerate(told, 1)
    )
    return sample_answered(sample_letter(items, language, today))


def sample_item(notice: str, language: Language, today: date) -> Item:
    """Return made-up facts for a notice, in keeping with each other; an unknown notice gets those of a reminder."""
    entered = today - timedelta(days=200)
    field, offset = _ANCHORS.get(notice, ("stage_target", 30))
    anchor_on = today + timedelta(days=offset)
    facts: dict[str, Any] = {
        "window_from": today - timedelta(days=165), "window_until": today + timedelta(days=200),
        "limit": today + timedelta(days=200), "stage_target": today + timedelta(days=30),
        "last_activity": today - timedelta(days=130 if notice == "stall" else 12), "stage_entered_on": entered,
    }
    facts |= {field: anchor_on} if field else {}
    if notice == "limit_passed":
        facts |= {"window_until": anchor_on, "stage_target": today - timedelta(days=20)}
    if notice == "overstay":
        facts |= {"stage_target": anchor_on + timedelta(days=244)}
    is_escalation = offset < 0 or notice == "window_at_risk"
    words = _SAMPLE[language]
    return Item(
        template=notice, rule=notice, anchor_on=anchor_on, days_left=offset, late=0,
        post="sme_1", post_name=words["post_name"], agency=words["agency"], agency_code="EX-01",
        enrollment="EX-01/example", track_name=words["track_name"], stage_name=words["stage_name"],
        risk=Risk.OVERDUE if notice == "limit_passed" else Risk.AT_RISK if is_escalation else Risk.ON_TRACK,
        rung=2 if is_escalation else 0, repeat=0, opened_on=today - timedelta(days=14) if is_escalation else None,
        vacant_post_name=words["vacant"] if notice in {"vacant_post", "undeliverable"} else None,
        waiting_for=(words["waiting"],),
        chance=38 if notice == "window_at_risk" else None,
        rungs=3 if is_escalation else 0, **(_history(words, today) if is_escalation else {}),
        next_conferences=_conferences(notice, today), duty="" if is_escalation else f"EX-01/example/{notice}",
        moved=_moved(words, facts["limit"]) if notice == "limit" else (),
        **facts, **_owed(notice, language), **_aimed(notice, today),
    )


def _aimed(notice: str, today: date) -> dict[str, Any]:
    if notice not in {"limit", "window_closes", "window_at_risk", "stall", "overstay"}:
        return {}
    aimed_on, leave_by = today + timedelta(days=180), today + timedelta(days=34)
    return {"aimed_on": aimed_on, "leave_by": leave_by, "slip_days": 126, "slip_cost": "USD 4,007.50"}


def _moved(words: Mapping[str, str], limit: date) -> tuple[Moved, ...]:
    """Return a limit that an extension moved by a year."""
    return (Moved("limit", limit - timedelta(days=365), limit, (words["extended"],)),)


def _history(words: Mapping[str, str], today: date) -> dict[str, Any]:
    """Return what came before the second rung: one who was told and took it on, and what was recorded since."""
    told_on = today - timedelta(days=14)
    return {
        "since": told_on, "told": (Told(words["expert"], words["post_name"], told_on),),
        "taken": Taken(words["expert"], today - timedelta(days=12), words["why"]),
        "news": (News(today - timedelta(days=5), words["news"]),),
    }


def _owed(notice: str, language: Language) -> dict[str, Any]:
    if notice not in {"duty", "duty_overdue"}:
        return {}
    words = _SAMPLE[language]
    steps = (words["step"], words["other_step"])
    return {"owed_name": words["owed"], "owed_number": 2, "owed_of": 4, "cycle": 2, "steps": steps}


def _conferences(notice: str, today: date) -> tuple[date, ...]:
    return () if notice == "limit_passed" else (today + timedelta(days=75), today + timedelta(days=180))


_SAMPLE: dict[Language, dict[str, str]] = {
    Language.ES_MX: {
        "program_name": "Programa de Ejemplo", "agency": "Agencia Municipal de Ejemplo",
        "track_name": "Modalidad de ejemplo", "stage_name": "preparación", "post_name": "primer experto",
        "vacant": "segundo experto", "agency_1": "Agencia Estatal de Ejemplo",
        "agency_2": "Agencia del Norte de Ejemplo", "agency_3": "Agencia del Sur de Ejemplo",
        "waiting": "plan de trabajo aceptado",
        "owed": "informe anual de ejemplo", "expert": "Ana Lucía Paredes", "why": "reunión acordada",
        "news": "visita de ejemplo", "extended": "se otorgó una prórroga (presupuesto)",
        "step": "Reunir los documentos del año.", "other_step": "Acordar la fecha con el equipo.",
    },
    Language.EN: {
        "program_name": "Example Program", "agency": "Example Municipal Agency", "track_name": "Example track",
        "stage_name": "preparation", "post_name": "first subject matter expert",
        "vacant": "second subject matter expert", "agency_1": "Example State Agency",
        "agency_2": "Example Northern Agency", "agency_3": "Example Southern Agency",
        "waiting": "work plan accepted",
        "owed": "yearly example report", "expert": "Ana Lucía Paredes", "why": "a meeting is agreed",
        "news": "example visit", "extended": "an extension was granted (funding)",
        "step": "Gather the documents of the year.", "other_step": "Agree the date with the team.",
    },
}
