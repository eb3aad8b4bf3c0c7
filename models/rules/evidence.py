"""A chain of entries: each link is a hash of its entry and of the link before, from a header that says how many follow.

What the chain proves: whoever has the head, noted where the holder of the archive cannot write, can tell that every
entry is the one that was packed, in its place, with none left out or added. What it does not prove: who packed it.
Without the head noted elsewhere, somebody who rewrites an entry can work out all links after it anew. There is no
signature here, and nothing in the archive pretends to be one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FORMAT = "acredita evidence 1"


class Entry(NamedTuple):
    """One thing that was recorded, decided or sent: its name within the pack and what it says."""

    name: str
    content: bytes


class Link(NamedTuple):
    """An entry's place in the chain: the hash of what it says, and that of it and everything before it."""

    name: str
    sha256: str
    link: str


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return a value as the only text it has: names in order, days and instants as ISO 8601 has them."""
    return (json.dumps(value, default=str, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def digest(content: bytes) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def chained(header: Mapping[str, Any], entries: Iterable[Entry]) -> list[Link]:
    """Chain entries behind a header.

    A link is the SHA-256 of the link before (of the header, for the first), the entry's name and its hash, one a line.
    """
    before = digest(canonical(header))
    found = []
    for entry in entries:
        sha256 = digest(entry.content)
        before = following(before, entry.name, sha256)
        found.append(Link(entry.name, sha256, before))
    return found


def following(before: str, name: str, sha256: str) -> str:
    """Return the link of an entry behind another link."""
    return digest(f"{before}\n{name}\n{sha256}\n".encode())


def head_of(header: Mapping[str, Any], links: Sequence[Link]) -> str:
    """Return the one hash that stands for all of it: the last link, or the header's where nothing follows."""
    return links[-1].link if links else digest(canonical(header))
