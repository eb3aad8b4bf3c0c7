"""Which dates of a case moved since its reader was last written to about it, from when to when, and why.

Told once: in the first letter of the case that a reader gets after the change. Of cases whose dates nobody ever moved
nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from models.rules.case import Case, ClockChange, Program
from models.rules.clock import versions
from models.rules.letter import Moved
from models.rules.words import Change, Clock, Language, NoticeState
from models.schema import CHANGE, EMAIL, NOTICE, OF_A_CASE
from tasks.store.cases import IDS

NEWS_FOR = timedelta(days=60)
"""How long a change is news to somebody who was never written to about the case."""
TOLD = (Clock.LIMIT, Clock.WINDOW_UNTIL, Clock.STAGE_TARGET)
CHANGED: dict[Language, dict[Change, str]] = {
    Language.ES_MX: {
        Change.EXTENSION: "se otorgó una prórroga", Change.CORRECTION: "se corrigió la fecha del acuerdo",
        Change.HOLD: "se puso en pausa", Change.RESUME: "terminó la pausa",
        Change.UNDO: "se anuló un cambio de fechas",
    },
    Language.EN: {
        Change.EXTENSION: "an extension was granted", Change.CORRECTION: "the date of the agreement was corrected",
        Change.HOLD: "it was put on hold", Change.RESUME: "the hold ended", Change.UNDO: "a change of dates was undone",
    },
}

_N = NOTICE.c
_HEARD = (
    select(_N.subject_id, EMAIL.c.person_id, func.max(EMAIL.c.claimed_at).label("at"))
    .join(EMAIL, EMAIL.c.id == _N.email_id)
    .where(OF_A_CASE, _N.subject_id.in_(IDS), _N.state == NoticeState.SENT)
    .group_by(_N.subject_id, EMAIL.c.person_id)
)
_WHY = select(CHANGE.c.id, CHANGE.c.recorded_at, CHANGE.c.reason).where(CHANGE.c.enrollment_id.in_(IDS))


class MovedDates:
    """The moved dates of the cases that some letters are about."""

    def __init__(self, connection: Connection, program: Program, cases: Iterable[Case], *, today: date) -> None:
        self._program, self._today = program, today
        ids = sorted(case.id for case in cases if case.changes)
        self._why: dict[int, Row[Any]] = {}
        self._heard: dict[tuple[int, int], datetime] = {}
        if ids:
            self._why = {row.id: row for row in connection.execute(_WHY, {"ids": ids})}
            self._heard = {(row.subject_id, row.person_id): row.at for row in connection.execute(_HEARD, {"ids": ids})}

    def of(self, case: Case, reader: int, language: Language) -> tuple[Moved, ...]:
        """Return what one reader has not heard of yet, a date each; one that was moved back says nothing."""
        if not case.changes:
            return ()
        first = datetime.combine(self._today - NEWS_FOR, time(), UTC)
        since = self._heard.get((case.id, reader), first)
        plan = self._program.plan(case.track, case.cycle)
        news = [each for each in versions(case, plan, self._today) if self._why[each.change.id].recorded_at > since]
        found = []
        for clock in TOLD:
            mine = [each for each in news if each.clock is clock]
            if mine and mine[0].before != mine[-1].after:
                why = tuple(self._because((each.change for each in mine), language))
                found.append(Moved(clock.value, mine[0].before, mine[-1].after, why))
        return tuple(found)

    def _because(self, changes: Iterable[ClockChange], language: Language) -> Iterator[str]:
        for change in changes:
            label = self._program.policy.reasons.get(self._why[change.id].reason)
            reason = "" if label is None else f" ({label.text(language)})"
            yield f"{CHANGED[language][change.kind]}{reason}"
