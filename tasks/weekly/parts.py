"""The parts of a mail of the week, each a function from a desk to words: whoever adds one names it in `Section`.

risk        the cases by risk, the worst first, with a small chart
changes     what was recorded of them since the day a week ago
asked       the escalations that have reached the reader, and the stages that are to be left soon
conference  the cases that can make the next conference, and what each must do by when
vacant      the posts that nobody holds, and since when

How the program does beside its cases (target, load, pairs, led, arc) is written in `tasks/weekly/course.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple, assert_never

from models.rules.case import Standing
from models.rules.clock import clocks
from models.rules.forecast.spelling import percent
from models.rules.gates import dossier
from models.rules.letter import Bar, Form, Part, Row
from models.rules.naming import awaited
from models.rules.planning import outlook
from models.rules.policy import EscalationRule
from models.rules.reporting.glances import vacancies
from models.rules.reporting.weeks import Gist
from models.rules.risk import days_gained, view
from models.rules.words import Cause, EscalationState, Language, Post, Risk, Section, Status
from tasks.mail.rendering import spell_day, spell_days
from tasks.views.forms import AT_THE_UI, Forms
from tasks.weekly.course import STANDING, Course
from tasks.weekly.desks import Desk, Held
from tasks.weekly.words import WORDS

SHOWN = 20
"""So many cases a part shows at most: a mail that nobody reads to its end says nothing."""
LINES = 6
"""So many changes of one case, the latest."""
SOON = timedelta(days=14)
WORST_FIRST = (Risk.OVERDUE, Risk.AT_RISK, Risk.ON_TRACK)


class Told(NamedTuple):
    """The parts of a mail, and what they tell but for the time that passes."""

    parts: tuple[Part, ...]
    gist: Gist


def told_of(desk: Desk, sections: Sequence[Section], language: Language) -> Told | None:
    """Return the parts of a mail, in this order; None where none of them has anything to say."""
    scribe, course = _Scribe(desk, language), Course(desk, language)
    writers: dict[Section, Callable[[], Part]] = {
        Section.RISK: scribe.risk, Section.CHANGES: scribe.changes, Section.ASKED: scribe.asked,
        Section.CONFERENCE: scribe.conference, Section.VACANT: scribe.vacant, Section.TARGET: course.target,
        Section.LOAD: course.load, Section.PAIRS: course.pairs, Section.LED: course.led, Section.ARC: course.arc,
    }
    parts = {section: writers[section]() for section in sections}
    quiet = all(held.case.risk is Risk.ON_TRACK for held in desk.held)
    said = [
        section for section, part in parts.items()
        if part.rows and section not in STANDING and not (section is Section.RISK and quiet)
    ]
    return Told(tuple(parts.values()), Gist.of(scribe.stands, scribe.changed)) if said else None


def next_step(desk: Desk, language: Language) -> str:
    """Say which stage is to be left next, of all cases of a desk; "" where no day is ahead."""
    targets = []
    for held in desk.held:
        plan = desk.program.plan(held.case.track, held.case.cycle)
        targets.append((clocks(held.case, plan, desk.today).stage_target, held.code, held))
    ahead = sorted(each for each in targets if each[0] >= desk.today)
    if not ahead:
        return ""
    on, code, held = ahead[0]
    stage = desk.program.policy.stage[held.case.stage].name.text(language)
    return f"{code}: {WORDS[language]['target'].format(stage=stage, on=spell_day(on, language))}"


class _Scribe:
    """Writes the parts about one desk in one language.

    Beside the words it notes what they come to: `stands` and `changed` hold no count of days, which would make any two
    weeks differ.
    """

    def __init__(self, desk: Desk, language: Language) -> None:
        self._desk, self._language, self._words = desk, language, WORDS[language]
        self._program, self._policy, self._today = desk.program, desk.program.policy, desk.today
        self._forms = Forms(desk.program, desk.today)
        self.stands: list[str] = []
        self.changed: list[str] = []

    def _note(self, *what: object) -> None:
        self.stands.append(" ".join(map(str, what)))

    def risk(self) -> Part:
        held = sorted(self._desk.held, key=lambda each: (WORST_FIRST.index(each.case.risk), self._end(each), each.code))
        counted = Counter(each.case.risk for each in held)
        most = max(counted.values(), default=1)
        bars = [
            Bar(self._words[risk], counted[risk], round(100 * counted[risk] / most), risk) for risk in WORST_FIRST
        ]
        self._note(Section.RISK, *(counted[risk] for risk in WORST_FIRST))
        rows = [self._row(each, self._standing(each), each.case.risk) for each in held[:SHOWN]]
        return self._part("risk", rows, bars=tuple(bars), more=len(held) - len(rows))

    def changes(self) -> Part:
        rows = []
        for held in self._desk.held:
            lines = tuple(dict.fromkeys(self._happened(held)))
            if lines:
                self.changed += (f"{held.code} {line}" for line in lines)
                left_out = len(lines) - LINES
                more = (self._words["more_lines"].format(number=left_out),) if left_out > 0 else ()
                rows.append(self._row(held, (*lines[-LINES:], *more), held.case.risk))
        return self._part("changes", rows[:SHOWN], more=len(rows[SHOWN:]))

    def asked(self) -> Part:
        rows = []
        for held in self._desk.held:
            lines = tuple(self._wanted(held))
            if lines:
                row = self._row(held, lines, held.case.risk)
                rows.append(row._replace(forms=tuple(self._forms_for(held)) if held.posts & AT_THE_UI else ()))
        rows.sort(key=lambda row: WORST_FIRST.index(Risk(row.mark)))
        return self._part("asked", rows[:SHOWN], more=len(rows[SHOWN:]))

    def _forms_for(self, held: Held) -> Iterator[Form]:
        """Yield the forms by which the first escalation of a case that nobody took can be decided."""
        for standing, _ in self._climbed(held):
            if standing.state is EscalationState.OPEN:
                rule, of = standing.rule, standing.occurrence.split("/", 1)[0]
                post = Post(of) if of in set(Post) else None
                found = self._forms.about(held.code, rule, post=post, person=self._desk.reader, awaited=None)
                yield from (Form(does, url) for does, url in found.items())
                return

    def _climbed(self, held: Held) -> Iterator[tuple[Standing, EscalationRule]]:
        """Yield the escalations of a case that have climbed to the reader, the oldest first."""
        for standing in sorted(held.case.standings, key=lambda each: (each.opened_on, each.rule, each.occurrence)):
            rule = self._program.escalations.get(standing.rule)
            if rule is not None and standing.state is not EscalationState.CLOSED and _reached(rule, standing, held):
                yield standing, rule

    def conference(self) -> Part:
        """Tell who can make the next conference, who must be quickest first, each step with its last safe day."""
        on = next((day for day in self._program.conferences if day > self._today), None)
        found = []
        for held in self._desk.held:
            plan = outlook(held.case, self._program, self._today)
            slot = next((slot for slot in plan.slots if slot.on == on), None)
            if slot is None or held.case.cycle > 1:
                continue
            steps = sorted((slot.last_safe(step), step.step) for leg in plan.legs for step in leg.steps)
            lines = tuple(
                self._words["do_by" if day >= self._today else "do_at_once"].format(
                    what=awaited(self._policy, name, self._language), by=self._day(day)
                )
                for day, name in steps
            )
            self._note(Section.CONFERENCE, on, held.code, steps)
            found.append((slot.leave_by, held.code, self._row(held, lines, held.case.risk)))
        rows = [row for _, _, row in sorted(found, key=lambda each: each[:2])]
        title = self._words["conference"].format(on=self._day(on)) if on is not None else self._words["conference_any"]
        empty = self._words["no_conference"] if on is not None else self._words["unlisted"]
        return Part(title, empty, (), tuple(rows[:SHOWN]), len(rows[SHOWN:]))

    def vacant(self) -> Part:
        rows = []
        for held in self._desk.held:
            lines = tuple(
                self._words["empty_post"].format(post=self._post(each.post), since=self._day(each.since))
                for each in vacancies(held.case, self._program, self._today)
            )
            if lines:
                self._note(Section.VACANT, held.code, lines)
                rows.append(self._row(held, lines, held.case.risk))
        return self._part("vacant", rows[:SHOWN], more=len(rows[SHOWN:]))

    def _part(self, name: str, rows: Sequence[Row], *, bars: tuple[Bar, ...] = (), more: int = 0) -> Part:
        title = self._words[name].format(since=self._day(self._desk.since))
        return Part(title, self._words[f"no_{name}"], bars, tuple(rows), more)

    def _row(self, held: Held, lines: tuple[str, ...], mark: str) -> Row:
        track = self._policy.tracks[held.case.track].name.text(self._language)
        return Row(held.agency, f"{track} · {held.code}", lines, mark)

    def _day(self, on: date) -> str:
        return spell_day(on, self._language)

    def _stage(self, code: str) -> str:
        return self._policy.stage[code].name.text(self._language)

    def _post(self, post: Post) -> str:
        return self._policy.posts[post].text(self._language)

    def _end(self, held: Held) -> date:
        plan = self._program.plan(held.case.track, held.case.cycle)
        dates = clocks(held.case, plan, self._today)
        return min(dates.window_until, dates.limit)

    def _standing(self, held: Held) -> tuple[str, ...]:
        """Say where a case stands, and while it is not on track, what can still be done."""
        case, words = held.case, self._words
        end = self._end(held)
        known = dossier(case, self._program, self._today)
        said = words["standing"].format(
            risk=words[case.risk], stage=self._stage(case.stage), end=self._day(end),
            activity=self._day(max(known.last_activity, case.stage_entered_on)),
        )
        if case.risk is Risk.ON_TRACK:
            self._note(Section.RISK, held.code, case.risk, case.stage, end)
            return (said,)
        seen = view(case, self._program, end, gained=days_gained(case, self._program, known))
        whole = None if seen is None else seen.chance(self._today)
        told = "" if whole is None else percent(whole / 100, self._language)
        chance = () if whole is None else (words["chance"].format(chance=told),)
        nearest = outlook(case, self._program, self._today).nearest
        # A chance falls a little every week: what is told is in which tenth it lies.
        tenth, reach = whole and whole // 10, nearest and (nearest.on, nearest.leave_by)
        self._note(Section.RISK, held.code, case.risk, case.stage, end, tenth, reach)
        if nearest is None:
            return (said, *chance)
        return (said, *chance, words["reach"].format(on=self._day(nearest.on), by=self._day(nearest.leave_by)))

    def _happened(self, held: Held) -> Iterator[str]:
        happened, words, number = self._desk.happened, self._words, held.case.id
        for step in happened.steps.get(number, ()):
            name = "step" if step.status in {Status.OPEN, Status.AWARDED} else "ended"
            yield words[name].format(stage=self._stage(step.to_stage), on=self._day(step.decided_on))
        for fact in happened.facts.get(number, ()):
            known = self._policy.milestones.get(fact.milestone)
            what = fact.milestone if known is None else known.name.text(self._language)
            yield words["fact"].format(what=what, on=self._day(fact.occurred_on))
        for change in happened.changes.get(number, ()):
            yield words[f"change_{change.kind}"].format(on=self._day(change.recorded_at.date()))
        for row in happened.escalations.get(number, ()):
            rule = self._program.escalations.get(row.rule)
            if rule is None:
                continue
            what = self._cause(rule, row.occurrence, row.anchor_on)
            if row.closed_on is not None:
                yield words["closed"].format(what=what, on=self._day(row.closed_on))
            elif row.opened_on >= self._desk.since:
                yield words["opened"].format(what=what, on=self._day(row.opened_on))

    def _wanted(self, held: Held) -> Iterator[str]:
        """Say what is asked of the reader in a case: what has climbed to them, and what their stage waits for soon."""
        for standing, rule in self._climbed(held):
            what = (standing.rule, standing.occurrence, standing.anchor_on, standing.rung)
            self._note(Section.ASKED, held.code, *what, standing.state, standing.acknowledged_until)
            yield self._open(rule, standing)
        plan = self._program.plan(held.case.track, held.case.cycle)
        target = clocks(held.case, plan, self._today).stage_target
        if self._today <= target <= self._today + SOON:
            self._note(Section.ASKED, held.code, held.case.stage, target)
            yield self._words["target"].format(stage=self._stage(held.case.stage), on=self._day(target))

    def _open(self, rule: EscalationRule, standing: Standing) -> str:
        words, cause = self._words, self._cause(rule, standing.occurrence, standing.anchor_on)
        days = spell_days((self._today - standing.opened_on).days, self._language)
        if standing.state is EscalationState.ACKNOWLEDGED and standing.acknowledged_until is not None:
            return words["taken"].format(what=cause, days=days, until=self._day(standing.acknowledged_until))
        return words["open"].format(what=cause, days=days, rung=standing.rung, of=len(rule.ladder))

    def _cause(self, rule: EscalationRule, occurrence: str, anchor_on: date) -> str:
        on, words = self._day(anchor_on), self._words[f"cause_{rule.cause}"]
        match rule.cause:
            case Cause.INACTIVITY | Cause.OVERSTAY:
                return words.format(on=on, stage=self._stage(occurrence))
            case Cause.PACE | Cause.OVERDUE:
                return words.format(on=on)
            case Cause.VACANCY | Cause.UNDELIVERABLE:
                return words.format(on=on, post=self._post(Post(occurrence)))
            case Cause.DUTY:
                duty = self._program.duties.get(occurrence.partition(":")[0])
                name = occurrence if duty is None else duty.name.text(self._language)
                return words.format(on=on, duty=name)
            case _:
                assert_never(rule.cause)


def _reached(rule: EscalationRule, standing: Standing, held: Held) -> bool:
    """Whether an escalation has come to a rung on which the reader stands in this case."""
    return any(held.posts.intersection(rung.to) for rung in rule.ladder[: standing.rung])
