"""What SendGrid's v3 API checks in a mail, and what its log can be asked, as far as it is documented."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tasks.mail.fake_sendgrid.journal import Taken

LARGEST_BYTES = 30 * 1024 * 1024
LONGEST_CUSTOM_ARGS = 10_000
MOST_CATEGORIES = 10
MOST_RECIPIENTS = 1000
MOST_LOGGED = 1000
LOGGED = 10
MOST_SUPPRESSED = 500
_RANK = {"text/plain": 0, "text/html": 1}
_ADDRESS = re.compile(r"[!-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class Fault(NamedTuple):
    """One line of an error answer."""

    message: str
    field: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return it as the API writes it."""
        return {"message": self.message, "field": self.field, "help": None}


def faults_of(document: Any) -> Iterator[Fault]:
    """Say everything that is wrong with a mail, in the order of the document."""
    if not isinstance(document, dict):
        yield Fault("Bad Request")
        return
    personalizations = document.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        yield Fault("The personalizations field is required and must have at least one personalization.",
                    "personalizations")
    else:
        for number, personalization in enumerate(personalizations):
            yield from _of_personalization(personalization, f"personalizations.{number}")
    yield from _of_mailbox(document.get("from"), "from")
    if not str(document.get("subject") or "").strip():
        yield Fault("The subject is required.", "subject")
    yield from _of_content(document.get("content"))
    if len(document.get("categories") or []) > MOST_CATEGORIES:
        yield Fault(f"There are more than {MOST_CATEGORIES} categories.", "categories")


def _of_personalization(given: Any, place: str) -> Iterator[Fault]:
    to = given.get("to") if isinstance(given, dict) else None
    if not isinstance(to, list) or not 0 < len(to) <= MOST_RECIPIENTS:
        yield Fault("The to array is required for all personalization objects, and must have at least one email.",
                    f"{place}.to")
        return
    for number, mailbox in enumerate(to):
        yield from _of_mailbox(mailbox, f"{place}.to.{number}")
    custom = given.get("custom_args") or {}
    if len(str(custom).encode()) > LONGEST_CUSTOM_ARGS:
        yield Fault(f"The custom args are longer than {LONGEST_CUSTOM_ARGS} bytes.", f"{place}.custom_args")
    if not all(isinstance(value, str) for value in custom.values()):
        yield Fault("Custom args must be strings.", f"{place}.custom_args")


def _of_mailbox(given: Any, place: str) -> Iterator[Fault]:
    email = given.get("email") if isinstance(given, dict) else None
    if not isinstance(email, str) or not _ADDRESS.fullmatch(email):
        yield Fault("Does not contain a valid address.", f"{place}.email")
        return
    if re.search(r"[,;\r\n]", str(given.get("name") or "")):
        yield Fault("The name holds a character that it must not.", f"{place}.name")


def _of_content(given: Any) -> Iterator[Fault]:
    if not isinstance(given, list) or not given:
        yield Fault("Unless a valid template_id is provided, the content parameter is required.", "content")
        return
    ranks = [_RANK.get(part.get("type", ""), len(_RANK)) if isinstance(part, dict) else 0 for part in given]
    if ranks != sorted(ranks):
        yield Fault("text/plain comes first, then text/html, then the rest.", "content")
    for number, part in enumerate(given):
        if not (isinstance(part, dict) and isinstance(part.get("value"), str) and part["value"]):
            yield Fault("The content value must be a string at least one character in length.",
                        f"content.{number}.value")


# The log: `field = 'value' AND field IN ('a', 'b') AND sg_message_id_created_at > TIMESTAMP "2025-01-01T00:00:00Z"`

_VALUE = r"""'[^']*'|"[^"]*\""""
_CONDITION = re.compile(rf"""
    (?P<field>\w+) \s* (?:
        (?P<is>=) \s* (?P<value>{_VALUE})
      | (?P<order>[<>]=?) \s* TIMESTAMP \s+ (?P<instant>{_VALUE})
      | IN \s* \( \s* (?P<values>(?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*) \s* \)
    ) \s*""", re.VERBOSE)
_EQUALS = frozenset({"sg_message_id", "subject", "to_email", "reason"})
_ORDERS: dict[str, Callable[[datetime, datetime], bool]] = {
    ">": datetime.__gt__, "<": datetime.__lt__, ">=": datetime.__ge__, "<=": datetime.__le__,
}
Row = dict[str, Any]


def row_of(taken: Taken, status: str) -> Row:
    """Return a message as the log lists it."""
    return {
        "from_email": taken.from_email, "sg_message_id": taken.id, "subject": taken.subject,
        "to_email": taken.to_email, "reason": "", "status": status,
        "sg_message_id_created_at": datetime.fromtimestamp(taken.at, UTC).isoformat().replace("+00:00", "Z"),
    }


def asked(query: str) -> Callable[[Row], bool]:
    """Return what a query of the log asks of a row.

    Raises:
        ValueError: the query names a field, operator or value that the API does not document.
    """
    tests: list[Callable[[Row], bool]] = []
    at = 0
    while at < len(query.rstrip()):
        if tests:
            if not (glue := re.compile(r"AND\s+").match(query, at)):
                raise ValueError("conditions are combined with AND")
            at = glue.end()
        if not (found := _CONDITION.match(query, at)):
            raise ValueError("not a condition")
        tests.append(_test_of(found))
        at = found.end()
    return lambda row: all(test(row) for test in tests)


def address_asked(query: str) -> str | None:
    """Return the one address that a query asks about, so that not every message need be looked at."""
    found = re.search(rf"to_email\s*=\s*({_VALUE})", query)
    return found[1][1:-1] if found else None


def _test_of(found: re.Match[str]) -> Callable[[Row], bool]:
    name = found["field"]
    if found["is"] and name in _EQUALS:
        value = found["value"][1:-1]
        return lambda row: bool(row[name] == value)
    if found["order"] and name == "sg_message_id_created_at":
        instant, holds = datetime.fromisoformat(found["instant"][1:-1]), _ORDERS[found["order"]]
        if instant.tzinfo is None:
            raise ValueError("a timestamp without a zone")
        return lambda row: holds(datetime.fromisoformat(row[name]), instant)
    if found["values"] and name in {"status", "categories"}:
        values = {value[1:-1] for value in re.findall(_VALUE, found["values"])}
        return lambda row: row.get(name) in values
    raise ValueError(f"{name} cannot be asked so")


def page(rows: Iterable[Row], given: dict[str, str]) -> list[Row]:
    """Return the rows of a suppression list between two instants, from an offset on, newest first.

    Raises:
        ValueError: a parameter is no number, or the limit is not 1 to 500.
    """
    since, until = int(given.get("start_time", 0)), int(given.get("end_time", 2**62))
    limit, offset = int(given.get("limit", MOST_SUPPRESSED)), int(given.get("offset", 0))
    if not 0 < limit <= MOST_SUPPRESSED or offset < 0:
        raise ValueError("limit")
    found = [row for row in rows if since <= row["created"] <= until]
    found.sort(key=lambda row: -row["created"])
    return found[offset:offset + limit]
