"""An evidence pack: the same for the same entries, and whatever is done to it afterwards is found and named."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from random import Random

import pytest

from models.rules.evidence import Entry, canonical
from tasks.evidence.archive import MANIFEST, Pack, archived, pack_of, verified

HEADER = {"enrollment": "A1/academy", "program": "p", "as_of": "2020-01-01", "known_on": "2020-01-01"}
TIMES = 1000
Files = list[tuple[str, bytes]]


def packed(entries: int = 12) -> Pack:
    says = [Entry(f"{n:05}-fact-{n}.json", canonical({"number": n, "text": "ñ" * (n % 5)})) for n in range(1, entries)]
    return pack_of(dict(HEADER), says)


def files_of(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def zipped(files: Files) -> bytes:
    """Write files as whoever tampers would: a sound archive, with the sums of what is in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o600 << 16
            archive.writestr(info, content)
    return out.getvalue()


def flip(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def cut_out(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 40):]


def put_in(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.randint(1, 40)) + data[at:]


def cut_the_tail(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def edit(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    at = rng.randrange(len(files))
    name, content = files[at]
    files[at] = name, flip(rng, content)
    return zipped(files)


def remove(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    del files[rng.randrange(len(files))]
    return zipped(files)


def swap(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    one, other = rng.sample(range(len(files)), 2)
    files[one], files[other] = files[other], files[one]
    return zipped(files)


def swap_what_they_hold(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    one, other = rng.sample(range(len(files)), 2)
    files[one], files[other] = (files[one][0], files[other][1]), (files[other][0], files[one][1])
    return zipped(files)


def add(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    files.insert(rng.randrange(len(files) + 1), (f"entries/{rng.randrange(99):05}-fact.json", rng.randbytes(9)))
    return zipped(files)


def say_twice(rng: Random, data: bytes) -> bytes:
    files = files_of(data)
    files.insert(rng.randrange(len(files) + 1), rng.choice(files))
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped(files)


def list_one_less(rng: Random, data: bytes) -> bytes:
    """Cut an entry and its link off, and state the link before as the head."""
    files = dict(files_of(data))
    manifest = json.loads(files[MANIFEST])
    gone = rng.randrange(len(manifest["links"]))
    del files["entries/" + manifest["links"].pop(gone)["name"]]
    manifest["head"] = manifest["links"][-1]["link"]
    return zipped(list((files | {MANIFEST: canonical(manifest)}).items()))


TAMPERINGS: list[Callable[[Random, bytes], bytes]] = [
    flip, flip, flip, cut_out, put_in, cut_the_tail, edit, remove, swap, swap_what_they_hold, add, say_twice,
    list_one_less,
]


def test_each_of_a_thousand_random_tamperings_is_found_in_one_sentence_that_names_a_place() -> None:
    rng, data = Random(1), archived(packed())  # noqa: S311 - a seed that everybody may know
    assert verified(data).sound
    names = [name for name, _ in files_of(data)]
    unnamed = 0
    for number in range(TIMES):
        tampered = TAMPERINGS[number % len(TAMPERINGS)](rng, data)
        assert tampered != data, "a tampering that changes nothing is none"
        found = verified(tampered)
        assert not found.sound, TAMPERINGS[number % len(TAMPERINGS)]
        assert "\n" not in found.sentence
        assert found.sentence.endswith(".")
        unnamed += not any(name.removeprefix("entries/") in found.sentence for name in names) and (
            "was added" not in found.sentence
        )
    assert unnamed < TIMES / 4, "only where the archive can no longer be read at all"


def test_what_was_done_is_said() -> None:
    pack = packed()
    files = files_of(archived(pack))
    last = files[-1][0]
    said = {
        "was removed": files[:-1], "was added": [*files, ("entries/99999-fact.json", b"{}")],
        "was put elsewhere": [*files[:-2], files[-1], files[-2]],
        "is not what was packed": [*files[:-1], (last, b"{}\n")],
    }
    for words, changed in said.items():
        sentence = verified(zipped(changed)).sentence
        assert words in sentence
        assert sentence.startswith("entries/"), sentence


def test_a_pack_that_is_chained_anew_is_sound_in_itself_and_has_another_head() -> None:
    pack = packed()
    forged = pack_of(dict(HEADER), [*pack.entries[:-1], pack.entries[-1]._replace(content=b"{}\n")])
    shorter = pack_of(dict(HEADER), pack.entries[:-1])
    assert verified(archived(forged)).sound, "a chain is no signature"
    assert verified(archived(shorter)).sound
    assert len({pack.head, forged.head, shorter.head}) == 3, "which is why a head is noted elsewhere"
    assert verified(archived(pack)).head == pack.head


def test_the_same_entries_give_the_same_archive_and_none_of_them_is_one_too() -> None:
    assert archived(packed()) == archived(packed())
    assert verified(archived(pack_of(dict(HEADER), []))).sound
    assert not verified(b"").sound
    assert not verified(b"no archive").sound
