"""A socket on which everything together must be done by a deadline, however slowly the other side drips.

The standard library's timeouts count from one byte to the next: a server that sends a byte now and then holds a caller
for ever. Here connecting has a time of its own, and each exchange has one for all that is written and read.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """Seconds: until connected (the TLS handshake included), and for an exchange as a whole."""

    connect: float
    total: float


class NotConnectedError(OSError):
    """No connection was made, so no byte of the message left."""


class TimedSocket:
    """Wraps a socket for http.client and smtplib. `ended` says that the other side had hung up when we still read."""

    def __init__(self, raw: socket.socket, limits: Limits) -> None:
        self.raw, self.ended = raw, False
        self._limits, self._until = limits, 0.0
        self.start()

    def start(self) -> None:
        """Let the time of a new exchange begin."""
        self._until = time.monotonic() + self._limits.total

    def armed(self) -> socket.socket:
        """Return the socket itself, for one call that ends by the deadline.

        Raises:
            TimeoutError: it has passed.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.raw.settimeout(left)
        return self.raw

    def sendall(self, data: Any) -> None:
        """Write everything."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.armed().send(view):]

    def makefile(self, _mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        """Return what can be read."""
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """Hang up."""
        self.raw.close()


class _Reading(io.RawIOBase):
    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._timed.armed().recv_into(buffer)
        self._timed.ended |= count == 0
        return count


def connected(host: str, port: int, limits: Limits, *, trust: ssl.SSLContext | None = None) -> TimedSocket:
    """Connect, over TLS where `trust` is given. Only the resolver's own time is not ours to limit.

    Raises:
        NotConnectedError: no connection, or no trust in who answered.
    """
    try:
        raw = _reached(host, port, time.monotonic() + limits.connect)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return TimedSocket(trust.wrap_socket(raw, server_hostname=host) if trust else raw, limits)
        except BaseException:
            raw.close()
            raise
    except OSError as error:
        raise NotConnectedError(type(error).__name__) from error


def _reached(host: str, port: int, until: float) -> socket.socket:
    """Connect to the first of the host's addresses that answers; what is left of the time bounds the handshake too."""
    last: OSError = TimeoutError()
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(max(until - time.monotonic(), 0.001))
            raw.connect(address)
            raw.settimeout(max(until - time.monotonic(), 0.001))
        except OSError as error:
            raw.close()
            last = error
        else:
            return raw
    raise last
