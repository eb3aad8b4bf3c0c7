"""why_not(case, program, today, asked): which rules could have told somebody on a day, and why each did or did not.

It stands on `explain`, so on the functions that decide: what it says of a rule is what a sweep makes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, assert_never

from models.rules.case import Case, Program, Said
from models.rules.explain import Outcome, Sentence, explain, which
from models.rules.policy import EscalationRule, Reminding
from models.rules.words import NoticeState, Post, Reason, Status

SHOWN = frozenset({
    Outcome.NEXT, Outcome.SILENT, Outcome.NOT_HERE, Outcome.ESCALATED, Outcome.WOULD_OPEN, Outcome.SNOOZED,
    Outcome.CLOSED, Outcome.DONE,
})
"""What `explain` says of a rule that helps to see why it did not speak."""


Rule = Reminding | EscalationRule


class Mailed(NamedTuple):
    """The email to a person that carried a notice: its day and its reference."""

    on: date
    reference: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about: the code, the posts held that day, and the emails to them by the notice that each carried."""

    person: str
    posts: Collection[Post]
    mailed: Mapping[int, Mailed]


def why_not(case: Case, program: Program, today: date, *, asked: Asked) -> list[Sentence]:
    """Say of each rule whether it told somebody on a day, and if not, why not.

    Args:
        case: the enrollment as it stood at the end of the day.
        program: the policy in force.
        today: the day.
        asked: the person, with the posts that they held.
    """
    told = explain(case, program, today)
    if not asked.posts:
        text = f"{asked.person} held no post of this case on {today}: no rule could have told them."
        return [Sentence("posts", Outcome.NOT_HERE, today, text)]
    posts = ", ".join(_post(program, post) for post in sorted(asked.posts))
    found = [Sentence("posts", Outcome.STANDS, today, f"{asked.person} was {posts} on {today}.")]
    if case.status is not Status.OPEN:
        return [*found, *(sentence for sentence in told if sentence.rule == "stage")]
    others = []
    rules: list[Rule] = [*program.policy.reminders, *program.policy.duties, *program.policy.escalations]
    for rule in rules:
        mine = _addressed(rule).intersection(asked.posts)
        if not mine:
            others.append(f'"{rule.rule}"')
            continue
        found.append(_verdict(rule, (case, today), asked))
        found += [sentence for sentence in told if sentence.rule == rule.rule and sentence.outcome in SHOWN]
        found += _rungs(rule, mine)
    if others:
        text = f"Not addressed to these posts: {', '.join(others)}."
        found.append(Sentence("posts", Outcome.NOT_HERE, None, text))
    return found


def _addressed(rule: Rule) -> frozenset[Post]:
    if isinstance(rule, Reminding):
        return frozenset(rule.to)
    return frozenset(post for rung in rule.ladder for post in rung.to)


def _post(program: Program, post: Post) -> str:
    label = program.policy.posts.get(post)
    return post.value if label is None else label.en


def _verdict(rule: Rule, given: tuple[Case, date], asked: Asked) -> Sentence:
    """Say what became of the last word of a rule for these posts."""
    case, today = given
    mine = [notice for notice in case.said if notice.key.rule == rule.rule and notice.key.post in asked.posts]
    today_s = [n for n in mine if n.id in asked.mailed and asked.mailed[n.id].on == today]
    if today_s:
        mails = sorted({asked.mailed[notice.id].reference for notice in today_s})
        text = f'"{rule.rule}" did tell {asked.person} on {today}, in email {", ".join(mails)}.'
        return Sentence(rule.rule, Outcome.SAID, today, text)
    if not mine:
        text = f'"{rule.rule}" had nothing to tell {asked.person} by {today}.'
        return Sentence(rule.rule, Outcome.SILENT, None, text)
    last = max(mine, key=lambda notice: notice.id)
    text = f'"{rule.rule}" {which(last.key.occurrence)} {last.key.anchor_on}: {_became(last, asked, today)}.'
    outcome = Outcome.HELD_BACK if last.state in {NoticeState.SUPPRESSED, NoticeState.CANCELLED} else Outcome.SAID
    return Sentence(rule.rule, outcome, last.key.anchor_on, text)


def _became(notice: Said, asked: Asked, today: date) -> str:
    state = notice.state
    match state:
        case NoticeState.SENT:
            mail = asked.mailed.get(notice.id)
            if mail is None:
                return "told to whoever held the post then; each is told once"
            if mail.on > today:
                return f"decided, and told on {mail.on}, in email {mail.reference}: it waited for working hours"
            return f"told to {asked.person} on {mail.on}, in email {mail.reference}; each is told once"
        case NoticeState.PENDING:
            return "decided, and waiting for the working hours of whoever holds the post"
        case NoticeState.CLAIMED:
            return "on its way, and the provider has not answered yet"
        case NoticeState.SUPPRESSED | NoticeState.CANCELLED:
            return _REASONS.get(notice.reason, "held back") if notice.reason is not None else "held back"
        case _:
            assert_never(state)


_REASONS = {
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
}


def _rungs(rule: Rule, mine: Collection[Post]) -> Iterator[Sentence]:
    """Say on which rungs of a ladder a person's posts are, where not on all of them."""
    if isinstance(rule, Reminding):
        return
    rungs = [str(number) for number, rung in enumerate(rule.ladder, 1) if set(rung.to).intersection(mine)]
    if len(rungs) < len(rule.ladder):
        text = f'"{rule.rule}" reaches these posts on rung {" and ".join(rungs)} of {len(rule.ladder)} only.'
        yield Sentence(rule.rule, Outcome.NOT_HERE, None, text)
