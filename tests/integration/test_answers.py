"""What people answer, on both databases: put off, handed over, proposed and settled; each seen by the next sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from models.rules.errors import Refused
from models.rules.words import Language, NoticeState, Post, ProposalState, Reason
from models.schema import ASSIGNMENT, ENROLLMENT, MILESTONE, NOTICE, PERSON, SNOOZE
from tasks.answers.proposals import FactProposal, LeftProposal, Listed, Settlement, proposals, propose, settle
from tasks.answers.seats import HandOver, hand_over
from tasks.answers.snoozing import Ending, Snoozing, end_snooze, snooze
from tasks.store.cases import named_cases
from tasks.store.database import reading, transaction
from tasks.sweep import sweep
from tasks.views.chronicle import explanation
from tests.building import case, crew, day, program
from tests.storing import NOW, REGION, install

CODE = "A1/law_enforcement_tier1"
WISH = Snoozing(CODE, "stage_target", "P1", day(40), "waiting_for_documents")


def start(engine: Engine) -> Engine:
    """Install two cases whose posts P1 holds, and two more people, P2 and P3."""
    install(engine, program().policy, [replace(case(seats=crew()), id=n) for n in (1, 2)])
    same = {"given_names": "Eva", "surname": "Paz", "email": "e@example.org", "language": Language.EN}
    rows = [same | {"id": n, "code": f"P{n}", "time_zone": "UTC", "recorded_at": NOW} for n in (2, 3)]
    with transaction(engine) as connection:
        connection.execute(insert(PERSON), rows)
    return engine


@pytest.fixture
def begun(store: Engine) -> Engine:
    return start(store)


@pytest.fixture
def quick(lite: Engine) -> Engine:
    """The same on SQLite alone, for what no database has a say in."""
    return start(lite)


def do(engine: Engine, action: Any, *given: Any) -> Any:
    with transaction(engine) as connection:
        return action(connection, *given)


def rows(engine: Engine, query: Any) -> list[tuple[Any, ...]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def give(engine: Engine, post: str, person: int, enrollment: int = 1) -> None:
    """Put a person in a post of an enrollment since day 0, in place of P1."""
    a = ASSIGNMENT.c
    where = (a.post == post) & ((a.enrollment_id == enrollment) | (a.agency_id == enrollment))
    do(engine, lambda connection: connection.execute(update(ASSIGNMENT).where(where).values(person_id=person)))


def told(engine: Engine, enrollment: int = 1, rule: str = "stage_target") -> dict[str, str]:
    """Return by post what became of the rule's notices about an enrollment: the reason, or else the state."""
    n = NOTICE.c
    found = rows(engine, select(n.post, n.state, n.reason).where(n.subject_id == enrollment, n.rule == rule))
    return {post.value: (reason or state).value for post, state, reason in found}


# Putting off


def test_what_comes_due_is_held_back_and_told_after_the_snooze(begun: Engine) -> None:
    give(begun, "sme_2", 2)
    assert do(begun, snooze, WISH, day(20)) == 2  # P1 is accreditation manager and first expert
    sweep(day(31))
    assert told(begun) == {"accreditation_manager": "snoozed", "sme_1": "snoozed", "sme_2": "pending"}
    assert told(begun, 2) == dict.fromkeys(("accreditation_manager", "sme_1", "sme_2"), "pending")
    sweep(day(40))
    assert told(begun)["sme_1"] == "snoozed"
    sweep(day(41))
    assert told(begun) == dict.fromkeys(("accreditation_manager", "sme_1", "sme_2"), "pending")


def test_what_is_pending_is_taken_back_at_the_next_sweep(quick: Engine) -> None:
    sweep(day(31))
    do(quick, snooze, WISH, day(31))
    sweep(day(31))
    assert set(told(quick).values()) == {Reason.SNOOZED.value}
    n = NOTICE.c
    assert rows(quick, select(n.state).where(n.subject_id == 1, n.rule == "stage_target").distinct()) == [
        (NoticeState.CANCELLED,)
    ]
    sweep(day(41))
    assert set(told(quick).values()) == {"pending"}


@pytest.mark.parametrize(("ended_on", "kept"), [(day(31), []), (day(33), [(day(31), day(32))])])
def test_a_snooze_that_is_ended_early_lets_the_rule_speak_at_once(
    quick: Engine, ended_on: date, kept: list[tuple[date, date]]
) -> None:
    do(quick, snooze, WISH, day(31))
    sweep(day(31))
    assert set(told(quick).values()) == {Reason.SNOOZED.value}
    ending = Ending(CODE, WISH.rule, "P1", "op", " it is\nsolved ")
    with transaction(quick) as connection, pytest.raises(Refused, match="why: is empty"):
        end_snooze(connection, ending._replace(why=" "), ended_on)
    with transaction(quick) as connection:
        assert end_snooze(connection, ending, ended_on) == 3
    sweep(ended_on)
    assert set(told(quick).values()) == {"pending"}
    with reading(quick) as connection:
        (mine,) = named_cases(connection, [1])
    assert sorted({(each.since, each.until) for each in mine.snoozes}) == kept
    z = SNOOZE.c
    told_of = {*rows(quick, select(z.actor, z.ended_on, z.ended_by, z.ended_why))}
    assert told_of == {("P1", ended_on, "op", "it is solved")}
    with transaction(quick) as connection, pytest.raises(Refused, match="P1: has not put"):
        end_snooze(connection, ending, ended_on)


def test_it_is_noted_with_who_why_and_until(quick: Engine) -> None:
    give(quick, "sme_1", 2)
    do(quick, snooze, WISH._replace(person="P2"), day(20))
    z = SNOOZE.c
    assert rows(quick, select(z.enrollment_id, z.rule, z.since, z.until, z.reason, z.actor)) == [
        (1, "stage_target", day(20), day(40), "waiting_for_documents", "P2")
    ]
    said = [sentence.text for sentence in explanation(quick, CODE, day(20))]
    assert '"stage_target" is not told to the first subject matter expert until 2020-02-10, who put it off.' in said
    assert not [text for text in (s.text for s in explanation(quick, CODE, day(19))) if "put it off" in text]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (WISH._replace(until=day(20)), r"until: .* is not after today"),
        (WISH._replace(until=day(51)), r"until: .* more than 30 days ahead"),
        (WISH._replace(reason="no_time"), r'reason: "no_time" is none'),
        (WISH._replace(rule="stage_targt"), r'rule: .*Did you mean "stage_target"'),
        (WISH._replace(person="P9"), r'person: nobody has the code "P9"'),
        (WISH._replace(person="P2"), r"P2: holds no post of A1/.* It goes to: accreditation_manager, sme_1, sme_2"),
        (WISH._replace(enrollment="A7"), r'enrollment: "A7" is no enrolled agency'),
    ],
)
def test_what_cannot_be_put_off_is_refused_and_changes_nothing(quick: Engine, wish: Snoozing, said: str) -> None:
    sweep(day(1))
    before = rows(quick, select(ENROLLMENT.c.next_review_on))
    with pytest.raises(Refused, match=said):
        do(quick, snooze, wish, day(20))
    assert rows(quick, select(ENROLLMENT.c.next_review_on)) == before


# Handing over


def seats(engine: Engine, post: str, **of: Any) -> list[tuple[Any, ...]]:
    a = ASSIGNMENT.c
    query = select(PERSON.c.code, a.since, a.until).join(PERSON, PERSON.c.id == a.person_id).where(a.post == post)
    for name, value in of.items():
        query = query.where(a[name] == value)
    return rows(engine, query.order_by(a.since))


@pytest.mark.parametrize(
    ("post", "place", "of", "hears"),
    [
        (Post.SME_1, CODE, {"enrollment_id": 1}, {1}),
        (Post.HEAD, "A1", {"agency_id": 1}, {1}),
        (Post.ACCREDITATION_MANAGER, CODE, {"agency_id": 1}, {1}),
        (Post.REGIONAL_MANAGER, REGION, {"region": REGION}, {1, 2}),
        (Post.DIRECTOR, "", {}, {1, 2}),
    ],
)
def test_a_post_passes_on_from_a_day(
    begun: Engine, post: Post, place: str, of: dict[str, Any], hears: set[int]
) -> None:
    sweep(day(1))
    do(begun, hand_over, HandOver(place, post, "P2", day(30)), day(10))
    assert seats(begun, post.value, **of) == [("P1", day(0), day(29)), ("P2", day(30), None)]
    due = rows(begun, select(ENROLLMENT.c.id).where(ENROLLMENT.c.next_review_on == day(10)))
    assert {key for (key,) in due} == hears


def test_a_post_can_be_left_empty_and_filled_again(quick: Engine) -> None:
    do(quick, hand_over, HandOver(CODE, Post.SME_1, None, day(30)), day(10))
    assert seats(quick, "sme_1", enrollment_id=1) == [("P1", day(0), day(29))]
    do(quick, hand_over, HandOver(CODE, Post.SME_1, "P3", day(35)), day(10))
    assert seats(quick, "sme_1", enrollment_id=1)[1:] == [("P3", day(35), None)]


def test_a_successor_named_twice_for_one_day_is_corrected(quick: Engine) -> None:
    for successor in ("P2", "P3"):
        do(quick, hand_over, HandOver(CODE, Post.SME_1, successor, day(30)), day(10))
    assert seats(quick, "sme_1", enrollment_id=1) == [("P1", day(0), day(29)), ("P3", day(30), None)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (HandOver(CODE, Post.SME_1, "P1", day(30)), "is in the post already"),
        (HandOver(CODE, Post.SME_1, "P2", day(-1)), "the post is held since 2020-01-01"),
        (HandOver(CODE, Post.SME_1, "P2", day(400)), "more than a year ahead"),
        (HandOver(CODE, Post.SME_1, "P9", day(30)), 'nobody has the code "P9"'),
        (HandOver("nowhere", Post.REGIONAL_MANAGER, "P2", day(30)), 'region: "nowhere" is none'),
        (HandOver("", Post.OPERATOR, None, day(30)), "nobody is operator on"),
        (HandOver("A9", Post.HEAD, "P2", day(30)), '"A9" is no enrolled agency'),
    ],
)
def test_a_hand_over_that_cannot_be_is_refused(quick: Engine, given: HandOver, said: str) -> None:
    with pytest.raises(Refused, match=said):
        do(quick, hand_over, given, day(10))


def test_whoever_takes_over_is_not_silenced_by_the_one_before(quick: Engine) -> None:
    do(quick, snooze, WISH, day(20))
    do(quick, hand_over, HandOver(CODE, Post.SME_1, "P2", day(31)), day(20))
    sweep(day(31))
    assert told(quick) == {"accreditation_manager": "snoozed", "sme_1": "pending", "sme_2": "snoozed"}


# Proposing


KICKOFF = FactProposal(1, 1, "kickoff_visit", day(9), note="minutes are in\r\nthe folder")


def proposed(engine: Engine, given: FactProposal | LeftProposal) -> Listed:
    do(engine, propose, given)
    with reading(engine) as connection:
        return proposals(connection)[-1]


def facts(engine: Engine) -> list[tuple[Any, ...]]:
    m = MILESTONE.c
    return rows(engine, select(m.enrollment_id, m.milestone, m.occurred_on, m.value, m.recorded_by))


def test_a_confirmed_fact_is_recorded_in_the_name_of_who_proposed_it(begun: Engine) -> None:
    sweep(day(1))
    found = proposed(begun, KICKOFF)
    assert found[1:7] == ("P1", CODE, "kickoff_visit", day(9), "minutes are in the folder", ProposalState.OPEN)
    assert facts(begun) == []
    do(begun, settle, Settlement(found.id, confirmed=True, operator="OP-1"), day(10))
    assert facts(begun) == [(1, "kickoff_visit", day(9), None, "P1")]
    assert rows(begun, select(ENROLLMENT.c.next_review_on).where(ENROLLMENT.c.id == 1)) == [(day(10),)]
    with reading(begun) as connection:
        assert proposals(connection) == []
        (settled,) = proposals(connection, every=True)
    assert settled[6:] == (ProposalState.CONFIRMED, "OP-1", day(10))


def test_a_refused_one_changes_nothing_and_is_settled_once(quick: Engine) -> None:
    found = proposed(quick, KICKOFF)
    do(quick, settle, Settlement(found.id, confirmed=False, operator="OP-1"), day(10))
    assert facts(quick) == []
    with pytest.raises(Refused, match=r"was refused by OP-1 on 2020-01-11"):
        do(quick, settle, Settlement(found.id, confirmed=True, operator="OP-2"), day(11))
    assert facts(quick) == []
    with pytest.raises(Refused, match="7 is none"):
        do(quick, settle, Settlement(7, confirmed=True, operator="OP-2"), day(11))


def test_one_that_cannot_be_recorded_stays_open(quick: Engine) -> None:
    found = proposed(quick, KICKOFF._replace(occurred_on=day(-5)))
    with pytest.raises(Refused, match="before"):
        do(quick, settle, Settlement(found.id, confirmed=True, operator="OP-1"), day(10))
    with reading(quick) as connection:
        assert [each.id for each in proposals(connection)] == [found.id]


def seat_of(engine: Engine, post: str, enrollment: int = 1) -> int:
    a = ASSIGNMENT.c
    ((key,),) = rows(engine, select(a.id).where(a.post == post, a.enrollment_id == enrollment))
    return int(key)


@pytest.mark.parametrize("successor", [None, "P2"])
def test_a_post_that_was_left_is_ended_with_or_without_a_successor(begun: Engine, successor: str | None) -> None:
    found = proposed(begun, LeftProposal(1, seat_of(begun, "sme_1"), day(9), "Eva follows"))
    assert (found.place, found.what) == (CODE, "left sme_1")
    do(begun, settle, Settlement(found.id, confirmed=True, operator="OP-1", successor=successor), day(10))
    followed = [] if successor is None else [(successor, day(10), None)]
    assert seats(begun, "sme_1", enrollment_id=1) == [("P1", day(0), day(9)), *followed]


def test_a_seat_that_ended_meanwhile_is_not_taken_from_whoever_follows(quick: Engine) -> None:
    found = proposed(quick, LeftProposal(1, seat_of(quick, "sme_1"), day(9)))
    do(quick, hand_over, HandOver(CODE, Post.SME_1, "P2", day(8)), day(10))
    with pytest.raises(Refused, match="it was left on 2020-01-08 already"):
        do(quick, settle, Settlement(found.id, confirmed=True, operator="OP-1"), day(10))
    assert seats(quick, "sme_1", enrollment_id=1) == [("P1", day(0), day(7)), ("P2", day(8), None)]


@pytest.mark.parametrize("last_day", [date(2020, 1, 1), date(2021, 1, 5)])
def test_a_last_day_is_any_from_the_first_one_on(quick: Engine, last_day: date) -> None:
    found = proposed(quick, LeftProposal(1, seat_of(quick, "sme_1"), last_day))
    do(quick, settle, Settlement(found.id, confirmed=True, operator="OP-1"), day(10))
    assert seats(quick, "sme_1", enrollment_id=1) == [("P1", day(0), last_day)]
