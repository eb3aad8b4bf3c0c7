"""What a report reads: each enrollment at a glance on a day, and each escalation as far as was known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from models.rules.case import Case, Program
from models.rules.clock import anchor_of, clocks
from models.rules.decide import decide
from models.rules.decision import Advance
from models.rules.escalations import vacant_from
from models.rules.words import Cause, Closing, Post, Risk, Status


class Place(NamedTuple):
    """Whose an enrollment is: codes and names of an agency, never of a person."""

    enrollment: str
    code: str
    agency: str
    kind: str
    region: str
    government: str | None


class Stay(NamedTuple):
    """A stage that was entered and left; `on` to the next one or to the award, not by an end or a way back."""

    stage: str
    entered: date
    left: date
    on: bool


class Vacancy(NamedTuple):
    """A post that nobody holds, and since when."""

    post: Post
    since: date


class Glance(NamedTuple):
    """An enrollment on a day. `last_on` is the last day of each milestone that was recorded."""

    id: int
    place: Place
    track: str
    cycle: int
    agreement_on: date
    stage: str
    entered_on: date
    status: Status
    risk: Risk
    window_until: date
    limit: date
    stays: tuple[Stay, ...]
    vacant: tuple[Vacancy, ...]
    last_on: dict[str, date]

    @property
    def awarded_on(self) -> date | None:
        """The day of the award, where there was one."""
        return self.entered_on if self.status is Status.AWARDED else None

    @property
    def ended_on(self) -> date | None:
        """The day on which it ended, whatever the end."""
        return None if self.status is Status.OPEN else self.entered_on


class Raised(NamedTuple):
    """An escalation as far as a day knows of it. `answered_on`: somebody took it, or its cause was gone."""

    enrollment: str
    region: str
    rule: str
    opened_on: date
    rung: int
    answered_on: date | None
    closed_on: date | None
    closing: Closing | None


def glance(case: Case, log: Sequence[Advance], program: Program, *, place: Place, day: date) -> Glance:
    """Look at a case on a day; its risk is what `decide` says of it, so that `why` tells the same."""
    anchor = anchor_of(case).on
    risk = decide(case, program, day).risk if case.status is Status.OPEN else Risk.ENDED
    dates = clocks(case, program.plan(case.track, case.cycle), day)
    last_on: dict[str, date] = {}
    for fact in case.facts:
        if fact.on <= day:
            last_on[fact.milestone] = max(fact.on, last_on.get(fact.milestone, fact.on))
    return Glance(
        case.id, place, case.track, case.cycle, anchor, case.stage, case.stage_entered_on, case.status, risk,
        dates.window_until, dates.limit, tuple(_stays(anchor, log, program)),
        tuple(vacancies(case, program, day)), last_on,
    )


def _stays(entered: date, log: Sequence[Advance], program: Program) -> Iterator[Stay]:
    for step in log:
        here = program.policy.stage.get(step.from_stage)
        yield Stay(step.from_stage, entered, step.on, here is not None and here.next == step.to_stage)
        entered = step.on


def vacancies(case: Case, program: Program, day: date) -> Iterator[Vacancy]:
    """Yield the posts whose vacancy a rule of the case's cycle reads, where nobody is in them; none once it ended."""
    if case.status is not Status.OPEN:
        return
    rules = [rule for rule in program.plan(case.track, case.cycle).escalations if rule.cause is Cause.VACANCY]
    for post in dict.fromkeys(post for rule in rules for post in rule.posts):
        since = vacant_from(case, post, day)
        if since is not None and since <= day:
            yield Vacancy(post, since)
