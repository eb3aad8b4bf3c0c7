"""An evidence pack as a file: one archive, byte for byte the same for the same entries, and whether it still is.

A manifest, a text that says what the pack proves, and a file for each entry, stored as they are. There is one archive
for given entries: whatever differs by a single bit is found, be it in an entry or in the archive around it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.rules.evidence import FORMAT, Entry, Link, canonical, chained, following, head_of

MANIFEST, ABOUT, FOLDER = "manifest.json", "READ-ME.txt", "entries/"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o600 << 16
_ABOUT = """{format}

What was recorded, decided and sent of one enrollment, in order, one file an entry in entries/.

Each entry is chained to the one before by its SHA-256; the links stand in manifest.json, and the last of them, the
head, stands for all. `acredita verify FILE` finds whatever was changed, left out, added or put elsewhere since.

A chain is no signature. It shows that nothing changed since the head was noted: compare it with a head that was
noted elsewhere (`--head`), or with the database that the pack was made from (`--here`). Somebody who holds nothing
but this file cannot tell it from one that was rewritten and chained anew from its first change on.

A mail is told with its text as it was sent. It may speak of other enrollments of the same reader.
"""


class Pack(NamedTuple):
    """A pack: what it is of, its entries in order, and its links."""

    header: dict[str, Any]
    entries: Sequence[Entry]
    links: Sequence[Link]

    @property
    def head(self) -> str:
        """The hash that stands for all of it."""
        return head_of(self.header, self.links)


class Finding(NamedTuple):
    """What a look at a pack came to, in one sentence; `head` is empty where it has none."""

    sound: bool
    sentence: str
    head: str = ""
    enrollment: str = ""
    entries: int = 0


def pack_of(header: dict[str, Any], entries: Sequence[Entry]) -> Pack:
    """Chain entries into a pack; the header gets their number, so that none can be cut off its end unseen."""
    whole = {**header, "format": FORMAT, "entries": len(entries)}
    return Pack(whole, entries, chained(whole, entries))


def archived(pack: Pack) -> bytes:
    """Return a pack as the one archive that it has."""
    manifest = {"header": pack.header, "head": pack.head, "links": [link._asdict() for link in pack.links]}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        _store(archive, MANIFEST, canonical(manifest))
        _store(archive, ABOUT, _ABOUT.format(format=FORMAT).encode())
        for entry in pack.entries:
            _store(archive, FOLDER + entry.name, entry.content)
    return out.getvalue()


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = 3, _MODE  # the same on every machine
    archive.writestr(info, content)


def verified(data: bytes) -> Finding:
    """Say whether an archive is what it was when it was packed; of what is not, the first entry by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [(info.filename, _read(archive, info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        return Finding(sound=False, sentence=f"The archive itself is damaged or is none: {_said(error)}")
    broken = next((name for name, content in files if content is None), None)
    if broken is not None:
        return Finding(sound=False, sentence=f"{broken} was changed: the archive noted another sum of what it holds.")
    contents = {name: content for name, content in files if content is not None}
    stated = _manifest(contents.get(MANIFEST))
    if stated is None:
        return Finding(sound=False, sentence=f"{MANIFEST} is missing, or was changed so that it cannot be read.")
    header, links, head = stated
    problem = (
        _misplaced([name for name, _ in files], links) or _changed(header, links, contents)
        or _of_links(header, links, head)
    )
    if problem:
        return Finding(sound=False, sentence=problem, head=head)
    pack = pack_of(
        {name: value for name, value in header.items() if name not in {"format", "entries"}},
        [Entry(link.name, contents[FOLDER + link.name]) for link in links],
    )
    again = archived(pack)
    if again != data:
        return Finding(sound=False, sentence=_where(data, again, files), head=head)
    enrollment = str(header.get("enrollment", ""))
    sentence = f"Sound: {len(links)} entries of {enrollment}, chained to {head}."
    return Finding(True, sentence, head, enrollment, len(links))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, EOFError, zipfile.LargeZipFile):
        return None


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".") + "."


def _manifest(content: bytes | None) -> tuple[dict[str, Any], list[Link], str] | None:
    """Return the header, the links and the head that a manifest states; None where it is none of ours."""
    try:
        stated = json.loads(content or b"")
        links = [Link(**each) for each in stated["links"]]
        header, head = dict(stated["header"]), str(stated["head"])
    except (ValueError, KeyError, TypeError):
        return None
    if canonical(stated) != content or not all(isinstance(part, str) for link in links for part in link):
        return None
    return header, links, head


def _misplaced(names: Sequence[str], links: Sequence[Link]) -> str:
    """Say which file is missing, added or elsewhere; empty where every one is as the manifest has it."""
    wanted = [MANIFEST, ABOUT, *(FOLDER + link.name for link in links)]
    for name in wanted:
        if name not in names:
            return f"{name} is missing: it was removed."
    known = set(wanted)
    added = next((name for index, name in enumerate(names) if name not in known or name in names[:index]), None)
    if added is not None:
        return f"{added} was added: the manifest does not have it."
    moved = next((name for name, due in zip(names, wanted, strict=True) if name != due), None)
    return "" if moved is None else f"{moved} was put elsewhere: the manifest has another in its place."


def _changed(header: dict[str, Any], links: Sequence[Link], contents: dict[str, bytes]) -> str:
    """Say which entry is not what was packed; empty where every one is."""
    if header.get("entries") != len(links) or header.get("format") != FORMAT:
        stated = header.get("entries")
        return f"{MANIFEST} was changed: its header speaks of {stated} entries, and it lists {len(links)}."
    again = chained(header, [Entry(link.name, contents[FOLDER + link.name]) for link in links])
    changed = next((link.name for link, true in zip(links, again, strict=True) if link.sha256 != true.sha256), None)
    return "" if changed is None else f"{FOLDER}{changed} was changed: it is not what was packed."


def _of_links(header: dict[str, Any], links: Sequence[Link], head: str) -> str:
    """Say which link of a manifest does not follow from the one before; empty where all do."""
    before = head_of(header, [])
    for link in links:
        before = following(before, link.name, link.sha256)
        if link.link != before:
            return f"{MANIFEST} was changed at {link.name}: its link does not follow from the one before."
    return "" if head == before else f"{MANIFEST} was changed: its head is not the last link."


def _where(data: bytes, again: bytes, files: Sequence[tuple[str, bytes | None]]) -> str:
    """Name the file around which an archive differs from the one that its entries have."""
    first = next((i for i, (one, other) in enumerate(zip(data, again, strict=False)) if one != other), len(again))
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        before = [info.filename for info in archive.infolist() if info.header_offset <= first]
    name = before[-1] if before else files[0][0]
    return f"{name} or what the archive notes around it was changed: byte {first} is not the one that was packed."
