"""The margins of a synthetic cohort, as data: what is fixed about it, and how the rest is drawn.

A program's folder may hold them in `synthetic/cohort.toml`. The totals of a cohort are these margins whatever the
seed; when things happen, to whom and where, a seed draws. Durations are in days unless a name says months.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from models.rules.errors import Problem, Refused, nearest
from models.rules.policy import Code, Days, Months, Policy
from models.rules.policy.checks import shape_problem
from models.rules.words import Language, Status

_Number = TypeVar("_Number", int, float)
RESERVED_DOMAINS = ("example", "test", "invalid", "example.org", "example.com", "example.net")


def _rising(pair: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if pair[0] > pair[1]:
        raise ValueError("begins after it ends")
    return pair


Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=0)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]
DaysRange = Annotated[tuple[Days, Days], AfterValidator(_rising)]
SomeDays = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], AfterValidator(_rising)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Data):
    """Some days, both ends included."""

    first: date
    last: date


class Intake(Span):
    """So many agencies enroll in a span of days; so many of them leave later."""

    agencies: Annotated[int, Field(ge=1)]
    left: Number = 0


class TrackMargin(_Data):
    """How many agencies of a kind enroll on a track, by how it ends."""

    track: Code
    kind: Code
    accredited: Number
    left: Number


class AgainMargin(_Data):
    """How many agencies that were accredited on one track enroll on another, and are accredited there too."""

    track: Code
    after: Code
    agencies: Number
    days_between: DaysRange


class ByDay(_Data):
    """How many have come to an end by a day. A history is drawn anew until it fits, a bounded number of times."""

    on: date
    at_least: Number
    at_most: Number


class Pace(_Data):
    """How long stages take, against the days a policy expects. `award_months`: none earlier, none later."""

    agency_sigma: Annotated[float, Field(ge=0, le=2)]
    stage_sigma: Annotated[float, Field(ge=0, le=2)]
    slow_share: Share
    slow_factor: Annotated[float, Field(ge=1)]
    missed_conference_share: Share
    award_months: Annotated[tuple[Months, Months], AfterValidator(_rising)]
    tries: Annotated[int, Field(ge=1, le=1000)]


class Slowdown(Span):
    """A span in which work goes on at a part of its speed, for a share of the enrollments."""

    share: Share
    speed: Annotated[float, Field(gt=0, le=1)]


class Silences(_Data):
    """Stages in which nothing happens for longer than the policy's stall days; then somebody acts."""

    share: Share
    most: Annotated[int, Field(ge=1)]
    days_after_stall: DaysRange
    shortest_stage_days: Annotated[int, Field(ge=1)]
    vacant_share: Share


class Leaving(_Data):
    """How far along its expected days an agency comes that leaves, and how long it is silent before the end."""

    progress: Annotated[tuple[Share, Share], AfterValidator(_rising)]
    silent_days: DaysRange
    vacant_share: Share


class LateWord(_Data):
    """The facts that become known some days after they happened."""

    share: Share
    days: SomeDays


class Afterwards(_Data):
    """What is done of duties, from the agreement to the program's last day, and how exactly later cycles keep time."""

    until: date
    late_share: Share
    late_days: SomeDays
    never_share: Share
    renewal_sigma: Annotated[float, Field(ge=0, le=1)]


class Activity(_Data):
    """What experts do again and again. `counts_from`: the stage from which on standards are counted each time."""

    milestone: Code
    every_days: Annotated[int, Field(ge=2)]
    spread_days: Days
    counts_from: Code | None = None


class Staff(_Data):
    """Who is in the posts, and how often somebody leaves one."""

    agencies_per_pair: DaysRange
    days_before_first: Days
    sme_handovers: Number
    regional_handovers: Number
    handover_gap_days: DaysRange
    manager_handover_share: Share
    manager_gap_days: DaysRange
    late_manager_share: Share
    late_sme_share: Share
    late_days: DaysRange
    foreign_share: Share
    foreign_language: Language
    foreign_zone: str


class Naming(_Data):
    """How something is called where a state runs it and where a municipality does; `{place}` is replaced."""

    of_state: Annotated[str, Field(pattern=r"\{place\}")]
    of_municipality: Annotated[str, Field(pattern=r"\{place\}")]


class KindNaming(Naming):
    """How agencies of a kind are called; `code` is the middle of their code."""

    code: Annotated[str, Field(pattern="^[A-Z]{2,5}$")]


class Governments(Naming):
    """How governments are called, and how often an agency belongs to a state's or to one that has agencies already."""

    state_share: Share
    joined_share: Share


class Places(_Data):
    """Made-up municipalities: each first with each second."""

    firsts: Words
    seconds: Words


class Names(_Data):
    """Given names and surnames of one language."""

    given: Words
    surnames: Words
    surname_count: Annotated[int, Field(ge=1, le=2)]


class Margins(_Data):
    """Everything a synthetic cohort is drawn from, beside the policy."""

    accredited_entities: Annotated[int, Field(ge=1)]
    complete_governments: Number
    own_numbers_share: Share
    mail_domain: str
    last_award: Span
    left_until: date
    enrolment: Annotated[tuple[Intake, ...], Field(min_length=1)]
    tracks: Annotated[tuple[TrackMargin, ...], Field(min_length=1)]
    again: tuple[AgainMargin, ...] = ()
    left: dict[Status, Number]
    awarded_by: tuple[ByDay, ...] = ()
    left_by: tuple[ByDay, ...] = ()
    pace: Pace
    slowdown: Slowdown
    silences: Silences
    leaving: Leaving
    late_word: LateWord
    afterwards: Afterwards
    activities: Annotated[tuple[Activity, ...], Field(min_length=1)]
    staff: Staff
    kinds: dict[Code, KindNaming]
    governments: Governments
    places: Places
    names: dict[Language, Names]

    @property
    def accredited(self) -> int:
        """How many agencies are accredited."""
        return sum(track.accredited for track in self.tracks)

    @property
    def gone(self) -> int:
        """How many agencies leave."""
        return sum(track.left for track in self.tracks)


def parse_margins(document: dict[str, Any], policy: Policy, file: str = "cohort.toml") -> Margins:
    """Turn a document into margins that can be met under a policy.

    Raises:
        Refused: with every problem found, each with its place, reason and remedy.
    """
    origin = dict.fromkeys([*document, *Margins.model_fields], file)
    try:
        margins = Margins.model_validate(document)
    except ValidationError as error:
        raise Refused(shape_problem(detail, origin) for detail in error.errors()) from None
    found = [problem._replace(place=f"{file}: {problem.place}") for problem in _problems(margins, policy)]
    if found:
        raise Refused(found)
    return margins


def _problems(margins: Margins, policy: Policy) -> Iterator[Problem]:
    yield from _names(margins, policy)
    yield from _sums(margins)
    yield from _governments(margins)
    yield from _spans(margins)
    yield from _people(margins, policy)
    yield from _room(margins, policy)


def _known(place: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    choices = list(known)
    if name not in choices:
        yield Problem(place, f'names "{name}", which the policy does not know.', nearest(name, choices))


def _names(margins: Margins, policy: Policy) -> Iterator[Problem]:
    for index, track in enumerate(margins.tracks):
        yield from _known(f"tracks[{index}].track", track.track, policy.tracks)
        yield from _known(f"tracks[{index}].kind", track.kind, policy.kinds)
        if track.kind not in margins.kinds:
            yield Problem(f"kinds.{track.kind}", "is missing.", "Say how agencies of this kind are called.")
    for index, again in enumerate(margins.again):
        yield from _known(f"again[{index}].track", again.track, policy.tracks)
        yield from _known(f"again[{index}].after", again.after, (track.track for track in margins.tracks))
    for index, activity in enumerate(margins.activities):
        yield from _known(f"activities[{index}].milestone", activity.milestone, policy.milestones)
        if activity.counts_from is not None:
            yield from _known(f"activities[{index}].counts_from", activity.counts_from, policy.stage)
    for status in margins.left:
        yield from _known("left", status.value, (ending.value for ending in policy.endings))


def _sums(margins: Margins) -> Iterator[Problem]:
    both = margins.accredited + margins.gone
    sums = [
        ("enrolment", sum(intake.agencies for intake in margins.enrolment), both),
        ("enrolment.left", sum(intake.left for intake in margins.enrolment), margins.gone),
        ("left", sum(margins.left.values()), margins.gone),
    ]
    for place, number, asked in sums:
        if number != asked:
            yield Problem(place, f"sums up to {number}, the tracks to {asked}.", "Make both sums equal.")
    for index, intake in enumerate(margins.enrolment):
        if intake.left > intake.agencies:
            yield Problem(f"enrolment[{index}].left", "is more than enroll.", "Use fewer.")
    for index, again in enumerate(margins.again):
        first = sum(track.accredited for track in margins.tracks if track.track == again.after)
        if again.agencies > first:
            yield Problem(f"again[{index}].agencies", f"is more than the {first} that have an award.", "Use fewer.")


def _governments(margins: Margins) -> Iterator[Problem]:
    kinds = sorted({track.kind for track in margins.tracks})
    for kind in kinds:
        agencies = sum(track.accredited for track in margins.tracks if track.kind == kind)
        if agencies < margins.complete_governments:
            yield Problem("complete_governments", f'is more than the {agencies} accredited of "{kind}".', "Use fewer.")
    most = margins.accredited - margins.complete_governments * (len(kinds) - 1)
    if margins.accredited_entities > most:
        yield Problem("accredited_entities", f"is more than the {most} governments.", "Use fewer.")


def _spans(margins: Margins) -> Iterator[Problem]:
    spans: dict[str, Span] = {"last_award": margins.last_award, "slowdown": margins.slowdown}
    spans |= {f"enrolment[{index}]": intake for index, intake in enumerate(margins.enrolment)}
    for place, span in spans.items():
        if span.last < span.first:
            yield Problem(place, f"ends on {span.last}, before it begins.", "Swap the days.")
    asked = {f"awarded_by[{index}]": by_day for index, by_day in enumerate(margins.awarded_by)}
    asked |= {f"left_by[{index}]": by_day for index, by_day in enumerate(margins.left_by)}
    for place, by_day in asked.items():
        if by_day.at_most < by_day.at_least:
            yield Problem(place, "asks for at least more than at most.", "Swap the numbers.")


def _people(margins: Margins, policy: Policy) -> Iterator[Problem]:
    if not any(f".{margins.mail_domain}".endswith(f".{domain}") for domain in RESERVED_DOMAINS):
        yield Problem(
            "mail_domain",
            f'"{margins.mail_domain}" may be somebody\'s: a synthetic cohort must reach nobody.',
            f"Use one of {', '.join(RESERVED_DOMAINS)}.",
        )
    for language in sorted({policy.language, margins.staff.foreign_language}):
        if language not in margins.names:
            yield Problem(f"names.{language}", "is missing.", "Add given names and surnames.")
    if margins.staff.agencies_per_pair[0] < 1:
        yield Problem("staff.agencies_per_pair", "begins with 0.", "Give each pair at least 1.")
    if margins.staff.regional_handovers > len(policy.regions):
        yield Problem("staff.regional_handovers", "is more than there are regions.", "Use fewer.")


def _room(margins: Margins, policy: Policy) -> Iterator[Problem]:
    """Yield what would leave the last to enroll without the days for an award or an end."""
    if margins.accredited_entities > len(policy.entities):
        yield Problem("accredited_entities", f"is more than the {len(policy.entities)} there are.", "Use fewer.")
    lead = sum(stage.gate.conference_lead_days or 0 for stage in policy.path)
    latest = max(intake.last for intake in margins.enrolment)
    least = max(lead + 30 * len(policy.path), margins.pace.award_months[0] * 31)
    if (margins.last_award.last - latest).days < least:
        what = f"goes on until {latest}, too late for an award by {margins.last_award.last}."
        yield Problem("enrolment", what, "Move it.")
    if (margins.left_until - latest).days < margins.leaving.silent_days[1]:
        yield Problem("left_until", "leaves the last to enroll no days to be silent in.", "Move it.")
    span = margins.last_award
    waits = any(stage.gate.conference_lead_days is not None for stage in policy.path)
    if waits and not any(span.first <= conference.on <= span.last for conference in policy.conferences):
        yield Problem("last_award", f"has no conference between {span.first} and {span.last}.", "Move it to one.")
