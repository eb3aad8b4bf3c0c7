"""Lead times that cannot be kept."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.errors import Problem
from models.rules.policy import Lead, Policy
from models.rules.policy.checks.shared import milestone, repeated

SHORTEST_MONTH = 28


def leads(policy: Policy) -> Iterator[Problem]:
    """Yield leads of unknown milestones, against the order of the stages, or longer than an enrollment."""
    asked = {name: index for index, stage in enumerate(policy.path) for name in stage.gate.usual}
    for index, lead in enumerate(policy.leads):
        place = f"leads[{index}]"
        for name in (lead.milestone, lead.before):
            yield from milestone(policy, place, name)
            if name in policy.milestones and name not in asked:
                what = f'names "{name}", which no gate asks for: nobody would plan it.'
                yield Problem(place, what, "Name it in the gate of its stage, or remove the lead.")
        if {lead.milestone, lead.before} <= asked.keys() and asked[lead.milestone] >= asked[lead.before]:
            what = f'wants "{lead.milestone}" before "{lead.before}", and its stage is not an earlier one.'
            yield Problem(place, what, "Swap them, or correct the stages.")
        yield from _days(policy, lead, place)
    for pair in repeated(f'"{lead.milestone}" before "{lead.before}"' for lead in policy.leads):
        yield Problem("leads", f"tell {pair} twice.", "Keep one.")


def _days(policy: Policy, lead: Lead, place: str) -> Iterator[Problem]:
    if lead.at_most_days is not None and lead.at_most_days < lead.at_least_days:
        what = f"is {lead.at_most_days}, less than at_least_days, {lead.at_least_days}."
        yield Problem(f"{place}.at_most_days", what, "Swap or correct them.")
    shortest = min(track.limit_months for track in policy.tracks.values()) * SHORTEST_MONTH
    if lead.at_least_days > shortest:
        what = f"is {lead.at_least_days} days: more than a track's whole limit."
        yield Problem(f"{place}.at_least_days", what, f"Use at most {shortest}.")
