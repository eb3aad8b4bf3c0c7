"""The command line: every verb on a small store; every mistake is answered in a line, with its remedy and code 2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from freezegun import freeze_time
from sqlalchemy import Engine, insert, update

from deployments.cli import main
from models.rules.words import Change, EmailState, Language
from models.schema import INSTALLATION, PERSON
from models.tables import Agency, DeadlineChange, Email, Enrollment, Installation, Milestone, PolicyVersion
from tasks.store.clock import set_clock
from tasks.store.database import engine_of, transaction
from tasks.store.programs import folder_of, put_in_force
from tests.building import ONBOARDED, case, day, program
from tests.storing import NOW, everything, install, rows_of

TODAY = day(61)
"""A Monday; the clock of the small store shows nine in Mexico City."""
CODE = "A1/law_enforcement_tier1"
FACTS = "agency_code;milestone;occurred_on;recorded_by\nA2;visit;2020-02-20;P1\n"


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)


class Terminal:
    """Runs commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: Any) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["acredita", *map(str, words)])
        self._capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *self._capsys.readouterr())

    def refused(self, *words: Any) -> str:
        """Run what must be refused: exit code 2, nothing on stdout, lines on stderr and no traceback."""
        said = self(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err
        assert all(line.startswith("acredita: ") for line in said.err.splitlines())
        return said.err


@pytest.fixture
def acredita(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def stocked(lite: Engine) -> Engine:
    lives: list[dict[str, Any]] = [{"facts": ONBOARDED}, {}, {"facts": [("withdrawn", 40)]}]
    install(lite, program().policy, [replace(case(**life), id=number) for number, life in enumerate(lives, 1)])
    with transaction(lite) as connection:
        connection.execute(update(PERSON).values(time_zone="America/Mexico_City"))
        set_clock(connection, datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC))
    return lite


def all_of(engine: Engine) -> dict[str, Any]:
    models = (Agency, DeadlineChange, Email, Enrollment, Installation, Milestone, PolicyVersion)
    return everything(engine) | {model.__name__: rows_of(engine, model) for model in models}


# Every verb


def test_init_puts_a_program_in_force_once(acredita: Terminal, tmp_path: Path) -> None:
    assert "nothing was changed" in acredita("init", "mexico", "--dry-run").out
    assert not (tmp_path / "home").exists()
    assert acredita("init", "mexico").out == "mexico is in force\n"
    assert acredita("init", "mexico").out == "mexico was in force already\n"
    assert (tmp_path / "home" / "acredita.db").stat().st_mode & 0o777 == 0o600
    assert acredita("status", "--json").json()["live_from"] is None
    acredita("init", "mexico", "--live-from", "2026-01-05")
    assert acredita("status", "--json").json()["live_from"] == "2026-01-05"


@pytest.mark.usefixtures("stocked")
def test_what_exceeds_the_cap_of_a_run_is_listed_and_settled(acredita: Terminal) -> None:
    assert acredita("parked").out == "no run has parked anything\n"
    policy = program().policy
    put_in_force(engine_of(), policy.model_copy(update={"mail": policy.mail.model_copy(update={"a_run": 1})}))
    acredita("sweep")
    assert acredita("deliver").out == "1 sent, 1 PARKED\n"
    (batch,) = acredita("parked", "--json").json()
    assert (batch["id"], batch["state"], batch["waiting"]) == (1, "parked", batch["notices"])
    assert f"{batch['notices']} of {batch['notices']} notices wait" in acredita("parked").out
    assert "batch: 7 is none. `acredita parked` lists" in acredita.refused("settle-batch", 7, "release")
    done = acredita("settle-batch", 1, "release", "--operator", "OP").out
    assert done == f"batch 1: release, {batch['notices']} notices\n"
    assert "by OP" in acredita("parked").out
    assert "batch: 1 is released already" in acredita.refused("settle-batch", 1, "cancel")


def test_the_day_mail_begins_is_seen_asked_for_and_set_once(stocked: Engine, acredita: Terminal) -> None:
    put_in_force(stocked, program().policy.model_copy(update={"forecast": None}))  # a fit takes a second
    with transaction(stocked) as connection:
        connection.execute(update(INSTALLATION).values(live_from=None))
    assert "Look with --preview first, then give --yes" in acredita.refused("go-live", TODAY)
    seen = acredita("go-live", TODAY, "--preview").out
    assert "P1" in seen
    assert str(TODAY) in seen
    assert acredita("status", "--json").json()["live_from"] is None
    assert acredita("go-live", TODAY, "--yes").out == f"mail goes out from {TODAY} on\n"
    assert acredita("status", "--json").json()["live_from"] == str(TODAY)
    assert f"mail goes out since {TODAY}" in acredita.refused("go-live", TODAY, "--yes")


def test_a_snooze_and_an_absence_are_ended_early(stocked: Engine, acredita: Terminal) -> None:
    wish = (CODE, "limit", "P1", "--until", TODAY + timedelta(days=9), "--reason", "waiting_for_documents")
    assert acredita("snooze", *wish).code == 0
    ended = acredita("end-snooze", CODE, "limit", "P1", "--why", "the documents came", "--by", "OP")
    assert "limit speaks to P1 again" in ended.out
    with transaction(stocked) as connection:
        connection.execute(insert(PERSON), {
            "code": "P2", "given_names": "Eva", "surname": "Paz", "email": "eva@example.org", "language": Language.EN,
            "time_zone": "UTC", "recorded_at": NOW,
        })
        connection.execute(update(PERSON).where(PERSON.c.code == "P1").values(deputy_id=2))
    assert "P1: has not put" in acredita.refused("end-snooze", CODE, "limit", "P1", "--why", "again")
    assert acredita("away", "P1", "--since", TODAY, "--until", TODAY + timedelta(days=5)).code == 0
    assert acredita("back", "P1").out == "P1: is not away\n"
    assert "P1" in acredita.refused("back", "P1")


@pytest.mark.usefixtures("stocked")
def test_init_tells_which_days_a_changed_calendar_moves(acredita: Terminal, tmp_path: Path) -> None:
    changed = tmp_path / "mexico"
    shutil.copytree(folder_of("mexico"), changed)
    with (changed / "calendars.toml").open("a") as file:
        file.write('\n[[closures]]\nname = "strike"\nsince = 2021-12-20\nuntil = 2022-01-05\n')
    rehearsed = acredita("init", changed, "--dry-run").out
    assert "planned days of 3 open cases move" in rehearsed
    assert "A2/law_enforcement_tier1 window_closes 365 2021-12-31 2021-12-17" in " ".join(rehearsed.split())
    assert acredita("init", "mexico").out == "mexico was in force already\n"
    assert acredita("init", changed).out == "\n".join([*rehearsed.splitlines()[1:], "mexico is in force"]) + "\n"
    assert "2021-12-17  2021-12-31" in acredita("init", "mexico", "--dry-run").out, "back again, they move back"


def test_a_day_from_sweep_to_mail(acredita: Terminal, stocked: Engine, tmp_path: Path) -> None:
    before = all_of(stocked)
    rehearsed = acredita("sweep", "--dry-run", "--json").json()
    assert (rehearsed["as_of"], rehearsed["dry_run"], rehearsed["due"]) == (str(TODAY), True, 3)
    assert all_of(stocked) == before
    swept = acredita("sweep", "--json").json()
    assert swept == rehearsed | {"dry_run": False}
    assert acredita("sweep", "--as-of", TODAY).out.startswith(f"swept {TODAY}: 0 due, 0 advanced, 0 notices")

    before = all_of(stocked)
    waiting = acredita("deliver", "--dry-run", "--json").json()
    assert sum(each["notices"] for each in waiting) == swept["notices"]
    assert acredita("deliver", "--dry-run").out == f"would send {len(waiting)} emails now\n"
    assert all_of(stocked) == before
    assert not (tmp_path / "home" / "mail").exists()
    assert acredita("deliver", "--json").json()["sent"] == len(waiting)
    assert len(list((tmp_path / "home" / "mail").iterdir())) == len(waiting)
    assert [row for row in rows_of(stocked, Email) if EmailState.SENT in row] == rows_of(stocked, Email)
    assert acredita("deliver").out == "0 sent\n"


def test_status_show_and_why_tell_people_and_scripts(acredita: Terminal, stocked: Engine) -> None:
    assert stocked.dialect.name == "sqlite"
    acredita("sweep")
    status = acredita("status", "--json").json()
    assert (status["as_of"], status["program"], status["open"], status["due"]) == (str(TODAY), "mexico", 2, 0)
    assert "open enrollments" in acredita("status").out
    shown = acredita("show", "A1", "--json").json()
    assert (shown["enrollment"], shown["stage"], shown["as_of"]) == (CODE, "gap_analysis", str(TODAY))
    assert [change["to_stage"] for change in shown["changes"]] == ["gap_analysis"]
    assert "gap analysis" in acredita("show", CODE).out
    assert acredita("show", CODE, "--as-of", day(25), "--json").json()["stage"] == "onboarding"
    told = acredita("why", "A2", "--json").json()
    assert told
    assert acredita("why", "A2").out.splitlines() == [each["text"] for each in told]
    assert acredita("why", "A2", "--on", day(1), "--json").json() != told


def test_an_import_that_is_only_tried_changes_nothing(acredita: Terminal, stocked: Engine, tmp_path: Path) -> None:
    file = tmp_path / "facts.csv"
    file.write_text(FACTS)
    before = all_of(stocked)
    tried = acredita("import", file, "--dry-run", "--json").json()
    assert (tried["kind"], tried["new"], tried["dry_run"]) == ("facts", 1, True)
    assert all_of(stocked) == before
    assert acredita("import", file, "--json").json() == tried | {"dry_run": False}
    assert all_of(stocked) != before
    assert acredita("import", file, "--json").json()["new"] == 0
    assert "1 rows unchanged" in acredita("import", file).out


LONGER = ("extend", "A1", "--requester", "P1", "--approver", "P1", "--staff", 40, "--reason", "late_proofs")
HOLD = ("hold", "A1", "--since", day(50), "--reason", "closure")
UNDONE = ("undo", "A1", 1, "--reason", "entered_in_error")
KICKOFF = ("A1", "kickoff_visit", day(30))
MOVES: list[tuple[tuple[Any, ...], str]] = [
    (LONGER, "extended by 12 months, to 2024-01-01"),
    (HOLD, f"on hold since {day(50)}"),
    (("resume", "A1", "--on", day(70), "--reason", "work_resumed"), f"resumed on {day(70)}, after 20 days"),
    (("undo", "A1", 1, "--reason", "decision_reversed"), "undid extension 1"),
    (
        ("correct-agreement", "A1", day(9), "--reason", "wrong_date", "--by", "P1", "--document", "OF-7"),
        f"agreement corrected from {day(0)} to {day(9)}",
    ),
    (
        ("correct-fact", *KICKOFF, "--to-day", day(40), "--reason", "wrong_date"),
        f"corrected kickoff_visit of {day(30)} to kickoff_visit of {day(40)}",
    ),
    (
        ("void-fact", *KICKOFF[:2], day(40), "--reason", "wrong_agency", "--document", "OF-9"),
        f"voided kickoff_visit of {day(40)}",
    ),
]


def test_each_verb_that_moves_a_date_or_takes_a_fact_back_shows_first_what_it_does_then(
    acredita: Terminal, stocked: Engine
) -> None:
    acredita("sweep")
    for words, what in MOVES:
        before = all_of(stocked)
        seen = acredita(*words, "--dry-run", "--json").json()
        assert all_of(stocked) == before, words
        assert f"would be {CODE} {what}" in " ".join(acredita(*words, "--dry-run").out.split())
        assert all_of(stocked) == before, words
        done = acredita(*words, "--json").json()
        assert all_of(stocked) != before, words
        assert done == seen | {"dry_run": False}
        assert [effect["what"] for effect in done["effects"]] == [what]
    kinds = [Change.EXTENSION, Change.HOLD, Change.RESUME, Change.UNDO, Change.CORRECTION]
    assert sorted(row[1] for row in rows_of(stocked, DeadlineChange)) == sorted(kinds)
    assert acredita("show", "A1", "--json").json()["stage"] == "onboarding"


def test_a_move_of_dates_is_printed_as_it_was_before_and_is_after(acredita: Terminal, stocked: Engine) -> None:
    assert stocked.dialect.name == "sqlite"
    lines = [line.split() for line in acredita(*LONGER).out.splitlines()]
    assert ["limit", "2023-01-01", "2024-01-01", "+365"] in [[w for w in line if w not in "│|"] for line in lines]


def without_approver() -> tuple[Any, ...]:
    at = LONGER.index("--approver")
    return LONGER[:at] + LONGER[at + 2 :]


@pytest.mark.parametrize(
    ("first", "words", "said"),
    [
        ((), ("extend", "A3", *LONGER[2:]), f"A3/law_enforcement_tier1 is withdrawn since {day(40)}"),
        ((), without_approver(), "approver: nobody approved the extension."),
        ((), (*LONGER, "--months", 0), "months: 0 extends nothing."),
        ((HOLD,), HOLD, f"is on hold since {day(50)}. Resume it first."),
        ((), ("resume", "A1", "--reason", "work_resumed"), "has no hold that is open."),
        ((HOLD, UNDONE), UNDONE, "change: 1 was undone by 2."),
        ((), ("hold", "A1", "--reason", "closur"), 'Did you mean "closure"?'),
        ((), ("hold", "A1", "--since", "2020-02-30", "--reason", "closure"), "--since"),
        ((), ("void-fact", "A1", "kickof_visit", day(30), "--reason", "wrong_agency"), 'Did you mean "kickoff_visit"?'),
        ((), ("correct-fact", *KICKOFF, "--reason", "wrong_date"), "says so already."),
        ((), ("correct-agreement", "A1", day(25), "--reason", "wrong_date"), "cannot precede the agreement"),
    ],
)
def test_what_no_date_and_no_fact_can_be_is_refused_in_a_line_and_changes_nothing(
    acredita: Terminal, stocked: Engine, first: tuple[Any, ...], words: tuple[Any, ...], said: str
) -> None:
    for each in (("sweep",), *first):
        assert acredita(*each).code == 0
    before = all_of(stocked)
    told = acredita.refused(*words)
    assert said in told
    assert len(told.splitlines()) == 1
    assert all_of(stocked) == before


def test_a_limit_before_today_is_refused_with_the_months_that_would_do(acredita: Terminal, stocked: Engine) -> None:
    with transaction(stocked) as connection:
        set_clock(connection, datetime(2023, 4, 15, 18, tzinfo=UTC))
    acredita("sweep")
    before = all_of(stocked)
    assert "end on 2023-02-01, before today, 2023-04-15. Extend by 4 or more." in acredita.refused(
        *LONGER, "--months", 1
    )
    assert all_of(stocked) == before


def test_templates_are_written_and_never_over_somebodys_work(acredita: Terminal, tmp_path: Path) -> None:
    paths = acredita("import", "--template", tmp_path / "new").out.split()
    assert sorted(Path(path).name for path in paths) == ["facts.csv", "people.csv", "roster.csv"]
    assert "is there already" in acredita.refused("import", "--template", tmp_path / "new")


def test_templates_speak_of_the_program_in_force(acredita: Terminal, stocked: Engine, tmp_path: Path) -> None:
    assert stocked
    acredita("import", "--template", tmp_path / "new")
    assert acredita("import", tmp_path / "new" / "people.csv", "--dry-run").out.startswith("people.csv: 1 rows")


def test_a_mail_can_be_looked_at(acredita: Terminal, tmp_path: Path) -> None:
    assert "Usted recibe" in acredita("preview-mail", "limit").out
    assert "You receive" in acredita("preview-mail", "limit", "--language", "en").out
    page = tmp_path / "page.html"
    assert acredita("preview-mail", "limit", "--out", page).out == f"{page}\n"
    assert "</html>" in page.read_text()


def test_a_short_replay_prints_its_report_and_can_be_kept(acredita: Terminal, tmp_path: Path) -> None:
    span = ("--from", "2016-08-01", "--to", "2016-08-31")
    report = acredita("replay", "mexico", *span, "--json", "--keep", tmp_path / "kept").json()
    names = {"enrolled", "accredited_agencies", "awards", "left", "entities", "advances", "reminders", "escalations"}
    assert names | {"emails", "days", "seconds", "seed"} <= set(report)
    assert (report["days"], report["seed"]) == (31, 1)
    assert (tmp_path / "kept" / "replay.db").is_file()
    assert "holds a replay already" in acredita.refused("replay", "mexico", *span, "--keep", tmp_path / "kept")
    assert "agencies enrolled" in acredita("replay", *span[:2], "--to", "2016-08-02").out


@freeze_time("2026-03-01 05:30:00", tick=True)
def test_today_is_the_day_in_the_programs_zone(acredita: Terminal) -> None:
    acredita("init", "mexico")
    assert acredita("status", "--json").json()["as_of"] == "2026-02-28"
    assert acredita("sweep", "--json").json()["as_of"] == "2026-02-28"
    assert "2026-03-01 is after today, 2026-02-28" in acredita.refused("sweep", "--as-of", "2026-03-01")


# Every mistake


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init", "mexiko"), 'Did you mean "mexico"?'),
        (("init", "iso9001"), 'belongs to "mexico", not "iso9001"'),
        (("sweep", "--as-of", "2020-13-45"), "--as-of"),
        (("sweep", "--as-of", "01/02/2020"), "--as-of"),
        (("sweep", "--as-of", "2999-01-01"), "is after today"),
        (("show", "A9"), '"A9" is no enrolled agency'),
        (("show", "A1/academy"), "A1/academy"),
        (("show", "A1", "--as-of", "yesterday"), "--as-of"),
        (("why", "A1/law_enforcement_tier1/2"), "A1"),
        (("why", "A1", "--on", "x"), "--on"),
        (("import", "/nowhere/file.csv"), "does not exist. Correct the path."),
        (("import",), "names no file"),
        (("import", "x.csv", "--date-format", "DYM"), "--date-format"),
        (("preview-mail", "limitt"), 'Did you mean "limit"?'),
        (("preview-mail", "limit", "--language", "fr"), "--language"),
        (("preview-mail", "limit", "--out", "/nowhere/x.html"), "cannot be written"),
        (("replay", "iso9001"), "cohort.toml: is not there"),
        (("replay", "--from", "2020-01-02", "--to", "2020-01-01"), "Swap them."),
        (("replay", "--seed", "one"), "--seed"),
        (("swep",), '"swep"'),
        (("show",), "enrollment"),
        (("status", "--jsn"), "--jsn"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(
    acredita: Terminal, stocked: Engine, words: tuple[str, ...], said: str
) -> None:
    before = all_of(stocked)
    assert said in acredita.refused(*words)
    assert all_of(stocked) == before


VERBS = (("status",), ("sweep",), ("deliver",), ("show", "A1"), ("why", "A1"), ("import", "x.csv"))


@pytest.mark.parametrize("words", VERBS)
def test_a_database_without_a_schema_is_named(acredita: Terminal, words: tuple[str, ...]) -> None:
    assert acredita.refused(*words) == (
        "acredita: database: is empty. Run `acredita init PROGRAM`, or `acredita up` for the demo.\n"
    )


@pytest.mark.parametrize("words", VERBS[:3])
def test_a_database_without_a_program_is_named(acredita: Terminal, lite: Engine, words: tuple[str, ...]) -> None:
    assert lite.dialect.name == "sqlite"
    assert "database: has no program yet. Run `acredita init PROGRAM`" in acredita.refused(*words)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOME", "/dev/null/x", "/dev/null/x/acredita.db: cannot be opened (Not a directory)."),
        ("DATABASE_URL", "nonsense", "ACREDITA_DATABASE_URL: is no database URL."),
        ("DATABASE_URL", "mysql://h/x", 'of the kind "mysql"; it can be sqlite or postgresql.'),
        ("DATABASE_URL", "wat://h/x", 'of the kind "wat"'),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/x", "port 1 failed: Connection refused"),
        ("DATABASE_URL", "sqlite:////dev/null/x.db", "cannot be opened"),
        ("MAIL", "pigeon", "ACREDITA_MAIL: Input should be 'folder', 'smtp' or 'sendgrid'."),
        ("MAIL_TIMEOUT_SECONDS", "-1", "ACREDITA_MAIL_TIMEOUT_SECONDS: "),
        ("CLOCK", "noon", "ACREDITA_CLOCK: "),
    ],
)
@pytest.mark.parametrize("words", [("status",), ("init", "mexico")])
def test_a_setting_that_cannot_work_is_named(
    acredita: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"ACREDITA_{name}", value)
    assert said in acredita.refused(*words)


@pytest.mark.parametrize("words", [("status",), ("init", "mexico")])
def test_a_file_that_is_no_database_is_named_and_left_alone(
    acredita: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    file = tmp_path / "notes.db"
    file.write_text("somebody's notes, long enough to be taken for a header " * 20)
    before = file.read_bytes()
    monkeypatch.setenv("ACREDITA_DATABASE_URL", f"sqlite:///{file}")
    assert "file is not a database" in acredita.refused(*words)
    assert file.read_bytes() == before


def test_every_problem_of_a_policy_is_a_line(acredita: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "program.toml").write_text('code = "x"\n')
    said = acredita.refused("init", folder)
    assert len(said.splitlines()) > 3
    assert "acredita: tracks: " in said
    (folder / "program.toml").write_text("code = \n")
    assert "program.toml: is not TOML" in acredita.refused("init", folder)
    assert not (tmp_path / "home").exists()


def test_sendgrid_without_a_key_sends_nothing(
    acredita: Terminal, stocked: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    acredita("sweep")
    monkeypatch.setenv("ACREDITA_MAIL", "sendgrid")
    before = all_of(stocked)
    assert "ACREDITA_SENDGRID_API_KEY: is not set" in acredita.refused("deliver")
    assert all_of(stocked) == before


# The real command


HEAVY = ("pydantic", "sqlalchemy", "sqlmodel", "jinja2", "babel", "httpx", "asyncio", "numpy", "yaml", "alembic")


def test_help_loads_nothing_heavy_and_previews_do_not_wait_for_prefect(tmp_path: Path) -> None:
    script = (
        "import sys; from deployments.cli import app\n"
        "for words in (['--help'], ['--version'], ['preview-mail', 'limit'], ['init', 'mexico', '--dry-run']):\n"
        "    try: app(words)\n"
        "    except SystemExit: pass\n"
        f"    heavy = {HEAVY} if words[0].startswith('--') else ()\n"
        "    assert not {'prefect', *heavy} & set(sys.modules), words\n"
    )
    env = os.environ | {"ACREDITA_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("up", "init", "import", "sweep", "deliver", "replay", "status", "show", "why", "preview-mail"):
        assert verb in done.stdout


def test_the_installed_command_refuses_on_stderr_with_code_2(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("acredita")), "status"]
    env = os.environ | {"ACREDITA_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("acredita: database: is empty. Run `acredita init PROGRAM`")


@pytest.mark.usefixtures("stocked")
def test_simulate_lists_mail_to_come_and_draws_a_calendar(acredita: Terminal, tmp_path: Path) -> None:
    page = tmp_path / "calendar.html"
    said = acredita("simulate", "--days", 30, "--out", page)
    assert said.code == 0
    assert f"{TODAY} to 2020-" in " ".join(said.out.split())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    found = acredita("simulate", "--days", 30, "--json").json()
    assert len(found["mails"]) == sum(found["weekly"].values()) > 0
    assert "--days" in acredita.refused("simulate", "--days", 0)


@pytest.fixture
def unforecast(stocked: Engine, tmp_path: Path) -> Path:
    """The folder of the policy in force, without a forecast: half of what a comparison costs are the fits."""
    put_in_force(stocked, program().policy.model_copy(update={"forecast": None}))
    folder = tmp_path / "other"
    shutil.copytree(folder_of("mexico"), folder)
    (folder / "forecast.toml").unlink()
    return folder


def test_what_if_compares_policies(acredita: Terminal, unforecast: Path) -> None:
    found = acredita("what-if", "--policy", unforecast, "--days", 8, "--json").json()
    assert found["people"] == []
    assert found["weeks"]
    assert all(row["now"] == row["then"] for row in found["weeks"])
    assert "emails by week" in acredita("what-if", "--policy", unforecast, "--days", 1).out
    assert "iso9001" in acredita.refused("what-if", "--policy", "iso9001")


def test_a_past_is_compared_from_the_command_line(acredita: Terminal, unforecast: Path) -> None:
    asked = ("what-if", "--policy", unforecast, "--past", "--from", TODAY, "--to", TODAY + timedelta(days=3))
    found = acredita(*asked, "--json").json()
    assert found["since"] == str(TODAY)
    assert [each["of"] for each in found["warnings"]] == ["end of the window", "limit"]
    assert "Add --past or --synthetic SEED" in acredita.refused("what-if", "--policy", unforecast, "--from", TODAY)
    assert "--from and --to" in acredita.refused(*asked, "--days", 3)


@pytest.mark.usefixtures("stocked")
def test_forecast_tells_of_the_program_and_of_one_enrollment(acredita: Terminal) -> None:
    assert acredita("sweep").code == 0
    found = acredita("forecast", "--json").json()
    assert found["fit"] is None, "none is stored: it was made for this look"
    assert {each["enrollment"] for each in found["enrollments"]} == {CODE, CODE.replace("A1", "A2")}
    assert all(0 <= each["in_window"] <= 1 and each["sentence"] for each in found["enrollments"])
    assert "on the way, the least likely first" in acredita("forecast").out
    one = acredita("forecast", CODE).out
    assert CODE in one
    assert CODE.replace("A1", "A2") not in one
    assert acredita("fit", "--json").json()["fitted"]
    assert acredita("forecast", "--json").json()["fit"] == 1
    assert "on its way" in acredita.refused("forecast", CODE.replace("A1", "A3"))


@pytest.mark.usefixtures("stocked")
def test_backtest_says_where_a_past_is_too_short_and_draws_no_empty_plot(acredita: Terminal, tmp_path: Path) -> None:
    found = acredita("backtest", "--as-happened", "--json").json()
    assert set(found["verdicts"].values()) == {None}
    assert found["enrollments"] == 3
    said = acredita("backtest", "--as-happened", "--plots", tmp_path / "plots")
    assert (said.code, said.err) == (0, "")
    assert "calibration: Nothing to draw: too little of what was forecast has come to its end." in said.out
    assert not (tmp_path / "plots").exists()


@pytest.mark.usefixtures("stocked")
def test_plot_forecast_writes_its_pictures(acredita: Terminal, tmp_path: Path) -> None:
    said = acredita("plot-forecast", tmp_path / "plots", "--language", "es_MX")
    drawn = {Path(line).name for line in said.out.splitlines()}
    assert drawn == {f"{name}.{kind}" for name in ("windows", "awards", "stages") for kind in ("png", "svg")}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == drawn


@pytest.mark.usefixtures("stocked")
def test_the_quarterly_report_is_written_from_the_command_line(acredita: Terminal, tmp_path: Path) -> None:
    said = acredita("report", "quarterly", "2019Q4", "--out", tmp_path / "r", "--language", "en")
    assert (said.code, said.err) == (0, "")
    assert {path.name for path in (tmp_path / "r").iterdir()} >= {"report.html", "tables"}
    assert not (tmp_path / "r" / "informe.html").exists()
    assert acredita("report", "reason", "2019Q4", "posts_filled", "vacant_post").code == 0
    told = acredita.refused("report", "quarterly", "2019-4")
    assert told.strip() == 'acredita: quarter: "2019-4" is none. Write the year and Q1 to Q4, as in 2019Q3.'
    assert "vacant_post" in acredita.refused("report", "reason", "2019Q4", "posts_filled", "vacant")


@pytest.mark.usefixtures("stocked")
def test_an_evidence_pack_is_made_and_verified_from_the_command_line(acredita: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "e.zip"
    head = acredita("evidence", CODE, "--out", file, "--json").json()["head"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"chained to {head}" in acredita("verify", file, "--head", head).out
    assert "Noted in this database on" in acredita("verify", file, "--here").out
    other = acredita("verify", file, "--head", "0" * 64)
    assert (other.code, other.out.split(":")[0]) == (1, "Chained anew")
    file.write_bytes(file.read_bytes().replace(b'"cycle": 1', b'"cycle": 2', 1))
    changed = acredita("verify", file)
    assert changed.code == 1
    assert changed.out.startswith("entries/00001-")
    assert "cannot be read" in acredita.refused("verify", tmp_path / "none.zip")


@pytest.mark.usefixtures("stocked")
def test_a_decision_about_dates_shows_the_forecast_before_and_after(acredita: Terminal) -> None:
    assert acredita(*LONGER, "--dry-run", "--json").json()["effects"][0]["forecasts"] is None, "there is no fit yet"
    for verb in ("sweep", "fit", "sweep"):
        assert acredita(verb).code == 0
    (seen,) = acredita(*LONGER, "--dry-run", "--json").json()["effects"]
    before, after = seen["forecasts"]["before"], seen["forecasts"]["after"]
    assert before["in_limit"] < after["in_limit"], "a year more"
    assert before | {"in_limit": after["in_limit"]} == after, "and nothing else is another"
    said = " ".join(acredita(*LONGER, "--dry-run").out.split())
    assert f"award within the limit {before['in_limit']} % {after['in_limit']} %" in said
    (done,) = acredita(*LONGER, "--json").json()["effects"]
    assert done["forecasts"] == seen["forecasts"]


def test_up_sets_prefects_settings_before_prefect_is_imported() -> None:
    asked = "import sys, deployments.up; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
