"""SendGrid's suppression lists: the addresses that it cannot reach, or that want no mail from us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from models.rules.words import Undeliverable

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

PAGE = 500
"""The API's own limit."""
OK = 200
_LISTS = {
    "bounces": Undeliverable.BOUNCE, "blocks": Undeliverable.BLOCK, "invalid_emails": Undeliverable.INVALID,
    "spam_reports": Undeliverable.SPAM_REPORT,
}


class Listed(NamedTuple):
    """An address on a list, in lower case, and since when."""

    address: str
    by: Undeliverable
    at: datetime


class UnreadableError(Exception):
    """A list or the log could not be read whole; it is read again with the next poll."""


class SendGridLists:
    """The lists, read page by page."""

    def __init__(self, api: SendGridAPIClient) -> None:
        self._api = api

    def since(self, at: datetime) -> Iterator[Listed]:
        """Yield what was listed since an instant.

        Raises:
            UnreadableError: a page does not come, or not as documented.
        """
        for name, by in _LISTS.items():
            for offset in count(step=PAGE):
                rows = self._page(name, {"start_time": int(at.timestamp()), "limit": PAGE, "offset": offset})
                yield from (_listed(row, by) for row in rows)
                if len(rows) < PAGE:
                    break

    def _page(self, name: str, query: dict[str, int]) -> list[dict[str, object]]:
        reply = self._api.client.suppression._(name).get(query_params=query)
        if reply.status_code != OK:
            raise UnreadableError(f"{name}: {reply.status_code}")
        try:
            rows: list[dict[str, object]] = json.loads(reply.body)
        except ValueError:
            raise UnreadableError(f"{name}: no JSON") from None
        return rows


def _listed(row: dict[str, object], by: Undeliverable) -> Listed:
    try:
        return Listed(str(row["email"]).lower(), by, datetime.fromtimestamp(int(str(row["created"])), UTC))
    except (KeyError, ValueError, OverflowError):
        raise UnreadableError("a row in another shape than documented") from None
