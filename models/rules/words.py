"""The closed choices of the domain: one word per idea, stored by value, checked by the database."""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """A closed choice. It is hashed as the text that it equals: an enumeration's own hash is a call in Python."""

    __hash__ = str.__hash__


class Post(Word):
    """Who is written to. A notice goes to a post; the person is bound when the mail is claimed."""

    ACCREDITATION_MANAGER = "accreditation_manager"
    HEAD = "head"
    SME_1 = "sme_1"
    SME_2 = "sme_2"
    REGIONAL_MANAGER = "regional_manager"
    DIRECTOR = "director"
    OPERATOR = "operator"


class Scope(Word):
    """What a post belongs to."""

    AGENCY = "agency"
    ENROLLMENT = "enrollment"
    REGION = "region"
    PROGRAM = "program"


SCOPE_OF: dict[Post, Scope] = {
    Post.ACCREDITATION_MANAGER: Scope.AGENCY,
    Post.HEAD: Scope.AGENCY,
    Post.SME_1: Scope.ENROLLMENT,
    Post.SME_2: Scope.ENROLLMENT,
    Post.REGIONAL_MANAGER: Scope.REGION,
    Post.DIRECTOR: Scope.PROGRAM,
    Post.OPERATOR: Scope.PROGRAM,
}


NEXT_CONTACTS: dict[Post, tuple[Post, ...]] = {
    Post.ACCREDITATION_MANAGER: (Post.HEAD, Post.SME_1, Post.SME_2, Post.REGIONAL_MANAGER, Post.DIRECTOR),
    Post.HEAD: (Post.ACCREDITATION_MANAGER, Post.SME_1, Post.SME_2, Post.REGIONAL_MANAGER, Post.DIRECTOR),
    Post.SME_1: (Post.SME_2, Post.REGIONAL_MANAGER, Post.DIRECTOR),
    Post.SME_2: (Post.SME_1, Post.REGIONAL_MANAGER, Post.DIRECTOR),
    Post.REGIONAL_MANAGER: (Post.DIRECTOR, Post.OPERATOR),
    Post.DIRECTOR: (Post.OPERATOR,),
    Post.OPERATOR: (Post.DIRECTOR,),
}
"""Who is written to, in this order, where no mail reaches whoever holds a post."""


class Language(Word):
    """Languages that mail is written in; the value is the locale."""

    ES_MX = "es_MX"
    EN = "en"


class Status(Word):
    """How an enrollment stands. Everything but `open` is an end."""

    OPEN = "open"
    AWARDED = "awarded"
    WITHDRAWN = "withdrawn"
    REMOVED = "removed"
    LAPSED = "lapsed"
    NOT_AWARDED = "not_awarded"


class Cycle(Word):
    """Which enrollments a rule is for: an agency's first on a track, those that an award opened, or both."""

    INITIAL = "initial"
    REACCREDITATION = "reaccreditation"
    EVERY = "every"

    def covers(self, cycle: int) -> bool:
        """Whether an enrollment of this cycle, counted from 1, is meant."""
        return self is Cycle.EVERY or (self is Cycle.INITIAL) == (cycle == 1)


class Risk(Word):
    """Whether the window can still be met, worst last."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OVERDUE = "overdue"
    ENDED = "ended"


class Clock(Word):
    """The date a rule reads."""

    WINDOW_FROM = "window_from"
    WINDOW_UNTIL = "window_until"
    LIMIT = "limit"
    STAGE_TARGET = "stage_target"
    CYCLE_START = "cycle_start"


class Misfire(Word):
    """What a reminder rule says of the thresholds whose day was missed: the nearest only, or each of them."""

    COALESCE = "coalesce"
    CATCH_UP = "catch_up"


class Cause(Word):
    """What an escalation is opened for."""

    INACTIVITY = "inactivity"
    OVERSTAY = "overstay"
    PACE = "pace"
    OVERDUE = "overdue"
    VACANCY = "vacancy"
    DUTY = "duty"
    UNDELIVERABLE = "undeliverable"


class Change(Word):
    """What a row of `deadline_change` does to today's clock."""

    EXTENSION = "extension"
    CORRECTION = "correction"
    HOLD = "hold"
    RESUME = "resume"
    UNDO = "undo"


class Subject(Word):
    """What a notice is about."""

    ENROLLMENT = "enrollment"
    AGENCY = "agency"
    REGION = "region"
    PROGRAM = "program"
    PERSON = "person"


class Section(Word):
    """What a weekly mail can tell of all that its reader holds."""

    RISK = "risk"
    CHANGES = "changes"
    ASKED = "asked"
    CONFERENCE = "conference"
    VACANT = "vacant"
    TARGET = "target"
    LOAD = "load"
    PAIRS = "pairs"
    LED = "led"
    ARC = "arc"


OF_THE_PROGRAM = frozenset({Section.TARGET, Section.LED, Section.ARC})
"""What a weekly mail tells of the whole program, whatever its reader holds: for the program's own posts."""


class NoticeState(Word):
    """Where a notice stands. Only `pending` can still go out."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class Reason(Word):
    """Why a notice that had come due did not go out, or will not."""

    BEFORE_LIVE = "before_live"
    SUPERSEDED = "superseded"
    NO_RECIPIENT = "no_recipient"
    CASE_ENDED = "case_ended"
    STAGE_LEFT = "stage_left"
    DEADLINE_MOVED = "deadline_moved"
    ESCALATION_CLOSED = "escalation_closed"
    RULE_DROPPED = "rule_dropped"
    UNDELIVERABLE = "undeliverable"
    SKIPPED = "skipped"
    """By the rule's misfire policy: its day lies too far back."""
    DATE_PASSED = "date_passed"
    """It would count down to a day that is over."""
    ON_HOLD = "on_hold"
    SNOOZED = "snoozed"
    BY_OPERATOR = "by_operator"
    FULFILLED = "fulfilled"
    HOLDER_LEFT = "holder_left"
    RESTORED = "restored"
    """It may have gone out after the backup that this database was restored from."""
    NOTHING_TO_SAY = "nothing_to_say"
    """A weekly mail of a week in which nothing is at risk, nothing changed and nothing is asked."""
    OVER_BUDGET = "over_budget"
    """A weekly mail for which the week had no email left; any other notice joins the next week's digest."""
    NOTHING_NEW = "nothing_new"
    """A weekly mail that would say what the last one said: nothing changed since, and the same is asked."""


class EscalationState(Word):
    """An escalation climbs while open, waits while acknowledged, and is over when closed."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Closing(Word):
    """Why an escalation was closed."""

    ACTIVITY = "activity"
    STAGE_LEFT = "stage_left"
    RECOVERED = "recovered"
    FILLED = "filled"
    DEADLINE_MOVED = "deadline_moved"
    CASE_ENDED = "case_ended"
    RULE_DROPPED = "rule_dropped"
    ON_HOLD = "on_hold"
    RETRACTED = "retracted"
    """What it counted from was voided: it counts from an earlier day now."""
    REACHABLE = "reachable"
    FULFILLED = "fulfilled"
    HOLDER_LEFT = "holder_left"


class EmailKind(Word):
    """A person gets at most one email of each kind a day."""

    DIGEST = "digest"
    ESCALATION = "escalation"
    WEEKLY = "weekly"


class EmailState(Word):
    """Where an email stands; `models.rules.delivery` draws how it gets there."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    DEAD = "dead"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    HELD = "held"
    CANCELLED = "cancelled"


TAKEN = (EmailState.SENT, EmailState.DELIVERED, EmailState.BOUNCED)
"""What the provider took, whatever became of it afterwards."""
UNSETTLED = (EmailState.PENDING, EmailState.SENDING, EmailState.UNKNOWN, EmailState.HELD)
"""What is still to be settled, by a run or by an operator."""


class Undeliverable(Word):
    """Why a person cannot be reached: what the provider's lists say of the address."""

    BOUNCE = "bounce"
    BLOCK = "block"
    INVALID = "invalid"
    SPAM_REPORT = "spam_report"


class BatchState(Word):
    """What exceeded the cap of a run is parked until an operator settles it."""

    PARKED = "parked"
    RELEASED = "released"
    CANCELLED = "cancelled"


class Release(Word):
    """What an operator makes of a parked batch: it goes out, or never does."""

    RELEASE = "release"
    CANCEL = "cancel"


class Verdict(Word):
    """What an operator found out about an email: it arrived, it is to go out once more, or never."""

    SENT = "sent"
    RESEND = "resend"
    DROP = "drop"


class Outcome(Word):
    """What a sender says became of a message; `tasks.mail.senders.protocol` tells them apart."""

    SENT = "sent"
    REFUSED = "refused"
    DEFERRED = "deferred"
    PAUSED = "paused"
    BARRED = "barred"
    UNKNOWN = "unknown"


class Finding(Word):
    """What a provider's log says of a message. `no_log`: this account may not ask, now or later."""

    TAKEN = "taken"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_LOG = "no_log"


class OnUnknown(Word):
    """What a rule wants where nobody can know whether its notice went out: say it twice, or ask an operator."""

    RESEND = "resend"
    HOLD = "hold"


class Purpose(Word):
    """What a link lets its reader do, once."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    DONE = "done"
    LEFT = "left"
    RESUME = "resume"
    """End a snooze early: the link is shown to whoever put something off, and stands in no mail."""


class Proposed(Word):
    """What a reader may propose; an operator confirms it."""

    FACT = "fact"
    LEFT = "left"


class ProposalState(Word):
    """A proposal is open until an operator settles it."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class Measure(StrEnum):
    """What an indicator of a report counts; `models.rules.reporting.measures` says how."""

    AGENCIES_ENROLLED = "agencies_enrolled"
    AGENCIES_ACCREDITED = "agencies_accredited"
    AWARDS_IN_WINDOW = "awards_in_window"
    MONTHS_TO_AWARD = "months_to_award"
    CASES_ON_TRACK = "cases_on_track"
    POSTS_FILLED = "posts_filled"
    CASES_VISITED = "cases_visited"
    ESCALATIONS_ANSWERED = "escalations_answered"


class Level(StrEnum):
    """How much a figure of a report is at risk; `unknown` where nothing could be counted."""

    LOW = "low"
    WATCH = "watch"
    HIGH = "high"
    UNKNOWN = "unknown"
