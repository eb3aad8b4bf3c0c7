"""Codes put to words in a reader's language, from the program's own labels."""

from __future__ import annotations

from models.rules.policy import Policy
from models.rules.words import Language, Post

_NO_CONFERENCE = {
    Language.ES_MX: "una audiencia posterior al {day} (ninguna programada)",
    Language.EN: "a conference after {day} (none is listed)",
}


def awaited(policy: Policy, code: str, language: Language) -> str:
    """Name what a gate waits for, as `gate_state` gives it: a milestone's code, `post:<post>` or `conference:<day>`."""
    kind, _, rest = code.rpartition(":")
    if kind == "post":
        return post_name(policy, Post(rest), language)
    if kind == "conference":
        return _NO_CONFERENCE[language].format(day=rest)
    return policy.milestones[code].name.text(language)


def post_name(policy: Policy, post: Post, language: Language) -> str:
    """Name a post; by its code where a later policy has it no more."""
    label = policy.posts.get(post)
    return post.value if label is None else label.text(language)


def enrollment_code(agency: str, track: str, cycle: int) -> str:
    """Return the name of an enrollment that people type: the cycle only where it is not the first.

    >>> enrollment_code("JAL-ACA-01", "academy", 1)
    'JAL-ACA-01/academy'
    """
    return f"{agency}/{track}" + (f"/{cycle}" if cycle > 1 else "")
