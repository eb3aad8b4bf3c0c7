"""From a document to a policy: its shape, and whether it can be carried out. Checks yield problems; none raises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from models.rules.errors import Problem, Refused
from models.rules.policy import Policy
from models.rules.policy.checks.calendar import calendars, closures, working_hours
from models.rules.policy.checks.duties import duties
from models.rules.policy.checks.fees import fees
from models.rules.policy.checks.forecast import forecasting
from models.rules.policy.checks.leads import leads
from models.rules.policy.checks.names import duplicates, governments, places, reasons
from models.rules.policy.checks.reports import reporting
from models.rules.policy.checks.rules import escalations, reminders
from models.rules.policy.checks.stages import endings, gates, graph, verdicts
from models.rules.policy.checks.tracks import reaccreditation, tracks
from models.rules.policy.checks.weekly import weekly


def parse_policy(document: dict[str, Any], files: dict[str, str] | None = None) -> Policy:
    """Turn a program's document into a policy.

    Args:
        document: the merged tables of the program's folder.
        files: which file each top-level name was read from, for the place in an error.

    Raises:
        Refused: with every problem found, each with its place, reason and remedy.
    """
    origin = files or {}
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise Refused(shape_problem(detail, origin) for detail in error.errors()) from None
    found = [Problem(_place(p.place, origin), p.what, p.remedy) for p in problems_of(policy)]
    if found:
        raise Refused(found)
    return policy


def _place(dotted: str, files: dict[str, str]) -> str:
    top = dotted.split(".", 1)[0].split("[", 1)[0]
    return f"{files[top]}: {dotted}" if top in files else dotted


def shape_problem(detail: Any, files: dict[str, str]) -> Problem:
    """Return what pydantic found wrong as a problem: its place, the finding, the remedy."""
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    found = "" if detail["type"] == "missing" else f" Found {detail['input']!r:.60}."
    remedy = {
        "missing": "Add it.",
        "extra_forbidden": "Remove it, or correct its spelling.",
    }.get(detail["type"], "Correct the value.")
    return Problem(_place(dotted, files), f"{detail['msg']}.{found}", remedy)


def problems_of(policy: Policy) -> Iterator[Problem]:
    """Yield everything that could not be carried out, in the order of the document."""
    yield from duplicates(policy)
    yield from places(policy)
    yield from governments(policy)
    yield from reasons(policy)
    yield from working_hours(policy)
    yield from calendars(policy)
    yield from closures(policy)
    yield from graph(policy)
    yield from gates(policy)
    yield from verdicts(policy)
    yield from endings(policy)
    yield from leads(policy)
    yield from tracks(policy)
    yield from fees(policy)
    yield from reaccreditation(policy)
    yield from reminders(policy)
    yield from duties(policy)
    yield from escalations(policy)
    yield from weekly(policy)
    yield from forecasting(policy)
    yield from reporting(policy)
