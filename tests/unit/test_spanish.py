"""Every sentence of `why` and `why-not` can be said in Spanish, of the same facts, and none is left over."""

from __future__ import annotations

import ast
from pathlib import Path
from string import Formatter

import pytest

from models.rules import explain, why_not
from models.rules.explaining import climbing, reminding, standing, telling, view
from models.rules.spanish import CHOICES, SENTENCES
from models.rules.words import Closing, NoticeState, Reason, Risk, Status, Word
from tasks.views import asked, waiting

SPEAKERS = (explain, climbing, reminding, standing, telling, view, why_not, asked, waiting)


def texts_of(module: object) -> set[str]:
    """Return every text of a module; docstrings are among them."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_sentence_that_stands_in_the_code_has_its_spanish() -> None:
    said = {text for module in SPEAKERS for text in texts_of(module)}
    assert set(SENTENCES) <= said, "what nobody says needs no translation"
    told = {text for text in said if places(text) and " " in text and text[0] != " " and "\n" not in text}
    assert told <= set(SENTENCES)


@pytest.mark.parametrize("english", SENTENCES)
def test_both_languages_tell_the_same_facts(english: str) -> None:
    assert places(english) == places(SENTENCES[english])


@pytest.mark.parametrize("choice", [Status, Risk, NoticeState, Reason, Closing])
def test_every_choice_that_is_told_has_its_spanish(choice: type[Word]) -> None:
    assert set(CHOICES[choice]) == set(choice)
