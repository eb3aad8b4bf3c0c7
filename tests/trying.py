"""How hard the laws are tried that the program was promised to keep: harder than any other, night and day."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings

NIGHTLY = os.environ.get("ACREDITA_HYPOTHESIS") == "nightly"
EXAMPLES = 20_000 if NIGHTLY else 500


def promised(law: Callable[..., Any]) -> Callable[..., Any]:
    """Try a law with 500 examples in the fast suite and with 20,000 at night: draw its values cheaply."""
    return settings(max_examples=EXAMPLES)(law)
