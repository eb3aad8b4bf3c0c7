"""What goes out to a person today, and as which kind of email, where their week has a budget."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from models.rules.words import EmailKind

OF_CASES = (EmailKind.ESCALATION, EmailKind.DIGEST)


def monday_of(day: date) -> date:
    """Return the first day of a week."""
    return day - timedelta(days=day.weekday())


def allotted(pending: Collection[EmailKind], left: int | None) -> dict[EmailKind, EmailKind | None]:
    """Return as which kind each kind of pending mail goes out; None: it waits for the next week.

    What is about cases comes first. Where one email is left for both kinds of it, they share a digest.

    Args:
        pending: the kinds for which something waits.
        left: how many emails the person may still get this week; None without a budget.

    >>> allotted([EmailKind.DIGEST, EmailKind.ESCALATION], 1)[EmailKind.ESCALATION]
    <EmailKind.DIGEST: 'digest'>
    """
    if left is None:
        return {kind: kind for kind in pending}
    goes: dict[EmailKind, EmailKind | None] = dict.fromkeys(pending)
    cases = [kind for kind in OF_CASES if kind in goes]
    if left >= len(cases):
        goes |= {kind: kind for kind in cases}
    elif left == 1:
        goes |= dict.fromkeys(cases, EmailKind.DIGEST)
    if EmailKind.WEEKLY in goes and left > len(cases):
        goes[EmailKind.WEEKLY] = EmailKind.WEEKLY
    return goes
