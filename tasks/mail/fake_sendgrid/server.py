"""A loopback SendGrid: a real HTTP and HTTPS server on this machine that journals what it takes.

It checks the key and the document as the API does, answers what its script says, and shows in its log what it took,
as late and as forgetful as asked. What a test wants changed while it runs is posted to `/fake`.
"""

from __future__ import annotations

import hmac
import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from models.rules.errors import Refused
from tasks.mail.fake_sendgrid.answers import USUAL, Answer, Form
from tasks.mail.fake_sendgrid.documents import (
    LARGEST_BYTES,
    LOGGED,
    MOST_LOGGED,
    Fault,
    Row,
    address_asked,
    asked,
    faults_of,
    page,
)
from tasks.mail.fake_sendgrid.provider import Options, Provider, reference_of
from tasks.mail.fake_sendgrid.wire import answer_bytes, refusal, whole


class FakeSendGrid(Provider):
    """The server; `url` is where it listens.

    Raises:
        Refused: the port cannot be had.
    """

    def __init__(self, options: Options, port: int = 0) -> None:
        super().__init__(options)
        self.stopping = threading.Event()
        try:
            self._server = _Server(("127.0.0.1", port), self)
        except (OSError, OverflowError) as error:
            raise Refused.one(f"--port {port}", f"cannot be had ({error}).", "Name a free one, or 0 for any.") from None
        scheme = "https" if options.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        """Serve until stopped."""
        self._server.serve_forever(poll_interval=0.01)

    def hang_up(self) -> None:
        """End every connection that callers keep open."""
        self._server.hang_up()

    def stop(self) -> None:
        """Stop, hanging up on whoever is held on the line."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self.journal.close()


@contextmanager
def serving(options: Options | None = None) -> Iterator[FakeSendGrid]:
    """Run one in a thread."""
    fake = FakeSendGrid(options or Options())
    thread = threading.Thread(target=fake.serve, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.stop()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # of five, the sixth connection at once waits a second

    def __init__(self, address: tuple[str, int], fake: FakeSendGrid) -> None:
        self.fake = fake
        self._context = None
        if fake.options.tls is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*fake.options.tls)
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: a slow handshake holds up nobody else."""
        delay = self.fake.options.round_trip
        time.sleep(delay)
        with suppress(OSError, ValueError):  # whoever hangs up, or is hung up on, is nothing to report
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True)
                time.sleep(delay)
            self._open.add(request)
            self.fake.asked["connections"] += 1
            super().finish_request(request, client_address)
        self._open.discard(request)
        with suppress(OSError):
            request.close()

    def hang_up(self) -> None:
        """End every connection that callers keep open, and wait until their threads have."""
        for request in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(request, socket.SHUT_RDWR)
        deadline = time.monotonic() + 2
        while self._open and time.monotonic() < deadline:
            time.sleep(0.005)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Say nothing: what happened is in the journal."""

    def do_GET(self) -> None:
        """Answer a question."""
        self._answered()

    def do_POST(self) -> None:
        """Take a mail, or answer a question that is posted."""
        self._answered()

    def _answered(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(fake.options.round_trip)
        path = urlsplit(self.path).path
        if path == "/fake":
            self._controlled(body)
            return
        fake.headers = [*fake.headers[-9:], dict(self.headers.items())]
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {fake.options.key}"):
            self._refuse(HTTPStatus.UNAUTHORIZED, [Fault("The provided authorization grant is invalid, expired, or "
                                                         "revoked")])
        elif (self.command, path) == ("POST", "/v3/mail/send"):
            self._mailed(body)
        elif path.startswith("/v3/logs"):
            self._logged(path.removeprefix("/v3/logs").strip("/"), body)
        elif self.command == "GET" and (kind := path.removeprefix("/v3/suppression/")) in fake.suppressed:
            self._listed(kind)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, [Fault("Not Found")])

    # Mail

    def _mailed(self, body: bytes) -> None:
        fake = self.server.fake
        if len(body) > LARGEST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [Fault("The mail is too large.")])
            return
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if faults := list(faults_of(document)):
            self._refuse(HTTPStatus.BAD_REQUEST, faults)
            return
        fake.documents = [*fake.documents[-99:], document]
        answer = fake.script.answer_to(reference_of(document), document["personalizations"][0]["to"][0]["email"])
        fake.asked[f"mail {answer}"] += 1
        number = fake.take(document, answer) if answer.taken else None
        self._give(answer, number)

    def _give(self, answer: Answer, number: str | None) -> None:
        if answer.form is Form.RESET:
            self._reset()
        elif answer.form is Form.HANG:
            self._hold()
        elif answer.form is Form.DRIP:
            self._drip(whole(answer, number, self.server.fake.options))
        else:
            self.wfile.write(_cut(answer.form, whole(answer, number, self.server.fake.options)))
        self.close_connection |= answer.form not in {Form.PLAIN, Form.NO_ID}

    def _drip(self, content: bytes) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            if self.server.fake.stopping.wait(self.server.fake.options.drip_every):
                return

    def _hold(self) -> None:
        """Say nothing until the caller hangs up."""
        while not self.server.fake.stopping.is_set():
            self.connection.settimeout(0.1)
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _reset(self) -> None:
        # With no time to linger, closing sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            self.rfile.close()
            self.wfile.close()
            socket.socket.close(self.connection)

    # The log

    def _logged(self, number: str, body: bytes) -> None:
        fake = self.server.fake
        answer = fake.log_script.answer_to("")
        fake.asked[f"logs {answer}"] += 1
        if answer != USUAL:
            self._give(answer, None)
        elif not fake.options.log_open:
            self._refuse(HTTPStatus.FORBIDDEN, [Fault("access forbidden")])
        elif self.command == "POST" and not number:
            self._searched(body)
        elif found := next((taken for taken in fake.logged() if taken.id == number), None):
            row = fake.row(found)
            events = [{"event": "processed"}, {"event": row["status"]}]
            more = {"events": events, "custom_args": found.custom_args, "api_key_id": "loopback", "client_ip": "::1"}
            self._say(row | more)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, [Fault("message not found")])

    def _searched(self, body: bytes) -> None:
        try:
            found = self._found(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, [Fault(f"invalid query: {error}", "query")])
            return
        self._say({"messages": found})

    def _found(self, given: Any) -> list[Row]:
        fake, limit, query = self.server.fake, int(given.get("limit", LOGGED)), str(given["query"])
        holds = asked(query)
        if not 1 <= limit <= MOST_LOGGED:
            raise ValueError("limit")
        return list(islice(filter(holds, map(fake.row, fake.logged(address_asked(query)))), limit))

    # The lists

    def _listed(self, kind: str) -> None:
        try:
            self._say(page(self.server.fake.suppressed[kind], dict(parse_qsl(urlsplit(self.path).query))))
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, [Fault("invalid parameter")])

    # What tests change

    def _controlled(self, body: bytes) -> None:
        fake = self.server.fake
        try:
            given = json.loads(body or b"{}")
            for kind, address in given.pop("suppress", {}).items():
                fake.suppress(kind, address)
            fake.change(**given)
        except Exception as error:  # noqa: BLE001 - whoever drives it is told, whatever it was
            self._refuse(HTTPStatus.BAD_REQUEST, [Fault(str(error))])
            return
        self._say({"taken": len(fake.taken), "asked": dict(fake.asked)})

    # Answers

    def _say(self, value: Any) -> None:
        self.wfile.write(answer_bytes(200, {"Content-Type": "application/json"}, json.dumps(value).encode()))

    def _refuse(self, status: int, faults: list[Fault]) -> None:
        self.wfile.write(refusal(status, faults))


def _cut(form: Form, content: bytes) -> bytes:
    match form:
        case Form.CUT_STATUS:
            return content[:len("HTTP/1.1 202")]
        case Form.CUT_HEADERS:
            return content[:content.index(b"\r\n\r\n") - 4]
        case Form.CUT_BODY:
            return content.replace(b"Content-Length: 0", b"Content-Length: 20") + b"half"
        case Form.GARBAGE:
            return b"\x00\x16garbage\r\n\r\n"
        case _:
            return content
