"""explain(case, program, today): why a case stands as it does, what was said and held back, and what comes next.

It asks `decide` itself and the very functions that decide asks, so it cannot disagree with what a sweep does. What it
tells is how things are at the end of the day: a decision that no sweep has taken yet is told as taken. The sentences
stand here in English, and in `models.rules.spanish` in Spanish.
"""

from __future__ import annotations

from datetime import date

from models.rules.apply import apply
from models.rules.case import Case, Program
from models.rules.decide import decide
from models.rules.escalations import scene_of
from models.rules.explaining.climbing import closings, of_escalation
from models.rules.explaining.reminding import of_duty, of_reminder
from models.rules.explaining.standing import advanced, ended, stands
from models.rules.explaining.view import Outcome, Sentence, View
from models.rules.gates import dossier
from models.rules.words import Language, Status


def explain(case: Case, program: Program, today: date, *, language: Language = Language.EN) -> list[Sentence]:
    """Tell in a few sentences where a case stands on a day and, for every rule, what it did, withheld or waits for.

    Args:
        case: the enrollment as stored.
        program: the policy in force.
        today: the day in the program's zone.
        language: of the sentences.
    """
    decision = decide(case, program, today)
    then = apply(case, decision)
    view = View(then, decision, scene_of(then, program, dossier(then, program, today), today=today), language)
    found = [advanced(view, step) for step in decision.advances]
    if then.status is not Status.OPEN:
        return [*found, ended(view), *closings(view)]
    found += stands(view)
    for rule in program.policy.reminders:
        found += of_reminder(view, rule) if rule.cycle.covers(then.cycle) else [_not_here(rule.rule, view)]
    for duty in program.policy.duties:
        found += of_duty(view, duty) if duty in view.scene.plan.duties else [_not_here(duty.rule, view)]
    for escalation in program.policy.escalations:
        covered = escalation.cycle.covers(then.cycle)
        found += of_escalation(view, escalation) if covered else [_not_here(escalation.rule, view)]
    return [*found, *closings(view), _review(view)]


def _not_here(rule: str, view: View) -> Sentence:
    text = view.say('"{rule}" is not for cycle {cycle} of this track.', rule=rule, cycle=view.case.cycle)
    return Sentence(rule, Outcome.NOT_HERE, None, text)


def _review(view: View) -> Sentence:
    on = view.decision.next_review_on
    if on is None:
        return Sentence("review", Outcome.REVIEW, on, view.say("It is looked at again when something is recorded."))
    text = view.say("It is looked at again on {on}, or when something is recorded.", on=on)
    return Sentence("review", Outcome.REVIEW, on, text)
