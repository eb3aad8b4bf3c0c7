"""SendGrid's Email Logs API: whether it took a message that nobody knows about.

It can be asked by address but not by our own id, so the person's rows are read, and each candidate is opened to compare
the id in its `custom_args`; the reference in the subject says which to open first. The query holds no time: a clock
that was wrong, ours at the claim or now, must not hide a message. SendGrid keeps 30 days.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tasks.mail.senders.protocol import Finding, Sought

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

MOST_ROWS = 1000
"""The API's own limit; it has no second page."""
MOST_OPENED = 100
"""Of a person's rows that do not show the reference in their subject."""
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

    def _shows(self, sought: Sought) -> bool:
        # An address that we write to may hold an apostrophe, but no quotation mark.
        query = {"query": f'to_email = "{sought.to_address}"', "limit": MOST_ROWS}
        rows = _content(self._api.client.logs.post(request_body=query))["messages"]
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


def _content(reply: Any) -> Any:
    if reply.status_code == OK:
        return json.loads(reply.body)
    raise _NoAnswerError(Finding.NO_LOG if reply.status_code == FORBIDDEN else Finding.UNREADABLE)
