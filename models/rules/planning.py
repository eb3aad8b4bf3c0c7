"""Planning backward: what each conference that can still be reached asks for, and by when.

From the day of a decision back to the stage where the case stands, over the stages that remain: each must be left
early enough for the next to take its expected days, and a milestone with a lead early enough for what it comes before.
A step's *last safe day* is the last on which it can be done with everything behind it going as expected. Where a
program has no conferences it plans to its own deadlines. The list of conferences ends somewhere: what lies after it is
`listed_until`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from models.rules.case import Case, Plan, Program
from models.rules.clock import clocks, limit_of
from models.rules.fees import FREE, Price, extension_fee, fee_on, spell_price
from models.rules.gates import dossier, gate_state
from models.rules.policy import Stage
from models.rules.words import Status

MONTHS_A_YEAR = 12


class Step(NamedTuple):
    """Something that remains to be done: a milestone, or a post to be filled, as a gate names it.

    `latest` is its last safe day, in days before the slot; `earliest`, the first on which it counts, by the milestone
    it comes before being done on its own last safe day.
    """

    step: str
    latest: int
    earliest: int | None = None


class Leg(NamedTuple):
    """A stage that remains: left at the latest so many days before the slot, and what that asks for."""

    stage: str
    leave: int
    steps: tuple[Step, ...]


Remaining = Sequence[tuple[Stage, Sequence[str]]]
"""The stages from where a case stands to the slot, each with what is still missing to leave it."""


class Slot(NamedTuple):
    """A day on which the decision can fall: a conference, or where a program has none, one of its deadlines.

    `leave_by` is the last safe day to leave the stage where the case stands. `extension_years` are those that an award
    then needs beyond today's limit, `extension` what they cost; None where the program lists no fee.
    """

    on: date
    name: str
    award_on: date
    leave_by: date
    in_window: bool
    in_limit: bool
    extension_years: int
    extension: Price | None

    def last_safe(self, step: Step) -> date:
        """Return the last safe day of a step towards this slot."""
        return self.on - timedelta(days=step.latest)

    def not_before(self, step: Step) -> date | None:
        """Return the first day on which a step counts towards this slot; None: any."""
        return None if step.earliest is None else self.on - timedelta(days=step.earliest)


class Slip(NamedTuple):
    """What it costs to miss a slot and take the next: days, and cents where the program lists fees."""

    to: date
    days: int
    price: Price | None


class Outlook(NamedTuple):
    """The slots that a case can still reach, the earliest first, and the legs to any of them.

    `listed_until` is the last conference of the list, None where the case waits for none. `on_course` is the first
    slot that is met if the case's stage is left on its target.
    """

    slots: tuple[Slot, ...]
    legs: tuple[Leg, ...]
    listed_until: date | None
    on_course: Slot | None

    @property
    def nearest(self) -> Slot | None:
        """The first slot that can still be reached."""
        return self.slots[0] if self.slots else None

    @property
    def last_in_window(self) -> Slot | None:
        """The last slot that gives an award within the program's window."""
        return next((slot for slot in reversed(self.slots) if slot.in_window), None)

    @property
    def last_in_limit(self) -> Slot | None:
        """The last slot that gives an award within today's limit."""
        return next((slot for slot in reversed(self.slots) if slot.in_limit), None)

    @property
    def aims(self) -> tuple[Slot, ...]:
        """The slots that last safe days are told for: the nearest, and the last within window or limit."""
        last = self.last_in_window or self.last_in_limit
        return tuple(dict.fromkeys(slot for slot in (self.nearest, last) if slot is not None))

    def slip(self, slot: Slot) -> Slip | None:
        """Tell what it costs to miss a slot; None where no later one is listed."""
        later = next((other for other in self.slots if other.on > slot.on), None)
        if later is None:
            return None
        before, after = slot.extension, later.extension
        price = None if before is None or after is None else Price(after.low - before.low, after.high - before.high)
        return Slip(later.on, (later.on - slot.on).days, price)

    def cost_of_missing(self, slot: Slot, currency: str | None) -> str:
        """Say what it costs to miss a slot, for whoever runs the program."""
        slip = self.slip(slot)
        if slip is None:
            return f"no listed conference after {slot.on}"
        fee = spell_price(slip.price, currency or "") if slip.price is not None and slip.price.high else ""
        return f"{slip.days} days" + (f", {fee}" if fee else "")


def outlook(case: Case, program: Program, today: date) -> Outlook:
    """Plan backward from every slot that a case can still reach.

    A slot can be reached while the last safe day to leave the case's stage has not passed. A case that ended reaches
    none.

    Args:
        case: the enrollment, with its stage as stored.
        program: the policy in force.
        today: the day in the agency's zone.
    """
    if case.status is not Status.OPEN:
        return Outlook((), (), None, None)
    plan, known = program.plan(case.track, case.cycle), dossier(case, program, today)
    stages = to_the_slot(program, case)
    missing = [gate_state(replace(case, stage=stage.code), program, known).missing for stage in stages]
    legs = backward(program, plan, [(stage, list(names)) for stage, names in zip(stages, missing, strict=True)])
    lead = stages[-1].gate.conference_lead_days
    entered = case.stage_entered_on
    earliest = entered + timedelta(days=lead) if lead is not None and len(stages) == 1 else today
    ahead = [
        slot for slot in _slots(case, program, (plan, legs[0].leave, today))
        if slot.leave_by >= today and slot.on >= earliest
    ]
    left_on = max(today, entered + timedelta(days=plan.stages[case.stage].budget)) if len(stages) > 1 else today
    on_course = next((slot for slot in ahead if slot.leave_by >= left_on), None)
    listed_until = program.conferences[-1] if lead is not None else None
    return Outlook(tuple(ahead), legs, listed_until, on_course)


def to_the_slot(program: Program, case: Case) -> list[Stage]:
    """Return the stages from a case's own to that which a conference decides, or where none ahead does, to the last."""
    path = program.policy.path_of(case.cycle)
    index = next(i for i, each in enumerate(path) if each.code == case.stage)
    remaining = [each for each in path[index:] if each.next is not None]
    decided = [i for i, each in enumerate(remaining) if each.gate.conference_lead_days is not None]
    return remaining[: decided[0] + 1] if decided else remaining


def backward(program: Program, plan: Plan, remaining: Remaining) -> tuple[Leg, ...]:
    """Count back from a slot over the stages that remain: when each, and each step of it, is due at the latest.

    A stage before the slot is entered its expected days before it is left, the one that waits for the conference its
    lead. A step that is on record binds nothing.
    """
    legs: list[Leg] = []
    latest: dict[str, int] = {}
    bound = 0
    for stage, names in reversed(remaining):
        steps = [_step(program, name, (bound, latest)) for name in names if not name.startswith("conference:")]
        latest |= {step.step: step.latest for step in steps}
        leave = min((step.latest for step in steps), default=bound)
        legs.append(Leg(stage.code, leave, tuple(sorted(steps, key=lambda step: -step.latest))))
        lead = stage.gate.conference_lead_days
        bound = leave + (plan.stages[stage.code].budget if lead is None else lead)
    return tuple(reversed(legs))


def _step(program: Program, name: str, given: tuple[int, dict[str, int]]) -> Step:
    bound, latest = given
    leads = [lead for lead in program.policy.leads if lead.milestone == name and lead.before in latest]
    most = [latest[lead.before] + lead.at_most_days for lead in leads if lead.at_most_days is not None]
    return Step(
        name, max([bound, *(latest[lead.before] + lead.at_least_days for lead in leads)]), min(most, default=None)
    )


def _slots(case: Case, program: Program, given: tuple[Plan, int, date]) -> Iterator[Slot]:
    plan, leave, today = given
    dates, last = clocks(case, plan, today), to_the_slot(program, case)[-1]
    named = {dates.window_until: "window_until", dates.limit: "limit"}
    if last.gate.conference_lead_days is not None:
        named = {conference.on: conference.name for conference in program.policy.conferences}
    behind = timedelta(days=plan.stages[last.code].after)
    for on in sorted(on for on in named if on >= today):
        award_on = on + behind
        years = _years_past(case, plan, award_on)
        yield Slot(
            on, named[on], award_on, on - timedelta(days=leave), in_window=award_on <= dates.window_until,
            in_limit=years == 0, extension_years=years, extension=_price(case, program, (years, today)),
        )


def _years_past(case: Case, plan: Plan, on: date) -> int:
    """Return how many years of extension an award on a day needs, each counted from the original anchor."""
    years = 0
    while limit_of(case, plan, years * MONTHS_A_YEAR) < on:
        years += 1
    return years


def _price(case: Case, program: Program, given: tuple[int, date]) -> Price | None:
    years, today = given
    fee = fee_on(program.policy, case.track, today)
    if fee is None:
        return None
    return extension_fee(fee, case.staff, years * MONTHS_A_YEAR) if years else FREE
