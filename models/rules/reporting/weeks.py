"""What a week's look at a program counts, for page and mail alike: loads, what escalations led to, who is one short."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, holder
from models.rules.reporting.glances import Raised
from models.rules.words import Closing, Post, Risk

LED_DAYS = 28
"""So far back it is told what escalations led to: long enough for an answer to one that was opened this month."""


class Gist(NamedTuple):
    """What a mail of the week tells, but for the time that passes: how things stand, and what changed; "" if nothing.

    Fingerprints, so that the next week is compared with what was told and not with what is known today.
    """

    stands: str
    changes: str

    @classmethod
    def of(cls, stands: Iterable[str], changes: Iterable[str]) -> Gist:
        """Return the gist of some statements, in whichever order they are told."""
        return cls(_fingerprint(stands), _fingerprint(changes))

    def __str__(self) -> str:
        """Return it as it is stored."""
        return f"{self.stands}/{self.changes}"

    def adds_to(self, told: str | None) -> bool:
        """Whether it says something that a mail which was told did not.

        >>> told = str(Gist.of(["A1 is at risk"], ["a visit"]))
        >>> Gist.of(["A1 is at risk"], []).adds_to(told), Gist.of(["A1 is at risk"], ["a visit"]).adds_to(told)
        (False, False)
        >>> Gist.of(["A1 is overdue"], []).adds_to(told), Gist.of(["A1 is at risk"], ["a report"]).adds_to(told)
        (True, True)
        """
        stands, _, changes = (told or "").partition("/")
        return self.stands != stands or bool(self.changes and self.changes != changes)


def _fingerprint(statements: Iterable[str]) -> str:
    said = sorted(set(statements))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16] if said else ""


class Carried(NamedTuple):
    """An open enrollment as a load: where, at what risk, by which experts, with how many open escalations."""

    region: str
    risk: Risk
    experts: tuple[str, ...]
    escalations: int


class Load(NamedTuple):
    """Open cases of a region, or of a pair, by risk, with the escalations that are open and who carries them."""

    name: str
    open: int
    at_risk: int
    overdue: int
    escalations: int
    experts: int

    @property
    def per_expert(self) -> float | None:
        """Cases for each expert; None where nobody carries any."""
        return round(self.open / self.experts, 1) if self.experts else None


def pair_of(case: Case, day: date) -> list[int]:
    """Return who holds the posts of a case's pair on a day."""
    pair = (holder(case.seats, post, day) for post in (Post.SME_1, Post.SME_2))
    return [seat.person for seat in pair if seat is not None]


def by_region(carried: Iterable[Carried], regions: Iterable[str]) -> Iterator[Load]:
    """Yield the load of each region, in the program's order, those without a case too."""
    found: dict[str, list[Carried]] = defaultdict(list)
    for each in carried:
        found[each.region].append(each)
    for region in regions:
        mine = found[region]
        yield _load(region, mine, len({expert for each in mine for expert in each.experts}))


def by_pair(carried: Iterable[Carried]) -> list[Load]:
    """Return the load of each pair, or of one who is alone in it, the most loaded first."""
    found: dict[tuple[str, ...], list[Carried]] = defaultdict(list)
    for each in carried:
        if each.experts:
            found[tuple(sorted(each.experts))].append(each)
    loads = [_load(" · ".join(pair), mine, len(pair)) for pair, mine in found.items()]
    return sorted(loads, key=lambda each: (-each.open, -each.overdue, -each.at_risk, each.name))


def _load(name: str, mine: Sequence[Carried], experts: int) -> Load:
    risks = Counter(each.risk for each in mine)
    escalations = sum(each.escalations for each in mine)
    return Load(name, len(mine), risks[Risk.AT_RISK], risks[Risk.OVERDUE], escalations, experts)


class Led(NamedTuple):
    """What a rule's escalations led to since a day: opened, taken, closed by which ending; and what stands open now.

    `top` of those that are open have climbed the whole ladder.
    """

    rule: str
    opened: int
    open: int
    top: int
    taken: int
    closed: Mapping[Closing, int]


def led(raised: Iterable[Raised], ladders: Mapping[str, int], *, since: date) -> Iterator[Led]:
    """Yield what became of the escalations of each rule of which any is open or was opened, taken or closed since.

    Args:
        raised: the escalations.
        ladders: how many rungs each rule has, in the order in which the rules are told.
        since: the day before the first that counts.
    """
    by_rule: dict[str, list[Raised]] = defaultdict(list)
    for each in raised:
        by_rule[each.rule].append(each)
    for rule, rungs in ladders.items():
        mine = by_rule[rule]
        standing = [each for each in mine if each.closed_on is None]
        closed = Counter(
            each.closing for each in mine if each.closed_on is not None and each.closed_on > since and each.closing
        )
        opened = sum(each.opened_on > since for each in mine)
        taken = sum(each.answered_on is not None and each.answered_on > since for each in standing)
        if opened or taken or closed or standing:
            yield Led(rule, opened, len(standing), sum(each.rung >= rungs for each in standing), taken, dict(closed))


def lacking(kinds: Collection[str], accredited: Collection[str]) -> str | None:
    """Return the one kind of agency that a government lacks to have all of them accredited; None if it is not one.

    >>> lacking(["a", "b", "c"], {"a", "c"})
    'b'
    >>> lacking(["a", "b", "c"], {"a"}), lacking(["a"], set())
    (None, None)
    """
    missing = [kind for kind in kinds if kind not in accredited]
    return missing[0] if len(missing) == 1 and len(kinds) > 1 else None
