"""What a reminder of the quarterly report says, in both languages."""

from __future__ import annotations

from datetime import date

from models.rules.letter import Part, Row
from models.rules.reporting.quarters import Quarter
from models.rules.words import Language
from tasks.mail.rendering import spell_day, spell_days

TEMPLATE = "report_due"
_WORDS = {
    Language.ES_MX: {
        "title": "Informe trimestral {quarter}: debe entregarse el {due}", "owed": "Informe al patrocinador",
        "left": "faltan {days}: {due}",
        "write": "escríbalo con “acredita report quarterly {quarter}”; el flujo programado ya dejó una primera versión",
        "reasons": "registre por qué difiere cada indicador: “acredita report reason {quarter} INDICADOR RAZÓN”",
        "filed": "al entregarlo, regístrelo: “acredita report filed {quarter} --on DÍA”; los avisos terminan",
    },
    Language.EN: {
        "title": "Quarterly report {quarter}: owed by {due}", "owed": "Report to the sponsor",
        "left": "{days} are left: {due}",
        "write": "write it with “acredita report quarterly {quarter}”; the scheduled flow has left a first version",
        "reasons": "record why each indicator differs: “acredita report reason {quarter} INDICATOR REASON”",
        "filed": "once it is handed in, record it: “acredita report filed {quarter} --on DAY”; the reminders end",
    },
}


def owed(quarter: Quarter, due_on: date, *, today: date, language: Language) -> tuple[str, Part]:
    """Return the title of a reminder, and what is still to be done by the day on which the report is owed."""
    words, due = _WORDS[language], spell_day(due_on, language)
    left = spell_days((due_on - today).days, language)
    lines = tuple(words[name].format(quarter=quarter, due=due, days=left) for name in ("write", "reasons", "filed"))
    title = words["title"].format(quarter=quarter, due=due)
    return title, Part(title, "", rows=(Row(words["owed"], words["left"].format(days=left, due=due), lines),))
