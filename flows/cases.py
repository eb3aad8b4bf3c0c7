"""What operators do to one case beside its facts: who looks after it, its end, its page."""

from __future__ import annotations

from datetime import date

from prefect import flow

from models.forms import EnrollmentCode, PersonCode, Reference
from models.rules.errors import Refused
from models.rules.words import Post
from tasks.answers.seats import HandOver, hand_over
from tasks.door import door
from tasks.endings import Ending, EndingKind, consequences, end_case
from tasks.store.database import engine_of, reading, transaction
from tasks.sweep import day_to_sweep
from tasks.views.approval import require_approval
from tasks.views.artifacts import name_this_run, publish_case, sweep_and_draw


@flow(name="assign experts", flow_run_name="assign experts", persist_result=False)
@door
def assign_experts(
    enrollment: EnrollmentCode, since: date, sme_1: PersonCode | None = None, sme_2: PersonCode | None = None
) -> str:
    """Give a case another expert, or a pair: whoever held the post leaves it on the eve.

    Args:
        enrollment: The agency's code and the track.
        since: The first day in the post.
        sme_1: The code of the first expert; empty: stays as it is.
        sme_2: The code of the second expert; empty: stays as it is.
    """
    pair = {post: code for post, code in ((Post.SME_1, sme_1), (Post.SME_2, sme_2)) if code is not None}
    if len(set(pair.values())) < len(pair):
        raise Refused.one("sme_2", f'"{sme_2}" is both experts of the pair.', "Name another person.")
    if not pair:
        raise Refused.one("sme_1", "and sme_2 are both empty.", "Name at least one expert.")
    engine = engine_of()
    today = day_to_sweep(engine, None)
    with transaction(engine) as connection:
        for post, code in pair.items():
            hand_over(connection, HandOver(enrollment, post, code, since), today)
    name_this_run(f"{enrollment}: {' and '.join(pair.values())} from {since}")
    return sweep_and_draw(enrollment, today)


@flow(name="end an enrollment", flow_run_name="end {enrollment}", persist_result=False)
@door
def end_enrollment(
    enrollment: EnrollmentCode,
    ending: EndingKind,
    ended_on: date,
    reference: Reference = "",
    recorded_by: PersonCode = "operator",
) -> str:
    """End a case without an award: withdrawn by the agency, removed by the program, or lapsed.

    Says what it would stop and waits five minutes for an approval (open the run, then Resume in its menu): nothing is
    said of an ended case any more.

    Args:
        enrollment: The agency's code and the track.
        ending: Why it ends.
        ended_on: The day it ended; not after today.
        reference: Where the decision lies: a document's number, no name.
        recorded_by: The code of the person who reports it.
    """
    engine = engine_of()
    today = day_to_sweep(engine, None)
    with reading(engine) as connection:
        stopped = consequences(connection, enrollment)
    require_approval(f"End {enrollment} as {ending} on {ended_on}?", str(stopped))
    with transaction(engine) as connection:
        end_case(connection, Ending(enrollment, ending, ended_on, reference, recorded_by), today)
    name_this_run(f"{enrollment}: {ending} on {ended_on}")
    return sweep_and_draw(enrollment, today)


@flow(name="show an enrollment", flow_run_name="page of {enrollment}", persist_result=False)
@door
def show_enrollment(enrollment: EnrollmentCode) -> str:
    """Draw one case's page as an artifact: its clock, what it waits for, its history, its notices.

    Args:
        enrollment: The agency's code and the track.
    """
    url: str = publish_case(enrollment)
    return url
