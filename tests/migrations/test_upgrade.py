"""The migrations make exactly the schema that the models describe, however many processes apply them."""

import asyncio
import importlib
import os
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, text

import ementa
from ementa.db.base import Base
from ementa.db.database import Database
from ementa.db.migrate import upgrade
from ementa.db.settings import DatabaseSettings
from ementa.kit.ids import new_id
from ementa.testing.postgres import PostgresServer

_STARTER = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from ementa.db.database import Database
from ementa.db.migrate import upgrade
from ementa.db.settings import DatabaseSettings

async def main():
    database = Database(DatabaseSettings(url=SecretStr(sys.argv[2])), Path(sys.argv[1]))
    await upgrade(database)
    await database.close()

asyncio.run(main())
"""


async def test_migrated_schema_is_what_the_models_say(database: Database) -> None:
    for models in Path(ementa.__file__).parent.glob("*/models.py"):
        importlib.import_module(f"ementa.{models.parent.name}.models")

    def differences(connection: Connection) -> list[object]:
        def ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
            return not (kind == "table" and (name or "").startswith("procrastinate_"))

        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": ours}
        )
        return compare_metadata(context, Base.metadata)

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_again_changes_nothing(database: Database) -> None:
    await upgrade(database)
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM alembic_version"))).scalar() == 1


async def test_processes_starting_at_once_on_sqlite(tmp_path: Path) -> None:
    await _start_at_once(tmp_path, "")
    database = Database(DatabaseSettings(), tmp_path)
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM job"))).scalar() == 0
    await database.close()


@pytest.mark.postgres
async def test_processes_starting_at_once_on_postgres(tmp_path: Path, postgres_server: PostgresServer) -> None:
    name = f"fresh_{new_id().replace('-', '')}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    await _start_at_once(tmp_path, postgres_server.url(name))
    database = Database(DatabaseSettings(url=SecretStr(postgres_server.url(name))), tmp_path)
    async with database.read() as session:
        for table in ("job", "procrastinate_jobs"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0
    await database.close()
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _start_at_once(data: Path, url: str) -> None:
    starters = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _STARTER, str(data), url, env=dict(os.environ), stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    for starter in starters:
        _, errors = await starter.communicate()
        assert starter.returncode == 0, errors.decode()
