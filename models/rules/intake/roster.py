"""Rows of an imported file: every cell read, every row checked, all that is wrong found at once.

A row is what its file says and nothing else: a column that the file lacks has no entry, an empty cell is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from models.rules.errors import Problem, nearest
from models.rules.intake.cells import Lexicon, Role, Unreadable, read_cell
from models.rules.intake.columns import COLUMNS, FileKind, Header
from models.rules.policy import Policy
from models.rules.words import Language

HEAD, MANAGER = "head", "am"
"""The ends of the codes of an agency's own people: JAL-01.head and JAL-01.am."""
HEAD_PAIR = ("head_name", "head_email")
MANAGER_TRIO = ("accreditation_manager_given_names", "accreditation_manager_surname", "accreditation_manager_email")
AGENCY_COLUMNS = (
    "agency", "kind", "entity", "municipality", "government", *HEAD_PAIR, *MANAGER_TRIO,
    "accreditation_manager_second_surname", "language",
)
PERSON_COLUMNS = ("given_names", "surname", "second_surname", "email", "language", "time_zone", "deputy")


class Row(NamedTuple):
    """One row: its number as a spreadsheet shows it, the values that could be read, and whether all is well with it."""

    number: int
    values: Mapping[str, Any]
    sound: bool = True


class Fault(NamedTuple):
    """What is wrong with a value, before the place is known."""

    column: str
    what: str
    remedy: str


Found = tuple[int, Problem]
"""A problem with its row's number, so that what is found in several passes is told in the order of the file."""


@dataclass(frozen=True)
class Source:
    """Where rows come from: the name shown in errors, and the header."""

    name: str
    header: Header

    def place(self, number: int, column: str) -> str:
        """Name a cell as a person would find it."""
        return f"{self.name} row {number}, column {self.header.title_of(column)}"

    def problem(self, number: int, fault: Fault) -> Found:
        """Put a fault in its place."""
        return number, Problem(self.place(number, fault.column), fault.what, fault.remedy)


RawRow = tuple[int, Sequence[str | date]]


def read_rows(rows: Iterable[RawRow], source: Source, given: tuple[Lexicon, date]) -> tuple[list[Row], list[Found]]:
    """Read and check rows, and tell everything that is wrong with any of them.

    Args:
        rows: each row's number and its cells, as many as the header has titles.
        source: where they come from.
        given: the program's words, and today.
    """
    lexicon, today = given
    check = _CHECKS[source.header.kind]
    read: list[Row] = []
    found: list[Found] = []
    for number, cells in rows:
        values, faults = _read(source.header, cells, lexicon)
        told = {fault.column for fault in faults}
        faults += [fault for fault in check(values, (lexicon.policy, today)) if fault.column not in told]
        found += [source.problem(number, fault) for fault in faults]
        read.append(Row(number, values, not faults))
    return read, found + list(_doubles(read, source))


def _read(header: Header, cells: Sequence[str | date], lexicon: Lexicon) -> tuple[dict[str, Any], list[Fault]]:
    """Read a row's cells; one that cannot be read, or is empty and must not be, has no entry."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column, cell in zip(header.columns, cells, strict=True):
        if column is None:
            continue
        try:
            value = read_cell(column.cell, cell, lexicon)
        except Unreadable as error:
            faults.append(Fault(column.name, error.what, error.remedy))
            continue
        if value is None and column.needed:
            faults.append(Fault(column.name, "is empty.", "Fill it in."))
            continue
        values[column.name] = value
    return values, faults


def _roster_faults(values: Mapping[str, Any], given: tuple[Policy, date]) -> Iterator[Fault]:
    policy, today = given
    track, kind, agreement = (values.get(name) for name in ("track", "kind", "agreement_countersigned_on"))
    if track is not None and kind is not None and kind not in policy.tracks[track].kinds:
        kinds = ", ".join(policy.tracks[track].kinds)
        yield Fault("track", f'"{track}" is not for the kind "{kind}".', f"It is for: {kinds}.")
    if agreement is not None and agreement > today:
        yield Fault("agreement_countersigned_on", f"{agreement} is after today, {today}.", "Correct the date.")
    yield from _whole("head", HEAD_PAIR, values)
    yield from _whole("accreditation manager", MANAGER_TRIO, values)
    if values.get("sme1") is not None and values.get("sme1") == values.get("sme2"):
        yield Fault("sme2", f'"{values["sme2"]}" is both experts of the pair.', "Name another, or leave it empty.")


def _whole(who: str, columns: Sequence[str], values: Mapping[str, Any]) -> Iterator[Fault]:
    """Ask for all of a person or nothing; a cell that could not be read has been told already."""
    filled = [column for column in columns if values.get(column) is not None]
    for column in columns if filled else ():
        if values.get(column, filled) is None:
            yield Fault(column, f"is empty, though {filled[0]} is given.", f"Fill it in, or empty all of the {who}.")


def _people_faults(values: Mapping[str, Any], _: tuple[Policy, date]) -> Iterator[Fault]:
    code, role = values.get("code", ""), values.get("role")
    region, since, until = (values.get(name) for name in ("region", "from", "until"))
    if code.endswith((f".{HEAD}", f".{MANAGER}")):
        yield Fault("code", f'"{code}" is kept for an agency\'s own people.', "Change them in the roster.")
    if role == Role.REGIONAL_MANAGER and values.get("region", "") is None:
        yield Fault("region", "is empty.", "Name the region that this person manages.")
    if role in {Role.DIRECTOR, Role.OPERATOR} and region is not None:
        yield Fault("region", f'a {role} serves the whole program, not "{region}".', "Leave it empty.")
    if since is not None and until is not None and until < since:
        yield Fault("until", f"{until} is before {since}.", "Correct one of the two.")
    if code and values.get("deputy") == code:
        yield Fault("deputy", "names the same person.", "Name somebody else, or leave it empty.")


def _facts_faults(values: Mapping[str, Any], given: tuple[Policy, date]) -> Iterator[Fault]:
    policy, today = given
    if "milestone" in values and "occurred_on" in values:
        stated = Stated(values["milestone"], values["occurred_on"], values.get("value"))
        yield from fact_faults(stated, policy, (date.min, today))


class Stated(NamedTuple):
    """What somebody says happened."""

    milestone: str
    occurred_on: date
    value: int | None


def fact_faults(stated: Stated, policy: Policy, days: tuple[date, date]) -> Iterator[Fault]:
    """Say why a fact cannot be recorded.

    Args:
        stated: the fact.
        policy: the program's; it knows the milestones, and which of them count something.
        days: the agreement's day, and today: a fact lies between.
    """
    agreement, today = days
    milestone = policy.milestones.get(stated.milestone)
    if milestone is None:
        yield Fault("milestone", f'"{stated.milestone}" is no milestone.', nearest(stated.milestone, policy.milestones))
        return
    if stated.occurred_on > today:
        yield Fault("occurred_on", f"{stated.occurred_on} is after today, {today}.", "Record it once it has happened.")
    if stated.occurred_on < agreement:
        yield Fault("occurred_on", f"{stated.occurred_on} is before the agreement, {agreement}.", "Correct the date.")
    if milestone.count and (stated.value is None or stated.value < 0):
        yield Fault("value", f'"{stated.milestone}" counts something and has no number.', "Give a whole number from 0.")
    if not milestone.count and stated.value is not None:
        yield Fault("value", f'"{stated.milestone}" counts nothing.', "Leave it empty.")


_CHECKS: dict[FileKind, Callable[[Mapping[str, Any], tuple[Policy, date]], Iterator[Fault]]] = {
    FileKind.ROSTER: _roster_faults, FileKind.PEOPLE: _people_faults, FileKind.FACTS: _facts_faults,
}
# What makes a row unique in its file, and what an empty cell of it stands for.
_KEYS: dict[FileKind, dict[str, Any]] = {
    FileKind.ROSTER: {"agency_code": "", "track": "", "cycle": 1},
    FileKind.PEOPLE: {"code": "", "role": "", "region": "", "from": date.min},
    FileKind.FACTS: {"agency_code": "", "track": "", "cycle": 0, "milestone": "", "occurred_on": "", "reference": ""},
}
# Whose columns several rows may repeat, and must then repeat alike.
_OWNERS: dict[FileKind, tuple[str, tuple[str, ...]]] = {
    FileKind.ROSTER: ("agency_code", AGENCY_COLUMNS),
    FileKind.PEOPLE: ("code", PERSON_COLUMNS),
    FileKind.FACTS: ("", ()),
}


def _doubles(rows: Iterable[Row], source: Source) -> Iterator[Found]:
    """Find rows that say the same twice, or two things of one agency or person."""
    keys, (owner, shared) = _KEYS[source.header.kind], _OWNERS[source.header.kind]
    keys = {name: default for name, default in keys.items() if source.header.has(name)}
    by_key: dict[tuple[Any, ...], int] = {}
    by_owner: dict[str, Row] = {}
    for row in rows:
        if keys.keys() <= row.values.keys():
            key = tuple(row.values[name] or default for name, default in keys.items())
            before = by_key.setdefault(key, row.number)
            if before != row.number:
                yield source.problem(row.number, Fault(next(iter(keys)), f"repeats row {before}.", "Keep one of them."))
                continue
        elder = by_owner.setdefault(row.values[owner], row) if owner in row.values else row
        yield from (source.problem(row.number, fault) for fault in _unlike(row, elder, (owner, shared)))


def _unlike(row: Row, elder: Row, given: tuple[str, tuple[str, ...]]) -> Iterator[Fault]:
    owner, shared = given
    for column in shared if elder is not row else ():
        if row.values.get(column) != elder.values.get(column) and column in row.values and column in elder.values:
            what = f'differs from row {elder.number}, which is of "{row.values[owner]}" too.'
            yield Fault(column, what, "Make the rows agree.")


def template_csv(kind: FileKind, language: Language, policy: Policy) -> str:
    """Return an empty template with one example row, as a spreadsheet opens it: UTF-8 with a byte order mark."""
    example = _example(kind, language, policy)
    columns = COLUMNS[kind]
    lines = [[column.title(language) for column in columns], [example.get(column.name, "") for column in columns]]
    return "\ufeff" + "".join(",".join(_quoted(cell) for cell in line) + "\r\n" for line in lines)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',;"\t') else cell


def _example(kind: FileKind, language: Language, policy: Policy) -> dict[str, str]:
    track, words = next(iter(policy.tracks.items()))
    milestone = next((code for code, each in policy.milestones.items() if not each.count), "")
    people = {"given_names": "Ana María", "surname": "Peña", "second_surname": "Ruiz", "email": "ana@example.org"}
    match kind:
        case FileKind.ROSTER:
            return {
                "agency_code": "AG-01", "agency": "Ejemplo" if language is Language.ES_MX else "Example",
                "kind": words.kinds[0], "entity": policy.regions[0].entities[0], "track": track, "cycle": "1",
                "agreement_countersigned_on": "2023-01-30", "head_name": "Luis Gómez", "head_email": "luis@example.org",
                **{f"accreditation_manager_{name}": value for name, value in people.items()},
                "sme1": "P-01", "language": language.value,
            }
        case FileKind.PEOPLE:
            return {
                "code": "P-01", **people, "language": language.value, "time_zone": policy.zone,
                "role": Role.REGIONAL_MANAGER.value, "region": policy.regions[0].code, "from": "2023-01-30",
            }
        case FileKind.FACTS:
            return {
                "agency_code": "AG-01", "track": track, "cycle": "1", "milestone": milestone,
                "occurred_on": "2023-02-15", "reference": "A-12", "recorded_by": "P-01",
            }
