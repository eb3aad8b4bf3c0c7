"""The command line itself: how it starts, how it says what went wrong, and what its verbs share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from models.rules.errors import AcreditaError

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Engine

app = App(
    name="acredita",
    help="Keeps every enrollment of a program moving: stages, reminders, escalations, each with its reason.",
    version_flags=["--version"],
)

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for scripts.")]
By = Annotated[str, Parameter(name="--by", help="The code of the person who records it.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would change, and change nothing.")]
KnownOn = Annotated[
    date | None, Parameter(name="--known-on", help="Only what was recorded by the end of this day; today by default.")
]
AsOf = Annotated[date | None, Parameter(name="--as-of", help="The day, YYYY-MM-DD; today by default.")]


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
    import httpx
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    from models.settings import PREFIX, Settings
    from tasks.store.database import trouble_of

    match error:
        case AcreditaError():
            return str(error)
        case CycloptsError():
            return f"{' '.join(str(error).split())} `acredita --help` shows how."
        case ValidationError() if error.title == Settings.__name__:
            # Only the name and the rule: the value may be a key.
            return "\n".join(f"{PREFIX}{each['loc'][0]}".upper() + f": {each['msg']}." for each in error.errors())
        case httpx.HTTPStatusError() | httpx.RequestError():
            return _of_the_server(error)
        case DBAPIError():
            return str(trouble_of(error))
        case _:
            return None


def _of_the_server(error: httpx.HTTPStatusError | httpx.RequestError) -> str:
    import httpx

    where = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    if isinstance(error, httpx.RequestError):
        return f"Prefect server: does not answer at {where}. Start it, or correct PREFECT_API_URL."
    if error.response.status_code == httpx.codes.UNAUTHORIZED:
        return f"Prefect server: {where} refuses the password. Set PREFECT_API_AUTH_STRING to what the server has."
    if error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        remedy = "Try again in a minute; if it stays so, move it to PostgreSQL (docs/operations.md)."
        return f"Prefect server: {where} is busy, another writes to its database. {remedy}"
    return f"Prefect server: {where} answered {error.response.status_code}. Its log says why."


def say(value: Any, as_json: bool, words: Callable[[], str]) -> None:  # noqa: FBT001 - a flag of the command line
    """Print a value as JSON, or its words."""
    print(json.dumps(value, default=str, ensure_ascii=False) if as_json else words())


def ready() -> Engine:
    """Return the database of this installation, at the version that the code expects."""
    from tasks.store.database import engine_of, require_schema

    engine = engine_of()
    require_schema(engine)
    return engine
