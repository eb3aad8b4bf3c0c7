"""Evidence packs: everything about an enrollment in one archive, and whether an archive is still what it was."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.cli.base import AsJson, KnownOn, app, ready, say
from models.rules.errors import Refused

About = Annotated[date | None, Parameter(name="--as-of", help="Only what happened by this day; today by default.")]


@app.command
def evidence(
    enrollment: str, *, out: Path | None = None, as_of: About = None, known_on: KnownOn = None, as_json: AsJson = False
) -> None:
    """Everything recorded, decided and sent of an enrollment, chained by hash, in one archive. Note its head elsewhere.

    Args:
        enrollment: AGENCY, AGENCY/track or AGENCY/track/cycle.
        out: the file; evidence-ENROLLMENT.zip by default.
    """
    from tasks.evidence.archive import archived
    from tasks.evidence.gathering import evidence as packed
    from tasks.reports.tables import written

    found = packed(ready(), enrollment, as_of=as_of, known_on=known_on)
    code = found.pack.header["enrollment"]
    path = written(out or Path(f"evidence-{code.replace('/', '-')}.zip"), archived(found.pack))
    plain = {"file": path, "head": found.pack.head, "entries": len(found.pack.entries), "pack": found.number}
    say(
        plain, as_json,
        lambda: f"{path}: {len(found.pack.entries)} entries of {code}\nhead {found.pack.head}, noted here as pack "
        f"{found.number}; note it elsewhere too: a chain without its head proves nothing against whoever rewrites it",
    )


@app.command
def verify(file: Path, *, head: str | None = None, here: bool = False) -> None:
    """Say whether an evidence pack is what was packed, in one sentence; exit code 1 where it is not.

    Args:
        file: the archive.
        head: the head that was noted elsewhere when it was packed.
        here: compare with the heads that this installation's database noted.
    """
    from tasks.evidence.archive import verified

    try:
        found = verified(file.read_bytes())
    except OSError as error:
        raise Refused.one(str(file), f"cannot be read ({error.strerror}).", "Name the archive.") from None
    if found.sound and head is not None and head.strip().lower() != found.head:
        _end(f"Chained anew: the pack's head is {found.head}, and another was noted.")
    if found.sound and here:
        from tasks.evidence.gathering import noted_on
        from tasks.store.database import reading

        with reading(ready()) as connection:
            noted = noted_on(connection, found.head)
        if noted is None:
            _end(f"Not from here, or chained anew: this database noted no pack with the head {found.head}.")
        print(f"{found.sentence} Noted in this database on {noted:%Y-%m-%d}.")
        return
    if not found.sound:
        _end(found.sentence)
    print(found.sentence if head is not None else f"{found.sentence} Compare that head with one noted elsewhere.")


def _end(sentence: str) -> None:
    print(sentence)
    sys.exit(1)
