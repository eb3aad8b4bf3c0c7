"""The schema on both databases: there and back again, and constraints that refuse what must not be."""

from __future__ import annotations

import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Engine, bindparam, insert, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from models.rules.errors import Refused
from models.schema import PERSON, table
from models.tables import Notice
from tasks.store.bulk import insert_once
from tasks.store.database import engine_of, migrate, reading, require_schema, transaction

NOW = datetime(2020, 1, 2, tzinfo=UTC)
DAY = date(2020, 1, 1)


def differences(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))


def test_the_schema_goes_up_down_and_up_again(empty: Engine) -> None:
    migrate(empty)
    require_schema(empty)
    assert differences(empty) == [], "`alembic check`: a migration is missing"
    migrate(empty, "base")
    assert inspect(empty).get_table_names() == ["alembic_version"]
    migrate(empty)
    assert set(inspect(empty).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}


def shape(engine: Engine) -> dict[str, Any]:
    """Return what `compare_metadata` does not look at: checks, and the conditions of indexes."""
    seen = inspect(engine)
    return {
        name: (
            sorted((str(check["name"]), check["sqltext"]) for check in seen.get_check_constraints(name)),
            sorted(
                (str(index["name"]), *map(str, index.get("dialect_options", {}).values()))
                for index in seen.get_indexes(name)
            ),
        )
        for name in SQLModel.metadata.tables
    }


def test_the_checks_are_those_of_the_tables(store: Engine, empty_twin: Engine) -> None:
    SQLModel.metadata.create_all(empty_twin)
    assert shape(store) == shape(empty_twin)


def test_an_empty_database_is_refused_with_the_remedy(empty: Engine) -> None:
    with pytest.raises(Refused, match=r"database: is empty.*acredita init"):
        require_schema(empty)


def test_a_database_of_an_older_version_is_refused(store: Engine) -> None:
    with transaction(store) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    with pytest.raises(Refused, match="is at version 0010, the code at"):
        require_schema(store)


def test_a_database_that_is_newer_than_the_code_is_left_alone(store: Engine) -> None:
    with transaction(store) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for look in (migrate, require_schema):
        with pytest.raises(Refused, match=r"is at version 9999, which this code does not know.*Upgrade acredita"):
            look(store)


def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="database: cannot be reached"):
        require_schema(engine_of("postgresql+psycopg://nobody@127.0.0.1:1/none"))


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="ACREDITA_DATABASE_URL: is no database URL"):
        engine_of("nonsense")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(Refused, match="cannot be opened"):
        engine_of(f"sqlite:///{tmp_path / 'file' / 'acredita.db'}")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "acredita.db"
    engine = engine_of(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# One row of every table that others need, all of it allowed.
SOUND: dict[str, dict[str, Any]] = {
    "policy_version": {"id": 1, "program": "p", "digest": "d", "document": {}, "recorded_at": NOW},
    "installation": {"id": 1, "policy_version_id": 1, "clock_offset_seconds": 0, "is_demo": False},
    "agency": {
        "id": 1,
        "code": "A1",
        "name": "A",
        "kind": "k",
        "entity": "E",
        "region": "r",
        "time_zone": "UTC",
        "recorded_at": NOW,
    },
    "person": {
        "id": 1,
        "code": "P1",
        "given_names": "Ana",
        "surname": "Ruiz",
        "email": "ana@example.org",
        "language": "es_MX",
        "time_zone": "UTC",
        "recorded_at": NOW,
    },
    "enrollment": {
        "id": 1,
        "agency_id": 1,
        "track": "t",
        "cycle": 1,
        "agreement_on": DAY,
        "stage": "s",
        "stage_entered_on": DAY,
        "stage_seq": 0,
        "status": "open",
        "risk": "on_track",
        "recorded_at": NOW,
    },
    "milestone": {
        "enrollment_id": 1,
        "milestone": "visit",
        "occurred_on": DAY,
        "reference": "",
        "recorded_by": "x",
        "recorded_at": NOW,
    },
    "deadline_change": {
        "enrollment_id": 1,
        "kind": "extension",
        "months": 6,
        "reason": "r",
        "actor": "a",
        "requester": "c",
        "approver": "b",
        "recorded_at": NOW,
    },
    "assignment": {"person_id": 1, "post": "sme_1", "enrollment_id": 1, "since": DAY, "recorded_at": NOW},
    "stage_change": {
        "enrollment_id": 1,
        "seq": 1,
        "from_stage": "s",
        "to_stage": "t",
        "status": "open",
        "changed_on": DAY,
        "decided_on": DAY,
        "evidence": {},
        "policy_version_id": 1,
        "recorded_at": NOW,
    },
    "escalation": {
        "enrollment_id": 1,
        "rule": "stall",
        "occurrence": "s",
        "anchor_on": DAY,
        "state": "open",
        "opened_on": DAY,
        "rung": 1,
        "rung_on": DAY,
        "repeat": 0,
        "policy_version_id": 1,
        "recorded_at": NOW,
    },
    "notice": {
        "subject_kind": "enrollment",
        "subject_id": 1,
        "rule": "limit",
        "occurrence": "30",
        "anchor_on": DAY,
        "post": "sme_1",
        "template": "limit",
        "planned_for": DAY,
        "decided_on": DAY,
        "state": "pending",
        "facts": {},
        "policy_version_id": 1,
        "recorded_at": NOW,
    },
}

# table, what is changed in its sound row -> the constraint that refuses it
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "the same notice twice": ("notice", {}),
    "suppressed without a reason": ("notice", {"occurrence": "7", "state": "suppressed"}),
    "pending with a reason": ("notice", {"occurrence": "7", "reason": "superseded"}),
    "sent without an email": ("notice", {"occurrence": "7", "state": "sent"}),
    "a state that is none": ("notice", {"occurrence": "7", "state": "PENDING"}),
    "a reason that is none": ("notice", {"occurrence": "7", "state": "suppressed", "reason": "because"}),
    "a notice of an unknown policy": ("notice", {"occurrence": "7", "policy_version_id": 9}),
    "a notice without a post": ("notice", {"occurrence": "7", "post": None}),
    "a second installation": ("installation", {"id": 2}),
    "a status that is none": ("enrollment", {"id": 2, "cycle": 2, "status": "closed"}),
    "ended without a day": ("enrollment", {"id": 2, "cycle": 2, "status": "awarded"}),
    "ended and to be reviewed": (
        "enrollment",
        {"id": 2, "cycle": 2, "status": "awarded", "ended_on": DAY, "next_review_on": DAY},
    ),
    "open and ended": ("enrollment", {"id": 2, "cycle": 2, "ended_on": DAY}),
    "the same cycle twice": ("enrollment", {"id": 2}),
    "cycle nought": ("enrollment", {"id": 2, "cycle": 0}),
    "of an unknown agency": ("enrollment", {"id": 2, "agency_id": 9}),
    "the same fact twice": ("milestone", {}),
    "a fact without the day it was recorded": ("milestone", {"reference": "2", "recorded_at": None}),
    "an extension nobody approved": ("deadline_change", {"approver": None}),
    "an extension of no months": ("deadline_change", {"months": 0}),
    "a correction without a date": ("deadline_change", {"kind": "correction", "months": None}),
    "an expert of an agency": ("assignment", {"enrollment_id": None, "agency_id": 1}),
    "a manager of an enrollment": ("assignment", {"post": "accreditation_manager"}),
    "a regional manager of nowhere": ("assignment", {"post": "regional_manager", "enrollment_id": None}),
    "a director of a region": ("assignment", {"post": "director", "enrollment_id": None, "region": "r"}),
    "until before since": ("assignment", {"until": date(2019, 12, 31)}),
    "the same step twice": ("stage_change", {}),
    "the same escalation twice": ("escalation", {}),
    "closed without a reason": ("escalation", {"occurrence": "x", "state": "closed", "closed_on": DAY}),
    "open with a reason": ("escalation", {"occurrence": "x", "closing": "activity"}),
    "acknowledged for ever": ("escalation", {"occurrence": "x", "state": "acknowledged"}),
    "one's own deputy": ("person", {"id": 2, "code": "P2", "deputy_id": 2}),
    "the same person twice": ("person", {"id": 2}),
    "a language that is none": ("person", {"id": 2, "code": "P2", "language": "es"}),
    "the same agency twice": ("agency", {"id": 2}),
    "the same policy twice": ("policy_version", {"id": 2}),
}


@pytest.fixture
def sound(store: Engine) -> Engine:
    with transaction(store) as connection:
        for name, row in SOUND.items():
            connection.execute(raw(name, row), row)
    return store


def raw(name: str, row: dict[str, Any]) -> Any:
    """Return an INSERT that asks the database and not SQLAlchemy's own check of enumerations."""
    values = ", ".join(f":{column}" for column in row)
    statement = text(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({values})")  # noqa: S608 - our own words
    documents = [column for column in ("facts", "document", "evidence") if column in row]
    return statement.bindparams(*(bindparam(column, type_=JSON) for column in documents))


def test_every_invariant_is_a_constraint(sound: Engine) -> None:
    let_in = []
    for what, (name, changed) in REFUSED.items():
        row = {key: value for key, value in SOUND[name].items() if not (key == "id" and "id" not in changed)} | changed
        try:
            with transaction(sound) as connection:
                connection.execute(raw(name, row), row)
        except (IntegrityError, DBAPIError):
            continue
        let_in.append(what)
    assert let_in == []


def test_no_error_quotes_a_row(sound: Engine) -> None:
    row = {"code": "P9", "given_names": "Privada", "surname": None, "email": "privada@example.org", "language": "en",
           "time_zone": "UTC", "recorded_at": NOW}
    with pytest.raises(IntegrityError) as refused, transaction(sound) as connection:
        connection.execute(insert(PERSON), row)
    said = "".join(traceback.format_exception(refused.value))
    assert "surname" in said
    assert "rivada" not in said


def test_an_insert_that_leaves_alone_what_is_there(sound: Engine) -> None:
    row = SOUND["notice"] | {"rule": "limit"}
    with transaction(sound) as connection:
        connection.execute(insert_once(connection, table(Notice)), [row, row | {"occurrence": "7"}])
        assert connection.scalar(text("SELECT count(*) FROM notice")) == 2


def test_two_writers_lose_no_update(store: Engine) -> None:
    """Each reads a number and writes the next: with SQLite's deferred BEGIN half of it would be lost."""
    migrated = text(
        "INSERT INTO sweep (as_of, due, advances, notices, escalations, failed, finished_at)"
        " VALUES ('2020-01-01', 0, 0, 0, 0, 0, '2020-01-01')"
    )
    with transaction(store) as connection:
        connection.execute(migrated)
    lock = " FOR UPDATE" if store.dialect.name == "postgresql" else ""

    def count_to(number: int) -> None:
        for _ in range(number):
            with transaction(store) as connection:
                due = connection.scalar(text("SELECT due FROM sweep" + lock))  # noqa: S608 - our own words
                connection.execute(text("UPDATE sweep SET due = :due"), {"due": (due or 0) + 1})

    with ThreadPoolExecutor(2) as writers:
        list(writers.map(count_to, [25, 25]))
    with reading(store) as connection:
        assert connection.scalar(text("SELECT due FROM sweep")) == 50


def test_a_reader_waits_for_no_writer(lite: Engine) -> None:
    with transaction(lite) as writer:
        writer.execute(text("DELETE FROM sweep"))
        with reading(lite) as reader:
            assert reader.scalar(text("SELECT count(*) FROM sweep")) == 0
