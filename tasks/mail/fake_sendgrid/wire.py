"""Answers as bytes, each in one piece: what is cut is cut on purpose, and no half waits for an acknowledgement."""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from tasks.mail.fake_sendgrid.answers import Answer, Form
from tasks.mail.fake_sendgrid.documents import Fault
from tasks.mail.fake_sendgrid.journal import now
from tasks.mail.fake_sendgrid.provider import Options

_SAID = {
    400: "Bad Request", 401: "authorization required", 403: "access forbidden", 404: "Not Found",
    413: "Request Entity Too Large", 429: "too many requests",
}


def whole(answer: Answer, number: str | None, options: Options) -> bytes:
    """Return an answer as bytes, before anything cuts it."""
    status = HTTPStatus(answer.status)
    headers = {}
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        reset = int(now()[0] + options.reset_after) + 1
        headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    match status // 100:
        case 4 | 5:
            return refusal(status, [Fault(_SAID.get(status, "internal error"))], headers)
        case 3:
            headers["Location"] = f"{options.redirect_to}/v3/mail/send"
        case _ if number and answer.form is not Form.NO_ID:
            headers["X-Message-Id"] = number
    return answer_bytes(status, headers)


def refusal(status: int, faults: Iterable[Fault], more: dict[str, str] | None = None) -> bytes:
    """Return an error as the API words it."""
    content = json.dumps({"errors": [fault.as_dict() for fault in faults]}).encode()
    return answer_bytes(status, {"Content-Type": "application/json"} | (more or {}), content)


def answer_bytes(status: int, headers: dict[str, str], content: bytes = b"") -> bytes:
    """Return an answer that is whole."""
    own = {"Server": "loopback", "Date": formatdate(now()[0], usegmt=True), "Content-Length": str(len(content))}
    said = own | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + content
