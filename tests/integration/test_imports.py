"""Files brought into a real database: hostile ones refused whole, good ones written once, changed ones told apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from models.rules.errors import Refused
from models.rules.intake.cells import DateFormat
from models.rules.intake.columns import FileKind
from models.schema import table
from models.tables import Agency, Assignment, DeadlineChange, Enrollment, Milestone, Person
from tasks.intake.imports import ImportOptions, ImportReport, import_file, import_rows, write_templates
from tasks.intake.sheets import SEPARATORS, read_sheet
from tasks.operations.asked import Because
from tasks.operations.deadlines import undo
from tasks.store.cases import START
from tasks.store.database import reading, transaction
from tasks.store.programs import put_in_force
from tasks.store.records import NewEnrollment, NewFact, enroll, enrollment_id_of, record_facts
from tasks.sweep import decide_batch
from tasks.views.chronicle import chronicle
from tests.building import program
from tests.storing import rows_of

TODAY = date(2023, 4, 3)
LATER = date(2023, 6, 1)
STORED = (Agency, Person, Enrollment, Milestone, Assignment, DeadlineChange)
PEOPLE = """code,given_names,surname,email,role,region,from,until,deputy
S1,Ana,Ruiz,s1@example.org,sme,,,,S2
S2,Luis,Peña,s2@example.org,sme,,,,
S3,Eva,Gil,s3@example.org,sme,,,,
R1,Rosa,Paz,r1@example.org,gerente regional,west,2020-01-01,2021-12-31,
R2,Raúl,Sol,r2@example.org,regional_manager,Occidente,2022-01-01,,
D1,Dora,Mar,d1@example.org,director,,2020-01-01,,
"""
HEADER = (
    "clave;dependencia;tipo;entidad;municipio;gobierno;modalidad;fecha_convenio;titular;correo_titular;gerente_nombre;"
    "gerente_apellido;gerente_segundo_apellido;correo_gerente;experto_1;experto_2;idioma;obligatorios_aplicables"
)
MANAGER = "María José;Núñez;Ruiz;am@example.org;S1;S2;español;120"
ROWS = [
    "JAL-01;Academia Peñas;academia;Jalisco;Tonalá;Estatal;academy;2022-01-31;Íñigo Díaz;head@example.org;" + MANAGER,
    "CHH-01;Policía de Juárez;policía;MX-CHH;JUAREZ;Municipal;law_enforcement_tier1;2022-03-01;;;;;;;S1;;en;",
]
ROSTER = "\n".join([HEADER, *ROWS, ""])
FACTS = """clave,hito,fecha,valor,referencia,registrado_por
JAL-01,kickoff_visit,2022-02-10,,A-1,S1
JAL-01,mandatory_in_compliance,2022-05-10,40.0,A-2,S1
CHH-01,visita de arranque,2022-04-01,,,S1
"""


@pytest.fixture
def engine(lite: Engine) -> Engine:
    put_in_force(lite, program().policy)
    return lite


@pytest.fixture
def both(store: Engine) -> Engine:
    put_in_force(store, program().policy)
    return store


class Desk:
    """Somebody at a desk with a database and a folder."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    def bring(self, content: str | bytes, name: str = "file.csv", **options: Any) -> ImportReport:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(self.engine, path, ImportOptions(**({"today": TODAY} | options)))

    def refused(self, content: str | bytes, name: str = "file.csv", **options: Any) -> list[str]:
        """Import what must be refused, see that nothing was written, and return each problem."""
        before = stored(self.engine)
        with pytest.raises(Refused) as refused:
            self.bring(content, name, **options)
        assert stored(self.engine) == before
        assert all(problem.place and problem.what and problem.remedy for problem in refused.value.problems)
        return [str(problem) for problem in refused.value.problems]


def stored(engine: Engine) -> dict[str, Any]:
    return {model.__name__: rows_of(engine, model) for model in STORED}


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    return Desk(engine, tmp_path)


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk at which people, roster and facts were imported."""
    for content in (PEOPLE, ROSTER, FACTS):
        desk.bring(content)
    return desk


@contextmanager
def seen(engine: Engine) -> Iterator[Connection]:
    with reading(engine) as connection:
        yield connection


def seats(engine: Engine) -> list[tuple[Any, ...]]:
    """Return (person, post, since, until) of every seat, in order."""
    a, p = table(Assignment).c, table(Person).c
    query = select(p.code, a.post, a.since, a.until).join(table(Person), p.id == a.person_id)
    with seen(engine) as connection:
        rows = [(code, post.value, str(since), str(until)) for code, post, since, until in connection.execute(query)]
    return sorted(rows)


def count(engine: Engine, model: Any) -> int:
    with seen(engine) as connection:
        return connection.scalar(select(func.count()).select_from(table(model))) or 0


def due(engine: Engine) -> dict[str, date | None]:
    e, a = table(Enrollment).c, table(Agency).c
    with seen(engine) as connection:
        query = select(a.code, e.next_review_on).join(table(Agency), a.id == e.agency_id)
        return {code: day for code, day in connection.execute(query)}  # noqa: C416 - a Row is not a pair to mypy


# What is written


def test_a_program_comes_in_whole(both: Engine, tmp_path: Path) -> None:
    desk = Desk(both, tmp_path)
    reports = [desk.bring(content) for content in (PEOPLE, ROSTER, FACTS)]
    assert [(r.kind, r.rows, len(r.created), r.unchanged) for r in reports] == [
        (FileKind.PEOPLE, 6, 6, 0), (FileKind.ROSTER, 2, 2, 0), (FileKind.FACTS, 3, 3, 0),
    ]
    assert reports[1].created == ("JAL-01/academy", "CHH-01/law_enforcement_tier1")
    with seen(both) as connection:
        agency, case, boss = (
            connection.execute(select(table(model)).filter_by(**key)).mappings().one()
            for model, key in (
                (Agency, {"code": "CHH-01"}), (Enrollment, {"track": "academy"}), (Person, {"code": "JAL-01.am"}),
            )
        )
    assert (agency["entity"], agency["region"], agency["time_zone"]) == ("CHH", "northwest", "America/Ciudad_Juarez")
    assert (case["stage"], case["stage_entered_on"], case["next_review_on"]) == ("onboarding", date(2022, 1, 31), TODAY)
    assert (case["mandatory"], case["other"]) == (120, None)
    assert (boss["given_names"], boss["surname"], boss["second_surname"]) == ("María José", "Núñez", "Ruiz")
    assert (boss["time_zone"], boss["language"]) == ("America/Mexico_City", "es_MX")
    assert seats(both) == sorted([
        ("D1", "director", "2020-01-01", "None"),
        ("R1", "regional_manager", "2020-01-01", "2021-12-31"),
        ("R2", "regional_manager", "2022-01-01", "None"),
        ("JAL-01.head", "head", "2022-01-31", "None"),
        ("JAL-01.am", "accreditation_manager", "2022-01-31", "None"),
        ("S1", "sme_1", "2022-01-31", "None"),
        ("S2", "sme_2", "2022-01-31", "None"),
        ("S1", "sme_1", "2022-03-01", "None"),
    ])  # fmt: skip


def test_the_same_files_twice_change_nothing(both: Engine, tmp_path: Path) -> None:
    desk = Desk(both, tmp_path)
    for content in (PEOPLE, ROSTER, FACTS):
        desk.bring(content)
    before = stored(both)
    for content in (PEOPLE, ROSTER, FACTS):
        report = desk.bring(content, today=LATER)
        assert (report.created, report.changes, report.unchanged) == ((), (), report.rows)
    assert stored(both) == before


def test_a_dry_run_tells_the_same_and_writes_nothing(desk: Desk) -> None:
    before = stored(desk.engine)
    dry = desk.bring(PEOPLE, dry_run=True)
    assert stored(desk.engine) == before
    assert dry.dry_run
    assert dry.created == desk.bring(PEOPLE).created
    assert "would bring 6 new" in str(dry)


# What changes


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("Academia Peñas", "Academia del Sur", [("JAL-01", "name", "Academia Peñas", "Academia del Sur")]),
        (";Tonalá;", ";;", [("JAL-01", "municipality", "Tonalá", None)]),
        ("am@example.org", "new@example.org", [("JAL-01.am", "email", "am@example.org", "new@example.org")]),
        ("María José;Núñez;Ruiz;am@example.org", "Eva;Gil;;eva@example.org", [
            ("JAL-01.am", "given_names", "María José", "Eva"), ("JAL-01.am", "surname", "Núñez", "Gil"),
            ("JAL-01.am", "email", "am@example.org", "eva@example.org"), ("JAL-01.am", "second_surname", "Ruiz", None),
        ]),
        ("María José;Núñez;Ruiz;am@example.org", ";;;", [("JAL-01", "accreditation_manager", "JAL-01.am", None)]),
        (";S1;S2;", ";S1;S3;", [("JAL-01/academy", "sme2", "S2", "S3")]),
        (";S1;S2;", ";S2;S1;", [("JAL-01/academy", "sme1", "S1", "S2"), ("JAL-01/academy", "sme2", "S2", "S1")]),
        (";S1;;en;", ";S1;S2;en;", [("CHH-01/law_enforcement_tier1", "sme2", None, "S2")]),
        ("español;120", "español;121", [("JAL-01/academy", "mandatory", 120, 121)]),
        (";JUAREZ;", ";Ojinaga;", [
            ("CHH-01", "municipality", "JUAREZ", "Ojinaga"),
            ("CHH-01", "time_zone", "America/Ciudad_Juarez", "America/Ojinaga"),
        ]),
        ("2022-01-31", "2022-01-15", [("JAL-01/academy", "agreement_on", date(2022, 1, 31), date(2022, 1, 15))]),
    ],
)  # fmt: skip
def test_a_changed_roster_shows_which_fields_change(full: Desk, old: str, new: str, changes: list[Any]) -> None:
    assert old in ROSTER
    report = full.bring(ROSTER.replace(old, new), today=LATER, reason="wrong_date")
    assert [tuple(change) for change in report.changes] == changes
    assert (report.created, report.unchanged) == ((), 1)
    again = full.bring(ROSTER.replace(old, new), today=LATER)
    assert (again.changes, again.unchanged) == ((), 2)


def test_another_expert_ends_the_seat_of_the_one_before_on_the_eve(full: Desk) -> None:
    full.bring(ROSTER.replace(";S1;S2;", ";S1;S3;"), today=LATER)
    assert ("S2", "sme_2", "2022-01-31", "2023-05-31") in seats(full.engine)
    assert ("S3", "sme_2", "2023-06-01", "None") in seats(full.engine)
    full.bring(ROSTER.replace(";S1;S2;", ";S1;S2;"), today=LATER)
    assert ("S2", "sme_2", "2023-06-01", "None") in seats(full.engine), "corrected on the day it began"
    assert not [seat for seat in seats(full.engine) if seat[0] == "S3"]


def test_a_post_left_empty_is_vacant_from_the_eve_and_can_be_filled_again(full: Desk) -> None:
    full.bring(ROSTER.replace("María José;Núñez;Ruiz;am@example.org", ";;;"), today=date(2023, 5, 1))
    full.bring(ROSTER, today=LATER)
    assert [seat for seat in seats(full.engine) if seat[0] == "JAL-01.am"] == [
        ("JAL-01.am", "accreditation_manager", "2022-01-31", "2023-04-30"),
        ("JAL-01.am", "accreditation_manager", "2023-06-01", "None"),
    ]


def test_an_agency_may_have_several_tracks_and_has_its_people_once(desk: Desk) -> None:
    desk.bring(PEOPLE)
    second = ROWS[0].replace(";academy;2022-01-31", ";law_enforcement_advanced;2021-12-01").replace("120", "400")
    both = "\n".join([HEADER, ROWS[0], second]).replace("academia;", "policía;").replace(";academy;", ";nivel;")
    both = both.replace(";nivel;", ";law_enforcement_tier1;")
    assert len(desk.bring(both).created) == 2
    since_the_first_agreement = ("JAL-01.am", "accreditation_manager", "2021-12-01", "None")
    assert since_the_first_agreement in seats(desk.engine)
    assert (count(desk.engine, Agency), count(desk.engine, Assignment)) == (1, 9)
    assert desk.bring(both, today=LATER).unchanged == 2


def test_only_what_changed_comes_due(full: Desk) -> None:
    full.bring(ROSTER.replace(";S1;S2;", ";S1;S3;"), today=LATER)
    assert due(full.engine) == {"JAL-01": LATER, "CHH-01": TODAY}


def test_a_column_that_is_absent_leaves_its_field_alone(full: Desk) -> None:
    short = "agency_code,agency,kind,entity,track,agreement_countersigned_on\n"
    report = full.bring(short + "JAL-01,Academia Peñas,academy,JAL,academy,2022-01-31\n")
    assert (report.changes, report.unchanged) == ((), 1)


def test_a_corrected_agreement_moves_the_first_stage_but_not_past_a_fact(full: Desk) -> None:
    full.bring(ROSTER.replace("2022-01-31", "2022-02-01"), reason="wrong_date")
    with seen(full.engine) as connection:
        entered = connection.scalars(select(table(Enrollment).c.stage_entered_on)).all()
    assert set(entered) == {date(2022, 2, 1), date(2022, 3, 1)}
    (said,) = full.refused(ROSTER.replace("2022-01-31", "2022-02-11"), reason="wrong_date")
    assert "row 2, column fecha_convenio: 2022-02-11 is after 2022-02-10, the day of a fact" in said


def test_an_agreement_that_a_file_corrects_is_a_change_of_dates_with_its_reason_and_actor(full: Desk) -> None:
    """Never an overwritten date: it is told as a version of the limit, and can be undone by its number."""
    earlier = ROSTER.replace("2022-01-31", "2022-01-15")
    (said,) = full.refused(earlier)
    assert "2022-01-15 is not the day on record, 2022-01-31, and no reason was given" in said
    full.bring(earlier, reason="wrong_date", actor="S1", dry_run=True)
    assert count(full.engine, DeadlineChange) == 0
    full.bring(earlier, reason="wrong_date", actor="S1")
    found = chronicle(full.engine, "JAL-01", None)
    moved = [(move.reason, move.actor, move.before, move.after) for move in found.moves if move.clock == "limit"]
    assert moved == [("wrong date", "S1", date(2024, 1, 31), date(2024, 1, 15))]
    assert found.case.agreement_on == date(2022, 1, 31), "what was first recorded stays"
    with transaction(full.engine) as connection:
        undo(connection, "JAL-01", found.moves[0].number, because=Because("decision_reversed", TODAY))
    assert chronicle(full.engine, "JAL-01", None).dates.limit == date(2024, 1, 31)
    assert full.bring(ROSTER).changes == ()


def test_the_agreement_of_a_case_that_has_ended_is_not_corrected_by_a_file(full: Desk) -> None:
    full.bring(f"{FACTS.splitlines()[0]}\nJAL-01,withdrawn,2022-05-02,,,S1\n")
    with transaction(full.engine) as connection:
        decide_batch(connection, LATER, (START, 10))
    (said,) = full.refused(ROSTER.replace("2022-01-31", "2022-01-15"), today=LATER, reason="wrong_date")
    assert "JAL-01/academy is withdrawn" in said


def test_a_manager_hands_a_region_over(full: Desk) -> None:
    handed = PEOPLE.replace("Occidente,2022-01-01,,", "Occidente,2022-01-01,2023-04-30,")
    report = full.bring(handed + "R3,Olga,Luz,r3@example.org,regional_manager,west,2023-05-01,,R2\n", today=LATER)
    (change,) = report.changes
    assert change == ("R2 regional_manager west", "until", None, date(2023, 4, 30))
    assert report.created == ("R3",)
    assert due(full.engine) == {"JAL-01": LATER, "CHH-01": TODAY}, "only the region's cases are looked at"


CORRECTED = FACTS.replace("40.0", "41").replace("A-2,S1", "A-2,S2")


def test_a_number_that_a_file_corrects_is_voided_with_its_reason_and_recorded_anew(full: Desk) -> None:
    rehearsed = full.bring(CORRECTED, today=LATER, reason="wrong_number", dry_run=True)
    assert count(full.engine, Milestone) == 3
    report = full.bring(CORRECTED, today=LATER, reason="wrong_number")
    assert replace(rehearsed, dry_run=False) == report
    assert (report.unchanged, [change[1:] for change in report.changes]) == (2, [("value", 40, 41)])
    m = table(Milestone).c
    with seen(full.engine) as connection:
        wrong, right = connection.execute(
            select(m.id, m.value, m.recorded_by, m.voided_by, m.void_reason, m.corrects_id)
            .where(m.milestone == "mandatory_in_compliance").order_by(m.id)
        ).all()
    assert tuple(wrong)[1:] == (40, "S1", "S2", "wrong_number", None)
    assert tuple(right)[1:] == (41, "S2", None, None, wrong.id)
    again = full.bring(CORRECTED, today=LATER, reason="wrong_number")
    assert (again.changes, again.unchanged, count(full.engine, Milestone)) == ((), 3, 4)


def test_no_number_is_corrected_without_a_reason_of_the_program(full: Desk) -> None:
    (said,) = full.refused(CORRECTED, today=LATER)
    assert said == (
        "file.csv row 3, column valor: 41 is not what is on record, 40, and no reason was given to correct it. "
        "Import it with a reason of the program."
    )
    (said,) = full.refused(CORRECTED, today=LATER, reason="wrong_numbr")
    assert 'Did you mean "wrong_number"?' in said


def test_who_recorded_a_fact_first_stays_on_record(full: Desk) -> None:
    before = stored(full.engine)
    assert full.bring(FACTS.replace("A-2,S1", "A-2,S2"), today=LATER).unchanged == 3
    assert stored(full.engine) == before


# What is refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n;;\n", "is empty"),
        (b"\x00\x00\x00", "is empty"),
        (b"hola\n", "is none of the files"),
        (HEADER.encode(), "has a header and no rows"),
        ((HEADER + "\n;;;;;;;;;;;;;;;;;\n").encode(), "has a header and no rows"),
        (b"PK\x03\x04 not a workbook", "is no readable workbook"),
        (b"\xd0\xcf\x11\xe0old", "old format"),
        (b"clave;dependencia\x81", "is no text in UTF-8 or Windows-1252: byte 0x81"),
        (b"\xff\xfea", "is no text in utf-16"),
        (b"\xef\xbb\xbfclave;\xff", "is no text in utf-8-sig"),
        (ROSTER.replace("clave;", "clave;clave;").encode(), "has the column agency_code (clave) twice"),
        (ROSTER.replace("fecha_convenio", "fecha_convenido").encode(), 'Did you mean it by "fecha_convenido"?'),
        (ROSTER.replace(";S1;;en;", ";S1;;en").encode(), "file.csv row 3: has 17 cells, the header 18."),
        (ROSTER.replace(";S1;;en;", ";S1;;en;;").encode(), "file.csv row 3: has 19 cells"),
        (ROSTER.replace(";S1;;en;", ';"S1;;en;').encode(), "is no CSV"),
        (ROSTER.replace("Jalisco", "Jalsico").encode(), 'row 2, column entidad: "Jalsico" is no entity of'),
        (ROSTER.replace("2022-01-31", "31/01/2022").encode(), "row 2, column fecha_convenio"),
        (ROSTER.replace("2022-01-31", "2023-04-04").encode(), "is after today, 2023-04-03"),
        (ROSTER.replace("CHH-01;Policía de Juárez;policía;MX-CHH;JUAREZ;Municipal;law_enforcement_tier1",
                        "JAL-01;Academia Peñas;academia;Jalisco;Tonalá;Estatal;academy").encode(), "repeats row 2"),
        (ROSTER.replace("Academia Peñas", '"Academia\nPeñas"').encode(), "row 2, column dependencia: holds"),
        (ROSTER.replace("am@example.org", "am@example.org,x@example.org").encode(), "row 2, column correo_gerente"),
        (ROSTER.replace(";S1;S2;", ";S1;s2;").encode(), 'row 2, column experto_2: nobody has the code "s2".'),
        (PEOPLE.replace(",S2\n", ",S9\n").encode(), 'row 2, column deputy: nobody has the code "S9".'),
        (PEOPLE.replace("s2@example.org,sme,,,,", "s2@example.org,sme,,,,S1").encode(), "for itself: S1 > S2 > S1"),
        (PEOPLE.replace("2021-12-31", "2022-01-01").encode(), '"west" has two managers from 2022-01-01: R1 and R2.'),
        (PEOPLE.replace("west", "wst").encode(), 'Did you mean "west"?'),
        (FACTS.replace("CHH-01", "CHH-02").encode(), 'row 4, column clave: "CHH-02" is no enrolled'),
        (FACTS.replace("2022-04-01", "2022-02-01").encode(), "row 4, column fecha: 2022-02-01 is before the agreement"),
        (FACTS.replace("2022-04-01", "2023-04-04").encode(), "row 4, column fecha: 2023-04-04 is after today"),
        (FACTS.replace("kickoff_visit", "kickof_visit").encode(), 'Did you mean "kickoff_visit"?'),
        (FACTS.replace("40.0", "").encode(), "row 3, column valor"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_whole_with_place_and_remedy(full: Desk, content: bytes, said: str) -> None:
    assert said in "\n".join(full.refused(content))


def test_everything_wrong_is_told_at_once_and_the_good_rows_are_not_written(desk: Desk) -> None:
    desk.bring(PEOPLE)
    bad = ROSTER.replace("am@example.org", "am").replace(";S1;;en;", ";S8;;klingon;x").replace("MX-CHH", "CHX")
    good = ROWS[0].replace("JAL-01", "JAL-02")
    places = [line.split(": ")[0] for line in desk.refused(bad + good + "\nshort;row\n")]
    assert places == [
        "file.csv row 2, column correo_gerente", "file.csv row 3, column entidad", "file.csv row 3, column idioma",
        "file.csv row 3, column obligatorios_aplicables", "file.csv row 3, column experto_1", "file.csv row 5",
    ]


@pytest.mark.parametrize("name", ["nowhere.csv", ".", "a\0b", "x" * 300])
def test_what_is_no_file_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(Refused) as refused:
        import_file(desk.engine, desk.folder / name, ImportOptions(TODAY))
    assert refused.value.problems[0].remedy


def test_a_region_whose_manager_is_stored_gets_no_second_one(full: Desk) -> None:
    header = "code,given_names,surname,email,role,region,from\n"
    (said,) = full.refused(header + "R3,Olga,Luz,r3@example.org,regional_manager,west,2023-01-01\n")
    assert "R2 (stored already) and R3. Give R2 an until before 2023-01-01." in said


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


SEEDS = [b"", PEOPLE.encode(), ROSTER.encode(), FACTS.encode(), workbook([["clave", "hito"]])]


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_bytes_at_all_are_a_traceback(desk: Desk, data: st.DataObject) -> None:
    base = SEEDS[data.draw(st.integers(0, len(SEEDS) - 1))]
    start = data.draw(st.integers(0, len(base)))
    end = data.draw(st.integers(start, min(len(base), start + 20)))
    path = desk.folder / "any.csv"
    path.write_bytes(base[:start] + data.draw(st.binary(max_size=20)) + base[end:])
    with suppress(Refused):
        import_file(desk.engine, path, ImportOptions(TODAY, dry_run=True))


# How files are written


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_way_a_spreadsheet_writes_reads_the_same(desk: Desk, separator: str, encoding: str, end: str) -> None:
    desk.bring(PEOPLE)
    rows = list(csv.reader(io.StringIO(ROSTER), delimiter=";"))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    desk.bring(text.getvalue().encode(encoding))
    assert desk.bring(ROSTER).unchanged == 2


def test_rows_are_numbered_as_a_spreadsheet_shows_them(full: Desk) -> None:
    first, second = ROWS[0].replace(";Estatal;", ';"a\nb\nc";'), ROWS[1].replace("MX-CHH", "?")
    text = f"sep=;\n{HEADER}\n\n{first}\n{second}"
    assert [line.split(":")[0] for line in full.refused(text)] == [
        "file.csv row 3, column gobierno", "file.csv row 4, column entidad",
    ]


@pytest.mark.parametrize(("order", "written"), [(DateFormat.DMY, "31/1/2022"), (DateFormat.MDY, "01-31-2022")])
def test_dates_in_the_declared_order(desk: Desk, order: DateFormat, written: str) -> None:
    desk.bring(PEOPLE)
    text = ROSTER.replace("2022-01-31", written).replace("2022-03-01", "1/3/2022" if order == "DMY" else "3/1/2022")
    desk.bring(text, date_format=order)
    assert desk.bring(ROSTER).unchanged == 2


def test_a_workbook_reads_as_the_text_does(desk: Desk) -> None:
    desk.bring(PEOPLE)
    rows: list[list[Any]] = [list(row) for row in csv.reader(io.StringIO(ROSTER), delimiter=";")]
    for row in rows[1:]:
        row[7] = date.fromisoformat(row[7])
        row[17] = float(row[17]) if row[17] else None
    rows.insert(1, [None, "  "])
    report = desk.bring(workbook(rows), "file.xlsx", date_format=DateFormat.DMY)
    assert report.rows == 2
    assert desk.bring(ROSTER).unchanged == 2
    rows[3][3] = "CHX"
    (said,) = desk.refused(workbook(rows), "file.xlsx")
    assert "file.xlsx row 4, column entidad" in said
    (said,) = desk.refused(workbook([*rows[:3], [*rows[2], "more"]]), "file.xlsx")
    assert "file.xlsx row 4: has 19 cells" in said


@pytest.mark.parametrize("program_name", ["mexico", "iso9001"])
def test_the_templates_can_be_imported(lite: Engine, tmp_path: Path, program_name: str) -> None:
    policy = program(program_name).policy
    put_in_force(lite, policy)
    paths = {path.stem: path for path in write_templates(tmp_path / "new", policy=policy)}
    for kind in ("people", "roster", "facts"):
        assert len(import_file(lite, paths[kind], ImportOptions(TODAY)).created) == 1
    with pytest.raises(Refused, match="is there already"):
        write_templates(tmp_path / "new", policy=policy)


CELLS = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12
).map(str.strip)


@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(SEPARATORS),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)  # fmt: skip
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]], separator: str, encoding: str, quoting: Any
) -> None:
    rows = [["K", name, government] for name, government in cells]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting).writerows([["clave", "dependencia", "gobierno"], *rows])
    data = text.getvalue().encode(encoding)
    try:
        same = data.decode("utf-8-sig") == text.getvalue()
    except UnicodeDecodeError:
        same = encoding == "cp1252"
    if not same:
        return  # Windows-1252 that happens to be good UTF-8 is read as UTF-8: no reader can know
    path = tmp_path_factory.getbasetemp() / "roundtrip.csv"
    path.write_bytes(data)
    assert read_sheet(path).rows == list(enumerate(rows, 2))


# Without a file


def roster_row(**cells: str) -> dict[str, str]:
    return {
        "agency_code": "JAL-09", "agency": "Nueve", "kind": "academy", "entity": "JAL", "track": "academy",
        "agreement_countersigned_on": "2022-01-31", "sme1": "S1", "sme2": "S2",
    } | cells  # fmt: skip


def test_rows_in_memory_are_imported_in_somebody_elses_transaction(full: Desk) -> None:
    with transaction(full.engine) as connection:
        report = import_rows(connection, FileKind.ROSTER, [roster_row()], today=TODAY)
    assert report.created == ("JAL-09/academy",)
    with transaction(full.engine) as connection, pytest.raises(Refused, match="row 1, column entity"):
        import_rows(connection, FileKind.ROSTER, [roster_row(entity="?")], today=TODAY)
    with transaction(full.engine) as connection, pytest.raises(Refused, match="row 2: has other columns"):
        import_rows(connection, FileKind.ROSTER, [roster_row(), {"agency_code": "A"}], today=TODAY)


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (NewFact("JAL-01/academy/1", "visit", date(2022, 2, 1)), None),
        (NewFact("JAL-01", "vist", date(2022, 2, 1)), 'milestone: "vist" is no milestone. Did you mean "visit"?'),
        (NewFact("JAL-01", "visit", date(2023, 4, 4)), "after today"),
        (NewFact("JAL-01", "visit", date(2022, 1, 30)), "before the agreement, 2022-01-31"),
        (NewFact("JAL-01", "visit", date(2022, 2, 1), value=3), "counts nothing"),
        (NewFact("JAL-01", "others_in_compliance", date(2022, 2, 1)), "has no number"),
        (NewFact("JAL-01", "others_in_compliance", date(2022, 2, 1), value=-1), "has no number"),
        (NewFact("JAL-O1", "visit", date(2022, 2, 1)), 'Did you mean "JAL-01"?'),
        (NewFact("JAL-01/acadmy", "visit", date(2022, 2, 1)), 'Did you mean "JAL-01/academy"?'),
        (NewFact("JAL-01/academy/2", "visit", date(2022, 2, 1)), 'Did you mean "JAL-01/academy"?'),
    ],
)
def test_a_fact_is_recorded_once_or_refused(full: Desk, fact: NewFact, said: str | None) -> None:
    if said is None:
        with transaction(full.engine) as connection:
            assert record_facts(connection, [fact], LATER) == 1
            assert record_facts(connection, [fact], LATER) == 0
        assert due(full.engine) == {"JAL-01": LATER, "CHH-01": TODAY}
        return
    with transaction(full.engine) as connection, pytest.raises(Refused) as refused:
        record_facts(connection, [NewFact("CHH-01", "visit", TODAY), fact], TODAY)
    assert said in str(refused.value)
    assert count(full.engine, Milestone) == 3


def test_an_enrollment_that_ended_gets_its_facts_and_is_left_alone(full: Desk) -> None:
    with transaction(full.engine) as connection:
        ended = {"status": "withdrawn", "ended_on": TODAY, "next_review_on": None}
        connection.execute(table(Enrollment).update().where(table(Enrollment).c.track == "academy").values(**ended))
        assert record_facts(connection, [NewFact("JAL-01", "visit", TODAY)], LATER) == 1
    assert due(full.engine) == {"JAL-01": None, "CHH-01": TODAY}


def test_an_agency_with_two_tracks_must_be_named_with_one(full: Desk) -> None:
    second = NewEnrollment("CHH-01", "law_enforcement_advanced", date(2023, 1, 1), sme_1="S1", sme_2="S3")
    with transaction(full.engine) as connection:
        (new,) = enroll(connection, [second], TODAY)
    with seen(full.engine) as connection:
        assert enrollment_id_of(connection, "CHH-01/law_enforcement_advanced") == new
        with pytest.raises(Refused, match=r"names 2 .* CHH-01/law_enforcement_tier1, CHH-01/law_en"):
            enrollment_id_of(connection, "CHH-01")
    assert ("S3", "sme_2", "2023-01-01", "None") in seats(full.engine)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (NewEnrollment("JAL-1", "academy", TODAY), '"JAL-1" is no agency. Did you mean "JAL-01"?'),
        (NewEnrollment("JAL-01", "acadmy", TODAY), 'Did you mean "academy"?'),
        (NewEnrollment("JAL-01", "communications", TODAY), 'is not for the kind "academy"'),
        (NewEnrollment("JAL-01", "academy", TODAY), "is there already"),
        (NewEnrollment("JAL-01", "academy", LATER, cycle=2), "is after today"),
        (NewEnrollment("JAL-01", "academy", TODAY, cycle=2, sme_1="S4"), 'nobody has the code "S4"'),
        (NewEnrollment("JAL-01", "academy", TODAY, cycle=2, sme_1="S1", sme_2="S1"), "both experts"),
    ],
)
def test_what_cannot_be_enrolled_is_refused(full: Desk, row: NewEnrollment, said: str) -> None:
    with transaction(full.engine) as connection, pytest.raises(Refused) as refused:
        enroll(connection, [row], TODAY)
    assert said in str(refused.value)
    assert count(full.engine, Enrollment) == 2
