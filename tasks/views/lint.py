"""Lint: what in a program, its roster and its templates will keep somebody from being told, before it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from models.rules.case import Program
from models.rules.errors import nearest
from models.rules.hours import known_zones
from models.rules.lint import Finding, Severity, policy_findings
from models.rules.listed import Listed, spell_short, too_short
from models.rules.naming import enrollment_code
from models.rules.policy import Policy
from models.rules.words import Post, Status
from models.schema import AGENCY, ASSIGNMENT, ENROLLMENT, PERSON
from tasks.mail.rendering import notices, template_problems
from tasks.mail.senders.message import mailbox
from tasks.store.cases import named_cases
from tasks.store.lookups import chunks

NAMED = 3
"""How many examples a finding names."""
_P, _A, _E = PERSON.c, ASSIGNMENT.c, ENROLLMENT.c


def lint_program(policy: Policy, today: date) -> list[Finding]:
    """Find what is odd about a policy and about the templates it uses."""
    return [*policy_findings(policy, today), *_templates(policy)]


def _templates(policy: Policy) -> Iterator[Finding]:
    for problem in template_problems():
        yield Finding(Severity.ERROR, problem.place, problem.what, problem.remedy)
    known = notices()
    asked = [(rule.rule, rule.notice) for rule in (*policy.reminders, *policy.duties)]
    for rule, notice in (*asked, *((rule.rule, rule.notice) for rule in policy.escalations)):
        if notice not in known:
            what = f'"{rule}" sends the notice "{notice}", which has no templates.'
            yield Finding(Severity.ERROR, f"templates/emails/{notice}", what, nearest(notice, known))


def lint_roster(connection: Connection, program: Program, today: date) -> list[Finding]:
    """Find what is odd about the people, their posts and the open cases, today."""
    people = connection.execute(select(PERSON)).all()
    seats = connection.execute(
        select(_A.person_id, _A.post, _A.enrollment_id, _A.agency_id, _A.region, _P.code.label("person"))
        .join(PERSON, _P.id == _A.person_id)
        .where(_A.since <= today, or_(_A.until.is_(None), _A.until >= today))
    ).all()
    cases = connection.execute(
        select(_E.id, _E.track, _E.cycle, _E.agency_id, AGENCY.c.code, AGENCY.c.region)
        .join(AGENCY, AGENCY.c.id == _E.agency_id).where(_E.status == Status.OPEN).order_by(AGENCY.c.code, _E.id)
    ).all()
    roster = _Roster(program, people, (seats, cases))
    return [
        *roster.people_who_cannot_be_written_to(), *roster.deputies(), *roster.two_hats(), *roster.without_contact(),
        *roster.empty_rungs(), *_beyond_the_list(connection, program, (cases, today)),
    ]


def _listed(codes: Iterable[str]) -> str:
    names = list(dict.fromkeys(codes))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _code(row: Row[Any]) -> str:
    return enrollment_code(row.code, row.track, row.cycle)


class _Roster:
    """The people in their posts and the open cases of one day, held against each other."""

    def __init__(
        self, program: Program, people: Sequence[Row[Any]], given: tuple[Sequence[Row[Any]], Sequence[Row[Any]]]
    ) -> None:
        self._program, self._people = program, people
        self._seats, self._cases = given
        self._holders: dict[tuple[Post, int | str | None], list[Row[Any]]] = defaultdict(list)
        for seat in self._seats:
            self._holders[seat.post, seat.enrollment_id or seat.agency_id or seat.region].append(seat)
        self._reachable = {person.id for person in people if not _fault(person)}

    def _in(self, post: Post, case: Row[Any]) -> list[Row[Any]]:
        """Return who holds a post of a case."""
        places: tuple[int | str | None, ...] = (case.id, case.agency_id, case.region, None)
        match post:
            case Post.SME_1 | Post.SME_2:
                place = places[0]
            case Post.ACCREDITATION_MANAGER | Post.HEAD:
                place = places[1]
            case Post.REGIONAL_MANAGER:
                place = places[2]
            case _:
                place = places[3]
        return self._holders.get((post, place), [])

    def people_who_cannot_be_written_to(self) -> Iterator[Finding]:
        """Yield people in a post whose address, language or zone cannot be used."""
        in_post = {seat.person_id for seat in self._seats}
        for person in self._people:
            fault = _fault(person)
            if fault is not None and person.id in in_post:
                yield Finding(Severity.ERROR, f"person {person.code}", *fault)

    def deputies(self) -> Iterator[Finding]:
        """Yield circles of deputies: whoever is away then stands in for themselves."""
        deputy = {person.id: person.deputy_id for person in self._people if person.deputy_id is not None}
        code = {person.id: person.code for person in self._people}
        seen: set[int] = set()
        for first in deputy:
            way: list[int] = []
            each: int | None = first
            while each is not None and each not in way and each not in seen:
                way.append(each)
                each = deputy.get(each)
            if each is not None and each in way:
                circle = way[way.index(each):]
                what = f"stands in for themselves: {' > '.join(code[one] for one in [*circle, each])}."
                yield Finding(Severity.ERROR, f"person {code[each]}", what, "Break the circle of deputies.")
            seen.update(way)

    def two_hats(self) -> Iterator[Finding]:
        """Yield people whom an escalation would climb from, and to."""
        both: dict[tuple[str, str], list[str]] = defaultdict(list)
        for case in self._cases:
            experts = {seat.person for post in (Post.SME_1, Post.SME_2) for seat in self._in(post, case)}
            for post in (Post.REGIONAL_MANAGER, Post.DIRECTOR):
                for seat in self._in(post, case):
                    if seat.person in experts:
                        both[seat.person, post.value].append(_code(case))
            first, second = ({s.person for s in self._in(post, case)} for post in (Post.SME_1, Post.SME_2))
            for person in first & second:
                both[person, "the other expert"].append(_code(case))
        for (person, other), codes in both.items():
            what = f"is expert and {other.replace('_', ' ')} of {_listed(codes)}: what climbs reaches the same person."
            yield Finding(Severity.WARNING, f"person {person}", what, "Hand one of the posts over.")

    def without_contact(self) -> Iterator[Finding]:
        """Yield agencies with open cases that nobody there can be reached at."""
        posts = [post for post in (Post.ACCREDITATION_MANAGER, Post.HEAD) if post in self._program.policy.posts]
        for case in {case.agency_id: case for case in self._cases}.values():
            reached = any(seat.person_id in self._reachable for post in posts for seat in self._in(post, case))
            if posts and not reached:
                what = "has nobody who can be written to: no accreditation manager, no head."
                yield Finding(Severity.ERROR, f"agency {case.code}", what, "Import its contact.")

    def empty_rungs(self) -> Iterator[Finding]:
        """Yield rungs that would tell nobody, by the open cases of which that is so."""
        for rule in self._program.policy.escalations:
            for number, rung in enumerate(rule.ladder, 1):
                empty = [case for case in self._cases if not any(self._in(post, case) for post in rung.to)]
                if empty:
                    last = number == len(rule.ladder)
                    posts = " nor ".join(post.value.replace("_", " ") for post in rung.to)
                    what = f"rung {number} tells nobody in {len(empty)} open cases, which have no {posts}:"
                    remedy = "Fill the posts." if last else "Fill the posts; until then the next rung is told at once."
                    yield Finding(
                        Severity.ERROR if last else Severity.WARNING, f'escalation "{rule.rule}"',
                        f"{what} {_listed(map(_code, empty))}.", remedy,
                    )


def _fault(person: Row[Any]) -> tuple[str, str] | None:
    """Return why a person cannot be written to, and the remedy."""
    if not person.given_names.strip():
        return "has no name.", "Import the person with one."
    try:
        mailbox(person.email)
    except ValueError:
        return "has no address that mail can be sent to.", "Correct the address."
    if person.time_zone not in known_zones():
        return f'lives in no known zone ("{person.time_zone}").', "Correct the zone."
    if person.undeliverable_since is not None:
        return "has an address that mail came back from.", "Correct the address."
    return None


def _beyond_the_list(
    connection: Connection, program: Program, given: tuple[Sequence[Row[Any]], date]
) -> Iterator[Finding]:
    """Yield open cases whose time ends after a list of days does: nobody can say what they could still make."""
    cases, today = given
    code = {case.id: _code(case) for case in cases}
    late: dict[Listed, list[str]] = defaultdict(list)
    for some in chunks(sorted(code)):
        for case in named_cases(connection, some):
            for listed in too_short(case, program, today):
                late[listed].append(code[case.id])
    for listed, codes in late.items():
        what = f"{spell_short(listed, len(codes))}: {_listed(codes)}."
        yield Finding(Severity.WARNING, listed.place, what, "Add the days that are known by now.")
