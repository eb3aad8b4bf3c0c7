"""Mail to whoever runs the service, outside the notices: alarms and tests. One address, from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import escape
from sqlalchemy import Connection, Engine, insert, select, update

from models.rules.alarms import QUIET_FOR, WORDS, Alarm
from models.rules.errors import Refused
from models.rules.letter import reference_of
from models.rules.words import Language
from models.schema import INCIDENT
from models.settings import Settings, settings
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.protocol import Outcome, Outgoing, Result
from tasks.store import clock
from tasks.store.database import transaction
from tasks.store.programs import current_program

ALARM_SUBJECT = "alarm "
"""What the incident of an alarm that rang begins with."""
_SUBJECT = {Language.ES_MX: "Alarma", Language.EN: "Alarm"}
_HELP = {Language.ES_MX: "Qué hacer", Language.EN: "What to do"}
_TEST = {
    Language.ES_MX: ("Correo de prueba", "Si lee esto, el envío de correo funciona."),
    Language.EN: ("Test mail", "If you read this, mail goes out."),
}


def mail_alarm(engine: Engine, alarm: Alarm, about: str) -> str:
    """Mail an alarm with what to do, unless it rang a short while ago; return what became of it.

    Args:
        engine: the database, which remembers when each alarm was last told.
        alarm: which.
        about: the run it is about, or the numbers; no name.
    """
    now = clock.real_now()
    with transaction(engine) as connection:
        if not _is_news(connection, alarm, now):
            return f"{alarm}: was told less than {QUIET_FOR // timedelta(hours=1)} hours ago"
    language = current_program(engine).policy.language
    words = WORDS[alarm][language]
    help_ = f"{_HELP[language]}: {settings().operations_url}#{alarm}"
    paragraphs = [text for text in (words.what, about, words.remedy, help_) if text]
    result = _write(f"[acredita] {_SUBJECT[language]}: {words.what}", paragraphs, now)
    return f"{alarm}: {result.outcome}"


def mail_test(engine: Engine) -> Result:
    """Mail a line to the operator's address by the settings' sender.

    Raises:
        Refused: no address is set, or the sender cannot be used.
    """
    subject, text = _TEST[current_program(engine).policy.language]
    return _write(f"[acredita] {subject}", [text], clock.real_now())


def _is_news(connection: Connection, alarm: Alarm, now: datetime) -> bool:
    subject, i = f"{ALARM_SUBJECT}{alarm}", INCIDENT.c
    row = connection.execute(select(i.id, i.times, i.recorded_at).where(i.subject == subject)).first()
    if row is None:
        what = WORDS[alarm][Language.EN].what
        connection.execute(insert(INCIDENT).values(subject=subject, what=what, times=1, recorded_at=now))
        return True
    news = now - row.recorded_at >= QUIET_FOR
    changed = {"times": row.times + 1, "recorded_at": now} if news else {"times": row.times + 1}
    connection.execute(update(INCIDENT).where(i.id == row.id).values(**changed))
    return bool(news)


def _write(subject: str, paragraphs: Sequence[str], now: datetime) -> Result:
    given: Settings = settings()
    if not given.alarm_to:
        what = "is not set: nobody is told of alarms."
        raise Refused.one("ACREDITA_ALARM_TO", what, "Set it to the address of whoever runs the service.")
    sender = sender_of(given)
    outgoing = Outgoing(
        reference=reference_of(f"{subject}/{now.isoformat()}"), to_address=given.alarm_to, to_name="",
        from_address=given.mail_from, subject=subject, text="\n\n".join(paragraphs),
        html="".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs), label=str(now.date()),
    )
    try:
        return sender.send(outgoing, now)
    finally:
        sender.close()


def arrived(result: Result) -> bool:
    """Whether the provider took a mail, or may have."""
    return result.outcome in {Outcome.SENT, Outcome.UNKNOWN}
