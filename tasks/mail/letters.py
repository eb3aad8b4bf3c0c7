"""Pending notices put together into one letter a person, with what is true on the day it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, bindparam, or_, select

from models.rules.budget import allotted
from models.rules.case import Case, Program
from models.rules.clock import clocks
from models.rules.decide import DEADLINES
from models.rules.delivery import is_due
from models.rules.duties import changed_holder
from models.rules.fees import spell_price
from models.rules.gates import dossier, gate_state
from models.rules.hours import at_work, reader_of
from models.rules.letter import Form, Item, Letter, reference_of
from models.rules.naming import awaited, enrollment_code
from models.rules.planning import outlook
from models.rules.policy import Duty
from models.rules.words import NEXT_CONTACTS, SCOPE_OF, Cause, EmailKind, Language, NoticeState, Post, Reason, Scope
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, INSTALLATION, NOTICE, OF_A_CASE, PERSON, same
from models.settings import settings
from tasks.answers.absences import stand_ins
from tasks.answers.links import Issuer, Link
from tasks.answers.offers import Held, Offers
from tasks.mail.budgets import Budgets
from tasks.mail.histories import Histories
from tasks.mail.moved import MovedDates
from tasks.mail.outbox.parked import FREE
from tasks.mail.outbox.retries import Carrier, Carriers, carriers_of, outdated
from tasks.store.cases import IDS, WIDE, named_cases
from tasks.store.programs import program_in_force
from tasks.views.forms import Forms
from tasks.weekly import letters as weekly

CONFERENCES_SHOWN = 3
AT_THE_UI = frozenset({Post.DIRECTOR, Post.OPERATOR})
"""Who decides by run forms; SMEs, agencies and regional managers answer by links that need no account."""

_N, _E, _A = NOTICE.c, ENROLLMENT.c, ASSIGNMENT.c
# A case that is due is not written about: its next sweep may say that the deadline moved or the case ended.
_PENDING = (
    select(
        _N.id, _N.subject_id, _N.rule, _N.occurrence, _N.anchor_on, _N.post, _N.template, _N.planned_for, _N.facts,
        _N.email_id, _N.waits_until, _N.batch_id,
        AGENCY.c.code, AGENCY.c.name, AGENCY.c.id.label("agency_id"), AGENCY.c.region, _E.track, _E.cycle, _E.risk,
    )
    .join(ENROLLMENT, ENROLLMENT.c.id == _N.subject_id)
    .join(AGENCY, AGENCY.c.id == _E.agency_id)
    .where(
        same(_N.state, NoticeState.PENDING),
        OF_A_CASE, FREE,
        _N.planned_for <= bindparam("today"),
        or_(_E.next_review_on.is_(None), _E.next_review_on > bindparam("today")),
    )
    .order_by(_N.planned_for, _N.id)
    .limit(bindparam("size"))
)
_HOLDERS = (
    select(
        _A.id.label("seat"), _A.post, _A.enrollment_id, _A.agency_id, _A.region, _A.since,
        PERSON.c.id, PERSON.c.given_names, PERSON.c.surname, PERSON.c.second_surname, PERSON.c.email, PERSON.c.language,
        PERSON.c.time_zone, PERSON.c.undeliverable_since, PERSON.c.code.label("person_code"),
    )
    .join(PERSON, PERSON.c.id == _A.person_id)
    .where(
        _A.since <= bindparam("today"),
        or_(_A.until.is_(None), _A.until >= bindparam("today")),
    )
    .order_by(_A.since, _A.id)
)
# Three queries and not one with OR: each is served by an index of its own.
_OF_ENROLLMENTS, _OF_AGENCIES = _HOLDERS.where(_A.enrollment_id.in_(IDS)), _HOLDERS.where(_A.agency_id.in_(IDS))
_OF_REST = _HOLDERS.where(WIDE)

_STANDING_IN = {
    Language.ES_MX: "{post}, en ausencia de {holder}", Language.EN: "{post}, standing in for {holder}",
}

Place = tuple[Post, int | str | None]


class Parcel(NamedTuple):
    """A letter with the notices it carries and the address it goes to; `carrier` is the email that it was before.

    `links` are the answers that it offers, to be stored when it is claimed. `released`: an operator let it go, whatever
    the cap of a run. `a_week` is how many emails the person may get in the week.
    """

    person_id: int
    address: str
    letter: Letter
    notice_ids: tuple[int, ...]
    carrier: Carrier | None = None
    links: tuple[Link, ...] = ()
    released: bool = False
    a_week: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts for the cap of a run: what was on its way before does not, nor what was released."""
        return self.carrier is None and not self.released


class Seated(NamedTuple):
    """The seat by which somebody gets a notice, who holds it, and whether it is the reader's and the notice's own."""

    seat: int
    holder: Row[Any]
    own: bool


class Gathered(NamedTuple):
    """What can be written now, and what cannot.

    `nobody` are notices whose post nobody can be reached for, `broken` those that cannot be put into a letter, with
    the error's name, `outdated` those that no longer hold, with the reason, `over` those for which their reader's week
    has no email left, with the day until which they wait. `a_run` is how many emails a run may send.
    """

    parcels: list[Parcel]
    nobody: list[int]
    broken: dict[int, str]
    outdated: dict[int, Reason]
    over: dict[int, date]
    a_run: int | None = None


class Rules(NamedTuple):
    """How long an email may be put off at all, how many notices are looked at, how late a letter may still go out."""

    horizon: timedelta
    size: int
    lies: timedelta = timedelta(0)


Groups = dict[tuple[Row[Any], EmailKind], list[Row[Any]]]


def gather(connection: Connection, now: datetime, rules: Rules) -> Gathered:
    """Bind pending notices to whoever can be reached for their post today, and put them together by person and kind.

    People outside their working hours are passed over, and those whose last email is to be tried later: their notices
    wait.
    """
    program = program_in_force(connection)
    today = now.astimezone(ZoneInfo(program.policy.zone)).date()
    gathered = Gathered([], [], {}, {}, {}, program.policy.mail.a_run)
    day = _Day(program, now, today, rules, Budgets(connection, program.policy.mail.a_week, today=today))
    _gather_cases(connection, gathered, day)
    _gather_weeklies(connection, gathered, day)
    return gathered


class _Day(NamedTuple):
    """What all that is gathered at one moment shares."""

    program: Program
    now: datetime
    today: date
    rules: Rules
    budgets: Budgets

    def may_go(self, carrier: Carrier | None) -> bool:
        """Whether an email that waits may be tried again, if there is one."""
        return carrier is None or is_due(carrier.next_at, self.now, self.rules.horizon)

    def at_work(self, person: int, zone: str) -> bool:
        """Whether mail may reach somebody now, and for as long as a letter may lie."""
        hours, reader = self.program.policy.working_hours, reader_of(self.program, person, zone)
        return all(at_work(hours, reader, instant) for instant in (self.now, self.now + self.rules.lies))


def _gather_weeklies(connection: Connection, gathered: Gathered, day: _Day) -> None:
    """Write the mails of the week to people who are at work, whoever stands in for them otherwise."""
    program, today = day.program, day.today
    rows = connection.execute(weekly.PENDING.where(FREE), {"today": today, "size": day.rules.size}).all()
    gathered.nobody.extend(row.id for row in rows if row.undeliverable_since is not None)
    carriers = {person: carrier for (person, _), carrier in carriers_of(connection, rows).items()}
    due = [
        row for row in rows if row.undeliverable_since is None and day.at_work(row.person_id, row.time_zone)
        and day.may_go(carriers.get(row.person_id)) and _goes_with(row, carriers.get(row.person_id))
    ]
    if not due:
        return
    people = {row.person_id for row in due}
    for row in due:
        if row.email_id is None and not day.budgets.leaves_one(row.person_id, people):
            gathered.outdated[row.id] = Reason.OVER_BUDGET
    due = [row for row in due if row.id not in gathered.outdated]
    scribe = weekly.Weeklies(connection, program, due, today=today, is_demo=_is_demo(connection))
    written: set[int] = set()
    for row in due:
        if row.person_id in written:  # one mail of a kind a day: who has two weekly mails gets the other tomorrow
            continue
        try:
            found = scribe.letter(row)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter must not hold up the others
            gathered.broken[row.id] = type(error).__name__
            continue
        if isinstance(found, Reason):
            gathered.outdated[row.id] = found
            continue
        written.add(row.person_id)
        parcel = Parcel(
            row.person_id, row.email, found, (row.id,), released=row.batch_id is not None, a_week=day.budgets.a_week
        )
        gathered.parcels.append(_carried(parcel, carriers.get(row.person_id)))


def _gather_cases(connection: Connection, gathered: Gathered, day: _Day) -> None:
    program, today = day.program, day.today
    rows = connection.execute(_PENDING, {"today": today, "size": day.rules.size}).all()
    if not rows:
        return
    carriers = carriers_of(connection, rows)
    waiting = {key for key, carrier in carriers.items() if not day.may_go(carrier)}
    seats: dict[int, Seated] = {}
    holders = _holders(connection, rows, today)
    there = stand_ins(connection, {holder.id for holder in holders.values()}, today)
    groups = _grouped(program, rows, _Reach(holders, there, gathered, seats))
    groups = {
        (person, kind): [row for row in found if _goes_with(row, carriers.get((person.id, kind)))]
        for (person, kind), found in groups.items()
        if (person.id, kind) not in waiting and day.at_work(person.id, person.time_zone)
    }
    groups = _within_budget(groups, carriers, day.budgets, gathered=gathered)
    wanted = sorted({row.subject_id for found in groups.values() for row in found})
    cases = {case.id: case for case in named_cases(connection, wanted)}
    again = {row.subject_id for found in groups.values() for row in found if row.email_id is not None}
    taken_back = outdated((cases[number] for number in again), program, today)
    written = [row for found in groups.values() for row in found]
    past = _Past(
        Histories(connection, program, written, today=today),
        MovedDates(connection, program, cases.values(), today=today),
    )
    scribe = _Scribe(program, cases, seats, past=past, today=today, is_demo=_is_demo(connection))
    for (person, kind), found in groups.items():
        gathered.outdated.update((row.id, taken_back[row.id]) for row in found if row.id in taken_back)
        left = [row for row in found if row.id not in taken_back]
        parcel = _whole(left, gathered.broken, partial(scribe.parcel, to=person, kind=kind))
        if parcel is not None:
            released = all(row.batch_id is not None for row in left)
            parcel = parcel._replace(released=released, a_week=day.budgets.a_week)
            gathered.parcels.append(_carried(parcel, carriers.get((person.id, kind))))


def _within_budget(groups: Groups, carriers: Carriers, budgets: Budgets, *, gathered: Gathered) -> Groups:
    """Leave out what a reader's week has no email left for, and put together what must share the last one.

    An email that waits to be sent again has its place in the week already.
    """
    if budgets.a_week is None:
        return groups
    people = {person.id: person for person, _ in groups}
    fresh: dict[int, list[EmailKind]] = defaultdict(list)
    for person, kind in groups:
        if (person.id, kind) not in carriers:
            fresh[person.id].append(kind)
    found: Groups = {key: rows for key, rows in groups.items() if (key[0].id, key[1]) in carriers}
    for number, kinds in fresh.items():
        person, goes = people[number], allotted(kinds, budgets.left(number, people))
        for kind in kinds:
            goes_as, rows = goes[kind], groups[person, kind]
            if goes_as is None:
                new = [row for row in rows if row.waits_until != budgets.next_week]
                gathered.over.update((row.id, budgets.next_week) for row in new)
            else:
                found.setdefault((person, goes_as), []).extend(rows)
        budgets.spend(number, len({each for each in goes.values() if each is not None}))
    return found


class _Reach(NamedTuple):
    """Who holds which post and who stands in for whom; where to note who cannot be reached, and who is by which seat.

    A person who is away and has nobody to stand in is written to themselves: mail waits where they will find it.
    """

    holders: Mapping[Place, Row[Any]]
    stand_ins: Mapping[int, Row[Any]]
    gathered: Gathered
    seats: dict[int, Seated]


def _grouped(program: Program, rows: Sequence[Row[Any]], reach: _Reach) -> Groups:
    """Put notices together by person and kind of email, and note the seat by which each reaches its reader."""
    people: dict[int, Row[Any]] = {}
    groups: dict[tuple[int, EmailKind], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        holder = _reached(row, reach.holders)
        if holder is None:
            reach.gathered.nobody.append(row.id)
        else:
            # Where nobody stands in, mail waits where its reader will find it.
            person = reach.stand_ins.get(holder.id, holder)
            people[person.id] = person
            reach.seats[row.id] = Seated(holder.seat, holder, person is holder and holder.post == row.post)
            # What the week before had no email left for joins the digest.
            kind = kind_of(program, row.rule) if row.waits_until is None else EmailKind.DIGEST
            groups[person.id, kind].append(row)
    return {(people[number], kind): found for (number, kind), found in groups.items()}


def _whole(
    rows: list[Row[Any]], broken: dict[int, str], write: Callable[[list[Row[Any]]], Parcel]
) -> Parcel | None:
    """Write one letter of notices; one that cannot be put into any is left out of it, and told of."""
    try:
        return write(rows) if rows else None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one notice must not hold up the others
        sound = []
        for row in rows:
            try:
                write([row])
            except Exception as cause:  # noqa: BLE001 - the same
                broken[row.id] = type(cause).__name__
            else:
                sound.append(row)
        if len(sound) < len(rows):
            return _whole(sound, broken, write)
        broken.update((row.id, type(error).__name__) for row in rows)  # only together, which helps nobody
        return None


def _goes_with(row: Row[Any], carrier: Carrier | None) -> bool:
    return carrier is None or carrier.carries(row)


def _carried(parcel: Parcel, carrier: Carrier | None) -> Parcel:
    """Give a letter the reference that it had before."""
    if carrier is None:
        return parcel
    return parcel._replace(carrier=carrier, letter=replace(parcel.letter, reference=carrier.reference))


def _reached(row: Row[Any], holders: Mapping[Place, Row[Any]]) -> Row[Any] | None:
    """Return who is written to: whoever holds the post, or the next contact where mail does not reach the holder."""
    holder = holders.get(_place(row, row.post))
    if holder is None or holder.undeliverable_since is None:
        return holder
    others = (holders.get(_place(row, post)) for post in NEXT_CONTACTS[row.post])
    return next((other for other in others if other is not None and other.undeliverable_since is None), None)


def kind_of(program: Program, rule: str) -> EmailKind:
    """Return the kind of email that carries a rule's notices: escalations travel apart from the day's digest."""
    return EmailKind.ESCALATION if rule in program.escalations else EmailKind.DIGEST


def _is_demo(connection: Connection) -> bool:
    return bool(connection.scalar(select(INSTALLATION.c.is_demo)))


def _holders(connection: Connection, rows: Sequence[Row[Any]], today: date) -> dict[Place, Row[Any]]:
    asked: tuple[tuple[Select[Any], list[int]], ...] = (
        (_OF_ENROLLMENTS, [row.subject_id for row in rows]), (_OF_AGENCIES, [row.agency_id for row in rows]),
        (_OF_REST, []),
    )
    # Ordered by `since`: where two hold one post, the one who came last is written to.
    return {
        (row.post, row.enrollment_id or row.agency_id or row.region): row
        for query, ids in asked
        for row in connection.execute(query, {"today": today, "ids": list(set(ids))})
    }


def _place(row: Row[Any], post: Post) -> Place:
    owner: dict[Scope, int | str | None] = {
        Scope.ENROLLMENT: row.subject_id, Scope.AGENCY: row.agency_id, Scope.REGION: row.region, Scope.PROGRAM: None,
    }
    return post, owner[SCOPE_OF[post]]


def _duty(row: Row[Any]) -> str:
    """Name what a reminder is about: its thresholds and their date left out, the stage of a stage's target kept."""
    code, (stage, _, _) = enrollment_code(row.code, row.track, row.cycle), row.occurrence.rpartition(":")
    return "/".join(part for part in (code, row.rule, stage) if part)


def _seat_name(row: Row[Any], post_name: str) -> str:
    return f"{post_name} · {row.name}" if SCOPE_OF[row.post] is Scope.ENROLLMENT else post_name


class _Past(NamedTuple):
    """What readers were told before, and what changed since."""

    histories: Histories
    moves: MovedDates


class _Scribe:
    """Writes letters for one program on one day. `seats` are those by which notices reach their readers, by notice."""

    def __init__(
        self, program: Program, cases: Mapping[int, Case], seats: Mapping[int, Seated], *, past: _Past,
        today: date, is_demo: bool,
    ) -> None:
        self._program, self._cases, self._seats, self._past = program, cases, seats, past
        self._today, self._is_demo = today, is_demo
        self._desk_url = settings().desk_url
        self._forms = Forms(program, today)

    def parcel(self, found: Sequence[Row[Any]], *, to: Row[Any], kind: EmailKind) -> Parcel:
        person = to
        language = Language(person.language)
        posts = [self._post_name(row, person, language) for row in found]
        offers = Offers(self._program, Issuer(self._desk_url) if self._desk_url else None, person.id)
        items = tuple(
            replace(
                self._item(row, language, offers), post_name=post, forms=self._forms_for(row, person),
                moved=self._past.moves.of(self._cases[row.subject_id], person.id, language),
            )
            for row, post in zip(found, posts, strict=True)
        )
        leaving = offers.leaving([
            self._held(row, _seat_name(row, post)) for row, post in zip(found, posts, strict=True)
        ])
        letter = Letter(
            given_names=person.given_names, surname=person.surname, second_surname=person.second_surname,
            post_name=posts[0], language=language, kind=kind,
            items=items, leaving=leaving,
            reference=reference_of(f"{person.id}/{self._today}/{kind}"),
            today=self._today, program_name=self._program.policy.name.text(language), is_demo=self._is_demo,
        )
        return Parcel(person.id, person.email, letter, tuple(row.id for row in found), links=offers.links)

    def _item(self, row: Row[Any], language: Language, offers: Offers) -> Item:
        policy, today, case = self._program.policy, self._today, self._cases[row.subject_id]
        dates = clocks(case, self._program.plan(case.track, case.cycle), today)
        known = dossier(case, self._program, today)
        waiting = gate_state(case, self._program, known).missing
        rule = self._program.escalations.get(row.rule)
        of_a_post = rule is not None and rule.cause in {Cause.VACANCY, Cause.UNDELIVERABLE}
        vacant = Post(row.occurrence.split("/", 1)[0]) if of_a_post else None
        post = vacant or self._changed(row)
        coming = [day for day in self._program.conferences if today <= day <= max(dates.limit, dates.window_until)]
        return Item(
            template=row.template, rule=row.rule, post=row.post, post_name=policy.posts[row.post].text(language),
            agency=row.name, agency_code=row.code, enrollment=enrollment_code(row.code, row.track, row.cycle),
            track_name=policy.tracks[row.track].name.text(language),
            stage_name=policy.stage[case.stage].name.text(language),
            anchor_on=row.anchor_on, days_left=(row.anchor_on - today).days, late=(today - row.planned_for).days,
            window_from=dates.window_from, window_until=dates.window_until, limit=dates.limit,
            stage_target=dates.stage_target, last_activity=max(known.last_activity, case.stage_entered_on),
            stage_entered_on=case.stage_entered_on, risk=row.risk, rung=row.facts.get("rung", 0),
            repeat=row.facts.get("repeat", 0), opened_on=self._opened_on(row, case),
            vacant_post_name=None if vacant is None else policy.posts[vacant].text(language),
            waiting_for=tuple(awaited(policy, code, language) for code in waiting),
            next_conferences=tuple(coming[:CONFERENCES_SHOWN]), duty="" if rule is not None else _duty(row),
            answers=offers.answers(self._held(row), row.facts.get("rung", 0)),
            chance=row.facts.get("chance"),
            cycle=row.cycle, agency_wide=post is not None and SCOPE_OF[post] is Scope.AGENCY,
            rungs=0 if rule is None else len(rule.ladder), **self._past.histories.of(row, case, language),
            **self._owed(row, case, language), **self._aimed(row, case),
        )

    def _forms_for(self, row: Row[Any], reader: Row[Any]) -> tuple[Form, ...]:
        """Return the run forms for those who work in the Prefect UI; everybody else answers at the desk."""
        if row.post not in AT_THE_UI:
            return ()
        case, rule = self._cases[row.subject_id], self._program.escalations.get(row.rule)
        of_a_post = rule is not None and rule.cause in {Cause.VACANCY, Cause.UNDELIVERABLE}
        missing = gate_state(case, self._program, dossier(case, self._program, self._today)).missing
        awaits = next((name for name in missing if name in self._program.policy.milestones), None)
        found = self._forms.about(
            enrollment_code(row.code, row.track, row.cycle), row.rule, person=reader.person_code, awaited=awaits,
            post=Post(row.occurrence.split("/", 1)[0]) if of_a_post else None,
        )
        return tuple(Form(does, url) for does, url in found.items())

    def _aimed(self, row: Row[Any], case: Case) -> dict[str, Any]:
        """Return the plan to the next conference, for what has climbed and for reminders of window and limit."""
        program = self._program
        reminder = program.reminders.get(row.rule)
        if row.rule not in program.escalations and (reminder is None or reminder.clock not in DEADLINES):
            return {}
        plan = outlook(case, program, self._today)
        if plan.nearest is None or plan.listed_until is None:
            return {}
        found = {"aimed_on": plan.nearest.on, "leave_by": plan.nearest.leave_by}
        slip = plan.slip(plan.nearest)
        if slip is None:
            return found
        dear = slip.price is not None and slip.price.high > 0
        cost = spell_price(slip.price, program.policy.currency or "") if slip.price is not None and dear else ""
        return found | {"slip_days": slip.days, "slip_cost": cost}

    def _post_name(self, row: Row[Any], reader: Row[Any], language: Language) -> str:
        """Name the post, and whom the reader stands in for."""
        holder, name = self._seats[row.id].holder, self._program.policy.posts[row.post].text(language)
        if holder.id == reader.id:
            return name
        return _STANDING_IN[language].format(post=name, holder=f"{holder.given_names} {holder.surname}".strip())

    def _held(self, row: Row[Any], seat_name: str = "") -> Held:
        seated = self._seats[row.id]
        return Held(row.subject_id, seated.seat, seated.holder.id, row.rule, seat_name, seated.own)

    def _named(self, row: Row[Any]) -> tuple[Duty | None, str]:
        """Return the duty that a notice is about and the name of its occurrence, whether it reminds or escalates."""
        duties = self._program.duties
        if row.rule in duties:
            return duties[row.rule], row.occurrence.rpartition(":")[0]
        duty, _, name = row.occurrence.split("/", 1)[0].partition(":")
        rule = self._program.escalations.get(row.rule)
        return (duties.get(duty) if rule is not None and rule.cause is Cause.DUTY else None), name

    def _changed(self, row: Row[Any]) -> Post | None:
        duty, name = self._named(row)
        return Post(name) if duty is not None and duty.posts else None

    def _owed(self, row: Row[Any], case: Case, language: Language) -> dict[str, Any]:
        """Return the facts of a notice about something owed, none for another."""
        duty, name = self._named(row)
        if duty is None:
            return {}
        told: dict[str, Any] = {
            "owed_name": duty.name.text(language), "steps": tuple(step.text(language) for step in duty.steps)
        }
        if not duty.posts:
            return told | {"owed_number": int(name), "owed_of": len(duty.due)}
        post = Post(name)
        since = changed_holder(case.seats, post, self._today)
        return told | {"new_post_name": self._program.policy.posts[post].text(language), "new_since": since}

    def _opened_on(self, row: Row[Any], case: Case) -> date | None:
        key = (row.rule, row.occurrence.rsplit("/", 1)[0], row.anchor_on)
        return next((s.opened_on for s in case.standings if (s.rule, s.occurrence, s.anchor_on) == key), None)
