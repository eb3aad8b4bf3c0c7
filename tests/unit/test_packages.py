"""What is installed: every package of ours is named in pyproject.toml, since nothing discovers them."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("models", "tasks", "flows", "deployments")
DATA = {"templates"}


def test_every_package_is_listed_to_be_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for top in CODE for path in (ROOT / top).rglob("__init__.py")}
    assert set(listed) == DATA | {".".join(folder.parts) for folder in folders}
