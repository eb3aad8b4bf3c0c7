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
    """Yield verdicts without one effect, that no cycle can follow, or that the gate they are to bar asks for."""
    for index, stage in enumerate(policy.stages):
        for number, verdict in enumerate(stage.verdicts):
            place = f"stages[{index}].verdicts[{number}]"
            yield from milestone(policy, place, verdict.milestone)
            yield from _effect(verdict, stage, place)
            yield from _way_back(policy, place, (verdict, stage))
        for name in repeated(f"{v.milestone}, cycle {n}" for v in stage.verdicts for n in (1, 2) if v.cycle.covers(n)):
            yield Problem(f"stages[{index}].verdicts", f'give "{name}" two effects.', "Keep one.")


def _effect(verdict: Verdict, stage: Stage, place: str) -> Iterator[Problem]:
    ends = {*ENDS, Status.NOT_AWARDED}
    if (verdict.reenter is None) == (verdict.ends is None):
        what = f'says of "{verdict.milestone}" neither or both of what it does.'
        yield Problem(place, what, "Give `reenter` a stage, or `ends` a status.")
    if verdict.ends is not None and verdict.ends not in ends:
        yield Problem(f"{place}.ends", f'"{verdict.ends}" is not an ending.', f"Use {', '.join(sorted(ends))}.")
    if verdict.milestone in {*stage.gate.milestones, *stage.gate.any_of}:
        what = f'bars the way by "{verdict.milestone}", which the stage\'s own gate asks for.'
        yield Problem(place, what, "Leave it in one of the two.")


def _way_back(policy: Policy, place: str, given: tuple[Verdict, Stage]) -> Iterator[Problem]:
    """Yield a verdict that leads to a stage which does not lie before, on the path of a cycle that it is for."""
    verdict, stage = given
    if verdict.reenter is None:
        return
    if verdict.reenter not in policy.stage:
        what = f'names the unknown stage "{verdict.reenter}".'
        yield Problem(f"{place}.reenter", what, nearest(verdict.reenter, policy.stage))
        return
    for cycle in (1, 2):
        path = [each.code for each in policy.path_of(cycle)]
        if not verdict.cycle.covers(cycle) or stage.code not in path:
            continue
        before = path[: path.index(stage.code) + 1]
        if verdict.reenter not in before:
            what = f'leads from "{stage.code}" to "{verdict.reenter}", which in cycle {cycle} does not lie before it.'
            yield Problem(f"{place}.reenter", what, f"Name one of {', '.join(before)}; to lead on is the gate's to do.")


def endings(policy: Policy) -> Iterator[Problem]:
    """Yield ends that are none, or that nobody could record."""
    for status, name in policy.endings.items():
        if status not in ENDS:
            yield Problem("endings", f'"{status}" is not an ending.', f"Use {', '.join(sorted(ENDS))}.")
        yield from milestone(policy, f"endings.{status}", name)
