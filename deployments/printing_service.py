"""What a terminal shows of the service itself."""

from __future__ import annotations

from rich.console import Console

from deployments.printing import table
from tasks.retention import Kept, Old


def print_old(found: Old, kept: Kept, *, deleted: bool) -> None:
    """Print what Prefect keeps of old runs, or what of it was deleted."""
    listed = table("deleted" if deleted else "would be deleted with --yes", "what", ">how many", "ended before")
    runs = "runs, with their task runs and logs"
    listed.add_row(runs, str(found.runs), f"{kept.runs:%Y-%m-%d}")
    listed.add_row("artifacts, but the newest of each name", str(found.artifacts), f"{kept.artifacts:%Y-%m-%d}")
    console = Console()
    console.print(listed)
    console.print("\nacredita's own database is left as it is: facts, notices and mail are the record.", style="dim")
