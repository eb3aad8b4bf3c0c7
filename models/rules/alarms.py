"""What an operator is woken for: one word for each alarm, what it means and what to do, in both languages.

The word is also the heading of its paragraph in docs/operations.md, which every alarm links to.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from models.rules.words import Language


class Alarm(StrEnum):
    """What can be wrong with the service itself. The first six ring by themselves; all of them show in `health`."""

    FAILED_RUN = "failed-run"
    LATE_RUN = "late-run"
    DEAD_RUN = "dead-run"
    MISSING_SWEEP = "missing-sweep"
    OLD_QUEUE = "old-queue"
    OPEN_CIRCUIT = "open-circuit"
    UNSETTLED_MAIL = "unsettled-mail"
    INCIDENTS = "incidents"


QUIET_FOR = timedelta(hours=6)
"""An alarm that rang is not mailed again before that: it is counted."""


class AlarmWords(NamedTuple):
    """An alarm in one language: what is so, and the first thing to do."""

    what: str
    remedy: str


WORDS: dict[Alarm, dict[Language, AlarmWords]] = {
    Alarm.FAILED_RUN: {
        Language.EN: AlarmWords(
            "A sweep or a delivery failed.", "Open the run: its state says why in one sentence. Then start it again."
        ),
        Language.ES_MX: AlarmWords(
            "Falló una revisión o un envío.",
            "Abra la ejecución: su estado dice por qué en una frase. Después iníciela de nuevo.",
        ),
    },
    Alarm.LATE_RUN: {
        Language.EN: AlarmWords(
            "A scheduled sweep or delivery did not start in time.", "See whether a worker, or `acredita up`, is alive."
        ),
        Language.ES_MX: AlarmWords(
            "Una revisión o un envío programado no empezó a tiempo.",
            "Verifique que un worker, o `acredita up`, esté en marcha.",
        ),
    },
    Alarm.DEAD_RUN: {
        Language.EN: AlarmWords(
            "A run gave no sign of life and was marked as crashed.",
            "Nothing is lost: the next run takes up what it left. Find out what killed it.",
        ),
        Language.ES_MX: AlarmWords(
            "Una ejecución dejó de dar señales y se marcó como caída.",
            "Nada se pierde: la siguiente retoma lo que dejó. Averigüe qué la detuvo.",
        ),
    },
    Alarm.MISSING_SWEEP: {
        Language.EN: AlarmWords("The last sweep is too long ago.", "Start the sweep, then see why none ran."),
        Language.ES_MX: AlarmWords(
            "La última revisión fue hace demasiado tiempo.", "Inicie la revisión y averigüe por qué no hubo ninguna."
        ),
    },
    Alarm.OLD_QUEUE: {
        Language.EN: AlarmWords(
            "Mail has been waiting for more than an hour.", "See the last delivery's run and the state of its mails."
        ),
        Language.ES_MX: AlarmWords(
            "Hay correo esperando desde hace más de una hora.",
            "Vea la última ejecución del envío y el estado de sus correos.",
        ),
    },
    Alarm.OPEN_CIRCUIT: {
        Language.EN: AlarmWords(
            "The mail provider refuses us: nothing goes out.", "Mend the key or the account; sending resumes by itself."
        ),
        Language.ES_MX: AlarmWords(
            "El proveedor de correo nos rechaza: no sale nada.",
            "Corrija la clave o la cuenta; el envío se reanuda solo.",
        ),
    },
    Alarm.UNSETTLED_MAIL: {
        Language.EN: AlarmWords("Nobody knows whether some mail arrived.", "Settle it by its form."),
        Language.ES_MX: AlarmWords("No se sabe si cierto correo llegó.", "Resuélvalo con su formulario."),
    },
    Alarm.INCIDENTS: {
        Language.EN: AlarmWords("Single items could not be handled and were left alone.", "Read them, mend each."),
        Language.ES_MX: AlarmWords(
            "Algunos elementos no pudieron procesarse y se dejaron.", "Léalos y corrija cada uno."
        ),
    },
}
