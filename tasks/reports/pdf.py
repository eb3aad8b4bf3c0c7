"""A page on paper: PDF by a headless Chromium where this machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
WITHOUT = "no PDF: no Chromium was found here; the page prints from any browser"


def browser() -> str | None:
    """Return a Chromium of this machine; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


def print_pages(pages: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Print pages to PDFs beside them, at the same time; return those, and a line on each reason that there is none."""
    found = browser()
    if found is None:
        return [], [WITHOUT]
    with ThreadPoolExecutor(max_workers=max(len(pages), 1)) as threads:
        said = list(threads.map(lambda page: _print(found, page), pages))
    made = [page.with_suffix(".pdf") for page, problem in zip(pages, said, strict=True) if not problem]
    return made, list(dict.fromkeys(problem for problem in said if problem))


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
