"""The command line: every verb an operator has, each a thin door to `tasks`.

Imports stay inside the verbs: `acredita --help` must not wait for Prefect. Errors are one line each on stderr, with
the place and the remedy, and exit code 2.
"""

from deployments.cli import (
    answers,
    clock,
    daily,
    desk,
    evidence,
    forecasts,
    going_live,
    intake,
    lint,
    loopback,
    mail,
    preview,
    program,
    reports,
    service,
    views,
)
from deployments.cli.base import app, main

__all__ = [
    "answers",
    "app",
    "clock",
    "daily",
    "desk",
    "evidence",
    "forecasts",
    "going_live",
    "intake",
    "lint",
    "loopback",
    "mail",
    "main",
    "preview",
    "program",
    "reports",
    "service",
    "views",
]
