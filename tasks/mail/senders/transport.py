"""The official SendGrid package on a line that cannot hang, wander or mix up its headers.

As shipped it has no timeout and no keep-alive, follows a redirect to another host with the key, lets the environment's
proxy read the mail, takes a cut answer for a whole one, logs the key at DEBUG, and leaks one call's headers into the
next. Its own seams (`_build_client`, `_make_request`) let each thread keep one connection of HTTP/1.1 instead.
"""

from __future__ import annotations

import http.client
import logging
import os
import select
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from email.message import Message
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from tasks.mail.senders.timed import Limits, TimedSocket, connected

if TYPE_CHECKING:
    import socket

    from sendgrid import SendGridAPIClient

IDLE_SECONDS = 30.0
"""A connection that rested longer is not used again: their side may be about to close it."""
LARGEST_ANSWER = 10 * 1024 * 1024
_PIECE = 65536


class CutError(OSError):
    """The answer ended before it was whole."""


class Request(NamedTuple):
    """What is asked: the path holds the query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


class Reply(NamedTuple):
    """An answer that is whole, in the words that the package reads it by."""

    status: int
    headers: Message
    body: bytes

    def getcode(self) -> int:
        """Return its status."""
        return self.status

    def read(self) -> bytes:
        """Return its body."""
        return self.body

    def info(self) -> Message:
        """Return its headers."""
        return self.headers


class _Kept(http.client.HTTPConnection):
    """A connection that stays open between requests."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.host, line.port)
        self._line, self._owner, self._rests_since = line, os.getpid(), time.monotonic()

    def connect(self) -> None:
        timed = connected(self._line.host, self._line.port, self._line.limits, trust=self._line.trust)
        self.sock = cast("socket.socket", timed)

    def exchange(self, asked: Request) -> Reply:
        timed = cast("TimedSocket", self.sock)
        timed.start()
        self.request(asked.method, asked.path, asked.body, dict(asked.headers))
        response = self.getresponse()
        reply = Reply(response.status, response.headers, _read(response))
        # http.client takes what was cut in its headers or its body for whole. Where it ended there is no knowing.
        if timed.ended:
            raise CutError
        self._rests_since = time.monotonic()
        return reply

    def usable(self) -> bool:
        """Say whether the next request may use what was opened for an earlier one, in this process."""
        timed = cast("TimedSocket | None", self.sock)
        if timed is None or self._owner != os.getpid() or time.monotonic() - self._rests_since > IDLE_SECONDS:
            return False
        # Between two answers there is nothing to read: what is there is their goodbye.
        poll = select.poll()
        poll.register(timed.raw, select.POLLIN)
        return not poll.poll(0)


class Line:
    """One connection a thread to one host. No proxy, no redirect, nothing sent twice by itself.

    Args:
        base: the host's URL.
        limits: for connecting, and for an exchange.
    """

    def __init__(self, base: str, limits: Limits) -> None:
        parts = urlsplit(base)
        self.host, self.limits = str(parts.hostname), limits
        self.trust = ssl.create_default_context() if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.trust else 80)
        self._mine = threading.local()
        self._all: set[_Kept] = set()
        self._lock = threading.Lock()

    def exchange(self, asked: Request) -> Reply:
        """Ask once.

        Raises:
            NotConnectedError: no byte of the request left.
            OSError, HTTPException: it may have been read and carried out.
        """
        connection = self._open()
        try:
            reply = connection.exchange(asked)
        except BaseException:
            self._drop(connection)
            raise
        if not connection.usable():
            self._drop(connection)
        return reply

    def close(self) -> None:
        """Hang up all connections, of all threads."""
        with self._lock:
            every, self._all = self._all, set()
        for connection in every:
            connection.close()

    def _open(self) -> _Kept:
        connection: _Kept | None = getattr(self._mine, "connection", None)
        if connection is not None and connection.usable():
            return connection
        if connection is not None:
            self._drop(connection)
        connection = _Kept(self)
        connection.connect()
        self._mine.connection = connection
        with self._lock:
            self._all.add(connection)
        return connection

    def _drop(self, connection: _Kept) -> None:
        connection.close()
        self._mine.connection = None
        with self._lock:
            self._all.discard(connection)


def _read(response: http.client.HTTPResponse) -> bytes:
    pieces, size = [], 0
    while piece := response.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise CutError
    return b"".join(pieces)


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def client(key: str, base: str, line: Line) -> SendGridAPIClient:
    """Return the official client for a key, on a line to the host of a URL."""
    from sendgrid import SendGridAPIClient

    # At DEBUG the package writes the key, the addresses and the text; a filter holds whatever level others set.
    logging.getLogger("python_http_client.client").addFilter(_quiet)
    api = SendGridAPIClient(key, host=base)
    api.client = _client_class()(base, dict(api.client.request_headers), line)
    return api


@cache
def _client_class() -> Any:
    import python_http_client

    class Client(python_http_client.Client):  # type: ignore[misc]  # the package is not typed
        def __init__(self, host: str, headers: dict[str, str], line: Line, *, url_path: Sequence[str] = ()) -> None:
            super().__init__(host=host, request_headers=headers, version=3, url_path=list(url_path))
            self._line = line

        def _build_client(self, name: str | None = None) -> Client:
            # A copy of the headers: the package shares one dictionary, and one call's headers leak into the next.
            path = [*self._url_path, name] if name else self._url_path
            return Client(self.host, dict(self.request_headers), self._line, url_path=path)

        def _make_request(self, _opener: Any, request: Any, timeout: float | None = None) -> Reply:  # noqa: ARG002 - the line has its own
            return self._line.exchange(Request(request.get_method(), request.selector, request.headers, request.data))

    return Client
