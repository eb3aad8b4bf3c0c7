"""From a document to a policy: its shape, and whether it can be carried out. Checks yield problems; none raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from models.rules.errors import Problem, Refused, nearest
from models.rules.policy import EscalationRule, Policy, ReminderRule, Stage, Track
from models.rules.words import Cause, Clock, Post, Status

ENDS = frozenset({Status.WITHDRAWN, Status.REMOVED, Status.LAPSED})
SHORTEST_MONTH = 28
LONGEST_DAYS = 36_500


def parse_policy(document: dict[str, Any], files: dict[str, str] | None = None) -> Policy:
    """Turn a program's document into a policy.

    Args:
        document: the merged tables of the program's folder.
        files: which file each top-level name was read from, for the place in an error.

    Raises:
        Refused: with every problem found, each with its place, reason and remedy.
    """
    origin = files or {}
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise Refused(shape_problem(detail, origin) for detail in error.errors()) from None
    found = [Problem(_place(p.place, origin), p.what, p.remedy) for p in problems_of(policy)]
    if found:
        raise Refused(found)
    return policy


def _place(dotted: str, files: dict[str, str]) -> str:
    top = dotted.split(".", 1)[0].split("[", 1)[0]
    return f"{files[top]}: {dotted}" if top in files else dotted


def shape_problem(detail: Any, files: dict[str, str]) -> Problem:
    """Return what pydantic found wrong as a problem: its place, the finding, the remedy."""
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    found = "" if detail["type"] == "missing" else f" Found {detail['input']!r:.60}."
    remedy = {
        "missing": "Add it.",
        "extra_forbidden": "Remove it, or correct its spelling.",
    }.get(detail["type"], "Correct the value.")
    return Problem(_place(dotted, files), f"{detail['msg']}.{found}", remedy)


def problems_of(policy: Policy) -> Iterator[Problem]:
    """Yield everything that could not be carried out, in the order of the document."""
    yield from _duplicates(policy)
    yield from _places(policy)
    yield from _working_hours(policy)
    yield from _graph(policy)
    yield from _gates(policy)
    yield from _endings(policy)
    yield from _tracks(policy)
    yield from _reminders(policy)
    yield from _escalations(policy)


def _duplicates(policy: Policy) -> Iterator[Problem]:
    lists: dict[str, Iterable[str]] = {
        "stages": (s.code for s in policy.stages),
        "reminders": (r.rule for r in policy.reminders),
        "escalations": (r.rule for r in policy.escalations),
        "conferences": (str(c.on) for c in policy.conferences),
        "regions": (r.code for r in policy.regions),
    }
    for place, names in lists.items():
        for name in _repeated(names):
            yield Problem(place, f'"{name}" stands here twice.', "Keep one.")
    both = {r.rule for r in policy.reminders} & {r.rule for r in policy.escalations}
    for name in sorted(both):
        yield Problem("escalations", f'"{name}" is also the name of a reminder.', "Rename one.")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _places(policy: Policy) -> Iterator[Problem]:
    zones = {"zone": policy.zone}
    for code, entity in policy.entities.items():
        zones[f"entities.{code}.zone"] = entity.zone
        zones |= {f"entities.{code}.municipality_zones.{m}": z for m, z in entity.municipality_zones.items()}
    for place, zone in zones.items():
        if not _is_zone(zone):
            yield Problem(place, f'"{zone}" is no time zone.', 'Use an IANA name such as "Europe/Vienna".')
    owned = [(region.code, entity) for region in policy.regions for entity in region.entities]
    for region_code, entity_code in owned:
        if entity_code not in policy.entities:
            yield Problem(
                f"regions.{region_code}",
                f'names the unknown entity "{entity_code}".',
                nearest(entity_code, policy.entities),
            )
    for entity_code in _repeated(entity for _, entity in owned):
        yield Problem("regions", f'"{entity_code}" belongs to two regions.', "Leave it in one.")
    for entity_code in sorted(set(policy.entities) - {entity for _, entity in owned}):
        yield Problem("regions", f'"{entity_code}" belongs to no region.', "Add it to one: nobody would supervise it.")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _working_hours(policy: Policy) -> Iterator[Problem]:
    hours = policy.working_hours
    if hours.start.tzinfo or hours.end.tzinfo:
        yield Problem("working_hours", "carry a zone of their own.", "Leave it out: they are read in each person's.")
    elif hours.start >= hours.end:
        what = f"begin at {hours.start} and end at {hours.end}: no mail would ever go out."
        yield Problem("working_hours", what, "Let them end after they begin, on the same day.")
    if not hours.weekdays:
        what = "is empty: no mail would ever go out."
        yield Problem("working_hours.weekdays", what, "Name at least one; Monday is 0.")


def _graph(policy: Policy) -> Iterator[Problem]:
    known = policy.stage
    if policy.start not in known:
        yield Problem("start", f'names the unknown stage "{policy.start}".', nearest(policy.start, known))
        return
    unknown = [(i, s.next) for i, s in enumerate(policy.stages) if s.next is not None and s.next not in known]
    for index, name in unknown:
        yield Problem(f"stages[{index}].next", f'names the unknown stage "{name}".', nearest(name, known))
    if unknown:
        return
    path = policy.path
    if path[-1].next is not None:
        yield Problem("stages", "go round in a circle and never reach an award.", "Leave `next` out of the last stage.")
        return
    reached = {stage.code for stage in path}
    for index, stage in enumerate(policy.stages):
        if stage.code not in reached:
            yield Problem(
                f"stages[{index}]",
                f'"{stage.code}" cannot be reached from "{policy.start}".',
                f'Name it as `next` of an earlier stage, or remove it. Reached: {", ".join(s.code for s in path)}.',
            )
        elif stage.next is not None and stage.expected_days == 0:
            yield Problem(f"stages[{index}].expected_days", "is 0.", "Say how many days the stage is expected to take.")


def _gates(policy: Policy) -> Iterator[Problem]:
    for index, stage in enumerate(policy.stages):
        place = f"stages[{index}].gate"
        for name in stage.gate.milestones:
            yield from _milestone(policy, place, name)
        yield from _posts(policy, place, stage.gate.posts)
        for share in stage.gate.shares:
            yield from _milestone(policy, place, share.count)
            if share.count in policy.milestones and not policy.milestones[share.count].count:
                yield Problem(place, f'"{share.count}" carries no number.', "Set `count = true` on the milestone.")
        if stage.gate.conference_lead_days is not None and not policy.conferences:
            yield Problem(place, "waits for a conference, and none is listed.", "Add [[conferences]].")
        if stage.next is not None and not (stage.gate.milestones or stage.gate.posts or stage.gate.shares):
            yield Problem(place, f'of "{stage.code}" asks for nothing.', "Name what must be true to leave the stage.")


def _milestone(policy: Policy, place: str, name: str) -> Iterator[Problem]:
    if name not in policy.milestones:
        yield Problem(place, f'names the unknown milestone "{name}".', nearest(name, policy.milestones))


def _endings(policy: Policy) -> Iterator[Problem]:
    for status, name in policy.endings.items():
        if status not in ENDS:
            yield Problem("endings", f'"{status}" is not an ending.', f"Use {', '.join(sorted(ENDS))}.")
        yield from _milestone(policy, f"endings.{status}", name)


def _tracks(policy: Policy) -> Iterator[Problem]:
    for code, track in policy.tracks.items():
        for kind in track.kinds:
            if kind not in policy.kinds:
                yield Problem(f"tracks.{code}.kinds", f'names the unknown kind "{kind}".', nearest(kind, policy.kinds))
        window = track.window or policy.window
        if window.from_month >= window.until_month:
            place = f"tracks.{code}.window" if track.window else "window"
            yield Problem(place, f"opens in month {window.from_month}, after it closes.", "Swap or correct the months.")
        days = sum(round(stage.expected_days * track.pace) for stage in policy.path)
        if days > LONGEST_DAYS:
            what = f"is expected to take {days} days, more than a century."
            yield Problem(f"tracks.{code}.pace", what, "Correct it, or the expected_days of the stages.")
        yield from _countable(policy, code, track)


def _countable(policy: Policy, code: str, track: Track) -> Iterator[Problem]:
    asked = {share.of for stage in policy.stages for share in stage.gate.shares}
    for name in sorted(asked):
        if getattr(track, name) is None:
            yield Problem(
                f"tracks.{code}.{name}",
                "is missing, and a gate asks for a share of it.",
                "Add the number of listed standards; an enrollment's own number overrides it.",
            )


def _reminders(policy: Policy) -> Iterator[Problem]:
    for index, rule in enumerate(policy.reminders):
        place = f"reminders[{index}]"
        yield from _posts(policy, place, rule.to)
        for name in rule.stages:
            if name not in policy.stage:
                yield Problem(f"{place}.stages", f'names the unknown stage "{name}".', nearest(name, policy.stage))
        furthest = rule.days_before[0]
        for code, track in policy.tracks.items():
            yield from _too_early(policy, f"{place}.days_before", (rule, furthest, code, track))


def _too_early(policy: Policy, place: str, asked: tuple[ReminderRule, int, str, Track]) -> Iterator[Problem]:
    rule, furthest, code, track = asked
    if rule.clock is Clock.STAGE_TARGET:
        for stage in _covered(policy, rule):
            budget = round(stage.expected_days * track.pace)
            if furthest > budget:
                yield Problem(
                    place,
                    f'"{rule.rule}" would remind {furthest} days before the target of "{stage.code}" ({code}), '
                    f"which lasts only {budget} days: before the stage begins.",
                    f"Use at most {budget}, or leave the stage out with `stages = [...]`.",
                )
        return
    window = track.window or policy.window
    ends = {Clock.LIMIT: track.limit_months, Clock.WINDOW_UNTIL: window.until_month}
    months = ends.get(rule.clock, window.from_month)
    if furthest > months * SHORTEST_MONTH:
        yield Problem(
            place,
            f'"{rule.rule}" would remind {furthest} days before a date {months} months after the agreement ({code}): '
            "before the enrollment begins.",
            f"Use at most {months * SHORTEST_MONTH}.",
        )


def _covered(policy: Policy, rule: ReminderRule) -> list[Stage]:
    return [s for s in policy.path if s.next is not None and (not rule.stages or s.code in rule.stages)]


def _posts(policy: Policy, place: str, posts: Sequence[Post]) -> Iterator[Problem]:
    for post in posts:
        if post not in policy.posts:
            what = f'names the post "{post}", which has no name.'
            yield Problem(place, what, f"Add [posts.{post}] with es_MX and en.")
    for name in _repeated(posts):
        yield Problem(place, f'names "{name}" twice.', "Keep one.")


def _escalations(policy: Policy) -> Iterator[Problem]:
    for index, rule in enumerate(policy.escalations):
        place = f"escalations[{index}]"
        for rung in rule.ladder:
            yield from _posts(policy, f"{place}.ladder", rung.to)
        yield from _posts(policy, f"{place}.posts", rule.posts)
        yield from _cause(rule, place)
        for step, rung in enumerate(rule.ladder[1:], start=1):
            if rung.after_days == 0:
                yield Problem(
                    f"{place}.ladder[{step}].after_days",
                    "is 0: the rung below would have no time to act.",
                    "Use at least 1.",
                )
        if (rule.repeat_days is None) != (rule.repeats == 0):
            yield Problem(place, "`repeat_days` and `repeats` go together.", "Give both or neither.")


def _cause(rule: EscalationRule, place: str) -> Iterator[Problem]:
    reads_clock = rule.cause in {Cause.PACE, Cause.OVERDUE}
    if reads_clock != (rule.clock is not None):
        what = "needs" if reads_clock else "has no use for"
        yield Problem(f"{place}.clock", f'the cause "{rule.cause}" {what} a clock.', "Only pace and overdue read one.")
    if rule.clock in {Clock.WINDOW_FROM, Clock.STAGE_TARGET}:
        yield Problem(f"{place}.clock", f'"{rule.clock}" is no end to be late for.', 'Use "limit" or "window_until".')
    if (rule.cause is Cause.VACANCY) != bool(rule.posts):
        yield Problem(f"{place}.posts", "belongs to the cause vacancy, and to no other.", "Add or remove `posts`.")
