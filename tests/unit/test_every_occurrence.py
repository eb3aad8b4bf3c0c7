"""Every occurrence of every rule is decided exactly once: wherever an agency is, whatever days the service was down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from models.rules.apply import apply
from models.rules.calendars import Calendar
from models.rules.case import Case, Key, Program, Seat, Site
from models.rules.dates import add_months
from models.rules.decide import decide
from models.rules.decision import Decision
from models.rules.hours import at_work, day_begun, reader_of, zone_named
from models.rules.policy import EscalationRule, SkipAfter
from models.rules.words import NoticeState, Post
from tests.building import case, program, program_with
from tests.trying import promised

POLICY = program().policy
PLACES = [
    (code, municipality)
    for code, entity in POLICY.entities.items() for municipality in (None, *entity.municipality_zones)
]
"""Every entity, and every municipality that keeps another clock than its entity."""
ABROAD = ("America/Chicago", "Europe/Vienna", "Asia/Tokyo")
HOURS_DOWN = (5, 24, 24, 24, 24, 31, 48, 170, 720, 2161, 9600)
MISFIRES: tuple[Any, ...] = ("coalesce", "catch_up", {"skip_after": 0}, {"skip_after": 5})
AGREED = st.dates(date(2016, 1, 1), date(2036, 12, 31)) | st.sampled_from([date(2016, 2, 29), date(2020, 2, 29)])
CHANGED, LEFT = 100, 200
"""Days after the agreement on which a new head comes, and on which the second expert leaves for good."""


def _reminder(rule: str, clock: str, days_before: list[int], **more: Any) -> dict[str, Any]:
    return {"rule": rule, "notice": "limit", "clock": clock, "days_before": days_before, **more}


@cache
def under(misfire: int, *, working: bool) -> Program:
    """Return a program with a rule of every kind that counts days."""
    saying = {"misfire": MISFIRES[misfire], "on_working_days": working}
    people = {"to": ["sme_1", "head"]}
    name = {"es_MX": "informe", "en": "report"}
    return program_with(
        reminders=[
            _reminder("limit", "limit", [180, 120, 60, 30, 7], **people, **saying),
            _reminder("window", "window_until", [365, 30, 0], to=["head"], **saying),
            _reminder("target", "stage_target", [30, 0], to=["sme_1"], stages=["commission_review"], **saying),
        ],
        duties=[
            {
                "rule": "report", "name": name, "milestone": "status_report_filed", "clock": "cycle_start",
                "due": [{"months": 12}, {"months": 24, "days": 30}], "days_before": [45, 3], **people, **saying,
            },
            {
                "rule": "bridge", "name": name, "milestone": "bridging_document_filed", "posts": ["head"],
                "due": [{"days": 60}], "days_before": [60, 7], **people, **saying,
            },
        ],
        escalations=[
            _ladder("late", "overdue", clock="limit", grace_days=4, grace_in_working_days=working),
            _ladder("quiet", "inactivity"),
            _ladder("empty", "vacancy", posts=["sme_2"], grace_days=5, grace_in_working_days=working),
            _ladder("owing", "duty", duties=["report"], grace_days=3),
        ],
    )


def _ladder(rule: str, cause: str, **more: Any) -> dict[str, Any]:
    rungs = [(["sme_1"], 0), (["regional_manager", "head"], 14), (["director"], 30)]
    ladder = [{"to": to, "after_days": days} for to, days in rungs]
    return {"rule": rule, "notice": "stall", "cause": cause, "ladder": ladder, "repeat_days": 45, "repeats": 2, **more}


class Service(NamedTuple):
    """Where and under what a case lives, and when its service ran: instants of UTC, in order."""

    program: Program
    place: tuple[str, str | None]
    agreed: date
    reader: str
    ran: tuple[datetime, ...]

    @property
    def site(self) -> Site:
        """Where the agency is."""
        entity, municipality = self.place
        return Site(f"{entity}-POL-01", entity, municipal=municipality is not None)

    @property
    def calendar(self) -> Calendar:
        """The agency's working days."""
        return self.program.calendar_of(self.site)

    @property
    def zone(self) -> str:
        """The agency's clock."""
        return POLICY.zone_of(*self.place)

    @property
    def working(self) -> bool:
        """Whether what is said is planned for working days."""
        return self.program.reminders["limit"].on_working_days


@st.composite
def services(draw: st.DrawFn) -> Service:
    agreed = draw(AGREED)
    begins = datetime.combine(agreed, time(), UTC) + timedelta(hours=draw(st.integers(12, 900 * 24)))
    hours = draw(st.lists(st.sampled_from(HOURS_DOWN), min_size=1, max_size=14))
    ran = [begins + timedelta(hours=sum(hours[:number])) for number in range(len(hours) + 1)]
    return Service(
        under(draw(st.integers(0, 3)), working=draw(st.booleans())), draw(st.sampled_from(PLACES)), agreed,
        draw(st.sampled_from(ABROAD)), tuple(ran),
    )


@dataclass
class Course:
    """What came of a life: which days were swept, what was decided, what went out."""

    life: Case
    days: list[date] = field(default_factory=list)
    decided: Counter[Key] = field(default_factory=Counter)
    sent: Counter[Key] = field(default_factory=Counter)


def life_of(given_: Service) -> Case:
    agreed = given_.agreed
    seats = [
        Seat(number, post, agreed, None if post is not Post.SME_2 else agreed + timedelta(days=LEFT - 1), number)
        for number, post in enumerate(Post, 1) if post is not Post.HEAD
    ]
    seats += [
        Seat(98, Post.HEAD, agreed, agreed + timedelta(days=CHANGED - 1), 98),
        Seat(99, Post.HEAD, agreed + timedelta(days=CHANGED), None, 99),
    ]
    life = case("commission_review", agreement_on=agreed, stage_entered_on=agreed, site=given_.site)
    return replace(life, seats=seats)


@promised
@given(services())
def test_every_occurrence_of_every_rule_is_decided_exactly_once_in_every_zone(given_: Service) -> None:
    """Sent, coalesced or skipped with a reason; what is sent goes out once, at work, while it means something."""
    course = lived(given_)
    expected = {*thresholds(given_, course.days[-1]), *rungs(given_, course.days)}
    assert course.decided == Counter(dict.fromkeys(expected, 1))
    assert max(course.sent.values(), default=1) == 1
    for notice in course.life.said:
        held_back = notice.state in {NoticeState.SUPPRESSED, NoticeState.CANCELLED}
        assert (notice.reason is not None) == held_back
        assert (notice.key in course.sent) == (notice.state is NoticeState.SENT)


def lived(given_: Service) -> Course:
    course = Course(life_of(given_))
    home = zone_named(given_.zone)
    for instant in given_.ran:
        today = day_begun(POLICY.zones, instant)
        assert today <= instant.astimezone(home).date(), "nothing is decided before its day where the agency is"
        decision = decide(course.life, given_.program, today)
        course.days.append(today)
        course.decided.update(telling.key for telling in decision.tellings)
        assert all((t.state is NoticeState.PENDING) == (t.reason is None) for t in decision.tellings)
        assert all(t.planned_for <= today for t in decision.tellings)
        course.life = apply(course.life, decision)
        deliver(given_, course, (instant, decision))
    return course


def deliver(given_: Service, course: Course, at: tuple[datetime, Decision]) -> None:
    """Send what is pending to whoever is at work, as the delivery does: nothing of a case that is to be looked at."""
    instant, decision = at
    here = instant.astimezone(zone_named(POLICY.zone)).date()
    if decision.next_review_on is not None and decision.next_review_on <= here:
        return
    readers = [reader_of(given_.program, 1, zone) for zone in (given_.reader, given_.zone)]
    for index, notice in enumerate(course.life.said):
        reader = readers[notice.key.post is Post.HEAD]
        if notice.state is not NoticeState.PENDING or not at_work(POLICY.working_hours, reader, instant):
            continue
        _means_what_it_says(given_, notice.key, here)
        course.sent[notice.key] += 1
        course.life.said = [*course.life.said]
        course.life.said[index] = notice._replace(state=NoticeState.SENT)


def _means_what_it_says(given_: Service, key: Key, today: date) -> None:
    rule = given_.program.reminding.get(key.rule)
    if rule is None:
        return
    assert today <= key.anchor_on
    if isinstance(rule.misfire, SkipAfter):
        days = int(key.occurrence.rpartition(":")[2])
        assert (today - _planned(given_, key.anchor_on, days)).days <= rule.misfire.skip_after


def _planned(given_: Service, anchor_on: date, days: int) -> date:
    on = anchor_on - timedelta(days=days)
    calendar = given_.calendar
    while given_.working and not calendar.works(on):
        on -= timedelta(days=1)
    return on


def thresholds(given_: Service, today: date) -> Iterator[Key]:
    """Yield what reminders and duties have to have decided by a day, worked out from the agreement alone."""
    program_, agreed = given_.program, given_.agreed
    limit, window = add_months(agreed, 36), add_months(agreed, 36)
    changed = agreed + timedelta(days=CHANGED)
    target = agreed + timedelta(days=program_.plan("law_enforcement_tier1", 1).stages["commission_review"].budget)
    dates: list[tuple[str, date, str, date]] = [
        ("limit", limit, "", date.min), ("window", window, "", date.min),
        ("target", target, "commission_review:", date.min),
        ("report", add_months(agreed, 12), "1:", date.min),
        ("report", add_months(agreed, 24) + timedelta(days=30), "2:", date.min),
        ("bridge", changed + timedelta(days=60), "head:", changed),
    ]
    for rule, anchor_on, name, not_before in dates:
        said = program_.reminding[rule]
        for days in said.days_before:
            if max(_planned(given_, anchor_on, days), not_before) <= today:
                yield from (Key(rule, f"{name}{days}", anchor_on, post) for post in said.to)


def rungs(given_: Service, days: Sequence[date]) -> Iterator[Key]:
    """Yield what escalations have to have decided by the last of the days that were swept: a rung a look at most."""
    agreed, escalations = given_.agreed, given_.program.escalations
    limit, left = add_months(agreed, 36), agreed + timedelta(days=LEFT)
    stall = given_.program.policy.stage["commission_review"].stall_days
    reports = [add_months(agreed, 12), add_months(agreed, 24) + timedelta(days=30)]
    stories: list[tuple[str, str, date, date]] = [
        ("late", "passed", limit, _grace(given_, limit + timedelta(days=1), escalations["late"])),
        ("quiet", "commission_review", agreed, agreed + timedelta(days=stall)),
        ("empty", "sme_2", left, _grace(given_, left, escalations["empty"])),
        *(
            ("owing", f"report:{number}", due_on, _grace(given_, due_on + timedelta(days=1), escalations["owing"]))
            for number, due_on in enumerate(reports, 1)
        ),
    ]
    for rule, story, anchor_on, opens_on in stories:
        yield from _climbed(escalations[rule], [day for day in days if day >= opens_on], (story, anchor_on))


def _grace(given_: Service, on: date, rule: EscalationRule) -> date:
    left = rule.grace_days
    calendar = given_.calendar
    while left:
        on += timedelta(days=1)
        left -= calendar.works(on) if rule.grace_in_working_days else 1
    return on


def _climbed(rule: EscalationRule, days: Sequence[date], story: tuple[str, date]) -> Iterator[Key]:
    rung = repeat = 0
    said_on = date.min
    for today in days:
        top = rung == len(rule.ladder)
        wait = (rule.repeat_days if top else rule.ladder[rung].after_days) or 0
        if (rung and (today - said_on).days < wait) or (top and repeat == rule.repeats):
            continue
        rung, repeat, said_on = (rung, repeat + 1, today) if top else (rung + 1, 0, today)
        for post in rule.ladder[rung - 1].to:
            # Nobody is told twice of one story: a post of two rungs would stand here twice.
            yield Key(rule.rule, f"{story[0]}/{rung}.{repeat}", story[1], post)
