"""How operators pass on what people answer by telephone, and settle what they proposed at the desk."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from models.forms import EnrollmentCode, PersonCode
from models.rules.words import Post
from tasks.answers.absences import Absence, end_absence, note_absence
from tasks.answers.proposals import Settlement, settle
from tasks.answers.seats import HandOver, hand_over
from tasks.answers.snoozing import Ending, Snoozing, end_snooze, snooze
from tasks.door import door
from tasks.store.database import engine_of, transaction
from tasks.store.programs import program_day
from tasks.sweep import day_to_sweep
from tasks.views.artifacts import name_this_run, sweep_and_tell

Place = Annotated[str, Field(pattern=r"^\S*$", max_length=100, examples=["JAL-ACA-01/academy", "west"])]


@flow(name="put a rule off", flow_run_name="put off {about}", persist_result=False)
@door
def put_rule_off(enrollment: EnrollmentCode, about: str, person: PersonCode, until: date, reason: str) -> str:
    """Hold back what a rule tells a person of an enrollment until a day; what still holds is told after it.

    Args:
        enrollment: The agency's code and the track.
        about: Which reminder or escalation, by its rule. The last rung of an escalation is told all the same.
        person: The code of the person who asked for it.
        until: The last day without it; after today, and within the policy's cap.
        reason: Why, by its code in the policy.
    """
    engine = engine_of()
    today = program_day(engine)
    with transaction(engine) as connection:
        posts = snooze(connection, Snoozing(enrollment, about, person, until, reason), today)
    name = f"{enrollment}: {about} put off by {person} until {until}"
    name_this_run(name)
    return f"{name}, in {posts} post{'s' * (posts > 1)}"


@flow(name="end a snooze", flow_run_name="end snooze of {about}", persist_result=False)
@door
def end_a_snooze(
    enrollment: EnrollmentCode, about: str, person: PersonCode, why: str, operator: PersonCode = "operator"
) -> str:
    """Let a rule speak to somebody again who had put it off, and sweep at once what that changes.

    Args:
        enrollment: The agency's code and the track.
        about: Which reminder or escalation, by its rule.
        person: The code of the person who had put it off.
        why: In a few words, which stay on record.
        operator: Your code, or that of whoever asked for it.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    with transaction(engine) as connection:
        end_snooze(connection, Ending(enrollment, about, person, operator, why), today)
    name_this_run(f"{enrollment}: {about} speaks to {person} again")
    return f"sweep {today}: {sweep_and_tell(today)}"


@flow(name="note an absence", flow_run_name="{person} is away", persist_result=False)
@door
def note_an_absence(person: PersonCode, since: date, until: date) -> str:
    """Let whoever stands in for a person get their mail from a day to a day: the deputy, or the deputy's deputy.

    Args:
        person: The code of whoever is away.
        since: The first day.
        until: The last day; today or later.
    """
    engine = engine_of()
    today = program_day(engine)
    with transaction(engine) as connection:
        note_absence(connection, Absence(person, since, until), today)
    name = f"{person}: away from {since} to {until}"
    name_this_run(name)
    return name


@flow(name="end an absence", flow_run_name="{person} is back", persist_result=False)
@door
def end_an_absence(person: PersonCode) -> str:
    """Let a person get their mail themselves again from today on; an absence that is planned is dropped.

    Args:
        person: The code of whoever is back.
    """
    engine = engine_of()
    today = program_day(engine)
    with transaction(engine) as connection:
        end_absence(connection, person, today)
    name = f"{person}: is not away"
    name_this_run(name)
    return name


@flow(name="hand a post over", flow_run_name="hand over {post}", persist_result=False)
@door
def hand_post_over(post: Post, since: date, place: Place = "", to: PersonCode | None = None) -> str:
    """Put somebody else in a post from a day on, or nobody, and sweep at once what it changes.

    Args:
        post: Which post.
        since: The successor's first day; the one before is the last of whoever is in the post now.
        place: The enrollment or agency whose post it is, or the region; empty for the director and the operator.
        to: The code of the successor; empty leaves the post vacant.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    with transaction(engine) as connection:
        hand_over(connection, HandOver(place, post, to, since), today)
    name_this_run(f"{place} {post.value}: {to or 'vacant'} from {since}")
    return f"sweep {today}: {sweep_and_tell(today)}"


@flow(name="settle a proposal", flow_run_name="settle proposal {proposal}", persist_result=False)
@door
def settle_proposal(
    proposal: Annotated[int, Field(ge=1)],
    confirmed: bool,
    operator: PersonCode = "operator",
    successor: PersonCode | None = None,
) -> str:
    """Confirm what somebody proposed at the desk, which records it, or refuse it; and sweep what it changes.

    Args:
        proposal: Its number, as `acredita proposals` and the reader's page name it.
        confirmed: Whether it is so.
        operator: Your code.
        successor: Who follows in a post that was left, by code; empty leaves it vacant.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    with transaction(engine) as connection:
        found = settle(connection, Settlement(proposal, confirmed, operator, successor), today)
    name_this_run(f"{found.place}: {found.what} {'confirmed' if confirmed else 'refused'}")
    return f"sweep {today}: {sweep_and_tell(today)}"
