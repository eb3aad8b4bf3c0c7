"""What one looks at: the installation, one enrollment, why, a mail."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from deployments.cli.base import AsJson, AsOf, app, ready, say
from models.rules.errors import AcreditaError
from models.rules.words import Language


@app.command
def status(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Where this installation stands, in numbers."""
    from models.rules.words import Cycle
    from tasks.store import clock
    from tasks.store.database import reading
    from tasks.store.programs import current_program
    from tasks.views import reports

    engine = ready()
    program = current_program(engine)
    day = as_of or clock.today(engine, program.policy.zone)
    with reading(engine) as connection:
        now = reports.status(connection, program, day)
        stages = reports.portfolio(connection, program)
        later = reports.portfolio(connection, program, Cycle.REACCREDITATION)
    if as_json:
        print(json.dumps({"as_of": day, **now._asdict()}, default=str))
        return
    from deployments.printing import print_status

    print_status(program, day, (now, stages, later))


@app.command
def show(
    enrollment: str, *, as_of: AsOf = None, language: Language = Language.EN, as_json: AsJson = False
) -> None:
    """One enrollment: where it stands, its clock, its facts and its history.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        language: es_MX or en.
    """
    from tasks.views.chronicle import chronicle

    found = chronicle(ready(), enrollment, as_of, language=language)
    if as_json:
        print(json.dumps(found.as_dict(), default=str, ensure_ascii=False))
        return
    from rich.console import Console

    from deployments.printing_case import CasePrinter

    CasePrinter(found, language)(Console())


@app.command
def why(
    enrollment: str, *, on: date | None = None, language: Language = Language.EN, as_json: AsJson = False
) -> None:
    """What was decided and not decided about an enrollment: by which rule, on which facts.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        on: the day, with what was known then; today by default.
        language: es_MX or en.
    """
    from tasks.views.chronicle import explanation

    sentences = explanation(ready(), enrollment, on, language=language)
    say([s._asdict() for s in sentences], as_json, lambda: "\n".join(s.text for s in sentences))


@app.command(name="why-not")
def why_not(
    enrollment: str, person: str, on: date, *, language: Language = Language.EN, as_json: AsJson = False
) -> None:
    """Which rules could have told somebody of an enrollment on a day, and why each did or did not.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        person: the person's code.
        on: the day, with what was known then.
        language: es_MX or en.
    """
    from tasks.views.asked import not_told

    sentences = not_told(ready(), (enrollment, person), on, language=language)
    say([s._asdict() for s in sentences], as_json, lambda: "\n".join(s.text for s in sentences))


@app.command
def ledger(
    *,
    person: str | None = None,
    enrollment: str | None = None,
    since: date | None = None,
    csv: Path | None = None,
    last: int = 40,
    as_json: AsJson = False,
) -> None:
    """Every notice that was decided, with what became of it and why, in the order of deciding.

    Args:
        person: only what a person was told, or would have been told, by the person's code.
        enrollment: only one enrollment's.
        since: only what was decided from this day on.
        csv: a file to write all of it to, for a spreadsheet.
        last: how many of the latest to print.
    """
    from tasks.store.database import reading
    from tasks.views.ledger import ledger as account
    from tasks.views.ledger import wanted_by, write_csv

    with reading(ready()) as connection:
        entries = account(connection, wanted_by(connection, person=person, enrollment=enrollment, since=since))
        if csv is not None:
            print(f"{write_csv(entries, csv)} notices: {csv}")
            return
        found = list(entries)
    if as_json:
        say([entry._asdict() for entry in found], as_json, str)
        return
    from deployments.printing import print_ledger

    print_ledger(found, last)


@app.command(name="preview-mail")
def preview_mail(
    notice: str | None = None,
    *,
    language: Language = Language.ES_MX,
    out: Path | None = None,
    gallery: Path | None = None,
) -> None:
    """Render one notice with synthetic facts, the text here or the HTML to a file; or all of them to a page.

    Args:
        notice: a folder of templates/emails.
        language: es_MX or en.
        out: where to write the HTML.
        gallery: a folder to write every mail in every language to, with a page that shows them all.
    """
    from tasks.store.clock import real_now

    today = real_now().date()
    if gallery is not None:
        from tasks.mail.gallery import write_gallery

        print(write_gallery(gallery, today))
        return
    if notice is None:
        raise AcreditaError("preview-mail: names no notice. Give a folder of templates/emails, or --gallery FOLDER.")
    from tasks.mail.rendering import preview

    message = preview(notice, language, today)
    if out is None:
        print(f"{message.subject}\n\n{message.text}")
        return
    try:
        out.write_text(message.html, encoding="utf-8")
    except OSError as error:
        remedy = "Name a file in a folder that exists."
        raise AcreditaError(f"{out}: cannot be written ({error.strerror}). {remedy}") from None
    print(out)
