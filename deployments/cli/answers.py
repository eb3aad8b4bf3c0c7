"""What people answer, passed on by an operator: acknowledged, put off, handed over, proposed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, app, ready, say
from models.rules.words import Post

if TYPE_CHECKING:
    from sqlalchemy import Engine

Reason = Annotated[str, Parameter(help="Why, by one of the codes that the program's [answers] offer.")]


def _today(engine: Engine) -> date:
    from tasks.store.programs import program_day

    return program_day(engine)


@app.command
def acknowledge(enrollment: str, rule: str, person: str, *, until: date, reason: Reason) -> None:
    """Note that somebody is on it: the escalation does not climb until that day, and then climbs on.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        rule: which escalation, by its rule.
        person: the code of the person who takes it.
        until: until when it waits.
    """
    from tasks.operations import escalations
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        given = escalations.Acknowledgement(enrollment, rule, person, until, reason)
        escalations.acknowledge(connection, given, _today(engine))
    print(f"{enrollment}: {rule} acknowledged by {person} until {until}")


@app.command
def snooze(enrollment: str, rule: str, person: str, *, until: date, reason: Reason) -> None:
    """Hold back what a rule tells a person until a day; what still holds is told after it.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        rule: which reminder or escalation, by its rule. The last rung of an escalation is told all the same.
        person: the code of the person who asked for it.
        until: the last day without it.
    """
    from tasks.answers.snoozing import Snoozing
    from tasks.answers.snoozing import snooze as put_off
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        posts = put_off(connection, Snoozing(enrollment, rule, person, until, reason), _today(engine))
    print(f"{enrollment}: {rule} put off by {person} until {until}, in {posts} post{'s' * (posts > 1)}")


@app.command(name="end-snooze")
def end_snooze_(enrollment: str, rule: str, person: str, *, why: str, by: str = "operator") -> None:
    """End a snooze early: from today on the rule speaks to the person again, of what still holds.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        rule: which reminder or escalation, by its rule.
        person: the code of the person who had put it off.
        why: in a few words, which stay on record.
        by: your code, or that of whoever asked for it.
    """
    from tasks.answers.snoozing import Ending, end_snooze
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        posts = end_snooze(connection, Ending(enrollment, rule, person, by, why), _today(engine))
    print(f"{enrollment}: {rule} speaks to {person} again, in {posts} post{'s' * (posts > 1)}")


@app.command(name="hand-over")
def hand_over(post: Post, place: str = "", *, since: date, to: str | None = None) -> None:
    """Put somebody else in a post from a day on; what is pending for the post goes to them.

    Args:
        post: which post.
        place: the enrollment or agency whose post it is, or the region; none for the director and the operator.
        since: the successor's first day.
        to: the code of the successor; without it the post is vacant from that day.
    """
    from tasks.answers.seats import HandOver
    from tasks.answers.seats import hand_over as pass_on
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        pass_on(connection, HandOver(place, post, to, since), _today(engine))
    print(f"{place} {post.value}: {to or 'vacant'} from {since}".lstrip())


@app.command
def away(person: str, *, since: date, until: date) -> None:
    """Let whoever stands in for a person get their mail from a day to a day: the deputy, or the deputy's deputy.

    Args:
        person: the code of whoever is away.
        since: the first day.
        until: the last day.
    """
    from tasks.answers.absences import Absence, note_absence
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        note_absence(connection, Absence(person, since, until), _today(engine))
    print(f"{person}: away from {since} to {until}")


@app.command
def back(person: str) -> None:
    """End an absence early, or one that is planned: from today on the person gets their mail themselves.

    Args:
        person: the code of whoever is back.
    """
    from tasks.answers.absences import end_absence
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        end_absence(connection, person, _today(engine))
    print(f"{person}: is not away")


@app.command
def proposals(*, every: Annotated[bool, Parameter(name="--all", negative="")] = False, as_json: AsJson = False) -> None:
    """What readers reported at the desk and nobody confirmed or refused yet.

    Args:
        every: those that were settled too.
    """
    from deployments.printing import print_proposals
    from tasks.answers import proposals as found
    from tasks.store.database import reading

    with reading(ready()) as connection:
        listed = found.proposals(connection, every=every)
    if as_json:
        say([each._asdict() for each in listed], as_json, str)
        return
    print_proposals(listed)


@app.command
def confirm(proposal: int, *, operator: str = "operator", successor: str | None = None) -> None:
    """Record what a proposal says.

    Args:
        proposal: its number.
        operator: your code.
        successor: who follows in a post that was left, by code; without it the post is vacant.
    """
    _settle(proposal, (operator, successor), confirmed=True)


@app.command
def refuse(proposal: int, *, operator: str = "operator") -> None:
    """Refuse a proposal; nothing is recorded but that.

    Args:
        proposal: its number.
        operator: your code.
    """
    _settle(proposal, (operator, None), confirmed=False)


def _settle(proposal: int, by: tuple[str, str | None], *, confirmed: bool) -> None:
    from tasks.answers.proposals import Settlement, settle
    from tasks.store.database import transaction

    engine = ready()
    with transaction(engine) as connection:
        found = settle(connection, Settlement(proposal, confirmed, *by), _today(engine))
    print(f"{found.place}: {found.what} on {found.on} {'confirmed' if confirmed else 'refused'}")
