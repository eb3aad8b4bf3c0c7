"""Names that stand twice, places that nobody knows or supervises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.rules.errors import Problem, nearest
from models.rules.policy import EscalationRule, Policy, Reminding, Weekly
from models.rules.policy.checks.shared import is_zone, repeated


def duplicates(policy: Policy) -> Iterator[Problem]:
    """Yield names that stand twice in one list."""
    lists: dict[str, Iterable[str]] = {
        "stages": (s.code for s in policy.stages),
        "reminders": (r.rule for r in policy.reminders),
        "duties": (d.rule for d in policy.duties),
        "escalations": (r.rule for r in policy.escalations),
        "weekly": (r.rule for r in policy.weekly),
        "conferences": (str(c.on) for c in policy.conferences),
        "regions": (r.code for r in policy.regions),
        "answers.reasons": policy.answers.reasons,
    }
    for place, names in lists.items():
        for name in repeated(names):
            yield Problem(place, f'"{name}" stands here twice.', "Keep one.")
    taken: dict[str, str] = {}
    kinds: tuple[tuple[str, Iterable[Reminding | EscalationRule | Weekly]], ...] = (
        ("reminder", policy.reminders), ("duty", policy.duties), ("escalation", policy.escalations),
        ("weekly mail", policy.weekly),
    )
    for kind, rules in kinds:
        for rule in rules:
            if taken.setdefault(rule.rule, kind) != kind:
                place = {"duty": "duties", "escalation": "escalations", "weekly mail": "weekly"}[kind]
                yield Problem(place, f'"{rule.rule}" is also the name of a {taken[rule.rule]}.', "Rename one.")


def reasons(policy: Policy) -> Iterator[Problem]:
    """Yield reasons that answers offer and the program does not have."""
    for code in policy.answers.reasons:
        if code not in policy.reasons:
            yield Problem("answers.reasons", f'names the unknown reason "{code}".', nearest(code, policy.reasons))


def places(policy: Policy) -> Iterator[Problem]:
    """Yield unknown zones, and entities that no region or several supervise."""
    zones = {"zone": policy.zone}
    for code, entity in policy.entities.items():
        zones[f"entities.{code}.zone"] = entity.zone
        zones |= {f"entities.{code}.municipality_zones.{m}": z for m, z in entity.municipality_zones.items()}
    for place, zone in zones.items():
        if not is_zone(zone):
            yield Problem(place, f'"{zone}" is no time zone.', 'Use an IANA name such as "Europe/Vienna".')
    owned = [(region.code, entity) for region in policy.regions for entity in region.entities]
    for region_code, entity_code in owned:
        if entity_code not in policy.entities:
            yield Problem(
                f"regions.{region_code}",
                f'names the unknown entity "{entity_code}".',
                nearest(entity_code, policy.entities),
            )
    for entity_code in repeated(entity for _, entity in owned):
        yield Problem("regions", f'"{entity_code}" belongs to two regions.', "Leave it in one.")
    for entity_code in sorted(set(policy.entities) - {entity for _, entity in owned}):
        yield Problem("regions", f'"{entity_code}" belongs to no region.', "Add it to one: nobody would supervise it.")


def governments(policy: Policy) -> Iterator[Problem]:
    """Yield changes of government of nowhere, twice on a day, or out of order."""
    for code, government in policy.governments.items():
        place = f"governments.{code}"
        if code not in policy.entities:
            yield Problem(place, "is no entity.", nearest(code, policy.entities))
        for level, days in (("state", government.state), ("municipal", government.municipal)):
            for day in repeated(map(str, days)):
                yield Problem(f"{place}.{level}", f"names {day} twice.", "Keep one.")
            if list(days) != sorted(days):
                yield Problem(f"{place}.{level}", "is not in order.", "Put the earliest first.")
