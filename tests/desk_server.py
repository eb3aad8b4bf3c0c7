"""A program whose mail has links, and the desk they lead to, served on loopback as it is in life."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, update

from deployments.desk.serving import beside
from models.rules.words import Language, Purpose
from models.schema import ANSWER_LINK, ASSIGNMENT, EMAIL, PERSON
from tasks.mail.deliver import deliver
from tasks.mail.senders.folder import FolderSender
from tasks.store.clock import set_clock, watch
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tests.building import case, crew, day, program
from tests.storing import NOW, install

STALLED = day(62)
"""A Tuesday, on which the stall of case 1 has been told."""
CODE = "A1/law_enforcement_tier1"


@contextmanager
def served(engine: Engine, base: str = "") -> Iterator[str]:
    """Serve the desk and yield where; `base` is where readers are told that it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with beside(engine, port, base):
        yield f"http://127.0.0.1:{port}"


def stall(engine: Engine, folder: Path) -> None:
    """Let two cases stall and mail their experts.

    P1 is every post but the first expert's of case 1, who is P2 and reads Spanish.
    """
    install(engine, program().policy, [replace(case(seats=crew()), id=n) for n in (1, 2)])
    eva = {"id": 2, "code": "P2", "given_names": "Eva", "surname": "Núñez", "second_surname": "de la O"}
    eva |= {"email": "eva@example.org", "language": Language.ES_MX, "time_zone": "America/Mexico_City"}
    with transaction(engine) as connection:
        connection.execute(insert(PERSON), eva | {"recorded_at": NOW})
        first = (ASSIGNMENT.c.post == "sme_1") & (ASSIGNMENT.c.enrollment_id == 1)
        connection.execute(update(ASSIGNMENT).where(first).values(person_id=2))
        set_clock(connection, datetime.combine(STALLED, datetime.min.time(), UTC) + timedelta(hours=18))
    sweep(STALLED)
    deliver(engine, FolderSender(folder), watch(engine))


def tokens_of(engine: Engine, person: str, kind: str) -> dict[Purpose, str]:
    """Return the tokens in a person's mail by their purpose: in the order in which they were made and stored."""
    link = ANSWER_LINK.c
    with reading(engine) as connection:
        text, email_id = connection.execute(
            select(EMAIL.c.text, EMAIL.c.id).join(PERSON, PERSON.c.id == EMAIL.c.person_id)
            .where(PERSON.c.code == person, EMAIL.c.kind == kind)
        ).one()
        purposes = connection.scalars(select(link.purpose).where(link.email_id == email_id).order_by(link.id)).all()
    return dict(zip(purposes, re.findall(r"/a/([A-Za-z0-9_-]{43})", text), strict=True))


def rows(engine: Engine, query: Any) -> list[tuple[Any, ...]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def ahead(days: int) -> date:
    return STALLED + timedelta(days=days)
