"""Escalations: the condition that opens one, the ladder it climbs, and what closes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, assert_never

from models.rules.calendars import Calendar
from models.rules.case import Case, Key, Plan, Program, Standing, holder
from models.rules.clock import Clocks, Pause, clocks, days_after, holds, rested, rests
from models.rules.dates import DAYS
from models.rules.decision import Telling
from models.rules.duties import Owed, owed, still_owed
from models.rules.gates import Dossier
from models.rules.governments import lost_ahead
from models.rules.policy import EscalationRule, ReminderRule, Wait
from models.rules.risk import Watched, at_risk_from, days_gained, view
from models.rules.snoozes import NOBODY, Quiet, silenced
from models.rules.staffing import Staff, staff_of
from models.rules.words import Cause, Clock, Closing, EscalationState, NoticeState, Post, Reason

FOREVER = date.max
ONE_DAY = timedelta(days=1)


class Condition(NamedTuple):
    """Why an escalation is, or would become, due: its key, and the first day on which it holds.

    From `again_on` on that day may be another, though nothing was recorded.
    """

    occurrence: str
    anchor_on: date
    opens_on: date
    again_on: date | None = None


Live = dict[tuple[str, str, date], Standing]
"""The escalations that stand, by rule, occurrence and date."""
INTERNAL = frozenset({Cause.INACTIVITY, Cause.OVERSTAY})
"""What is measured against the program's own expectations: it rests while a case is on hold."""


class Endangered(NamedTuple):
    """From which day on an end is at risk if nothing happens, and the changes of government that lie before it."""

    on: date
    changes: tuple[date, ...]


class Watching(NamedTuple):
    """An end as it looks from a day: the changes of government until then are over. `stands`: it was at risk before."""

    end: date
    since: date
    stands: bool


class Scene(NamedTuple):
    """What the rules of one case read on one day. `pauses` are the days of rest as far as today knows of them.

    `gained` are the days that the case is ahead by what was counted in its stage.
    """

    program: Program
    plan: Plan
    dates: Clocks
    known: Dossier
    today: date
    staff: Staff
    ends: dict[tuple[date, bool], Endangered]
    """What was asked of its ends already, by the end and whether its risk stands."""
    calendar: Calendar
    gained: int
    owed: tuple[Owed, ...]
    holds: tuple[Pause, ...] = ()
    pauses: tuple[Pause, ...] = ()
    on_hold: bool = False
    quiet: Quiet = NOBODY

    @property
    def rules(self) -> tuple[EscalationRule, ...]:
        """The rules that a case without an escalation can meet: hardly any lacks somebody or owes something."""
        plan = self.plan
        plain = not self.staff.unreachable and not self.owed and self.staff.manned.issuperset(plan.manned)
        return plan.steady if plain else plan.escalations

    def resting(self, rule: EscalationRule | ReminderRule, on: date | None = None) -> bool:
        """Whether a rule is silent on a day, today by default, because the case is on hold."""
        if not self.holds:
            return False
        internal = rule.clock is Clock.STAGE_TARGET if isinstance(rule, ReminderRule) else rule.cause in INTERNAL
        return internal and (self.on_hold if on is None else rests(self.holds, on))

    def pauses_for(self, rule: EscalationRule) -> tuple[Pause, ...]:
        """Return the days that do not count for a rule."""
        return self.pauses if rule.cause in INTERNAL else ()


def scene_of(case: Case, program: Program, known: Dossier, *, today: date) -> Scene:
    """Work out what the rules of an open case read on a day."""
    plan = program.plan(case.track, case.cycle)
    dates, staff = clocks(case, plan, today), staff_of(case.seats, today)
    duties = plan.duties if staff.handed_over else plan.dated
    scene = Scene(
        program, plan, dates, known, today, staff, {}, program.calendar_of(case.site),
        days_gained(case, program, known), tuple(owed(duties, case, dates, today=today)) if duties else (),
    )
    if not case.changes and not case.snoozes:  # as most
        return scene
    every = holds(case.changes)
    return scene._replace(
        holds=every, pauses=rested(every, today), on_hold=rests(every, today), quiet=silenced(case, today)
    )


def conditions(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    """Return a rule's conditions, those included that will hold only later if nothing happens."""
    return _CONDITIONS[rule.cause](rule, case, scene)


def _inactive(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    last, stage = max(scene.known.last_activity, case.stage_entered_on), scene.plan.stages[case.stage].stage
    return (Condition(case.stage, last, days_after(last, stage.stall_days + rule.grace_days, scene.pauses)),)


def _overstays(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    days, entered = scene.plan.stages[case.stage].stage.overstay_days, case.stage_entered_on
    if days is None:
        return ()
    return (Condition(case.stage, entered, days_after(entered, days + rule.grace_days, scene.pauses)),)


def _overdue(rule: EscalationRule, _case: Case, scene: Scene) -> Sequence[Condition]:
    end = scene.dates.read(_clock(rule))
    return (Condition("passed", end, _grace(rule, end + ONE_DAY, scene)),)


def _vacant(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    return () if scene.staff.manned.issuperset(rule.posts) else _of_posts(rule, vacant_from, (case, scene))


def _unreachable(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    return _of_posts(rule, unreachable_from, (case, scene)) if scene.staff.unreachable else ()


def _unfulfilled(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    mine = [each for each in scene.owed if each.done is None and each.duty.rule in rule.duties]
    opening = ((each, _grace(rule, each.due_on + ONE_DAY, scene)) for each in mine)
    # Nobody is told that something would be late which whoever is known to leave before owes no more.
    return [
        Condition(each.story, each.due_on, on) for each, on in opening
        if on <= scene.today or still_owed(each, case.seats, on)
    ]


def _at_risk(rule: EscalationRule, case: Case, scene: Scene) -> Sequence[Condition]:
    end = scene.dates.read(_clock(rule))
    closed = EscalationState.CLOSED
    # Told of in one stage it stands in the next, until the chance has risen beyond the band's upper end.
    stands = bool(case.standings) and any(
        s.rule == rule.rule and s.anchor_on == end and s.state is not closed for s in case.standings
    )
    at_risk_on, changes = endangered(case, scene, end, stands=stands)
    look_on, since = changes[0] if changes else None, None
    while changes and _grace(rule, at_risk_on, scene) >= changes[0]:
        # By then that change is over, and costs nothing more.
        since = changes[0]
        at_risk_on, changes = _endangered(case, scene, Watching(end, since, stands=stands))
    opens_on = _grace(rule, at_risk_on, scene)
    return (Condition(case.stage, end, opens_on if since is None else max(opens_on, since), look_on),)


def endangered(case: Case, scene: Scene, end: date, *, stands: bool) -> Endangered:
    """Return when an end is at risk, worked out once however many rules ask."""
    stands = stands and scene.program.outlook is not None  # a matter of the forecast's band
    found = scene.ends.get((end, stands))
    if found is None:
        found = scene.ends[end, stands] = _endangered(case, scene, Watching(end, scene.today, stands=stands))
    return found


def _endangered(case: Case, scene: Scene, watching: Watching) -> Endangered:
    program, plan, (end, since, stands) = scene.program, scene.plan.stages[case.stage], watching
    changes, lost = lost_ahead(program.policy, case.site, since, until=end)
    watched = Watched(end, scene.gained, lost, stands=stands)
    return Endangered(at_risk_from(case, program, plan=plan, watched=watched), changes)


_CONDITIONS: dict[Cause, Callable[[EscalationRule, Case, Scene], Sequence[Condition]]] = {
    Cause.INACTIVITY: _inactive,
    Cause.OVERSTAY: _overstays,
    Cause.PACE: _at_risk,
    Cause.OVERDUE: _overdue,
    Cause.VACANCY: _vacant,
    Cause.DUTY: _unfulfilled,
    Cause.UNDELIVERABLE: _unreachable,
}
# A table, where a `match` would look up half of the enumeration for each rule of each case.
assert _CONDITIONS.keys() == set(Cause), "every cause has its condition"


def _of_posts(
    rule: EscalationRule, since: Callable[[Case, Post, date], date | None], given: tuple[Case, Scene]
) -> list[Condition]:
    case, scene = given
    found = [(post, since(case, post, scene.today)) for post in rule.posts]
    return [Condition(post.value, on, _grace(rule, on, scene)) for post, on in found if on is not None]


def _grace(rule: EscalationRule, on: date, scene: Scene) -> date:
    """Return the day on which a rule's days of grace are over."""
    if not rule.grace_days:
        return on
    if rule.grace_in_working_days:
        return scene.calendar.plus(on, rule.grace_days)
    return on + DAYS[rule.grace_days]


def _clock(rule: EscalationRule) -> Clock:
    assert rule.clock is not None, "policy.checks refuses a pace or overdue rule without a clock"
    return rule.clock


def vacant_from(case: Case, post: Post, today: date) -> date | None:
    """Return the day since which a post is empty, or will be once its holder leaves; None while nobody is to leave."""
    held = [seat for seat in case.seats if seat.post is post and seat.since <= today]
    if not held:
        return case.agreement_on
    last = max(seat.until or FOREVER for seat in held)
    # An agency's post may have been left in the cycle before: here it is empty since the agreement.
    return None if last == FOREVER else max(last + timedelta(days=1), case.agreement_on)


def unreachable_from(case: Case, post: Post, today: date) -> date | None:
    """Return the day since which no mail reaches whoever is in a post; None while it does, or while nobody is."""
    there = holder(case.seats, post, today)
    return None if there is None else there.undeliverable_since


def closing(
    rule: EscalationRule | None, standing: Standing, found: Collection[Condition], *, duties: Iterable[Owed] = ()
) -> Closing:
    """Return why an escalation closes whose condition no longer stands.

    Args:
        rule: its rule; None where the policy dropped it.
        standing: the escalation.
        found: what the rule's conditions are today.
        duties: what is owed today, done or not.
    """
    if rule is None:
        return Closing.RULE_DROPPED
    if rule.cause is Cause.DUTY:
        return _no_longer_owed(rule, standing, duties)
    same = [condition.anchor_on for condition in found if condition.occurrence == standing.occurrence]
    if rule.cause in INTERNAL and standing.anchor_on in same:
        return Closing.ON_HOLD
    if rule.cause is Cause.INACTIVITY and any(anchor_on < standing.anchor_on for anchor_on in same):
        return Closing.RETRACTED
    return _solved(rule.cause)


def _no_longer_owed(rule: EscalationRule, standing: Standing, duties: Iterable[Owed]) -> Closing:
    mine = [each for each in duties if each.story == standing.occurrence and each.duty.rule in rule.duties]
    if any(each.due_on == standing.anchor_on and each.done is not None for each in mine):
        return Closing.FULFILLED
    duty = standing.occurrence.partition(":")[0]
    if duty not in rule.duties or not (mine or standing.occurrence.partition(":")[2] in set(Post)):
        return Closing.RULE_DROPPED
    changed = any(each.changed_on for each in mine) or not mine
    return Closing.HOLDER_LEFT if changed else Closing.DEADLINE_MOVED


def _solved(cause: Cause) -> Closing:  # noqa: PLR0911 - one for each cause
    match cause:
        case Cause.INACTIVITY:
            return Closing.ACTIVITY
        case Cause.OVERSTAY:
            return Closing.STAGE_LEFT
        case Cause.PACE:
            return Closing.RECOVERED
        case Cause.OVERDUE:
            return Closing.DEADLINE_MOVED
        case Cause.VACANCY:
            return Closing.FILLED
        case Cause.DUTY:
            return Closing.FULFILLED
        case Cause.UNDELIVERABLE:
            return Closing.REACHABLE
        case _:
            assert_never(cause)


def next_step_on(rule: EscalationRule, standing: Standing, scene: Scene) -> date | None:
    """Return the day on which the next rung, or the next repeat of the last one, is due; None: all was said."""
    top = standing.rung == len(rule.ladder)
    wait = rule.repeated_after(standing.repeat) if top else rule.ladder[standing.rung].wait
    if wait is None:
        return None
    step_on = _waited(standing.rung_on, wait, scene=scene, pauses=scene.pauses_for(rule))
    if standing.acknowledged_until is not None:
        step_on = max(step_on, standing.acknowledged_until + timedelta(days=1))
    return step_on


def _waited(since: date, wait: Wait, *, scene: Scene, pauses: Iterable[Pause]) -> date:
    """Return the day on which a wait is over; days of rest are not waited for."""
    if not wait.worked:
        return days_after(since, wait.days, pauses)
    if not pauses:
        return scene.calendar.plus(since, wait.days)
    day, left = since, wait.days
    while left:
        day = scene.calendar.plus(day, 1)
        left -= not rests(pauses, day)
    return day


Climbed = tuple[Standing, list[Telling]]


def climb(rule: EscalationRule, standing: Standing, *, case: Case, scene: Scene) -> Climbed:
    """Take every step that is due: one rung, and at once the next where nobody is on it to be told."""
    step_on = next_step_on(rule, standing, scene)
    if step_on is None or step_on > scene.today:
        return standing, []
    told: list[Telling] = []
    skipped: list[Post] = []
    while True:
        standing = _step(rule, standing, scene.today)
        tellings = list(_tell(rule, standing, case=case, scene=scene, skipped=skipped))
        told += tellings
        # An empty rung has nobody to give time to: the next one is due the same day, and is told so.
        if any(telling.reason is not Reason.NO_RECIPIENT for telling in tellings) or standing.rung == len(rule.ladder):
            return standing, told
        skipped += rule.ladder[standing.rung - 1].to


def _step(rule: EscalationRule, standing: Standing, today: date) -> Standing:
    top = standing.rung == len(rule.ladder)
    return standing._replace(
        state=EscalationState.OPEN,
        rung=standing.rung if top else standing.rung + 1,
        repeat=standing.repeat + 1 if top else 0,
        rung_on=today,
        acknowledged_until=None,
    )


def spoken(rule: EscalationRule, standing: Standing) -> Iterator[Key]:
    """Yield the keys of the rung that an escalation stands on, one for each post; none before the first."""
    occurrence = f"{standing.occurrence}/{standing.rung}.{standing.repeat}"
    for post in rule.ladder[standing.rung - 1].to if standing.rung else ():
        yield Key(rule.rule, occurrence, standing.anchor_on, post)


def can_be_snoozed(rule: EscalationRule, rung: int) -> bool:
    """Whether the posts of a rung may put off hearing of it: on the last one nobody else would hear."""
    return rung < len(rule.ladder)


def _tell(
    rule: EscalationRule, standing: Standing, *, case: Case, scene: Scene, skipped: Sequence[Post]
) -> Iterator[Telling]:
    program, today = scene.program, scene.today
    facts: dict[str, Any] = {
        "cause": rule.cause, "stage": case.stage, "rung": standing.rung, "repeat": standing.repeat,
    }
    if skipped:
        facts["skipped"] = [post.value for post in skipped]
    if rule.cause is Cause.PACE:
        seen = view(case, program, standing.anchor_on, gained=scene.gained)
        facts |= {} if seen is None else {"chance": seen.chance(today)}
    for key in spoken(rule, standing):
        reason = None
        if not any(seat.post is key.post and seat.held(today) for seat in case.seats):
            reason = Reason.NO_RECIPIENT
        elif program.live_from is None or today < program.live_from:
            reason = Reason.BEFORE_LIVE
        elif (rule.rule, key.post) in scene.quiet and can_be_snoozed(rule, standing.rung):
            reason = Reason.SNOOZED
        state = NoticeState.SUPPRESSED if reason else NoticeState.PENDING
        yield Telling(key, rule.notice, today, state, reason, facts)
