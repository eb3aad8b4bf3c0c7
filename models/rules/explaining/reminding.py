"""What reminders and duties said, withheld or wait for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from models.rules import reminders
from models.rules.duties import Owed, still_owed
from models.rules.explaining.telling import rests, told, will_rest
from models.rules.explaining.view import Outcome, Sentence, View
from models.rules.policy import Duty, ReminderRule
from models.rules.words import Clock

_CLOCKS = {
    Clock.WINDOW_FROM: "the window's first day",
    Clock.WINDOW_UNTIL: "the window's last day",
    Clock.LIMIT: "the limit",
    Clock.STAGE_TARGET: "the stage's target",
    Clock.CYCLE_START: "the cycle's first day",
}


def of_reminder(view: View, rule: ReminderRule) -> Iterator[Sentence]:
    """Yield what a reminder said, and when it speaks next."""
    if rule not in view.scene.plan.stages[view.case.stage].reminders:
        stage = view.stage(view.case.stage)
        text = view.say('"{rule}" has nothing to say in {stage}.', rule=rule.rule, stage=stage)
        yield Sentence(rule.rule, Outcome.NOT_HERE, None, text)
        return
    anchor_on = view.scene.dates.read(rule.clock)
    yield from told(view, rule.rule, {anchor_on})
    if view.scene.resting(rule):
        yield rests(view, rule.rule)
        return
    upcoming = reminders.Countdown(rule, anchor_on, view.scene.calendar).next_after(view.scene.today)
    clock = view.say(_CLOCKS[rule.clock])
    if upcoming is None:
        text = view.say('"{rule}" has nothing more to say of {clock}, {on}.', rule=rule.rule, clock=clock, on=anchor_on)
        yield Sentence(rule.rule, Outcome.SILENT, None, text)
        return
    if view.scene.resting(rule, upcoming):
        yield will_rest(view, rule.rule)
        return
    text = view.say(
        '"{rule}" speaks next on {on}, {days} days before {clock}, {end}.', rule=rule.rule, on=upcoming,
        days=(anchor_on - upcoming).days, clock=clock, end=anchor_on,
    )
    yield Sentence(rule.rule, Outcome.NEXT, upcoming, text)


def of_duty(view: View, duty: Duty) -> Iterator[Sentence]:
    """Yield what is owed by a duty or was done, what was said of it, and when it speaks next."""
    mine = [each for each in view.scene.owed if each.duty is duty]
    yield from told(view, duty.rule, {each.due_on for each in mine})
    if not mine:
        posts = view.say(" or ").join(view.post(post) for post in duty.posts)
        text = view.say('"{rule}" owes nothing: nobody new is {posts}.', rule=duty.rule, posts=posts)
        yield Sentence(duty.rule, Outcome.SILENT, None, text)
    for each in mine:
        yield _owed(view, each)
        upcoming = None if each.done else _next_of(view, each)
        if upcoming is not None:
            days = (each.due_on - upcoming).days
            text = view.say('"{rule}" speaks next on {on}, {days} days before {end}.',
                            rule=duty.rule, on=upcoming, days=days, end=each.due_on)
            yield Sentence(duty.rule, Outcome.NEXT, upcoming, text)


def _next_of(view: View, each: Owed) -> date | None:
    upcoming = reminders.Countdown(each.duty, each.due_on, view.scene.calendar).next_after(view.scene.today)
    return upcoming if upcoming is not None and still_owed(each, view.case.seats, upcoming) else None


def _owed(view: View, each: Owed) -> Sentence:
    duty = each.duty
    what = view.say('"{rule}", {name}, {because}, due {on}: ', rule=duty.rule, name=duty.name.text(view.language),
                    because=_because_of(view, each), on=each.due_on)
    if each.done is not None:
        text = view.say("done, {what}.", what=view.recorded(each.done))
        return Sentence(duty.rule, Outcome.DONE, each.done.on, what + text)
    text = view.say("not on record yet, {when}; it counts from {since} on.",
                    when=view.from_today(each.due_on), since=each.since)
    return Sentence(duty.rule, Outcome.WAITS, each.due_on, what + text)


def _because_of(view: View, each: Owed) -> str:
    if each.changed_on is not None:
        return view.say("for the new {post} since {on}", post=view.post(each.name), on=each.changed_on)
    return view.say("{number} of {all}", number=each.name, all=len(each.duty.due))
