"""SendGrid's Email Logs API: whether it took a message that nobody knows about, and which ones it has delivered.

It can be asked by address but not by our own id, so the person's rows are read, and each candidate is opened to compare
the id in its `custom_args`; the reference in the subject says which to open first. The query holds no time: a clock
that was wrong, ours at the claim or now, must not hide a message. SendGrid keeps 30 days.
"""

from __future__ import annotations

import http.client
import json
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tasks.mail.senders.protocol import Finding, Sought
from tasks.mail.senders.sendgrid_lists import UnreadableError

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

MOST_ROWS = 1000
"""The API's own limit; it has no second page."""
MOST_OPENED = 100
"""Of a person's rows that do not show the reference in their subject."""
MOST_ASKED = 20
"""So often a poll asks; the API lets nobody ask it much more within a few minutes."""
OK, FORBIDDEN = 200, 403


class _NoAnswerError(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class SendGridLog:
    """What SendGrid took, as far as its log shows it by now."""

    exact = False

    def __init__(self, api: SendGridAPIClient) -> None:
        self._api = api

    def find(self, sought: Sought) -> Finding:
        """Look for a message: MISSING only where every row that could be it was read, NO_LOG where the key may not."""
        try:
            return Finding.TAKEN if self._shows(sought) else Finding.MISSING
        except _NoAnswerError as error:
            return error.finding
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
            return Finding.UNREADABLE  # no answer, or one in another shape than documented

    def delivered(self, since: datetime, until: datetime) -> Iterator[tuple[str, str]]:
        """Yield the address and the subject of what was delivered of the mail taken between two instants.

        An answer that is full does not show all: its halves are asked for then, as often as a poll may ask.

        Raises:
            UnreadableError: the log does not answer, or not as documented; what was yielded is true.
        """
        spans = deque([(since, until)])
        for _ in range(MOST_ASKED):
            if not spans:
                return
            begin, end = spans.popleft()
            try:
                rows = self._rows(
                    "status IN ('delivered')"
                    f' AND sg_message_id_created_at >= TIMESTAMP "{_instant(begin)}"'
                    f' AND sg_message_id_created_at < TIMESTAMP "{_instant(end)}"'
                )
                yield from [(str(row["to_email"]), str(row["subject"])) for row in rows]
            except (_NoAnswerError, OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
                raise UnreadableError(f"log: {type(error).__name__}") from None
            if len(rows) >= MOST_ROWS:
                middle = begin + (end - begin) / 2
                spans.extend([(begin, middle), (middle, end)])

    def _rows(self, query: str) -> list[dict[str, Any]]:
        reply = self._api.client.logs.post(request_body={"query": query, "limit": MOST_ROWS})
        rows: list[dict[str, Any]] = _content(reply)["messages"]
        return rows

    def _shows(self, sought: Sought) -> bool:
        # An address that we write to may hold an apostrophe, but no quotation mark.
        rows = self._rows(f'to_email = "{sought.to_address}"')
        named = [row for row in rows if sought.reference in row["subject"]]
        others = [row for row in rows if sought.reference not in row["subject"]]
        if any(args.get("reference", sought.reference) == sought.reference for args in self._custom_args(named)):
            return True
        if any(args.get("reference") == sought.reference for args in self._custom_args(others[:MOST_OPENED])):
            return True
        if len(rows) >= MOST_ROWS or len(others) > MOST_OPENED:
            raise _NoAnswerError(Finding.UNREADABLE)
        return False

    def _custom_args(self, rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, str]]:
        for row in rows:
            yield _content(self._api.client.logs._(row["sg_message_id"]).get()).get("custom_args") or {}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _content(reply: Any) -> Any:
    if reply.status_code == OK:
        return json.loads(reply.body)
    raise _NoAnswerError(Finding.NO_LOG if reply.status_code == FORBIDDEN else Finding.UNREADABLE)
