"""Run forms that are already filled in: what a mail or a page that asks for a decision leads to.

Every field is given: Prefect would fill what is left out with the flow's own default. What only a person can know is
set to a first guess that the form shows and lets one change. Without a Prefect server, or while it does not answer,
there are none, and nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import httpx
from prefect.exceptions import PrefectException

from models.rules.case import Program
from models.rules.policy import EscalationRule
from models.rules.words import Cause, Clock, Post
from tasks.views.links import form, form_url

RECORD, ACKNOWLEDGE = form("record a milestone"), form("acknowledge an escalation")
HAND_OVER, SHOW = form("hand a post over"), form("show an enrollment")
EXTEND, HAND_IN = form("extend a limit"), form("hand in a report")
AT_THE_UI = frozenset({Post.DIRECTOR, Post.OPERATOR})
"""Who decides by run forms; SMEs, agencies and regional managers answer by links that need no account."""
TAKEN_FOR = timedelta(days=14)
A_YEAR = 12
OPERATOR = "operator"


class Forms:
    """The forms of one program on one day.

    A server that did not answer once is not asked again by the same object, nor for a form that it does not have.
    """

    def __init__(self, program: Program, today: date) -> None:
        self._program, self._today = program, today
        self._is_down = False
        self._missing: set[str] = set()

    def _url(self, deployment: str, parameters: Mapping[str, Any]) -> str | None:
        if self._is_down or deployment in self._missing:
            return None
        try:
            found = form_url(deployment, parameters)
        except (httpx.HTTPError, PrefectException, RuntimeError):
            self._is_down = True
            return None
        if found is None:
            self._missing.add(deployment)
        return found

    def record(self, enrollment: str, milestone: str) -> str | None:
        """Return the form that records a milestone of today."""
        return self._url(RECORD, {
            "enrollment": enrollment, "milestone": milestone, "occurred_on": self._today, "value": None,
            "reference": "", "recorded_by": OPERATOR,
        })

    def acknowledge(self, enrollment: str, rule: str, person: str = OPERATOR) -> str | None:
        """Return the form by which somebody takes an escalation for two weeks, or as long as the policy lets them."""
        answers = self._program.policy.answers
        if not answers.reasons:
            return None
        until = self._today + min(TAKEN_FOR, timedelta(days=answers.acknowledge_days))
        return self._url(ACKNOWLEDGE, {
            "enrollment": enrollment, "rule": rule, "person": person, "until": until,
            "reason": answers.reasons[0],
        })

    def hand_over(self, place: str, post: Post) -> str | None:
        """Return the form that puts somebody into a post from today on."""
        return self._url(HAND_OVER, {"post": post, "since": self._today, "place": place, "to": None})

    def extend(self, enrollment: str) -> str | None:
        """Return the form that says what a year more would do to a limit; it is extended once that is unticked."""
        reasons = self._program.policy.reasons
        if not reasons:
            return None
        return self._url(EXTEND, {
            "enrollment": enrollment, "months": A_YEAR, "requester": OPERATOR, "approver": OPERATOR,
            "because": next(iter(reasons)), "staff": None, "reference": "", "recorded_by": OPERATOR, "dry_run": True,
        })

    def show(self, enrollment: str) -> str | None:
        """Return the form that draws an enrollment's page."""
        return self._url(SHOW, {"enrollment": enrollment})

    def hand_in(self, quarter: str) -> str | None:
        """Return the form that records that a quarter's report was handed in today."""
        return self._url(HAND_IN, {
            "quarter": quarter, "handed_in_on": self._today, "reference": "", "recorded_by": OPERATOR,
        })

    def about(
        self, enrollment: str, rule: str, *, post: Post | None, person: str, awaited: str | None
    ) -> dict[str, str]:
        """Return the forms by which what a rule says of an enrollment can be decided, by what each does.

        Args:
            enrollment: its code.
            rule: the rule that speaks.
            post: the post that is vacant or that no mail reaches, where it is about one.
            person: the reader's code.
            awaited: the first milestone that the case's gate waits for.
        """
        escalation = self._program.escalations.get(rule)
        of_a_post = escalation is not None and escalation.cause in {Cause.VACANCY, Cause.UNDELIVERABLE}
        found = {
            "take": None if escalation is None else self.acknowledge(enrollment, rule, person),
            "extend": self.extend(enrollment) if is_past_limit(escalation) else None,
            "hand_over": self.hand_over(enrollment, post) if of_a_post and post is not None else None,
            "record": None if of_a_post or awaited is None else self.record(enrollment, awaited),
            "show": self.show(enrollment),
        }
        return {name: url for name, url in found.items() if url is not None}


def is_past_limit(rule: EscalationRule | None) -> bool:
    """Whether a rule escalates that the body's limit has passed: what it asks for is an extension, if not an award."""
    return rule is not None and rule.cause is Cause.OVERDUE and rule.clock is Clock.LIMIT
