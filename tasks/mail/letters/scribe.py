"""What is written to one person: the facts of each notice on the day it is written, in their language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row

from models.rules.case import Case, Program
from models.rules.clock import clocks
from models.rules.decide import DEADLINES
from models.rules.duties import changed_holder
from models.rules.fees import spell_price
from models.rules.gates import dossier, gate_state
from models.rules.letter import Form, Item, Letter, reference_of
from models.rules.naming import awaited, enrollment_code
from models.rules.planning import outlook
from models.rules.policy import Duty
from models.rules.words import SCOPE_OF, Cause, EmailKind, Language, Post, Scope
from models.settings import settings
from tasks.answers.links import Issuer
from tasks.answers.offers import Held, Offers
from tasks.mail.letters.histories import Histories
from tasks.mail.letters.moved import MovedDates
from tasks.mail.letters.parcels import Parcel
from tasks.mail.letters.recipients import Seated
from tasks.views.forms import AT_THE_UI, Forms

CONFERENCES_SHOWN = 3

_STANDING_IN = {
    Language.ES_MX: "{post}, en ausencia de {holder}", Language.EN: "{post}, standing in for {holder}",
}


class Past(NamedTuple):
    """What readers were told before, and what changed since."""

    histories: Histories
    moves: MovedDates


class Scribe:
    """Writes letters for one program on one day. `seats` are those by which notices reach their readers, by notice."""

    def __init__(
        self, program: Program, cases: Mapping[int, Case], seats: Mapping[int, Seated], *, past: Past,
        today: date, is_demo: bool,
    ) -> None:
        self._program, self._cases, self._seats, self._past = program, cases, seats, past
        self._today, self._is_demo = today, is_demo
        self._desk_url = settings().desk_url
        self._forms = Forms(program, today)

    def parcel(self, found: Sequence[Row[Any]], *, to: Row[Any], kind: EmailKind) -> Parcel:
        """Write one letter of some notices."""
        person = to
        language = Language(person.language)
        posts = [self._post_name(row, person, language) for row in found]
        offers = Offers(self._program, Issuer(self._desk_url) if self._desk_url else None, person.id)
        items = tuple(
            replace(
                self._item(row, language, offers), post_name=post, forms=self._forms_for(row, person),
                moved=self._past.moves.of(self._cases[row.subject_id], person.id, language),
            )
            for row, post in zip(found, posts, strict=True)
        )
        leaving = offers.leaving([
            self._held(row, _seat_name(row, post)) for row, post in zip(found, posts, strict=True)
        ])
        letter = Letter(
            given_names=person.given_names, surname=person.surname, second_surname=person.second_surname,
            post_name=posts[0], language=language, kind=kind,
            items=items, leaving=leaving,
            reference=reference_of(f"{person.id}/{self._today}/{kind}"),
            today=self._today, program_name=self._program.policy.name.text(language), is_demo=self._is_demo,
        )
        return Parcel(person.id, person.email, letter, tuple(row.id for row in found), links=offers.links)

    def _item(self, row: Row[Any], language: Language, offers: Offers) -> Item:
        policy, today, case = self._program.policy, self._today, self._cases[row.subject_id]
        dates = clocks(case, self._program.plan(case.track, case.cycle), today)
        known = dossier(case, self._program, today)
        waiting = gate_state(case, self._program, known).missing
        rule = self._program.escalations.get(row.rule)
        vacant = self._vacant(row)
        post = vacant or self._changed(row)
        coming = [day for day in self._program.conferences if today <= day <= max(dates.limit, dates.window_until)]
        return Item(
            template=row.template, rule=row.rule, post=row.post, post_name=policy.posts[row.post].text(language),
            agency=row.name, agency_code=row.code, enrollment=enrollment_code(row.code, row.track, row.cycle),
            track_name=policy.tracks[row.track].name.text(language),
            stage_name=policy.stage[case.stage].name.text(language),
            anchor_on=row.anchor_on, days_left=(row.anchor_on - today).days, late=(today - row.planned_for).days,
            window_from=dates.window_from, window_until=dates.window_until, limit=dates.limit,
            stage_target=dates.stage_target, last_activity=max(known.last_activity, case.stage_entered_on),
            stage_entered_on=case.stage_entered_on, risk=row.risk, rung=row.facts.get("rung", 0),
            repeat=row.facts.get("repeat", 0), opened_on=self._opened_on(row, case),
            vacant_post_name=None if vacant is None else policy.posts[vacant].text(language),
            waiting_for=tuple(awaited(policy, code, language) for code in waiting),
            next_conferences=tuple(coming[:CONFERENCES_SHOWN]), duty="" if rule is not None else _duty(row),
            answers=offers.answers(self._held(row), row.facts.get("rung", 0)),
            chance=row.facts.get("chance"),
            cycle=row.cycle, agency_wide=post is not None and SCOPE_OF[post] is Scope.AGENCY,
            rungs=0 if rule is None else len(rule.ladder), **self._past.histories.of(row, case, language),
            **self._owed(row, case, language), **self._aimed(row, case),
        )

    def _forms_for(self, row: Row[Any], reader: Row[Any]) -> tuple[Form, ...]:
        """Return the run forms for those who work in the Prefect UI; everybody else answers at the desk."""
        if row.post not in AT_THE_UI:
            return ()
        case = self._cases[row.subject_id]
        missing = gate_state(case, self._program, dossier(case, self._program, self._today)).missing
        awaits = next((name for name in missing if name in self._program.policy.milestones), None)
        found = self._forms.about(
            enrollment_code(row.code, row.track, row.cycle), row.rule, person=reader.person_code, awaited=awaits,
            post=self._vacant(row),
        )
        return tuple(Form(does, url) for does, url in found.items())

    def _vacant(self, row: Row[Any]) -> Post | None:
        """Return the post that an escalation is about: nobody holds it, or mail does not reach who does."""
        rule = self._program.escalations.get(row.rule)
        is_about_one = rule is not None and rule.cause in {Cause.VACANCY, Cause.UNDELIVERABLE}
        return Post(row.occurrence.split("/", 1)[0]) if is_about_one else None

    def _aimed(self, row: Row[Any], case: Case) -> dict[str, Any]:
        """Return the plan to the next conference, for what has climbed and for reminders of window and limit."""
        program = self._program
        reminder = program.reminders.get(row.rule)
        if row.rule not in program.escalations and (reminder is None or reminder.clock not in DEADLINES):
            return {}
        plan = outlook(case, program, self._today)
        if plan.nearest is None or plan.listed_until is None:
            return {}
        found = {"aimed_on": plan.nearest.on, "leave_by": plan.nearest.leave_by}
        slip = plan.slip(plan.nearest)
        if slip is None:
            return found
        dear = slip.price is not None and slip.price.high > 0
        cost = spell_price(slip.price, program.policy.currency or "") if slip.price is not None and dear else ""
        return found | {"slip_days": slip.days, "slip_cost": cost}

    def _post_name(self, row: Row[Any], reader: Row[Any], language: Language) -> str:
        """Name the post, and whom the reader stands in for."""
        holder, name = self._seats[row.id].holder, self._program.policy.posts[row.post].text(language)
        if holder.id == reader.id:
            return name
        return _STANDING_IN[language].format(post=name, holder=f"{holder.given_names} {holder.surname}".strip())

    def _held(self, row: Row[Any], seat_name: str = "") -> Held:
        seated = self._seats[row.id]
        return Held(row.subject_id, seated.seat, seated.holder.id, row.rule, seat_name, seated.own)

    def _named(self, row: Row[Any]) -> tuple[Duty | None, str]:
        """Return the duty that a notice is about and the name of its occurrence, whether it reminds or escalates."""
        duties = self._program.duties
        if row.rule in duties:
            return duties[row.rule], row.occurrence.rpartition(":")[0]
        duty, _, name = row.occurrence.split("/", 1)[0].partition(":")
        rule = self._program.escalations.get(row.rule)
        return (duties.get(duty) if rule is not None and rule.cause is Cause.DUTY else None), name

    def _changed(self, row: Row[Any]) -> Post | None:
        duty, name = self._named(row)
        return Post(name) if duty is not None and duty.posts else None

    def _owed(self, row: Row[Any], case: Case, language: Language) -> dict[str, Any]:
        """Return the facts of a notice about something owed, none for another."""
        duty, name = self._named(row)
        if duty is None:
            return {}
        told: dict[str, Any] = {
            "owed_name": duty.name.text(language), "steps": tuple(step.text(language) for step in duty.steps)
        }
        if not duty.posts:
            return told | {"owed_number": int(name), "owed_of": len(duty.due)}
        post = Post(name)
        since = changed_holder(case.seats, post, self._today)
        return told | {"new_post_name": self._program.policy.posts[post].text(language), "new_since": since}

    def _opened_on(self, row: Row[Any], case: Case) -> date | None:
        key = (row.rule, row.occurrence.rsplit("/", 1)[0], row.anchor_on)
        return next((s.opened_on for s in case.standings if (s.rule, s.occurrence, s.anchor_on) == key), None)


def _duty(row: Row[Any]) -> str:
    """Name what a reminder is about: its thresholds and their date left out, the stage of a stage's target kept."""
    code, (stage, _, _) = enrollment_code(row.code, row.track, row.cycle), row.occurrence.rpartition(":")
    return "/".join(part for part in (code, row.rule, stage) if part)


def _seat_name(row: Row[Any], post_name: str) -> str:
    return f"{post_name} · {row.name}" if SCOPE_OF[row.post] is Scope.ENROLLMENT else post_name
