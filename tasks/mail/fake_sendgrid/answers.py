"""What the loopback provider can answer, and a script that says what it answers to which request.

An answer is a word. A `+` after it means that the message was taken all the same, and only the answer went wrong:

    202 200 201 204    taken, as `202nid` is: 202 without X-Message-Id
    400 401 403 413    certainly not taken; 429 neither, with X-RateLimit-Reset; 404 405 408 are in doubt
    500 502 503 504    an error of theirs
    301 302 303 307 308 a redirect to another host
    reset              the connection is reset without an answer
    hang               nothing is answered, for as long as the caller holds the line
    drip               a byte at a time, slower than anybody waits for
    status             the answer is cut in its status line
    headers            ... between two headers
    body               ... in its body
    garbage            what is answered is not HTTP

A script is a list, used up from the left and 202 from then on (`500,reset+,202`), or weights
(`202:92,500:3,reset+:5`), drawn from a seed, the message's reference and how often that was seen: what is drawn does
not depend on who comes first. `address` answers each message the first time with the word after the last dot before
the @ of its address (p17.reset+@example.org), and 202 from then on.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from enum import StrEnum
from typing import NamedTuple, Self

from models.rules.errors import Refused, nearest


class Form(StrEnum):
    """How an answer goes wrong, where it is not a plain status."""

    PLAIN = "plain"
    NO_ID = "202nid"
    RESET = "reset"
    HANG = "hang"
    DRIP = "drip"
    CUT_STATUS = "status"
    CUT_HEADERS = "headers"
    CUT_BODY = "body"
    GARBAGE = "garbage"


class Answer(NamedTuple):
    """A form, its status, and whether the message was taken."""

    form: Form
    status: int
    taken: bool

    def __str__(self) -> str:
        """Return the word of a script."""
        word = str(self.status) if self.form is Form.PLAIN else self.form.value
        return word + "+" * (self.taken and word not in _TAKES)


_TAKES = frozenset({"202", "202nid", "200", "201", "204"})
_STATUSES = frozenset({
    "200", "201", "202", "204", "301", "302", "303", "307", "308", "400", "401", "403", "404", "405", "408", "413",
    "429", "500", "502", "503", "504",
})
_NEVER_TAKES = frozenset({"400", "401", "403", "413", "429"})
WORDS = (*sorted(_STATUSES), *(form.value for form in Form if form is not Form.PLAIN))


def answer_of(word: str) -> Answer:
    """Return the answer that a word of a script means.

    >>> answer_of("reset+")
    Answer(form=<Form.RESET: 'reset'>, status=202, taken=True)

    Raises:
        Refused: no such word, or a `+` after a status that means "not taken".
    """
    bare = word.removesuffix("+")
    if bare not in WORDS:
        raise Refused.one("--script", f'"{word}" is no answer.', nearest(bare, WORDS))
    if bare in _NEVER_TAKES and word != bare:
        raise Refused.one("--script", f'"{word}": a provider that says {bare} took nothing.', f"Write {bare}.")
    taken = word != bare or bare in _TAKES
    if bare in _STATUSES:
        return Answer(Form.PLAIN, int(bare), taken)
    return Answer(Form(bare), 202, taken)


BY_ADDRESS = "address"
USUAL = Answer(Form.PLAIN, 202, taken=True)


class Script:
    """Says what is answered to each request; safe to ask from several threads."""

    def __init__(
        self, listed: list[Answer], weighed: dict[Answer, float], seed: int = 0, *, by_address: bool = False
    ) -> None:
        self._listed, self._weighed, self._seed, self._by_address = deque(listed), weighed, seed, by_address
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Self:
        """Return the script of a text; an empty one answers 202 to everything.

        Raises:
            Refused: a word is no answer, or a weight no number above 0.
        """
        if text == BY_ADDRESS:
            return cls([], {}, by_address=True)
        words = [word.strip() for word in text.split(",") if word.strip()]
        if not any(":" in word for word in words):
            return cls([answer_of(word) for word in words], {}, seed)
        return cls([], dict(map(_weight, words)), seed)

    def answer_to(self, reference: str, address: str = "") -> Answer:
        """Return what is answered to this request, which is for the message of that reference to that address."""
        with self._lock:
            self._seen[reference] += 1
            if self._listed:
                return self._listed.popleft()
            if self._by_address and self._seen[reference] == 1:
                word = address.rpartition("@")[0].rpartition(".")[2]
                return answer_of(word) if word.removesuffix("+") in WORDS else USUAL
            if not self._weighed:
                return USUAL
            # S311: nobody's secret hangs on it, and the same seed must draw the same.
            draw = random.Random(f"{self._seed}/{reference}/{self._seen[reference]}")  # noqa: S311
            return draw.choices(list(self._weighed), list(self._weighed.values()))[0]


def _weight(word: str) -> tuple[Answer, float]:
    name, _, weight = word.partition(":")
    try:
        number = float(weight)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise Refused.one("--script", f'"{word}" has no weight.', "Write each word as WORD:NUMBER, such as 202:95.")
    return answer_of(name), number
