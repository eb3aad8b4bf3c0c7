"""What a rule has told so far, and that it rests: of reminders, duties and escalations alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date

from models.rules.case import Said
from models.rules.explaining.view import Outcome, Sentence, View
from models.rules.spanish import say, spell
from models.rules.words import Language, NoticeState

_OUTCOMES = {NoticeState.SUPPRESSED: Outcome.HELD_BACK, NoticeState.CANCELLED: Outcome.CANCELLED}


def told(view: View, rule: str, current: Collection[date]) -> Iterator[Sentence]:
    """Yield one sentence for each occurrence and state of what a rule has said of today's dates, the posts together.

    What it said of earlier dates (a stage that was left, a stall that is over) is counted in one more.
    """
    groups: dict[tuple[date, str, NoticeState, str], list[Said]] = defaultdict(list)
    earlier = [n for n in view.case.said if n.key.rule == rule and n.key.anchor_on not in current]
    if earlier:
        out = sum(notice.state is NoticeState.SENT for notice in earlier)
        text = view.say('"{rule}" spoke before, of earlier dates: {number}, {out} sent.',
                        rule=rule, number=_notices(view, len(earlier)), out=out)
        yield Sentence(rule, Outcome.SAID, None, text)
    for notice in sorted(view.case.said, key=lambda notice: notice.id):
        if notice.key.rule == rule and notice.key.anchor_on in current:
            why = spell(view.language, notice.reason) if notice.reason is not None else ""
            groups[notice.key.anchor_on, notice.key.occurrence, notice.state, why].append(notice)
    for (anchor_on, occurrence, state, why), notices in groups.items():
        text = view.say(
            '"{rule}" {which} {on}, to {posts}: {state}{because}.', rule=rule,
            which=which(occurrence, view.language), on=anchor_on,
            posts=", ".join(view.post(notice.key.post) for notice in notices),
            state=spell(view.language, state), because=f" ({why})" if why else "",
        )
        yield Sentence(rule, _OUTCOMES.get(state, Outcome.SAID), anchor_on, text)


def _notices(view: View, number: int) -> str:
    return view.say("1 notice") if number == 1 else view.say("{number} notices", number=number)


def which(occurrence: str, language: Language) -> str:
    """Say in words which of a rule's occurrences one is; a date follows."""
    story, _, step = occurrence.rpartition("/")
    if not story:
        return say(language, "{days} days before", days=occurrence.rpartition(":")[2])
    rung, _, repeat = step.partition(".")
    if repeat == "0":
        return say(language, "on rung {rung} counted from", rung=rung)
    return say(language, "on rung {rung}, told again ({repeat}), counted from", rung=rung, repeat=repeat)


def rests(view: View, rule: str) -> Sentence:
    """Say that a rule is silent while a case is on hold."""
    text = view.say('"{rule}" says nothing while the case is on hold.', rule=rule)
    return Sentence(rule, Outcome.HELD_BACK, None, text)


def will_rest(view: View, rule: str) -> Sentence:
    """Say that a rule would have spoken, were it not for a hold that is planned."""
    text = view.say('"{rule}" will have nothing to say before the hold that is planned.', rule=rule)
    return Sentence(rule, Outcome.SILENT, None, text)
