"""The desk's pages: one set of templates, and the words of each language beside them."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.rules.words import Language
from tasks.answers.desk import Page
from tasks.mail.rendering import spell_day

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "desk"
STYLE = "style.css"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates, compiled once."""
    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )


@lru_cache(maxsize=4)
def words(language: Language) -> dict[str, str]:
    """Return the words of a language, by key."""
    found: dict[str, str] = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return found


def style() -> str:
    """Return the style sheet."""
    return (FOLDER / STYLE).read_text(encoding="utf-8")


def of_link(name: str, page: Page, token: str) -> str:
    """Fill a page about a link in its reader's language."""
    return _filled(name, page.language, page=page, token=token)


def for_anybody(name: str) -> str:
    """Fill a page whose reader is not known (`home`, `gone` or `busy`): it says the same in every language."""
    languages = [(str(each).replace("_", "-"), words(each)) for each in Language]
    return _filled("plain.html", Language.ES_MX, name=name, languages=languages)


def _filled(template: str, language: Language, **facts: Any) -> str:
    known = words(language)

    def say(key: str, **named: Any) -> str:
        spelt = {name: spell_day(fact, language) if isinstance(fact, date) else fact for name, fact in named.items()}
        return known[key].format(**spelt)

    filled: str = environment().get_template(template).render(say=say, lang=str(language).replace("_", "-"), **facts)
    return filled
