"""A page on paper: PDF by a headless Chromium where this machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
AT_ONCE = 2
WITHOUT = "no PDF: no Chromium was found here; the page prints from any browser"


def browser() -> str | None:
    """Return a Chromium of this machine; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


def print_pages(pages: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Print pages to PDFs beside them, each while the next is still being made.

    Returns the PDFs, and a line on each reason that there is none.
    """
    found = browser()
    if found is None:
        return [], [WITHOUT] if list(pages) else []
    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        printing = [(page.with_suffix(".pdf"), threads.submit(_print, found, page)) for page in pages]
    said = [(pdf, each.result()) for pdf, each in printing]
    made = [pdf for pdf, problem in said if not problem]
    return made, list(dict.fromkeys(problem for _, problem in said if problem))


def _print(found: str, page: Path) -> str:
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)  # what is there would be an older report's
    with TemporaryDirectory(prefix="acredita-print-", ignore_cleanup_errors=True) as profile:
        command = [
            found, "--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", f"--user-data-dir={profile}", "--no-pdf-header-footer",
            f"--print-to-pdf={pdf.resolve()}", page.resolve().as_uri(),
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # it refuses to start for root with one
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)  # noqa: S603 - no shell, our words
        except (OSError, subprocess.SubprocessError) as error:
            return f"no PDF: {Path(found).name} could not print it ({type(error).__name__})"
    if not pdf.is_file():
        return f"no PDF: {Path(found).name} wrote none"
    pdf.chmod(0o600)
    return ""
