"""A message, and the settings that send it to this machine, for the tests of senders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models.settings import Settings
from tasks.mail.fake_sendgrid.provider import KEY
from tasks.mail.senders.protocol import Outgoing

NOW = datetime(2023, 4, 3, 15, 30, tzinfo=UTC)
OUTGOING = Outgoing(
    reference="7F3K-2Q9D", to_address="maria@example.org", to_name="María López", from_address="acredita@example.org",
    subject="Faltan 30 días · Academia [Ref 7F3K-2Q9D]", text="Hola, María.\n", html="<p>Hola, María.</p>",
)
BAD_ADDRESSES = [
    "", "nobody", "a@b@c", "a b@example.org", "a@example.org\r\nBcc: x@example.org", "ñ@example.org", "a@exämple.org",
    "a..b@example.org", ".a@example.org", "a@-example.org", "a@example..org", "a@example.org,b@example.org",
    "a,b@example.org", "<a@example.org>", "x" * 300 + "@example.org",
]


def loopback(url: str, **more: Any) -> Settings:
    """Return settings that send through a loopback SendGrid."""
    given = {"mail": "sendgrid", "sendgrid_host": url, "sendgrid_api_key": KEY, "mail_timeout_seconds": 5}
    return Settings.model_validate(given | more)
