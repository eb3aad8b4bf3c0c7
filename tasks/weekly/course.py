"""How a program does beside its single cases, as parts of a mail of the week: for whoever steers it.

target  accredited agencies against the line of the target, with those that the forecast expects by its day
load    open cases of each region by risk, with escalations and experts
pairs   the most loaded pairs
led     what the escalations of the last weeks led to, by rule
arc     governments with every kind of agency accredited but one
"""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.letter import Bar, Part, Row
from models.rules.policy.forecast import Target
from models.rules.reporting.indicators import target_on
from models.rules.reporting.weeks import LED_DAYS, Carried, Led, Load, by_pair, by_region, pair_of
from models.rules.words import EscalationState, Language, Risk, Section
from tasks.reports import naming
from tasks.reports.wording import Wording
from tasks.weekly.desks import Desk
from tasks.weekly.whole import Whole

STANDING = frozenset({Section.TARGET, Section.LOAD, Section.PAIRS, Section.ARC})
"""What is true every week: no reason for a mail by itself."""
PAIRS = 6
"""So many pairs: the page of the week has all of them."""


class Course:
    """Writes the parts about the course of a program in one language, in the words of its reports."""

    def __init__(self, desk: Desk, language: Language) -> None:
        self._desk, self._say = desk, Wording(language)
        self._program, self._policy = desk.program, desk.program.policy

    def target(self) -> Part:
        """Draw the awards so far, those likely in time, and where the line of the target stands."""
        say, whole, terms = self._say, self._whole, self._policy.forecast
        goal = terms.target if terms is not None else None
        if goal is None:
            return Part(say("h_course"), "", lines=(say("p_awards_no_target"),))
        ahead, aim = goal.by > self._desk.today, self._aim()
        told = [(say("m_reached"), whole.accredited, "reached")]
        if aim is not None and ahead:
            told.append((say("m_aim"), aim, "aim"))
        if ahead and whole.likely is not None:
            told.append((say("m_likely", by=goal.by), whole.accredited + whole.likely, "ahead"))
        told.append((say("m_goal", by=goal.by), goal.agencies, "aim"))
        most = max(1, *(value for _, value, _ in told))
        bars = tuple(Bar(label, value, round(100 * value / most), mark) for label, value, mark in told)
        return Part(say("h_course"), "", bars, lines=(self._about(goal, whole.likely, ahead=ahead),))

    def load(self) -> Part:
        """Tell the load of each region in which the reader holds a case."""
        held = {each.region for each in self._desk.held}
        regions = {region.code: region.name for region in self._policy.regions if region.code in held}
        rows = []
        for load in by_region(self._carried(), regions):
            lines = [self._loaded(load)]
            if load.per_expert is not None:
                lines.append(self._say("m_experts", experts=load.experts, each=load.per_expert))
            rows.append(Row(regions[load.name], "", tuple(lines), _mark(load)))
        return Part(self._say("h_load"), "", rows=tuple(rows))

    def pairs(self) -> Part:
        """Tell the most loaded pairs."""
        loads = by_pair(self._carried())
        rows = tuple(Row(each.name, "", (self._loaded(each),), _mark(each)) for each in loads[:PAIRS])
        return Part(self._say("h_pairs"), self._say("p_pairs_none"), rows=rows, more=len(loads[PAIRS:]))

    def led(self) -> Part:
        """Tell what became of the escalations of each rule."""
        names, say = naming.rules(self._program, self._say), self._say
        rows = tuple(
            Row(names[each.rule], "", tuple(self._became(each)), Risk.OVERDUE if each.top else Risk.ON_TRACK)
            for each in self._whole.led
        )
        lines = (say("p_led", days=LED_DAYS),) if rows else ()
        return Part(say("h_led"), say("p_led_none", days=LED_DAYS), rows=rows, lines=lines)

    def arc(self) -> Part:
        """Tell the governments that lack one accreditation, and how the case of it stands."""
        say = self._say
        kinds = naming.kinds(self._program, say)
        rows = []
        for each in self._whole.short:
            stands = say("arc_not_enrolled")
            if each.standing:
                stage = self._policy.stage[each.stage].name.text(say.language)
                stands = say("arc_stands", enrollment=each.standing, stage=stage)
            rows.append(Row(each.government, "", (say("m_lacks", kind=kinds[each.lacks], stands=stands),)))
        return Part(say("h_arc"), say("p_arc_none", kinds=", ".join(kinds.values())), rows=tuple(rows))

    def _about(self, goal: Target, likely: int | None, *, ahead: bool) -> str:
        if not ahead:
            return self._say("m_passed", agencies=goal.agencies, by=goal.by)
        return self._say("m_unknown") if likely is None else self._say("m_about", number=likely, by=goal.by)

    @property
    def _whole(self) -> Whole:
        assert self._desk.whole is not None, "read where a section tells of it"
        return self._desk.whole

    def _aim(self) -> int | None:
        """Return how many agencies were to be accredited by today, where the program says so."""
        line = self._policy.reports.accredited if self._policy.reports is not None else None
        wanted = None if line is None else target_on(line, self._desk.today)
        return None if wanted is None else round(wanted)

    def _carried(self) -> Iterator[Carried]:
        people = self._desk.people
        for held in self._desk.held:
            experts = tuple(people.get(person, str(person)) for person in pair_of(held.case, self._desk.today))
            standing = sum(each.state is not EscalationState.CLOSED for each in held.case.standings)
            yield Carried(held.region, held.case.risk, experts, standing)

    def _loaded(self, load: Load) -> str:
        return self._say(
            "m_load", open=load.open, at_risk=load.at_risk, overdue=load.overdue, escalations=load.escalations
        )

    def _became(self, one: Led) -> Iterator[str]:
        say = self._say
        yield say("m_led", opened=one.opened, open=one.open, top=one.top)
        ends = [(say("led_taken"), one.taken), *((say(f"closing_{end}"), n) for end, n in one.closed.items())]
        said = "; ".join(f"{name}: {number}" for name, number in ends if number)
        yield said or say("m_unanswered")


def _mark(load: Load) -> Risk:
    if load.overdue:
        return Risk.OVERDUE
    return Risk.AT_RISK if load.at_risk else Risk.ON_TRACK
