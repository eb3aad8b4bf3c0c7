"""The command line itself: how it starts, how it says what went wrong, and what its verbs share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from models.rules.errors import AcreditaError
from models.settings import PREFIX, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = App(
    name="acredita",
    help="Keeps every enrollment of a program moving: stages, reminders, escalations, each with its reason.",
    version_flags=["--version"],
)

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for scripts.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would change, and change nothing.")]
AsOf = Annotated[date | None, Parameter(name="--as-of", help="The day, YYYY-MM-DD; today in the program's zone.")]


def main() -> None:
    """Run the command line."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        said = _in_words(error)
        if said is None:
            raise
        for line in said.splitlines():
            print(f"acredita: {line}", file=sys.stderr)
        sys.exit(2)


def _in_words(error: Exception) -> str | None:
    """Say what a person can do something about, a line for each problem; None for what is our own mistake."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    match error:
        case AcreditaError():
            return str(error)
        case CycloptsError():
            return f"{' '.join(str(error).split())} `acredita --help` shows how."
        case ValidationError() if error.title == Settings.__name__:
            # Only the name and the rule: the value may be a key.
            return "\n".join(f"{PREFIX}{each['loc'][0]}".upper() + f": {each['msg']}." for each in error.errors())
        case DBAPIError():
            return f"database: {str(error.orig).splitlines()[0]}. Start it, or correct {PREFIX}DATABASE_URL."
        case _:
            return None


def say(value: Any, as_json: bool, words: Callable[[], str]) -> None:  # noqa: FBT001 - a flag of the command line
    """Print a value as JSON, or its words."""
    print(json.dumps(value, default=str, ensure_ascii=False) if as_json else words())


def ready() -> Engine:
    """Return the database of this installation, at the version that the code expects."""
    from tasks.store.database import engine_of, require_schema

    engine = engine_of()
    require_schema(engine)
    return engine
