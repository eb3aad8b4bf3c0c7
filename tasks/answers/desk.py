"""The desk: what a link shows to whoever opens it, and what answering does. Looking changes nothing.

A reader is told what the link is about and is asked for what the answer needs; a link is spent together with what it
does, in one transaction. What cannot be any more (the link was used, is over, or its reader left the post) is all the
same to the outside: nothing tells a link that was never given from one that was used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, select

from models.rules.case import Program
from models.rules.errors import Refused
from models.rules.gates import dossier, gate_state
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import Language, Purpose, Status
from models.schema import INSTALLATION
from tasks.answers.links import PATH, Link, Subject, digest, grant_of, keep, new_token, use
from tasks.answers.proposals import FactProposal, LeftProposal, propose
from tasks.answers.snoozing import Ending, Snoozing, end_snooze, snooze
from tasks.operations.escalations import Acknowledgement, acknowledge
from tasks.store.cases import named_cases
from tasks.store.clock import now_in
from tasks.store.database import reading, transaction
from tasks.store.programs import program_in_force

USUAL_WAIT = timedelta(days=14)
LONGEST_LEAVE = timedelta(days=366)
MOST_COUNTED = 10_000
AT_THE_DESK = "by the link that was shown when it was put off"
"""Why a snooze ended that its holder ended."""


class Choice(NamedTuple):
    """One of several things to choose: its code, its name in the reader's language, and whether it counts something."""

    code: str
    name: str
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a link shows. `first`, `last` and `usual` are days: which can be named, and which is proposed."""

    purpose: Purpose
    language: Language
    reader: str
    post_name: str
    program_name: str
    is_demo: bool
    agency: str
    track_name: str
    enrollment: str
    stage_name: str
    since: date
    subject: str
    mailed_on: date
    first: date
    last: date
    usual: date
    choices: tuple[Choice, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    """What was filled in, to be shown again beside what was wrong with it."""
    faults: frozenset[str] = frozenset()
    """The names of the fields that cannot be taken."""
    back: str = ""
    """The link that takes the answer back, where one does."""

    @property
    def day(self) -> date:
        """The day that was named, once it was found to be one; where none is asked for, today."""
        return date.fromisoformat(self.given["day"].strip()) if self.asks_for_a_day else self.last

    @property
    def asks_for_a_day(self) -> bool:
        """Whether the answer has a day of its own."""
        return self.purpose is not Purpose.RESUME


class Answered(StrEnum):
    """What became of an answer."""

    DONE = "done"
    FAULTY = "faulty"
    MOOT = "moot"
    """There is nothing to answer any more: the case ended, or the escalation was closed."""
    GONE = "gone"


class Reply(NamedTuple):
    """What became of an answer, with the page as it stood; none where there is no such link."""

    answered: Answered
    page: Page | None = None


def look(engine: Engine, token: str) -> Page | None:
    """Return what a link shows; None where there is nothing to see."""
    with reading(engine) as connection:
        scene = _scene(connection, token)
        return None if scene is None else scene.page


def answer(engine: Engine, token: str, given: Mapping[str, str]) -> Reply:
    """Do what a link is for, once.

    Args:
        engine: the database.
        token: the link's own.
        given: the fields as they were filled in.
    """
    try:
        with transaction(engine) as connection:
            return _answered(connection, token, given)
    except _MootError as moot:
        return Reply(Answered.MOOT, moot.page)


class _MootError(Exception):
    """Nothing is to be answered any more; the transaction is rolled back, and the link stays as it was."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page


class _Scene(NamedTuple):
    """A link with its page, and what acting on it needs."""

    grant: Row[Any]
    page: Page
    now: datetime
    today: date


def _answered(connection: Connection, token: str, given: Mapping[str, str]) -> Reply:
    scene = _scene(connection, token)
    if scene is None:
        return Reply(Answered.GONE)
    page = replace(scene.page, given=dict(given), faults=frozenset(_faults(scene.page, given)))
    if page.faults:
        return Reply(Answered.FAULTY, page)
    if not use(connection, scene.grant.id, scene.now):
        return Reply(Answered.GONE)
    if scene.grant.status is not Status.OPEN and page.purpose is not Purpose.LEFT:
        raise _MootError(page)
    try:
        back = _act(connection, scene, page)
    except Refused:
        # What the form could see was right: the case has changed since, and there is nothing to answer any more.
        raise _MootError(page) from None
    return Reply(Answered.DONE, replace(page, back=back))


def _scene(connection: Connection, token: str) -> _Scene | None:
    program, now = program_in_force(connection), now_in(connection)
    today = now.astimezone(ZoneInfo(program.policy.zone)).date()
    grant = grant_of(connection, token, now=now, today=today)
    if grant is None:
        return None
    is_demo = bool(connection.scalar(select(INSTALLATION.c.is_demo)))
    return _Scene(grant, _page(connection, (program, grant), (today, is_demo)), now, today)


def _page(connection: Connection, given: tuple[Program, Row[Any]], here: tuple[date, bool]) -> Page:
    (program, grant), (today, is_demo) = given, here
    policy, language = program.policy, Language(grant.language)
    (case,) = named_cases(connection, [grant.enrollment_id])
    stage = policy.stage.get(case.stage)
    first, last = _days(policy, grant, today)
    return Page(
        purpose=grant.purpose, language=language,
        reader=" ".join(part for part in (grant.given_names, grant.surname, grant.second_surname) if part),
        post_name=policy.posts[grant.post].text(language), program_name=policy.name.text(language), is_demo=is_demo,
        agency=grant.agency, track_name=policy.tracks[grant.track].name.text(language),
        enrollment=enrollment_code(grant.code, grant.track, grant.cycle),
        stage_name=case.stage if stage is None else stage.name.text(language), since=case.stage_entered_on,
        subject=grant.subject, mailed_on=grant.day, first=first, last=last, usual=_usual(grant.purpose, (first, last)),
        choices=tuple(_choices(program, grant.purpose, (connection, grant, today))),
    )


def _days(policy: Policy, grant: Row[Any], today: date) -> tuple[date, date]:
    purpose: Purpose = grant.purpose
    match purpose:
        case Purpose.ACKNOWLEDGE:
            return today + timedelta(days=1), today + timedelta(days=policy.answers.acknowledge_days)
        case Purpose.SNOOZE:
            return today + timedelta(days=1), today + timedelta(days=policy.answers.snooze_days)
        case Purpose.DONE:
            return min(grant.agreement_on, today), today
        case Purpose.LEFT:
            return min(grant.since, today), today + LONGEST_LEAVE
        case Purpose.RESUME:
            return today, today
        case _:
            assert_never(purpose)


def _usual(purpose: Purpose, between: tuple[date, date]) -> date:
    first, last = between
    if purpose in {Purpose.ACKNOWLEDGE, Purpose.SNOOZE}:
        return min(first + USUAL_WAIT, last)
    return last - LONGEST_LEAVE if purpose is Purpose.LEFT else last


def _choices(program: Program, purpose: Purpose, given: tuple[Connection, Row[Any], date]) -> list[Choice]:
    """Return the reasons to choose from, or the milestones: what is owed, what is awaited, what no gate asks for."""
    connection, grant, today = given
    policy, language = program.policy, Language(grant.language)
    if purpose in {Purpose.ACKNOWLEDGE, Purpose.SNOOZE}:
        return [Choice(code, name.text(language)) for code, name in policy.answer_reasons.items()]
    if purpose in {Purpose.LEFT, Purpose.RESUME}:
        return []
    (case,) = named_cases(connection, [grant.enrollment_id])
    missing: tuple[str, ...] = ()
    if case.status is Status.OPEN and case.stage in policy.stage:
        missing = gate_state(case, program, dossier(case, program, today)).missing
    asked = {name for stage in policy.stages for name in _asked(policy, stage.code)} | set(policy.endings.values())
    awaited = [code for code in missing if code in policy.milestones]
    owed = [program.duties[name].milestone for name in _owed_by(program, grant.rule)]
    codes = [*owed, *awaited, *(code for code in policy.milestones if code not in asked)]
    return [
        Choice(code, policy.milestones[code].name.text(language), policy.milestones[code].count)
        for code in dict.fromkeys(codes)
    ]


def _owed_by(program: Program, rule: str) -> tuple[str, ...]:
    """Name the duties that a rule reminds of or escalates."""
    if rule in program.duties:
        return (rule,)
    return program.escalations[rule].duties if rule in program.escalations else ()


def _asked(policy: Policy, stage: str) -> list[str]:
    gate = policy.stage[stage].gate
    return [*gate.usual, *(share.count for share in gate.shares)]


def _faults(page: Page, given: Mapping[str, str]) -> list[str]:
    """Name the fields that cannot be taken."""
    faults = []
    on = _day(given.get("day", ""))
    if page.asks_for_a_day and (on is None or not page.first <= on <= page.last):
        faults.append("day")
    chosen = next((each for each in page.choices if each.code == given.get("choice", "")), None)
    if page.choices and chosen is None:
        faults.append("choice")
    asked = any(each.counts for each in page.choices)
    if asked and chosen is not None and chosen.counts != _is_count(given.get("value", "").strip()):
        faults.append("value")
    return faults


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= len(str(MOST_COUNTED)) and int(value) <= MOST_COUNTED


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _act(connection: Connection, scene: _Scene, page: Page) -> str:
    """Do what a link is for; return the path by which its reader can take that back, if there is one."""
    grant, on, given = scene.grant, page.day, page.given
    code, note, purpose = given.get("choice", ""), given.get("note", ""), page.purpose
    match purpose:
        case Purpose.ACKNOWLEDGE:
            taken = Acknowledgement(scene.page.enrollment, grant.rule, grant.person, on, code)
            acknowledge(connection, taken, scene.today)
        case Purpose.SNOOZE:
            wish = Snoozing(scene.page.enrollment, grant.rule, grant.person, on, code)
            snooze(connection, wish, scene.today)
            return _way_back(connection, scene, on)
        case Purpose.DONE:
            counts = next(each.counts for each in scene.page.choices if each.code == code)
            value = int(given["value"]) if counts else None
            propose(connection, FactProposal(grant.person_id, grant.enrollment_id, code, on, value, note))
        case Purpose.LEFT:
            propose(connection, LeftProposal(grant.person_id, grant.assignment_id, on, note))
        case Purpose.RESUME:
            ending = Ending(scene.page.enrollment, grant.rule, grant.person, grant.person, AT_THE_DESK)
            end_snooze(connection, ending, scene.today)
        case _:
            assert_never(purpose)
    return ""


def _way_back(connection: Connection, scene: _Scene, until: date) -> str:
    """Store a link by which whoever put something off ends that, for as long as it lasts; return its path."""
    grant, token = scene.grant, new_token()
    subject = Subject(grant.person_id, grant.enrollment_id, grant.assignment_id, grant.holder_id, grant.rule)
    link, days = Link(digest(token), Purpose.RESUME, subject), (until - scene.today).days + 1
    keep(connection, [link], email_id=grant.email_id, now=scene.now, days=days)
    return f"{PATH}{token}"

