"""What can be refused, and how it is said.

    AcreditaError            one sentence for a person, never a traceback
    └── Refused              input that cannot be carried out: a list of problems, all of them at once

A problem names the place, says what was found and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing wrong: where, what, and the remedy."""

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.place}: {self.what} {self.remedy}".rstrip()


class AcreditaError(Exception):
    """An error whose text is meant for the person who caused it."""


class Refused(AcreditaError):  # noqa: N818 - reads as what happened
    """Input was refused whole; `problems` holds every reason, in the order of the input."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[Problem, ...]]]:
        """Let it come out of another process as it went in: an exception is copied by its text alone."""
        return type(self), (self.problems,)

    @classmethod
    def one(cls, place: str, what: str, remedy: str) -> Refused:
        """Refuse for a single reason."""
        return cls([Problem(place, what, remedy)])


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant.

    >>> nearest("gap_reprot_accepted", ["gap_report_accepted", "kickoff_visit"])
    'Did you mean "gap_report_accepted"?'
    >>> nearest("zzz", ["b", "a"])
    'Known names: a, b.'
    """
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"Known names: {', '.join(choices)}." if choices else "No name is known here."
