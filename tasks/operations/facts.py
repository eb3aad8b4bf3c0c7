"""Facts that were wrong: voided or corrected, never deleted. What rested on them is taken back by the log itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from models.rules.case import Program
from models.rules.clock import anchor_of, standing
from models.rules.decision import Advance
from models.rules.errors import Problem, Refused, nearest
from models.rules.intake.roster import Stated, fact_faults
from models.rules.log import State, counted, replayed, resting_on, taking_back
from models.rules.naming import enrollment_code
from models.rules.words import NoticeState, Risk, Status
from models.schema import (
    AGENCY,
    ASSIGNMENT,
    CHANGE,
    ENROLLMENT,
    ESCALATION,
    FORMER_TENURE,
    MILESTONE,
    NOTICE,
    OF_A_CASE,
    SNOOZE,
    STAGE_CHANGE,
)
from tasks.operations.asked import Asked, Because, asked, enrolled_of
from tasks.operations.effect import Change, Effect, bring_to_today, effect_of, sent_since
from tasks.store.bulk import insert_once
from tasks.store.cases import named_cases
from tasks.store.clock import now_in
from tasks.store.log import log_of
from tasks.store.lookups import Enrolled, siblings
from tasks.store.programs import program_in_force


class Wrong(NamedTuple):
    """A fact as an operator names it; `reference` only where two are alike without it."""

    enrollment: str
    milestone: str
    occurred_on: date
    reference: str | None = None


class Right(NamedTuple):
    """What the fact should have been; None leaves a thing as it was."""

    enrollment: str | None = None
    milestone: str | None = None
    occurred_on: date | None = None
    value: int | None = None
    reference: str | None = None


def void_fact(connection: Connection, given: Wrong, because: Because) -> list[Effect]:
    """Void a fact. The stage is worked out anew from the facts that remain; a case that it had ended is open again.

    Returns:
        What it came to: for the enrollment that was named first, then for the others of the agency where they share it.

    Raises:
        Refused: the fact is not on record or not the only one of that name, or it led to an award whose next cycle
            somebody has begun to work on.
    """
    found = asked(connection, given.enrollment, because)
    fact = _fact(connection, found, given)
    having = [(found, fact), *_shared(connection, found, fact)]
    strength = [_void(connection, each, row) for each, row in having]
    what = f"voided {_named(fact)}"
    return [
        effect_of(connection, each.case, Change(each.code, what), today=because.today, strength=gone)
        for (each, _), gone in zip(having, strength, strict=True)
    ]


def correct_fact(connection: Connection, given: Wrong, right: Right, *, because: Because) -> list[Effect]:
    """Void a fact and record what it should have been, in one go: on the same enrollment or on another.

    Returns:
        What it came to, for every enrollment that had it and, where they are others, for those that have it now.

    Raises:
        Refused: as `void_fact`, or the fact would be what it is, or cannot be so, or is there already.
    """
    found = asked(connection, given.enrollment, because)
    fact = _fact(connection, found, given)
    home = enrolled_of(connection, right.enrollment or found.code)
    new = _corrected(fact, right, home)
    same = all(new[name] == getattr(fact, name) for name in new)
    if same:
        raise Refused.one("fact", f"{_named(fact)} says so already.", "Say what it should have been.")
    _require_sound(new, found, home)
    having = [(found, fact), *_shared(connection, found, fact)]
    homes = [home, *_sharing(connection, home, new)]
    before = {each.case.id: (each.code, each.case) for each, _ in having}
    for each in homes:
        if each.id not in before:
            before[each.id] = each.code, bring_to_today(connection, each.id, because.today)
    wrong = {row.enrollment_id: row.id for _, row in having}
    strength = {one.case.id: _void(connection, one, row) for one, row in having}
    _require_new(connection, new, home)
    stamp = {"recorded_by": because.actor, "void_reference": "", "recorded_at": now_in(connection)}
    for each in homes:
        row = {**new, "enrollment_id": each.id, "corrects_id": wrong.get(each.id, fact.id), **stamp}
        connection.execute(insert_once(connection, MILESTONE), [row])
    corrected = f"corrected {_named(fact)} to {new['milestone']} of {new['occurred_on']}"
    moved_here = f"was given {new['milestone']} of {new['occurred_on']}, from {found.code}"
    return [
        effect_of(
            connection, case, Change(code, corrected if key in wrong else moved_here), today=because.today,
            strength=strength.get(key, ()),
        )
        for key, (code, case) in before.items()
    ]


def _shared(connection: Connection, found: Asked, fact: Row[Any]) -> Iterator[tuple[Asked, Row[Any]]]:
    """Yield the same fact of the agency's other enrollments, where it is one of the agency."""
    if not found.program.policy.of_agency(fact.milestone):
        return
    m = MILESTONE.c
    same = [m[name] == getattr(fact, name) for name in ("milestone", "occurred_on", "reference")]
    for other in siblings(connection, [found.case.id]).get(found.case.id, ()):
        row = connection.execute(
            select(MILESTONE).where(m.enrollment_id == other.id, m.voided_at.is_(None), *same)
        ).first()
        if row is not None:
            yield asked(connection, other.code, found.because), row


def _sharing(connection: Connection, home: Enrolled, new: Mapping[str, Any]) -> list[Enrolled]:
    """Return the other enrollments of an agency in which a fact of one of them stands too."""
    if not program_in_force(connection).policy.of_agency(new["milestone"]):
        return []
    return [each for each in siblings(connection, [home.id]).get(home.id, ()) if each.shares(new["occurred_on"])]


def _fact(connection: Connection, found: Asked, given: Wrong) -> Row[Any]:
    """Find the one fact that is meant."""
    m = MILESTONE.c
    rows = connection.execute(
        select(MILESTONE).where(m.enrollment_id == found.case.id, m.voided_at.is_(None)).order_by(m.occurred_on, m.id)
    ).all()
    named = [row for row in rows if (row.milestone, row.occurred_on) == (given.milestone, given.occurred_on)]
    mine = [row for row in named if given.reference in {None, row.reference}]
    if len(mine) == 1:
        return mine[0]
    if named:
        known = ", ".join(f'"{row.reference}"' for row in named)
        what = f"{found.code} has {len(named)} of {given.milestone} on {given.occurred_on}"
        which = "." if not mine else ", and no reference was given."
        raise Refused.one("reference", f"{what}{which}", f"Say which: {known}.")
    on_days = [str(row.occurred_on) for row in rows if row.milestone == given.milestone]
    what = f"{found.code} has no valid {given.milestone} of {given.occurred_on}."
    if on_days:
        raise Refused.one("occurred_on", what, f"On record: {', '.join(on_days)}.")
    raise Refused.one("milestone", what, nearest(given.milestone, {row.milestone for row in rows}))


def _named(fact: Row[Any]) -> str:
    return f"{fact.milestone} of {fact.occurred_on}"


def _corrected(fact: Row[Any], right: Right, home: Enrolled) -> dict[str, Any]:
    wanted = right._asdict() | {"enrollment_id": home.id}
    names = ("enrollment_id", "milestone", "occurred_on", "value", "reference")
    return {name: getattr(fact, name) if wanted[name] is None else wanted[name] for name in names}


def _require_sound(new: dict[str, Any], found: Asked, home: Enrolled) -> None:
    stated = Stated(new["milestone"], new["occurred_on"], new["value"])
    faults = fact_faults(stated, found.program.policy, (home.facts_from, found.because.today))
    problems = [Problem(f"{home.code}, {fault.column}", fault.what, fault.remedy) for fault in faults]
    if problems:
        raise Refused(problems)


def _require_new(connection: Connection, new: dict[str, Any], home: Enrolled) -> None:
    m = MILESTONE.c
    there = [m[name] == new[name] for name in ("enrollment_id", "milestone", "occurred_on", "reference")]
    if connection.scalar(select(m.id).where(m.voided_at.is_(None), *there)) is not None:
        what = f"{home.code} has {new['milestone']} of {new['occurred_on']} already."
        raise Refused.one("fact", what, "Void the wrong one instead.")


def _void(connection: Connection, found: Asked, fact: Row[Any]) -> list[int]:
    """Void a fact and take back what rests on it; return what went out on the strength of that."""
    because = found.because
    connection.execute(
        update(MILESTONE).where(MILESTONE.c.id == fact.id).values(
            voided_at=now_in(connection), voided_by=because.actor, void_reason=because.reason,
            void_reference=because.reference,
        )
    )
    decided = log_of(connection, found.case.id, found.program)
    log = [step for _, step in decided]
    void = frozenset({fact.id})
    back = taking_back(_start(found), log, void)
    if back is None:
        return []
    if found.case.status is Status.AWARDED:
        _close_next_cycle(connection, found)
    _take_back(connection, found, log=[*log, back])
    since = next(on for on, step in decided if step.seq == back.takes_back)
    stages = {step.to_stage for step in resting_on(log, void)}
    return sent_since(connection, found.case.id, since, stages=stages)


def _start(found: Asked) -> State:
    return State(found.program.policy.start_of(found.case.cycle), anchor_of(found.case).on)


def _take_back(connection: Connection, found: Asked, *, log: Sequence[Advance]) -> None:
    """Add the last step of a log, a taking back, and store the state that the log leads to."""
    back, state = log[-1], replayed(_start(found), log)
    connection.execute(
        insert(STAGE_CHANGE).values(
            enrollment_id=found.case.id, seq=back.seq, from_stage=back.from_stage, to_stage=back.to_stage,
            status=back.status, changed_on=back.on, decided_on=found.because.today, evidence=back.evidence._asdict(),
            takes_back=back.takes_back, policy_version_id=found.program.version, recorded_at=now_in(connection),
        )
    )
    connection.execute(
        update(ENROLLMENT).where(ENROLLMENT.c.id == found.case.id).values(
            stage=state.stage, stage_entered_on=state.entered_on, stage_seq=state.seq, status=state.status,
            reentered_on=state.reentered_on, ended_on=None, risk=Risk.ON_TRACK, next_review_on=found.because.today,
        )
    )


def _close_next_cycle(connection: Connection, found: Asked) -> None:
    """Remove the enrollment that the award had opened, while nothing that counts was recorded of it.

    What was void of it already stays on record, with the case that remains.
    """
    e = ENROLLMENT.c
    here = select(e.agency_id, e.track).where(e.id == found.case.id).subquery()
    opened = connection.execute(
        select(e.id, AGENCY.c.code, e.track, e.cycle).join(AGENCY, AGENCY.c.id == e.agency_id).join(
            here, (here.c.agency_id == e.agency_id) & (here.c.track == e.track)
        ).where(e.cycle == found.case.cycle + 1)
    ).first()
    if opened is None:
        return
    there = ", ".join(_that_counts(connection, opened.id, found.program))
    if there:
        code = enrollment_code(opened.code, opened.track, opened.cycle)
        what = f"its award opened {code}, which has {there}."
        remedy = f"Void the facts and undo the moved dates of {code} first; what went out of it cannot be unsaid."
        raise Refused.one("fact", what, remedy)
    seats = select(ASSIGNMENT.c.id).where(ASSIGNMENT.c.enrollment_id == opened.id)
    connection.execute(delete(FORMER_TENURE).where(FORMER_TENURE.c.assignment_id.in_(seats)))
    for kept in (MILESTONE, CHANGE):
        connection.execute(update(kept).where(kept.c.enrollment_id == opened.id).values(enrollment_id=found.case.id))
    for table in (SNOOZE, ESCALATION, ASSIGNMENT, STAGE_CHANGE):
        connection.execute(delete(table).where(table.c.enrollment_id == opened.id))
    connection.execute(delete(NOTICE).where(OF_A_CASE, NOTICE.c.subject_id == opened.id))
    connection.execute(delete(ENROLLMENT).where(e.id == opened.id))


def _that_counts(connection: Connection, enrollment_id: int, program: Program) -> Iterator[str]:
    """Count what keeps an enrollment from being removed: neither void nor undone, or heard of by somebody."""
    (case,) = named_cases(connection, [enrollment_id])
    n, gone = NOTICE.c, (NoticeState.SENT, NoticeState.CLAIMED)
    out = select(func.count()).where(OF_A_CASE, n.subject_id == enrollment_id, n.state.in_(gone))
    counts = {
        "fact": len(case.facts), "moved date": len(standing(case.changes)),
        "stage change": len(counted([step for _, step in log_of(connection, enrollment_id, program)])),
        "sent notice": connection.scalar(out) or 0,
    }
    yield from (f"{number} {what}{'s' * (number > 1)}" for what, number in counts.items() if number)
