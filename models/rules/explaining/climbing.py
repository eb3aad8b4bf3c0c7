"""Which escalations stand or would open, why, and what comes next on their ladders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import assert_never

from models.rules.case import Standing
from models.rules.decision import Closed
from models.rules.escalations import Condition, conditions, next_step_on
from models.rules.explaining.telling import rests, told, will_rest
from models.rules.explaining.view import Outcome, Sentence, View
from models.rules.forecast.spelling import percent
from models.rules.governments import lost_ahead
from models.rules.policy import EscalationRule
from models.rules.risk import view as forecast_view
from models.rules.spanish import spell
from models.rules.words import Cause, EscalationState


def of_escalation(view: View, rule: EscalationRule) -> Iterator[Sentence]:
    """Yield what a rule told of its escalations, how each stands, and when one would open."""
    standings = {(s.occurrence, s.anchor_on): s for s in view.case.standings if s.rule == rule.rule}
    found = list(conditions(rule, view.case, view.scene))
    yield from told(view, rule.rule, {c.anchor_on for c in found if c.opens_on <= view.scene.today})
    if not found:
        text = view.say('"{rule}" has no cause: {why}.', rule=rule.rule, why=view.say(_no_cause(view, rule)))
        yield Sentence(rule.rule, Outcome.SILENT, None, text)
    resting = view.scene.resting(rule)
    if resting:
        yield rests(view, rule.rule)
    for condition in found:
        if condition.opens_on > view.scene.today:
            if not resting:
                planned = view.scene.resting(rule, condition.opens_on)
                yield will_rest(view, rule.rule) if planned else _would_open(view, rule, condition)
        elif not resting or (condition.occurrence, condition.anchor_on) in standings:
            yield _escalated(view, rule, standings[condition.occurrence, condition.anchor_on])


def _no_cause(view: View, rule: EscalationRule) -> str:
    if rule.duties:
        open_ = any(each.done is None and each.duty.rule in rule.duties for each in view.scene.owed)
        return "nothing is owed that could be late" if open_ else "nothing is owed"
    if rule.cause is Cause.UNDELIVERABLE:
        return "mail reaches whoever holds its posts"
    return "its posts are held and nobody is to leave" if rule.posts else "the stage sets no days for it"


def _because(  # noqa: PLR0911 - one for each cause
    view: View, rule: EscalationRule, occurrence: str, *, anchor_on: date, on: date
) -> str:
    match rule.cause:
        case Cause.INACTIVITY:
            return view.say("nothing on record since {on}", on=anchor_on)
        case Cause.OVERSTAY:
            return view.say("in {stage} since {on}", stage=view.stage(occurrence), on=anchor_on)
        case Cause.PACE:
            return _too_slow(view, anchor_on, on)
        case Cause.OVERDUE:
            return view.say("{on} has passed", on=anchor_on)
        case Cause.DUTY:
            duty, _, name = occurrence.partition(":")
            owed = view.scene.program.duties[duty].name.text(view.language)
            whose = name if name.isdigit() else view.post(name)
            return view.say("{name} ({whose}) was due on {on}", name=owed, whose=whose, on=anchor_on)
        case Cause.VACANCY:
            return view.say("nobody is {post} since {on}", post=view.post(occurrence), on=anchor_on)
        case Cause.UNDELIVERABLE:
            return view.say("no mail reaches the {post} since {on}", post=view.post(occurrence), on=anchor_on)
        case _:
            assert_never(rule.cause)


def _too_slow(view: View, end: date, on: date) -> str:
    seen = forecast_view(view.case, view.scene.program, end, gained=view.scene.gained)
    changes, lost = lost_ahead(view.scene.program.policy, view.case.site, on, until=end)
    less = view.say(", {days} days of which a change of government costs ({changes})",
                    days=lost.days, changes=", ".join(map(str, changes))) if lost else ""
    if seen is None:
        return view.say("the stages left, at their expected days, do not end in time for {on}", on=end) + less
    chance = percent(seen.chance(on) / 100, view.language)
    return view.say("an award by {on} has a chance of {chance}", on=end, chance=chance) + less


def _would_open(view: View, rule: EscalationRule, condition: Condition) -> Sentence:
    because = _because(view, rule, condition.occurrence, anchor_on=condition.anchor_on, on=condition.opens_on)
    text = view.say('"{rule}" would open on {on} if nothing happens: {because}.',
                    rule=rule.rule, on=condition.opens_on, because=because)
    return Sentence(rule.rule, Outcome.WOULD_OPEN, condition.opens_on, text)


def _escalated(view: View, rule: EscalationRule, standing: Standing) -> Sentence:
    step_on = next_step_on(rule, standing, view.scene)
    upcoming = view.say("all was said") if step_on is None else view.say("the next step is on {on}", on=step_on)
    if view.scene.resting(rule) or (step_on is not None and view.scene.resting(rule, step_on)):
        step_on, upcoming = None, view.say("the next step waits for the hold to end")
    if standing.state is EscalationState.ACKNOWLEDGED:
        upcoming = view.say("acknowledged until {on}, ", on=standing.acknowledged_until) + upcoming
    because = _because(view, rule, standing.occurrence, anchor_on=standing.anchor_on, on=view.scene.today)
    text = view.say(
        '"{rule}" stands since {since}: {because}; rung {rung} of {rungs} since {rung_on}, {upcoming}.',
        rule=rule.rule, since=standing.opened_on, because=because, rung=standing.rung, rungs=len(rule.ladder),
        rung_on=standing.rung_on, upcoming=upcoming,
    )
    return Sentence(rule.rule, Outcome.ESCALATED, step_on, text)


def closings(view: View) -> Iterator[Sentence]:
    """Yield which escalations close today, and why."""
    rules = {standing.id: standing for standing in view.case.standings}
    for closed in view.decision.closed:
        yield _over(view, closed, rules[closed.escalation_id])


def _over(view: View, closed: Closed, standing: Standing) -> Sentence:
    text = view.say('"{rule}", open since {since}, closes on {on}: {why}.', rule=standing.rule,
                    since=standing.opened_on, on=view.scene.today, why=spell(view.language, closed.reason))
    return Sentence(standing.rule, Outcome.CLOSED, view.scene.today, text)
