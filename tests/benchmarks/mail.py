"""`make bench`: how much mail 16 connections carry over TLS on a line with a round trip of 40 ms.

Three ways to post the same messages to the same loopback provider, which runs in a process of its own and journals each
message before it answers: bare `http.client` on connections that stay open (what the line can carry at all), our
sender, and the sendgrid package as shipped. They take turns, and the ratios are medians over the rounds of one run.
Each round trip of the line is paid where a real one is: for connecting, for the TLS handshake, and for each message.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.paper import Sheet, told

CONNECTIONS = 16
ROUND_TRIP = 0.040
ROUNDS = 3
MESSAGES = 1600
LEAST_OF_BARE = 0.80
LEAST_OF_SHIPPED = 2.0
Send = Callable[[int], None]


def serve(folder: Path, line: Any) -> None:
    """Be the provider, in a process of its own."""
    from tasks.mail.fake_sendgrid.certificate import self_signed
    from tasks.mail.fake_sendgrid.provider import Options
    from tasks.mail.fake_sendgrid.server import FakeSendGrid

    fake = FakeSendGrid(Options(journal=folder / "journal", tls=self_signed(folder), round_trip=ROUND_TRIP))
    line.send(fake.url)
    fake.serve()


@contextmanager
def provider(folder: Path) -> Iterator[str]:
    """Start it, and trust it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(folder, there), daemon=True)
    process.start()
    url = here.recv()
    os.environ["SSL_CERT_FILE"] = str(folder / "loopback.crt")
    try:
        yield url
    finally:
        process.terminate()
        process.join()


def message(number: int) -> Any:
    """Return a real letter, which differs by its reference only."""
    from models.rules.words import Language
    from tasks.mail.rendering import preview
    from tasks.mail.senders.protocol import Outgoing

    letter = preview("limit_passed", Language.ES_MX, date(2023, 4, 3))
    return Outgoing(
        reference=f"R{number}", to_address=f"p{number}@example.org", to_name="María López", subject=letter.subject,
        from_address="acredita@example.org", text=letter.text, html=letter.html,
    )


def bare(url: str, messages: list[Any]) -> Iterator[Send]:
    """Yield for each connection what posts over it: the same bytes, nothing done with the answer but read it."""
    from tasks.mail.fake_sendgrid.provider import KEY
    from tasks.mail.senders.sendgrid import payload

    bodies = [json.dumps(payload(each)).encode() for each in messages]
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    trust = ssl.create_default_context()

    def over(connection: http.client.HTTPSConnection) -> Send:
        def send(number: int) -> None:
            connection.request("POST", "/v3/mail/send", bodies[number], headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == http.client.ACCEPTED

        return send

    for _ in range(CONNECTIONS):
        yield over(http.client.HTTPSConnection(str(urlsplit(url).netloc), context=trust))


def ours(url: str, messages: list[Any]) -> Iterator[Send]:
    """Yield our sender, the same for all threads."""
    from models.settings import Settings
    from tasks.mail.fake_sendgrid.provider import KEY
    from tasks.mail.senders.protocol import Outcome
    from tasks.mail.senders.sendgrid import SendGridSender

    given = {"mail": "sendgrid", "sendgrid_host": url, "sendgrid_api_key": KEY}
    sender, now = SendGridSender(Settings.model_validate(given)), datetime(2023, 4, 3, tzinfo=UTC)

    def send(number: int) -> None:
        assert sender.send(messages[number], now).outcome is Outcome.SENT

    yield from [send] * CONNECTIONS


def shipped(url: str, messages: list[Any]) -> Iterator[Send]:
    """Yield the package as it is, one client a thread since calls share a client's headers."""
    from sendgrid import SendGridAPIClient

    from tasks.mail.fake_sendgrid.provider import KEY
    from tasks.mail.senders.sendgrid import payload

    def with_client(client: SendGridAPIClient) -> Send:
        def send(number: int) -> None:
            assert client.send(payload(messages[number])).status_code == http.client.ACCEPTED

        return send

    for _ in range(CONNECTIONS):
        yield with_client(SendGridAPIClient(KEY, host=url))


WAYS = {"16 bare connections": bare, "acredita's sender": ours, "sendgrid as shipped": shipped}


def a_second(sends: list[Send], count: int) -> float:
    """Return how many messages a second all threads together post."""
    def share(first: int) -> None:
        for number in range(first, count, len(sends)):
            sends[first](number)

    start = time.perf_counter()
    with ThreadPoolExecutor(len(sends)) as pool:
        list(pool.map(share, range(len(sends))))
    return count / (time.perf_counter() - start)


def measure(count: int = MESSAGES) -> Sheet:
    """Let the three take turns."""
    messages = [message(number) for number in range(count)]
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        with provider(Path(folder)) as url:
            for _ in range(ROUNDS):
                for name, way in WAYS.items():
                    rates[name].append(a_second(list(way(url, messages)), count))
        taken = len((Path(folder) / "journal").read_text().splitlines())
    assert taken == ROUNDS * len(WAYS) * count, "every message was taken once"
    mine = rates["acredita's sender"]
    of = {name: statistics.median(a / b for a, b in zip(mine, there, strict=True)) for name, there in rates.items()}
    limits = {"16 bare connections": LEAST_OF_BARE, "sendgrid as shipped": LEAST_OF_SHIPPED}
    cells = [
        (name, f"{statistics.median(there):.0f}", f"{of[name]:.2f}", f"{limits[name]:.2f}" if name in limits else "")
        for name, there in rates.items()
    ]
    title = f"{count:,} messages over {CONNECTIONS} connections, TLS, {ROUND_TRIP * 1000:.0f} ms round trip"
    missed = [name for name, least in limits.items() if of[name] < least]
    return Sheet(title, ("way", "messages a second", "acredita ÷ it", "at least"), cells, missed)


if __name__ == "__main__":
    sys.exit(told(measure()))
