"""The values that `decide` reads: one enrollment with its facts, and one program with its plans.

Plain tuples and slotted classes: a sweep makes a few per due case, and their cost is the sweep's cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

from models.rules.calendars import Calendar, Calendars
from models.rules.dates import add_months
from models.rules.forecast.outlook import Outlook
from models.rules.policy import Duty, EscalationRule, Policy, ReminderRule, Reminding, Stage, Track, Weekly
from models.rules.words import Cause, Change, Clock, EscalationState, NoticeState, Post, Reason, Risk, Status


class Site(NamedTuple):
    """Which agency, and the entity where it is: what its calendar is found by, and whose government it is under."""

    agency: str
    entity: str
    municipal: bool = False


class Fact(NamedTuple):
    """A milestone that a person recorded: `value` only where it counts something."""

    id: int
    milestone: str
    on: date
    value: int | None = None


class Seat(NamedTuple):
    """A post that somebody holds from `since` to `until`, both days included; `person` tells holders apart.

    `undeliverable_since` is the day from which no mail reaches them.
    """

    id: int
    post: Post
    since: date
    until: date | None = None
    person: int = 0
    undeliverable_since: date | None = None

    def held(self, day: date) -> bool:
        """Whether somebody is in the post on this day."""
        return self.since <= day and (self.until is None or day <= self.until)


def holder(seats: Iterable[Seat], post: Post, day: date) -> Seat | None:
    """Return the seat of whoever is written to in a post: where two hold it, the one who came last."""
    held = [seat for seat in seats if seat.post is post and seat.held(day)]
    return max(held, key=lambda seat: (seat.since, seat.id), default=None)


class Key(NamedTuple):
    """What makes a notice unique within its enrollment. Computed from data, never from now."""

    rule: str
    occurrence: str
    anchor_on: date
    post: Post


class Said(NamedTuple):
    """A notice that was decided on an earlier day. Of its reasons decide reads those that may end again.

    They are `snoozed` and `escalation_closed`.
    """

    id: int
    key: Key
    state: NoticeState
    reason: Reason | None = None


class Standing(NamedTuple):
    """An escalation as it is stored. Rung 0 means that nobody was told yet; an `id` of 0, that it is new.

    `closed_on` counts while it is closed.
    """

    id: int
    rule: str
    occurrence: str
    anchor_on: date
    state: EscalationState
    opened_on: date
    rung: int
    rung_on: date
    repeat: int = 0
    acknowledged_until: date | None = None
    closed_on: date | None = None


class Snooze(NamedTuple):
    """A wish not to hear of a rule from `since` to `until`, both included, of whoever holds a seat while they do."""

    rule: str
    seat: int
    since: date
    until: date


class ClockChange(NamedTuple):
    """One row of `deadline_change`: what a person moved, and the row that it takes back where it is an undo.

    `on` is the first day of a hold, or the first day on which work goes on.
    """

    id: int
    kind: Change
    months: int | None = None
    anchor_on: date | None = None
    on: date | None = None
    undoes: int | None = None


@dataclass(slots=True)
class Case:
    """One enrollment with all that is known of it. Facts and seats may lie in the future; decide looks no further.

    `risk` is what was decided last, `pace` what the stages it has left tell of its agency's, and `fit` the one by which
    it was forecast last.
    """

    id: int
    track: str
    stage: str
    stage_entered_on: date
    stage_seq: int
    status: Status
    agreement_on: date
    mandatory: int | None = None
    other: int | None = None
    facts: Sequence[Fact] = ()
    seats: Sequence[Seat] = ()
    said: Sequence[Said] = ()
    standings: Sequence[Standing] = ()
    changes: Sequence[ClockChange] = ()
    reentered_on: date | None = None
    site: Site | None = None
    staff: int | None = None
    cycle: int = 1
    snoozes: Sequence[Snooze] = ()
    risk: Risk = Risk.ON_TRACK
    pace: float = 0.0
    fit: int | None = None

    def moved(self, stage: str, on: date, *, seq: int, status: Status, reentered_on: date | None) -> Case:
        """Return the case as it stands once it was moved; the same as `dataclasses.replace`, at a tenth of its cost."""
        made = copy(self)
        made.stage, made.stage_entered_on, made.stage_seq = stage, on, seq
        made.status, made.reentered_on = status, reentered_on
        return made

    def __copy__(self) -> Case:
        """Return a case of its own with the same values."""
        return Case(*_VALUES(self))


_VALUES = attrgetter(*(each.name for each in fields(Case)))


class StagePlan(NamedTuple):
    """A stage on one track: `budget` its expected days, `after` those of all stages behind it.

    `named` has the names of its reminders: to compare two rules is to compare every field of theirs.
    """

    stage: Stage
    budget: int
    after: int
    reminders: tuple[ReminderRule, ...]
    named: frozenset[str]


class Plan(NamedTuple):
    """A track's policy in its first cycle or in a later one, worked out once per program."""

    track: Track
    from_month: int
    until_month: int
    limit_months: int
    stages: dict[str, StagePlan]
    escalations: tuple[EscalationRule, ...]
    steady: tuple[EscalationRule, ...]
    """Those of its escalations that a case can meet whose posts are manned, and which owes nothing."""
    manned: frozenset[Post]
    """The posts that it asks for."""
    duties: tuple[Duty, ...]
    dated: tuple[Duty, ...]
    """Those that count from a clock: all that a case can owe no post of which had a second holder."""


@dataclass(frozen=True)
class Program:
    """A policy as it is in force here: its stored version, and the day before which nothing is mailed.

    `live_from` None means that nothing is mailed at all; `outlook` None, that nothing was learned of the program yet.
    """

    policy: Policy
    version: int
    live_from: date | None = None
    outlook: Outlook | None = None
    _plans: dict[tuple[str, bool], Plan] = field(default_factory=dict, compare=False, repr=False)
    _spoken: dict[date, dict[Any, Any]] = field(default_factory=dict, compare=False, repr=False)

    def plan(self, track: str, cycle: int) -> Plan:
        """Return the plan of a track in a cycle; all cycles that an award opened have the same."""
        key = (track, cycle == 1)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = _plan(self.policy, track, cycle)
        return plan

    def spoken(self, today: date) -> dict[Any, Any]:
        """Return what was worked out on a day of the words of its rules; of the day before nothing is kept."""
        found = self._spoken.get(today)
        if found is None:
            self._spoken.clear()
            found = self._spoken[today] = {}
        return found

    @cached_property
    def calendars(self) -> Calendars:
        """The working days of agencies and people."""
        return Calendars(self.policy)

    def calendar_of(self, site: Site | None) -> Calendar:
        """Return the calendar that an agency's dates are rolled by; the program's own where it is not known."""
        agency, entity = ("", "") if site is None else site[:2]
        return self.calendars.of_agency(agency, entity)

    @property
    def conferences(self) -> tuple[date, ...]:
        """Return the days at which an award can be decided, in order."""
        return self.policy.conference_days

    @cached_property
    def covered_agreement(self) -> date:
        """The last day on which an agreement could be signed for every list of days to last as long as its case does.

        A bound over all tracks, so that a sweep has one comparison for each case; `models.rules.listed` is exact.
        """
        policy = self.policy
        ends = [*policy.conference_days[-1:], *(calendar.until for calendar in policy.calendars.values())]
        terms = [policy.terms(track, cycle) for track in policy.tracks for cycle in (1, 2)]
        months = max(max(each.limit_months, each.window.until_month) for each in terms)
        return add_months(min(ends), -months) if ends else date.max

    @cached_property
    def risk_margin(self) -> timedelta:
        """How long before an end a case by its pace has to be done."""
        return timedelta(days=self.policy.risk_margin_days)

    @cached_property
    def escalations(self) -> dict[str, EscalationRule]:
        """The escalation rules by name."""
        return {rule.rule: rule for rule in self.policy.escalations}

    @cached_property
    def reminders(self) -> dict[str, ReminderRule]:
        """The reminder rules by name."""
        return {rule.rule: rule for rule in self.policy.reminders}

    @cached_property
    def weekly(self) -> dict[str, Weekly]:
        """The weekly mails by the names of their rules."""
        return {rule.rule: rule for rule in self.policy.weekly}

    @cached_property
    def endings(self) -> frozenset[str]:
        """The milestones that end a case."""
        return frozenset(self.policy.endings.values())

    def is_return(self, from_stage: str, to_stage: str) -> bool:
        """Whether a change of stage goes back along the lifecycle, or to where it came from."""
        return any(
            from_stage in order and to_stage in order and order[to_stage] <= order[from_stage] for order in self._orders
        )

    @cached_property
    def _orders(self) -> tuple[dict[str, int], ...]:
        paths = (self.policy.path, self.policy.later_path)
        return tuple({stage.code: index for index, stage in enumerate(path)} for path in paths)

    @cached_property
    def duties(self) -> dict[str, Duty]:
        """The duties by name."""
        return {duty.rule: duty for duty in self.policy.duties}

    @cached_property
    def reminding(self) -> dict[str, Reminding]:
        """Whatever says a word so many days before a date, by name: reminders and duties."""
        return {**self.reminders, **self.duties}

    @cached_property
    def idle(self) -> frozenset[str]:
        """The milestones that do not count as activity on a case."""
        return frozenset(code for code, milestone in self.policy.milestones.items() if not milestone.activity)


OF_PEOPLE = frozenset({Cause.VACANCY, Cause.UNDELIVERABLE, Cause.DUTY})
"""Causes that lie in who holds a post, or in what is owed."""


def _plan(policy: Policy, track: str, cycle: int) -> Plan:
    terms = policy.terms(track, cycle)
    rules = [rule for rule in policy.reminders if rule.cycle.covers(cycle)]
    stages: dict[str, StagePlan] = {}
    after = 0
    for stage in reversed(policy.path_of(cycle)):
        budget = round(stage.expected_days * terms.pace)
        reminders = tuple(
            r for r in rules
            if (not r.stages or stage.code in r.stages) and not (r.clock is Clock.STAGE_TARGET and stage.next is None)
        )
        stages[stage.code] = StagePlan(stage, budget, after, reminders, frozenset(rule.rule for rule in reminders))
        after += budget
    escalations = tuple(rule for rule in policy.escalations if rule.cycle.covers(cycle))
    duties = tuple(
        duty for duty in policy.duties if duty.cycle.covers(cycle) and (not duty.tracks or track in duty.tracks)
    )
    window = terms.window
    return Plan(
        policy.tracks[track], window.from_month, window.until_month, terms.limit_months, stages, escalations,
        tuple(rule for rule in escalations if rule.cause not in OF_PEOPLE),
        frozenset(post for rule in escalations if rule.cause is Cause.VACANCY for post in rule.posts), duties,
        tuple(duty for duty in duties if not duty.posts),
    )
