"""Columns, cells and rows of imported files, without any file."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.errors import Refused
from models.rules.intake.cells import DateFormat, Lexicon, Unreadable, clean, read_cell
from models.rules.intake.columns import COLUMNS, Cell, FileKind, read_header
from models.rules.intake.roster import Source, read_rows, template_csv
from models.rules.words import Language
from tests.building import program

TODAY = date(2023, 4, 3)
FACTS = ["agency_code", "milestone", "occurred_on", "recorded_by", "valor"]
ROSTER = ["agency_code", "agency", "kind", "entity", "track", "agreement_countersigned_on"]
GOOD = ["A-1", "Una", "academy", "JAL", "academy", "2022-01-31"]


def lexicon(dates: DateFormat = DateFormat.YMD, name: str = "mexico") -> Lexicon:
    return Lexicon(program(name).policy, dates)


@pytest.mark.parametrize(
    ("cell", "text", "value"),
    [
        (Cell.CODE, " JAL-01.x ", "JAL-01.x"),
        (Cell.NAME, "Jose\u0301 Nun\u0303ez", "José Núñez".replace("ú", "u")),
        (Cell.NAME, "a\x00b\ud800c", "abc"),
        (Cell.NAME, "   ", None),
        (Cell.EMAIL, "o'neil+x@sub.example.org", "o'neil+x@sub.example.org"),
        (Cell.COUNT, "5.0", 5),
        (Cell.COUNT, "5,00", 5),
        (Cell.COUNT, "0", 0),
        (Cell.CYCLE, "2", 2),
        (Cell.ENTITY, "JAL", "JAL"),
        (Cell.ENTITY, "mx-jal", "JAL"),
        (Cell.ENTITY, "jalisco", "JAL"),
        (Cell.ENTITY, "NUEVO LEON", "NLE"),
        (Cell.ENTITY, "cdmx", "CMX"),
        (Cell.ENTITY, "México", "MEX"),
        (Cell.KIND, "Policia", "law_enforcement"),
        (Cell.KIND, "comunicaciones", "communications"),
        (Cell.TRACK, "Policía, nivel 1", "law_enforcement_tier1"),
        (Cell.MILESTONE, "Visita de arranque", "kickoff_visit"),
        (Cell.REGION, "noroeste", "northwest"),
        (Cell.ROLE, "Gerente regional", "regional_manager"),
        (Cell.LANGUAGE, "Español", Language.ES_MX),
        (Cell.LANGUAGE, "es-MX", Language.ES_MX),
        (Cell.LANGUAGE, "Inglés", Language.EN),
        (Cell.ZONE, "America/Ciudad_Juarez", "America/Ciudad_Juarez"),
        (Cell.DATE, date(2022, 1, 31), date(2022, 1, 31)),
    ],
)
def test_a_cell_is_read_as_people_write_it(cell: Cell, text: str | date, value: Any) -> None:
    assert read_cell(cell, text, lexicon()) == value


@pytest.mark.parametrize(
    ("cell", "text", "what", "remedy"),
    [
        (Cell.CODE, "JAL/01", "is no code", "letters A to Z"),
        (Cell.CODE, "=1+1", "is no code", "letters"),
        (Cell.NAME, "Ana\r\nBcc: x@example.org", "U+000D", "one line"),
        (Cell.NAME, "Ana\u2028B", "U+2028", "one line"),
        (Cell.NAME, "Ana\x85B", "U+0085", "one line"),
        (Cell.NAME, "Ana\u202eB", "U+202E", "Type the cell again"),
        (Cell.NAME, "x" * 301, "301 characters", "Shorten"),
        (Cell.NAME, "#N/A", "spreadsheet error", "formula"),
        (Cell.EMAIL, "a@example.org, b@example.org", "not one e-mail", "single address"),
        (Cell.EMAIL, "a@example.org;b@example.org", "not one e-mail", "single address"),
        (Cell.EMAIL, "Ana <a@example.org>", "not one e-mail", "display name"),
        (Cell.EMAIL, "peña@example.org", "not one e-mail", "accent"),
        (Cell.EMAIL, "a..b@example.org", "not one e-mail", "single"),
        (Cell.EMAIL, "ana@localhost", "not one e-mail", "single"),
        (Cell.COUNT, "-1", "no whole number", "digits"),
        (Cell.COUNT, "5.5", "no whole number", "digits"),
        (Cell.COUNT, "٣", "no whole number", "digits"),
        (Cell.CYCLE, "0", "no cycle", "Write 1"),
        (Cell.ENTITY, "Jalsico", "no entity", 'Did you mean "Jalisco"?'),
        (Cell.KIND, "polycia", "no kind", 'Did you mean "law_enforcement"?'),
        (Cell.TRACK, "acadmy", "no track", 'Did you mean "academy"?'),
        (Cell.MILESTONE, "kickof_visit", "no milestone", 'Did you mean "kickoff_visit"?'),
        (Cell.REGION, "Surrest", "no region", 'Did you mean "Sureste"?'),
        (Cell.LANGUAGE, "klingon", "no language", "es_MX"),
        (Cell.ZONE, "America/Mexico", "no time zone", 'Did you mean "America/Mexico_City"?'),
        (Cell.DATE, "31/01/2022", "no date of the declared format YMD", "DMY"),
        (Cell.DATE, "2022-02-30", "no day of the calendar", "2023-04-30"),
        (Cell.DATE, "0216-08-01", "before 1950", "year"),
        (Cell.DATE, "44592", "no date", "2023-04-30"),
    ],
)
def test_a_cell_that_cannot_be_read_says_why_and_what_to_do(cell: Cell, text: str, what: str, remedy: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_cell(cell, text, lexicon())
    assert what in refused.value.what
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    ("order", "text"), [(DateFormat.DMY, "1/2/2022"), (DateFormat.MDY, "02-01-2022"), (DateFormat.YMD, "2022-2-1")]
)
def test_dates_are_read_in_the_declared_order_only(order: DateFormat, text: str) -> None:
    assert read_cell(Cell.DATE, text, lexicon(order)) == date(2022, 2, 1)


@given(st.sampled_from(DateFormat), st.dates(min_value=date(1950, 1, 1)))
def test_a_date_written_in_an_order_is_read_back(order: DateFormat, day: date) -> None:
    written = {"YMD": f"{day:%Y-%m-%d}", "DMY": f"{day:%d/%m/%Y}", "MDY": f"{day:%m/%d/%Y}"}[order]
    assert read_cell(Cell.DATE, written, lexicon(order)) == day


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_leaves_nothing_that_a_header_could_be_forged_with(text: str) -> None:
    try:
        cleaned = clean(text)
    except Unreadable:
        return
    assert clean(cleaned) == cleaned
    assert not set(cleaned) & set("\r\n\0\x85\u2028\u202e")


@given(st.sampled_from(Cell), st.text(max_size=30))
def test_no_text_is_a_traceback(cell: Cell, text: str) -> None:
    with suppress(Unreadable):
        read_cell(cell, text, lexicon())


@pytest.mark.parametrize("kind", FileKind)
@pytest.mark.parametrize("language", Language)
def test_a_file_is_recognised_by_its_header_in_either_language(kind: FileKind, language: Language) -> None:
    titles = [f"  {column.title(language).upper().replace('_', ' ')} " for column in COLUMNS[kind]]
    header = read_header(titles, "f.csv")
    assert header.kind is kind
    assert header.columns == COLUMNS[kind]


@pytest.mark.parametrize(
    ("titles", "what", "remedy"),
    [
        (["apple", "pear"], "is none of the files", "acredita import --template"),
        (ROSTER[:-1], "lacks the column agreement_countersigned_on (fecha_convenio)", "Add it."),
        ([*ROSTER[:-1], "fecha_convennio"], "lacks the column agreement_countersigned_on", 'by "fecha_convennio"?'),
        ([*ROSTER, "lenguage"], 'has the unknown column "lenguage"', 'Did you mean "language"?'),
        ([*ROSTER, "Clave"], "has the column agency_code (clave) twice", "Keep one."),
        ([*ROSTER, "titular"], "lacks the column head_email (correo_titular)", "Add it."),
    ],
)
def test_a_header_is_refused_with_the_nearest_name(titles: list[str], what: str, remedy: str) -> None:
    with pytest.raises(Refused) as refused:
        read_header(titles, "f.csv")
    assert what in str(refused.value)
    assert remedy in str(refused.value)


def problems(titles: list[str], *rows: list[str], name: str = "mexico") -> list[str]:
    source = Source("f.csv", read_header(titles, "f.csv"))
    _, found = read_rows(list(enumerate(rows, 2)), source, (lexicon(name=name), TODAY))
    return [str(problem) for _, problem in found]


def changed(**cells: str) -> list[str]:
    return [cells.get(title, cell) for title, cell in zip(ROSTER, GOOD, strict=True)]


@pytest.mark.parametrize(
    ("titles", "rows", "said"),
    [
        (ROSTER, [GOOD], []),
        (ROSTER, [changed(agreement_countersigned_on="2023-04-04")], ["agreement_countersigned_on: 2023-04-04 is"]),
        (ROSTER, [changed(track="communications")], ['"communications" is not for the kind "academy". It is for: c']),
        (ROSTER, [changed(agency="")], ["row 2, column agency: is empty. Fill it in."]),
        (ROSTER, [GOOD, GOOD], ["row 3, column agency_code: repeats row 2."]),
        (
            ROSTER,
            [GOOD, changed(agency_code="A-2"), changed(agency="B", track="law_enforcement_tier1", kind="policía")],
            ["row 4, column agency: differs from row 2", "row 4, column kind: differs from row 2"],
        ),
        (ROSTER, [changed(entity="x", agreement_countersigned_on="nie", track="z")], ["entity", "track", "agreement"]),
        ([*ROSTER, "titular", "correo_titular"], [[*GOOD, "Ana", ""]], ["correo_titular: is empty, though head_name"]),
        ([*ROSTER, "titular", "correo_titular"], [[*GOOD, "Ana", "ana"]], ['correo_titular: "ana" is not one']),
        ([*ROSTER, "sme1", "sme2"], [[*GOOD, "S1", "S1"]], ['column sme2: "S1" is both experts']),
        (FACTS, [["A", "visit", "2022-01-01", "me", "3"]], ['column valor: "visit" counts nothing.']),
        (FACTS, [["A", "mandatory_in_compliance", "2022-01-01", "me", ""]], ["column valor:"]),
        (FACTS[:-1], [["A", "mandatory_in_compliance", "2022-01-01", "me"]], ["column value:"]),
        (
            FACTS,
            [["A", "mandatory_in_compliance", "2023-05-01", "me", "x"]],
            ['column valor: "x"', "occurred_on: 2023-05-01 is after"],
        ),
    ],
)
def test_all_that_is_wrong_with_rows_is_told_with_its_place(
    titles: list[str], rows: list[list[str]], said: list[str]
) -> None:
    found = problems(titles, *rows)
    assert len(found) == len(said), found
    assert all(part in line for part, line in zip(said, found, strict=True)), found


PEOPLE = ["code", "given_names", "surname", "email", "role", "region", "from", "until", "deputy"]
PERSON = ["P1", "Ana", "Ruiz", "ana@example.org"]


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (["regional_manager", "", "", "", ""], "column region: is empty."),
        (["director", "west", "", "", ""], 'a director serves the whole program, not "west"'),
        (["director", "", "2022-02-01", "2022-01-31", ""], "column until: 2022-01-31 is before 2022-02-01."),
        (["sme", "", "", "", "P1"], "column deputy: names the same person."),
        (["expert", "", "", "", ""], 'column role: "expert" is no role of this program. Did you mean "sme"?'),
    ],
)
def test_a_person_that_cannot_be_is_refused(rest: list[str], said: str) -> None:
    (line,) = problems(PEOPLE, PERSON + rest)
    assert said in line


def test_the_code_of_an_agencys_own_person_is_kept_for_it() -> None:
    (line,) = problems(PEOPLE, ["A-1.am", *PERSON[1:], "sme", "", "", "", ""])
    assert "kept for an agency's own people" in line


@pytest.mark.parametrize("name", ["mexico", "iso9001"])
@pytest.mark.parametrize("kind", FileKind)
@pytest.mark.parametrize("language", Language)
def test_a_template_is_a_good_file_of_any_program(name: str, kind: FileKind, language: Language) -> None:
    text = template_csv(kind, language, program(name).policy)
    assert text.startswith("\ufeff")
    titles, row = (line.split(",") for line in text.removeprefix("\ufeff").splitlines())
    assert problems(titles, row, name=name) == []
