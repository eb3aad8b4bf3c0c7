"""What would go out in the days to come if nothing happened: the live sweep and the live delivery, on a copy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select

from models.rules.budget import monday_of
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import EmailKind, EmailState, Language, Risk, Status
from models.schema import AGENCY, EMAIL, ENROLLMENT, ESCALATION, NOTICE, OF_A_CASE, PERSON
from tasks.life import Life, Past, Watcher, live, nobody
from tasks.store import clock
from tasks.store.copies import copied
from tasks.store.database import reading
from tasks.store.programs import check_go_live, current_program, go_live, put_in_force
from tasks.sweep import day_to_sweep


class Mail(NamedTuple):
    """One email that would go out: when, to whom, and about which enrollments by which rules."""

    day: date
    person: str
    posts: tuple[str, ...]
    language: Language
    kind: EmailKind
    subject: str
    enrollments: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What would come of so many days; `until` is the last of them. `risks` counts the open enrollments then."""

    program: str
    since: date
    until: date
    live_from: date | None
    mails: tuple[Mail, ...]
    escalations: dict[str, int]
    risks: dict[Risk, int]
    steps: int
    fits: int

    @property
    def weekly(self) -> dict[date, int]:
        """How many emails go out in each week, by its Monday."""
        return dict(sorted(Counter(monday_of(each.day) for each in self.mails).items()))

    @property
    def by_person(self) -> dict[str, int]:
        """How many emails each person gets, most first."""
        return dict(Counter(each.person for each in self.mails).most_common())

    @property
    def a_week(self) -> dict[str, float]:
        """How many emails a week each person gets on average."""
        weeks = ((self.until - self.since).days + 1) / 7
        return {person: number / weeks for person, number in self.by_person.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        weekly = {str(monday): number for monday, number in self.weekly.items()}
        return asdict(self) | {"mails": [each._asdict() for each in self.mails], "weekly": weekly}


IN_FORCE, OTHER = "under the policy in force", "under the other policy"
"""What the lives are called that are put beside each other."""


def preview(engine: Engine, days: int, policy: Policy | None = None, *, watcher: Watcher = nobody) -> Preview:
    """Live through the days to come on a copy, with nothing happening.

    Args:
        engine: the database, which is only read.
        days: how many, today included.
        policy: another one to live under; None for that in force.
        watcher: is told how far it has come.

    Raises:
        Refused: the database cannot be copied, or its cases cannot live under the policy.
    """
    now = clock.now(engine)
    since = day_to_sweep(engine, None)
    until = since + timedelta(days=days - 1)
    with copied(engine) as copy:
        if policy is not None:
            put_in_force(copy, policy)
        return lived(copy, Life(IN_FORCE if policy is None else OTHER, now, since, until), watcher=watcher)


def lived(copy: Engine, life: Life, past: Past | None = None, *, watcher: Watcher = nobody) -> Preview:
    """Live through days on a copy, and say what came of them.

    Args:
        copy: a database to live on.
        life: the days.
        past: what becomes known in them; by default nothing.
        watcher: is told how far it has come.
    """
    before, escalated = _sent(copy), _escalations(copy)
    steps, fits = live(copy, life, past, watcher=watcher)
    program = current_program(copy)
    return Preview(
        program=program.policy.name.en, since=life.since, until=life.until, live_from=program.live_from,
        mails=tuple(mails_of(copy, before)), escalations=dict(sorted((_escalations(copy) - escalated).items())),
        risks=_risks(copy), steps=steps, fits=fits,
    )


FIRST_DAYS = 7
"""Within so many days from the first one mail goes out, whatever weekend or holidays lie there."""


def first_day(engine: Engine, live_from: date) -> Preview:
    """Return the first day's mail if mail began on a day, as the live code would write it; nothing is set.

    Args:
        engine: the database, which is only read.
        live_from: the day from which mail would go out.

    Raises:
        Refused: mail goes out already, the day is over, or the database cannot be copied.
    """
    check_go_live(engine, live_from)
    now, since = clock.now(engine), day_to_sweep(engine, None)
    with copied(engine) as copy:
        go_live(copy, live_from)
        before = _sent(copy)
        steps, fits = live(copy, Life(IN_FORCE, now, since, live_from + timedelta(days=FIRST_DAYS)))
        mails = tuple(mails_of(copy, before))
        day = min((each.day for each in mails), default=live_from)
        return Preview(
            program=current_program(copy).policy.name.en, since=day, until=day, live_from=live_from,
            mails=tuple(each for each in mails if each.day == day), escalations={}, risks=_risks(copy),
            steps=steps, fits=fits,
        )


def _sent(copy: Engine) -> set[int]:
    with reading(copy) as connection:
        return set(connection.scalars(select(EMAIL.c.id).where(EMAIL.c.state == EmailState.SENT)))


def _escalations(copy: Engine) -> Counter[str]:
    with reading(copy) as connection:
        rows = connection.execute(select(ESCALATION.c.rule, func.count()).group_by(ESCALATION.c.rule)).all()
    return Counter({row[0]: row[1] for row in rows})


def _risks(copy: Engine) -> dict[Risk, int]:
    e = ENROLLMENT.c
    with reading(copy) as connection:
        rows = connection.execute(
            select(e.risk, func.count()).where(e.status == Status.OPEN).group_by(e.risk)
        ).all()
    found = {row[0]: row[1] for row in rows}
    return {risk: found.get(risk, 0) for risk in (Risk.ON_TRACK, Risk.AT_RISK, Risk.OVERDUE)}


def mails_of(engine: Engine, before: Collection[int] = ()) -> Iterator[Mail]:
    """Read what went out, but for the emails that had gone out before, in the order of days and people."""
    m, n, e, p = EMAIL.c, NOTICE.c, ENROLLMENT.c, PERSON.c
    emails = (
        select(m.id, m.settled_at, p.code, p.language, p.time_zone, m.kind, m.subject)
        .join(PERSON, p.id == m.person_id).where(m.state == EmailState.SENT)
    )
    carried = (
        select(n.email_id, n.post, n.rule, AGENCY.c.code, e.track, e.cycle)
        .select_from(NOTICE).outerjoin(ENROLLMENT, OF_A_CASE & (e.id == n.subject_id))
        .outerjoin(AGENCY, AGENCY.c.id == e.agency_id)
        .where(n.email_id.is_not(None)).order_by(n.id)
    )
    with reading(engine) as connection:
        rows = [row for row in connection.execute(emails) if row.id not in before]
        notices = defaultdict(list)
        for row in connection.execute(carried):
            notices[row.email_id].append(row)
    found = []
    for row in rows:
        told = notices[row.id]
        found.append(Mail(
            day=row.settled_at.replace(tzinfo=row.settled_at.tzinfo or UTC).astimezone(ZoneInfo(row.time_zone)).date(),
            person=row.code, posts=tuple(dict.fromkeys(str(each.post) for each in told)),
            language=Language(row.language), kind=EmailKind(row.kind), subject=row.subject,
            enrollments=tuple(dict.fromkeys(
                enrollment_code(each.code, each.track, each.cycle) for each in told if each.code is not None
            )),
            rules=tuple(dict.fromkeys(each.rule for each in told)),
        ))
    yield from sorted(found, key=lambda each: (each.day, each.person, each.kind))
