"""The desk behind a port: in the foreground for `acredita desk`, beside everything else for `acredita up`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from sqlalchemy import Engine

from deployments.desk.app import desk
from models.rules.errors import Refused
from tasks.answers.links import forget_expired
from tasks.store import clock
from tasks.store.database import transaction

START_SECONDS = 30
HERE = "127.0.0.1"


def where(port: int, base: str) -> str:
    """Say where the desk is, and where the links in mail lead.

    >>> where(4280, "https://answers.example.org"), where(4280, "")
    ('http://127.0.0.1:4280  (mail links to https://answers.example.org)', 'http://127.0.0.1:4280  (mail has no links: \
set ACREDITA_DESK_URL)')
    """
    here = f"http://{HERE}:{port}"
    if base == here:
        return here
    return f"{here}  (mail links to {base})" if base else f"{here}  (mail has no links: set ACREDITA_DESK_URL)"


def server(engine: Engine, *, host: str, port: int, base: str) -> uvicorn.Server:
    """Return the desk as a server that has yet to run; links that nobody can use any more are forgotten.

    Args:
        engine: the database.
        host: the address to listen on.
        port: the port to listen on.
        base: where readers are told that it is.
    """
    with transaction(engine) as connection:
        forget_expired(connection, clock.now_in(connection))
    # No access log: a link in it would be the right to answer for somebody.
    return uvicorn.Server(uvicorn.Config(
        desk(engine, base), host=host, port=port, access_log=False, server_header=False, log_level="warning",
        ws="none", lifespan="off",
    ))


@contextmanager
def beside(engine: Engine, port: int, base: str) -> Iterator[None]:
    """Serve the desk in a thread of its own, to this machine, for as long as the block lasts.

    Raises:
        Refused: it did not start.
    """
    opened = server(engine, host=HERE, port=port, base=base)
    thread = threading.Thread(target=opened.run, name="desk", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not opened.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    if not opened.started:
        raise Refused.one("desk", f"did not start at port {port}.", "Choose another port: --desk-port.")
    try:
        yield
    finally:
        opened.should_exit = True
        thread.join(10)
