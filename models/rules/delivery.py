"""What becomes of an email: every decision of the delivery, as values. The effects are in `tasks/mail/`.

    pending --claim--> sending --taken--> sent --a poll of the log--> delivered
       ^  ^               |                 `--suppression list--> bounced, its notices go to the next contact
       |  |               |-- refused for good, or cannot be written --> dead, with an incident
       |  |-- deferred ---|    the attempt counts, and the next waits longer
       |  |-- paused -----|    every email waits, and no attempt counts
       |  `-- barred -----|    nothing is claimed but probes, until one is taken or an operator mends the account
       |                  |
       |                  `-- in doubt, or its lease is over and its sender dead --> unknown
       |                                                                               |
       |-- the log lacks it twice, the settle time apart from the doubt ---------------|
       |-- no log to ask, and its rules say `resend`: a possible duplicate ------------|
       |                                          the log has it, or a late answer --> sent
       |                     no log to ask, and one of its rules says `hold` --> held, an operator settles it
       |
       `-- every notice of it was cancelled meanwhile --> cancelled

What is `pending` was certainly not taken, or is sent again on purpose: it is written anew when it is claimed, from
what is true then, under the reference that it had. What is claimed is committed before a byte leaves. A result counts
only for the attempt that it is of. What was waited is measured on a clock that nobody sets: the wall clock may jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, assert_never

from models.rules.words import EmailState, Finding, OnUnknown, Outcome

LONGEST_POWER = 32
"""Beyond it a doubled wait is longer than any cap, and its number too large for a timedelta."""
MOST_RESENDS = 2
"""So often an email goes out again on nobody's word but its rule's; then an operator is asked."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take. `post` is the longest that one attempt lasts; `settle` how late a log may show a mail.

    `recheck` lies between two looks into a log, `patience` is how long a log that cannot be read is asked. `backoff`
    doubles with every attempt that failed, up to `backoff_cap`; `pause` and `probe` do so for the whole sender.
    """

    lease: timedelta = timedelta(seconds=60)
    post: timedelta = timedelta(seconds=20)
    settle: timedelta = timedelta(minutes=15)
    recheck: timedelta = timedelta(minutes=1)
    patience: timedelta = timedelta(days=1)
    backoff: timedelta = timedelta(seconds=30)
    backoff_cap: timedelta = timedelta(hours=6)
    pause: timedelta = timedelta(seconds=30)
    pause_cap: timedelta = timedelta(minutes=10)
    probe: timedelta = timedelta(minutes=5)

    @property
    def horizon(self) -> timedelta:
        """The longest that anything may be put off; what lies further ahead was written before a clock stepped back."""
        return max(self.lease, self.backoff_cap, self.pause_cap, self.recheck)


class Heard(NamedTuple):
    """What a sender answered: its outcome, the word that came with it, and the seconds it asks us to wait."""

    outcome: Outcome
    detail: str = ""
    wait: float | None = None


class Moment(NamedTuple):
    """One instant as one machine sees it: `at` on the wall, `steady` in seconds of a clock that nobody sets."""

    at: datetime
    machine: str
    steady: float


# An attempt


class Next(NamedTuple):
    """What an email becomes: how often it failed so far, and before which instant it is not tried again."""

    state: EmailState
    failures: int
    next_at: datetime | None = None


def after_attempt(outcome: Outcome | None, failures: int, *, now: datetime, times: Times, draw: float) -> Next:
    """Return what an email becomes after an attempt; an outcome of None is an attempt that was never made.

    Args:
        outcome: what the sender answered.
        failures: how many attempts had failed before.
        now: the instant.
        times: how long things may take.
        draw: a number from 0 to 1; all that failed together must not come back together.
    """
    match outcome:
        case Outcome.SENT:
            return Next(EmailState.SENT, failures)
        case Outcome.REFUSED:
            return Next(EmailState.DEAD, failures + 1)
        case Outcome.DEFERRED:
            return put_off(failures, now=now, times=times, draw=draw)
        case Outcome.PAUSED | Outcome.BARRED | None:
            return Next(EmailState.PENDING, failures)
        case Outcome.UNKNOWN:
            return Next(EmailState.UNKNOWN, failures)
        case _:
            assert_never(outcome)


def put_off(failures: int, *, now: datetime, times: Times, draw: float) -> Next:
    """Return what an email becomes that may be tried again, longer after every failure."""
    wait = draw * doubled(times.backoff, failures, cap=times.backoff_cap)
    return Next(EmailState.PENDING, failures + 1, now + wait)


def doubled(wait: timedelta, power: int, *, cap: timedelta) -> timedelta:
    """Return a wait doubled so many times, at most the cap.

    >>> str(doubled(timedelta(seconds=30), 3, cap=timedelta(hours=6)))
    '0:04:00'
    >>> str(doubled(timedelta(seconds=30), 1000, cap=timedelta(hours=6)))
    '6:00:00'
    """
    return min(cap, wait * (1 << min(power, LONGEST_POWER)))


def is_due(at: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether an instant that was put off has come, or lies further ahead than anything is put off.

    The second was written before a clock stepped back, and would not come for years.
    """
    return at is None or at <= now or at > now + longest


def may_post(waited: float, times: Times) -> bool:
    """Whether a claim so many steady seconds old still covers a whole attempt."""
    return timedelta(seconds=waited) + times.post <= times.lease


# A doubt


class Look(NamedTuple):
    """How long a machine has known of a doubt: since when, and when it first missed the mail. In steady seconds."""

    since: float
    missed: float | None = None


Vigil = Mapping[str, Look]
"""Each machine's own look: steady clocks of two machines cannot be compared. It is stored, since a run ends."""


class Doubt(NamedTuple):
    """An email in `unknown`: how long it was watched, its rules' word, how often it went out again on that word."""

    vigil: Vigil
    policy: OnUnknown
    again: int = 0


class Answer(NamedTuple):
    """What a provider's log said. `exact`: it shows at once whatever was taken, so one look is enough."""

    finding: Finding
    exact: bool = False


class Resolution(NamedTuple):
    """What an email in `unknown` becomes; `again`: it may go out a second time."""

    state: EmailState
    vigil: Vigil
    again: bool = False


def begin_vigil(moment: Moment) -> Vigil:
    """Begin to wait at the moment of the doubt."""
    return {moment.machine: Look(moment.steady)}


def resolve(doubt: Doubt, answer: Answer, moment: Moment, *, times: Times) -> Resolution:
    """Return what an email in `unknown` becomes after a look into the provider's log."""
    mine = doubt.vigil.get(moment.machine)
    if mine is None or mine.since > moment.steady:  # a machine that is new here, or that counts anew
        mine = Look(moment.steady)
    waited = timedelta(seconds=moment.steady - mine.since)
    waits = Resolution(EmailState.UNKNOWN, {**doubt.vigil, moment.machine: mine})
    match answer.finding:
        case Finding.TAKEN:
            return waits._replace(state=EmailState.SENT)
        case Finding.MISSING if answer.exact:
            return waits._replace(state=EmailState.PENDING)
        case Finding.MISSING:
            return _missed(waits, mine, moment=moment, times=times) if waited >= times.settle else waits
        case Finding.UNREADABLE:
            return _without_log(doubt, waits) if waited >= times.patience else waits
        case Finding.NO_LOG:
            return _without_log(doubt, waits) if waited >= times.settle else waits
        case _:
            assert_never(answer.finding)


def _missed(waits: Resolution, mine: Look, *, moment: Moment, times: Times) -> Resolution:
    """Mark the first miss; believe the second, so long after it."""
    if mine.missed is None:
        return waits._replace(vigil={**waits.vigil, moment.machine: mine._replace(missed=moment.steady)})
    believed = timedelta(seconds=moment.steady - mine.missed) >= times.recheck
    return waits._replace(state=EmailState.PENDING) if believed else waits


def _without_log(doubt: Doubt, waits: Resolution) -> Resolution:
    match doubt.policy:
        case OnUnknown.RESEND if doubt.again < MOST_RESENDS:
            return waits._replace(state=EmailState.PENDING, again=True)
        case OnUnknown.RESEND | OnUnknown.HOLD:
            return waits._replace(state=EmailState.HELD)
        case _:
            assert_never(doubt.policy)


# The sender


class Outlet(NamedTuple):
    """What a sender as a whole met with: barred since the provider takes nothing of ours, paused for a while.

    `tries` counts the answers of that kind since one was taken.
    """

    barred_by: str | None = None
    barred_at: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0


class Admission(StrEnum):
    """What may be claimed now: everything, one email to see, nothing."""

    OPEN = "open"
    PROBE = "probe"
    SHUT = "shut"


def admission(outlet: Outlet, now: datetime, times: Times) -> Admission:
    """Return what may be claimed now: after a bar or a pause one email goes first."""
    if outlet.tries == 0:
        return Admission.OPEN
    return Admission.PROBE if is_due(outlet.not_before, now, times.horizon) else Admission.SHUT


def after_answer(outlet: Outlet, heard: Heard, *, now: datetime, times: Times) -> Outlet:
    """Return what becomes of the sender after an answer: only one about the message itself opens it again."""
    match heard.outcome:
        case Outcome.BARRED | Outcome.PAUSED if outlet.tries and _is_shut(outlet, now, times):
            return outlet  # of a message that was on its way already: it says nothing new
        case Outcome.BARRED:
            wait = doubled(times.probe, outlet.tries, cap=times.backoff_cap)
            return Outlet(heard.detail, outlet.barred_at or now, now + wait, outlet.tries + 1)
        case Outcome.PAUSED:
            asked = timedelta(seconds=min(heard.wait, times.pause_cap.total_seconds())) if heard.wait else None
            wait = asked or doubled(times.pause, outlet.tries, cap=times.pause_cap)
            return outlet._replace(not_before=now + wait, tries=outlet.tries + 1)
        case Outcome.SENT | Outcome.REFUSED | Outcome.DEFERRED:
            return Outlet()
        case Outcome.UNKNOWN:
            return outlet
        case _:
            assert_never(heard.outcome)


def _is_shut(outlet: Outlet, now: datetime, times: Times) -> bool:
    """Whether the sender waits for longer than it would for the answer of a probe."""
    return not is_due(outlet.not_before, now, times.horizon) and (outlet.not_before or now) > now + times.lease


def probing(outlet: Outlet, now: datetime, times: Times) -> Outlet:
    """Return the sender while one run sends the email that goes first: the others wait for its answer."""
    return outlet._replace(not_before=now + times.lease)
