"""why_not(case, program, today, asked): which rules could have told somebody on a day, and why each did or did not.

It stands on `explain`, so on the functions that decide: what it says of a rule is what a sweep makes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, assert_never

from models.rules.case import Case, Program, Said
from models.rules.explain import explain
from models.rules.explaining.telling import which
from models.rules.explaining.view import Outcome, Sentence
from models.rules.naming import post_name
from models.rules.policy import EscalationRule, Reminding
from models.rules.spanish import say
from models.rules.words import Language, NoticeState, Post, Reason, Status

SHOWN = frozenset({
    Outcome.NEXT, Outcome.SILENT, Outcome.NOT_HERE, Outcome.ESCALATED, Outcome.WOULD_OPEN, Outcome.SNOOZED,
    Outcome.CLOSED, Outcome.DONE,
})
"""What `explain` says of a rule that helps to see why it did not speak."""


Rule = Reminding | EscalationRule


class Mailed(NamedTuple):
    """The email that carried a notice: its day, its reference, and the code of its reader."""

    on: date
    reference: str
    reader: str


class Away(NamedTuple):
    """That somebody is away from a day to a day, both included."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about: the code, the posts held that day, and the email that carried each notice by its id.

    `away` are the absences on record, `deputy` whoever stood in that day, if anybody did; `instead_of` are the posts of
    those for whom the person stood in themselves that day, by their codes.
    """

    person: str
    posts: Collection[Post]
    mailed: Mapping[int, Mailed]
    away: Collection[Away] = ()
    deputy: str | None = None
    instead_of: Mapping[str, Collection[Post]] = field(default_factory=dict)

    @property
    def every_post(self) -> frozenset[Post]:
        """The posts whose mail was for them: their own, and those of whom they stood in for."""
        return frozenset(self.posts).union(*self.instead_of.values())

    def was_away(self, on: date) -> bool:
        """Whether they were away on a day."""
        return any(each.since <= on <= each.until for each in self.away)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: about whom, of which case, on which day, to be answered in which language."""

    case: Case
    program: Program
    today: date
    asked: Asked
    language: Language

    def say(self, text: str, **values: Any) -> str:
        return say(self.language, text, **values)

    def spelled(self, posts: Collection[Post]) -> str:
        return ", ".join(post_name(self.program.policy, post, self.language) for post in sorted(posts))


def why_not(
    case: Case, program: Program, today: date, *, asked: Asked, language: Language = Language.EN
) -> list[Sentence]:
    """Say of each rule whether it told somebody on a day, and if not, why not.

    Args:
        case: the enrollment as it stood at the end of the day.
        program: the policy in force.
        today: the day.
        asked: the person, with the posts that they held.
        language: of the sentences.
    """
    question = _Question(case, program, today, asked, language)
    told = explain(case, program, today, language=language)
    mine = asked.every_post
    if not mine:
        text = "{person} held no post of this case on {on}: no rule could have told them."
        text = question.say(text, person=asked.person, on=today)
        return [Sentence("posts", Outcome.NOT_HERE, today, text)]
    found = list(_posts(question))
    if case.status is not Status.OPEN:
        return [*found, *(sentence for sentence in told if sentence.rule == "stage")]
    others = []
    rules: list[Rule] = [*program.policy.reminders, *program.policy.duties, *program.policy.escalations]
    for rule in rules:
        addressed = _addressed(rule).intersection(mine)
        if not addressed:
            others.append(f'"{rule.rule}"')
            continue
        found.append(_verdict(question, rule))
        found += [sentence for sentence in told if sentence.rule == rule.rule and sentence.outcome in SHOWN]
        found += _rungs(question, rule, addressed)
    if others:
        text = question.say("Not addressed to these posts: {rules}.", rules=", ".join(others))
        found.append(Sentence("posts", Outcome.NOT_HERE, None, text))
    return found


def _posts(question: _Question) -> Iterator[Sentence]:
    """Say in which posts somebody was, whose mail came to them, and to whom theirs went."""
    asked, today = question.asked, question.today
    found = []
    if asked.posts:
        posts = question.spelled(asked.posts)
        found.append(question.say("{person} was {posts} on {on}.", person=asked.person, posts=posts, on=today))
    if asked.posts and asked.deputy is not None:
        text = "{person} was away on {on}: mail for these posts was for {deputy}, who stood in."
        found.append(question.say(text, person=asked.person, on=today, deputy=asked.deputy))
    elif asked.posts and asked.was_away(today):
        text = "{person} was away on {on}, and nobody could stand in: mail was for them all the same."
        found.append(question.say(text, person=asked.person, on=today))
    for absent, held in sorted(asked.instead_of.items()):
        text = "{person} stood in on {on} for {absent}, {posts}: mail for these posts was for {person}."
        said = question.spelled(held)
        found.append(question.say(text, person=asked.person, on=today, absent=absent, posts=said))
    for text in found:
        yield Sentence("posts", Outcome.STANDS, today, text)


def _addressed(rule: Rule) -> frozenset[Post]:
    if isinstance(rule, Reminding):
        return frozenset(rule.to)
    return frozenset(post for rung in rule.ladder for post in rung.to)


def _verdict(question: _Question, rule: Rule) -> Sentence:
    """Say what became of the last word of a rule for these posts."""
    asked, today, posts = question.asked, question.today, question.asked.every_post
    mine = [notice for notice in question.case.said if notice.key.rule == rule.rule and notice.key.post in posts]
    letters = [asked.mailed[notice.id] for notice in mine if notice.id in asked.mailed]
    today_s = {each.reference for each in letters if (each.on, each.reader) == (today, asked.person)}
    if today_s:
        text = question.say('"{rule}" did tell {person} on {on}, in email {mails}.',
                            rule=rule.rule, person=asked.person, on=today, mails=", ".join(sorted(today_s)))
        return Sentence(rule.rule, Outcome.SAID, today, text)
    if not mine:
        text = question.say('"{rule}" had nothing to tell {person} by {on}.',
                            rule=rule.rule, person=asked.person, on=today)
        return Sentence(rule.rule, Outcome.SILENT, None, text)
    last = max(mine, key=lambda notice: notice.id)
    text = question.say(
        '"{rule}" {which} {on}: {became}.', rule=rule.rule, on=last.key.anchor_on,
        which=which(last.key.occurrence, question.language), became=_became(question, last),
    )
    outcome = Outcome.HELD_BACK if last.state in {NoticeState.SUPPRESSED, NoticeState.CANCELLED} else Outcome.SAID
    return Sentence(rule.rule, outcome, last.key.anchor_on, text)


def _became(question: _Question, notice: Said) -> str:
    state = notice.state
    match state:
        case NoticeState.SENT:
            return _sent(question, question.asked.mailed.get(notice.id))
        case NoticeState.PENDING:
            return _pending(question, notice.key.post)
        case NoticeState.CLAIMED:
            return question.say("on its way, and the provider has not answered yet")
        case NoticeState.SUPPRESSED | NoticeState.CANCELLED:
            return question.say(REASONS[notice.reason] if notice.reason is not None else "held back")
        case _:
            assert_never(state)


def _sent(question: _Question, mail: Mailed | None) -> str:
    asked = question.asked
    if mail is not None and mail.reader != asked.person and asked.was_away(mail.on):
        text = "told to {reader} on {on}, in email {mail}, who stood in for {person}"
    elif mail is None or mail.reader != asked.person:
        return question.say("told to whoever held the post then; each is told once")
    elif mail.on > question.today:
        text = "decided, and told on {on}, in email {mail}: it waited for working hours"
    else:
        text = "told to {person} on {on}, in email {mail}; each is told once"
    return question.say(text, person=asked.person, on=mail.on, mail=mail.reference, reader=mail.reader)


def _pending(question: _Question, post: Post) -> str:
    asked = question.asked
    if asked.deputy is not None and post in asked.posts:
        text = "decided, and waiting for the working hours of {deputy}, who stands in"
        return question.say(text, deputy=asked.deputy)
    return question.say("decided, and waiting for the working hours of whoever holds the post")


REASONS = {
    Reason.BEFORE_LIVE: "held back, because it was due before mail began here",
    Reason.SUPERSEDED: "not told, because a nearer one had come due",
    Reason.NO_RECIPIENT: "held back, because nobody could be reached in the post",
    Reason.CASE_ENDED: "cancelled, because the case ended",
    Reason.STAGE_LEFT: "cancelled, because the stage was left",
    Reason.DEADLINE_MOVED: "cancelled, because the date was moved",
    Reason.ESCALATION_CLOSED: "cancelled, because the escalation was closed",
    Reason.RULE_DROPPED: "cancelled, because the policy no longer says it",
    Reason.UNDELIVERABLE: "failed: it could not be written or delivered",
    Reason.SKIPPED: "not told, because its day lay too far back",
    Reason.DATE_PASSED: "not told, because the date it counts down to was over",
    Reason.ON_HOLD: "cancelled, because the case was put on hold",
    Reason.SNOOZED: "held back, because it was put off",
    Reason.FULFILLED: "cancelled, because what it reminds of was done",
    Reason.HOLDER_LEFT: "cancelled, because whoever it was about left the post",
    Reason.BY_OPERATOR: "cancelled by an operator",
    Reason.RESTORED: "held back, because it may have gone out before the database came back from a backup",
    Reason.OVER_BUDGET: "held back, because the reader's week had no email left for it",
    Reason.NOTHING_TO_SAY: "held back, because nothing was at risk, had changed or was asked that week",
    Reason.NOTHING_NEW: "held back, because it would have said what the last mail of the week had said",
}


def _rungs(question: _Question, rule: Rule, mine: Collection[Post]) -> Iterator[Sentence]:
    """Say on which rungs of a ladder a person's posts are, where not on all of them."""
    if isinstance(rule, Reminding):
        return
    rungs = [str(number) for number, rung in enumerate(rule.ladder, 1) if set(rung.to).intersection(mine)]
    if len(rungs) < len(rule.ladder):
        told = question.say(" and ").join(rungs)
        text = question.say('"{rule}" reaches these posts on rung {rungs} of {all} only.',
                            rule=rule.rule, rungs=told, all=len(rule.ladder))
        yield Sentence(rule.rule, Outcome.NOT_HERE, None, text)
