"""Whether every stage can be reached and left, every verdict carried out, every end recorded."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem, nearest
from models.rules.policy import Policy, Stage, Verdict
from models.rules.policy.checks.shared import milestone, posts, repeated
from models.rules.words import Status

ENDS = frozenset({Status.WITHDRAWN, Status.REMOVED, Status.LAPSED})


def graph(policy: Policy) -> Iterator[Problem]:
    """Yield stages that cannot be reached, and paths that never reach an award."""
    known = policy.stage
    if policy.start not in known:
        yield Problem("start", f'names the unknown stage "{policy.start}".', nearest(policy.start, known))
        return
    unknown = [(i, s.next) for i, s in enumerate(policy.stages) if s.next is not None and s.next not in known]
    for index, name in unknown:
        yield Problem(f"stages[{index}].next", f'names the unknown stage "{name}".', nearest(name, known))
    if unknown:
        return
    later = policy.reaccreditation
    if later is not None and later.start not in known:
        what = f'names the unknown stage "{later.start}".'
        yield Problem("reaccreditation.start", what, nearest(later.start, known))
        return
    path = (*policy.path, *policy.later_path)
    if policy.path[-1].next is not None or policy.later_path[-1].next is not None:
        yield Problem("stages", "go round in a circle and never reach an award.", "Leave `next` out of the last stage.")
        return
    if later is not None and later.start in {stage.code for stage in policy.path if stage.next is None}:
        what = f'names "{later.start}", the award itself: the next cycle would be over when it begins.'
        yield Problem("reaccreditation.start", what, "Name the stage in which an accredited agency stands.")
    reached = dict.fromkeys(stage.code for stage in path)
    for index, stage in enumerate(policy.stages):
        if stage.code not in reached:
            yield Problem(
                f"stages[{index}]",
                f'"{stage.code}" cannot be reached from "{policy.start}".',
                f'Name it as `next` of an earlier stage, or remove it. Reached: {", ".join(reached)}.',
            )
        elif stage.next is not None and stage.expected_days == 0:
            yield Problem(f"stages[{index}].expected_days", "is 0.", "Say how many days the stage is expected to take.")


def gates(policy: Policy) -> Iterator[Problem]:
    """Yield gates that could never open, or ask for nothing."""
    for index, stage in enumerate(policy.stages):
        place = f"stages[{index}].gate"
        for name in (*stage.gate.milestones, *stage.gate.any_of):
            yield from milestone(policy, place, name)
        yield from posts(policy, place, stage.gate.posts)
        for share in stage.gate.shares:
            yield from milestone(policy, place, share.count)
            if share.count in policy.milestones and not policy.milestones[share.count].count:
                yield Problem(place, f'"{share.count}" carries no number.', "Set `count = true` on the milestone.")
        if stage.gate.conference_lead_days is not None and not policy.conferences:
            yield Problem(place, "waits for a conference, and none is listed.", "Add [[conferences]].")
        if stage.next is not None and not (stage.gate.usual or stage.gate.posts or stage.gate.shares):
            yield Problem(place, f'of "{stage.code}" asks for nothing.', "Name what must be true to leave the stage.")


def verdicts(policy: Policy) -> Iterator[Problem]:
    """Yield verdicts without one effect, or that the gate they are to bar asks for."""
    paths = [[stage.code for stage in path] for path in (policy.path, policy.later_path)]
    for index, stage in enumerate(policy.stages):
        # Of every cycle that knows the stage, the verdict must find its way back.
        before = [set(path[: path.index(stage.code) + 1]) for path in paths if stage.code in path]
        for number, verdict in enumerate(stage.verdicts):
            place = f"stages[{index}].verdicts[{number}]"
            yield from milestone(policy, place, verdict.milestone)
            yield from _effect(policy, place, (verdict, stage, set.intersection(*before) if before else set()))
        for name in repeated(verdict.milestone for verdict in stage.verdicts):
            yield Problem(f"stages[{index}].verdicts", f'give "{name}" two effects.', "Keep one.")


def _effect(policy: Policy, place: str, given: tuple[Verdict, Stage, set[str]]) -> Iterator[Problem]:
    verdict, stage, before = given
    if (verdict.reenter is None) == (verdict.ends is None):
        what = f'says of "{verdict.milestone}" neither or both of what it does.'
        yield Problem(place, what, "Give `reenter` a stage, or `ends` a status.")
    if verdict.reenter is not None and verdict.reenter not in policy.stage:
        what = f'names the unknown stage "{verdict.reenter}".'
        yield Problem(f"{place}.reenter", what, nearest(verdict.reenter, policy.stage))
    elif verdict.reenter is not None and verdict.reenter not in before:
        what = f'leads from "{stage.code}" to "{verdict.reenter}", which does not lie before it in every cycle.'
        yield Problem(f"{place}.reenter", what, "Name this stage or an earlier one: to lead on is the gate's to do.")
    if verdict.ends is not None and verdict.ends not in {*ENDS, Status.NOT_AWARDED}:
        what = f'"{verdict.ends}" is not an ending.'
        yield Problem(f"{place}.ends", what, f"Use {', '.join(sorted({*ENDS, Status.NOT_AWARDED}))}.")
    if verdict.milestone in {*stage.gate.milestones, *stage.gate.any_of}:
        what = f'bars the way by "{verdict.milestone}", which the stage\'s own gate asks for.'
        yield Problem(place, what, "Leave it in one of the two.")


def endings(policy: Policy) -> Iterator[Problem]:
    """Yield ends that are none, or that nobody could record."""
    for status, name in policy.endings.items():
        if status not in ENDS:
            yield Problem("endings", f'"{status}" is not an ending.', f"Use {', '.join(sorted(ENDS))}.")
        yield from milestone(policy, f"endings.{status}", name)
