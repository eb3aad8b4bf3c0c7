"""The verdict on a world, after its processes have come to rest: by the provider's journal, and not by our own word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import func, select, text

from models.rules.words import EmailState, NoticeState
from models.schema import EMAIL, INCIDENT, NOTICE
from tasks.mail.fake_sendgrid.journal import read
from tasks.store.database import reading
from tests.faults.world import PRIVATE, World

TAKEN = (EmailState.SENT, EmailState.DELIVERED, EmailState.BOUNCED)
ENDED = (*TAKEN, EmailState.DEAD, EmailState.CANCELLED, EmailState.HELD)


@dataclass
class Verdict:
    """What was found. Everything but the first three is a fault; see `clean`.

    `lost`: we say that it was taken, and the provider never took it, or a notice ended without a word. `twice`: copies
    beyond the first. `unsettled`: emails at rest in a state that is none. `unexplained`: dead or held, and nobody told.
    """

    notices: int = 0
    emails: int = 0
    held: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        return not any(getattr(self, each.name) for each in fields(self)[3:])

    def __str__(self) -> str:
        """Return the faults, or that there are none."""
        found = [f"{each.name}: {getattr(self, each.name)}" for each in fields(self)[3:] if getattr(self, each.name)]
        return "; ".join(found) or "clean"


def judge(world: World) -> Verdict:
    """Compare what we say with what the provider took."""
    taken = Counter(each.reference for each in read(world.folder / "journal"))
    verdict = Verdict(broken=list(_broken(world)), leaked=list(_leaked(world)))
    verdict.twice = [f"{reference} {times} times" for reference, times in taken.items() if times > 1]
    with reading(world.engine) as connection:
        emails = connection.execute(select(EMAIL.c.id, EMAIL.c.reference, EMAIL.c.state)).all()
        notices = connection.execute(select(NOTICE.c.id, NOTICE.c.state, NOTICE.c.reason, NOTICE.c.email_id)).all()
        told = set(connection.scalars(select(INCIDENT.c.subject)))
    verdict.notices, verdict.emails = len(notices), len(emails)
    by_id = {row.id: row for row in emails}
    for row in emails:
        said = f"email {row.id} ({row.state})"
        verdict.held += row.state == EmailState.HELD
        if row.state not in ENDED:
            verdict.unsettled.append(said)
        elif row.state in TAKEN and not taken[row.reference]:
            verdict.lost.append(said)
        elif row.state in {EmailState.DEAD, EmailState.HELD} and f"email {row.id}" not in told:
            verdict.unexplained.append(said)
    for row in notices:
        carrier = by_id.get(row.email_id)
        ended = row.reason is not None or (row.state == NoticeState.SENT and carrier is not None
                                           and carrier.state in TAKEN)
        if not ended and not (carrier is not None and carrier.state == EmailState.HELD):
            verdict.lost.append(f"notice {row.id} ({row.state})")
    known = {row.reference for row in emails}
    verdict.broken += [f"{reference} was taken and is nobody's" for reference in taken if reference not in known]
    return verdict


def undecided(world: World, keys: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return in what the notices differ from those of sweeps that nobody disturbed."""
    mine, theirs = set(keys_of(world)), set(keys)
    return [f"{key} was never decided" for key in theirs - mine] + [f"{key} is new" for key in mine - theirs]


def keys_of(world: World) -> list[tuple[Any, ...]]:
    """Return what makes each notice the only one of its kind."""
    names = ("subject_kind", "subject_id", "rule", "occurrence", "anchor_on", "post")
    with reading(world.engine) as connection:
        return [tuple(row) for row in connection.execute(select(*(NOTICE.c[name] for name in names)))]


def open_emails(world: World) -> int:
    """Return how many emails are still to be settled."""
    with reading(world.engine) as connection:
        return connection.scalar(select(func.count()).where(EMAIL.c.state.not_in(ENDED))) or 0


def open_notices(world: World) -> int:
    """Return how many notices wait or are on their way."""
    waits = NOTICE.c.state.in_([NoticeState.PENDING, NoticeState.CLAIMED])
    held = select(EMAIL.c.id).where(EMAIL.c.state == EmailState.HELD)
    with reading(world.engine) as connection:
        query = select(func.count()).where(waits, NOTICE.c.email_id.is_(None) | NOTICE.c.email_id.not_in(held))
        return connection.scalar(query) or 0


def _broken(world: World) -> Iterable[str]:
    if world.engine.dialect.name != "sqlite":
        return
    with reading(world.engine) as connection:
        for check in ("integrity_check", "foreign_key_check"):
            yield from (str(row) for row in connection.execute(text(f"PRAGMA {check}")) if tuple(row) != ("ok",))


def _leaked(world: World) -> Iterable[str]:
    """Look for names, addresses and the key in what the processes wrote."""
    if world.log.exists():
        said = world.log.read_text(errors="replace")
        yield from (f"{private} in the log" for private in PRIVATE if private in said)
