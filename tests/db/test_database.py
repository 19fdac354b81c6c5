"""Transactions, read sessions, the slow-query log, forgetting, and what becomes of connections that died."""

import asyncio
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ementa.db.database import Database, Session
from ementa.db.settings import DatabaseSettings


async def _make_table(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE note (number INTEGER PRIMARY KEY, body TEXT)"))


async def _insert(session: Session, number: int, body: str = "") -> None:
    await session.execute(text("INSERT INTO note VALUES (:number, :body)"), {"number": number, "body": body})


async def _numbers(database: Database) -> list[int]:
    async with database.read() as session:
        return list((await session.execute(text("SELECT number FROM note ORDER BY number"))).scalars())


async def test_a_block_that_raises_stores_nothing(database: Database) -> None:
    await _make_table(database)

    async def insert_and_fail() -> None:
        async with database.transaction() as session:
            await _insert(session, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insert_and_fail()
    async with database.transaction() as session:
        await _insert(session, 2)
    assert await _numbers(database) == [2]


async def test_a_block_that_is_cancelled_stores_nothing(database: Database) -> None:
    await _make_table(database)
    inserted = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as session:
            await _insert(session, 1)
            inserted.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.transaction() as session:
        await _insert(session, 2)
    assert await _numbers(database) == [2]


async def test_a_broken_constraint_is_told_and_leaves_the_database_usable(database: Database) -> None:
    await _make_table(database)

    async def insert_twice() -> None:
        async with database.transaction() as session:
            await _insert(session, 1)
            await _insert(session, 1)

    with pytest.raises(IntegrityError):
        await insert_twice()
    assert await _numbers(database) == []


async def test_writers_queue_and_lose_no_update(database: Database) -> None:
    await _make_table(database)
    async with database.transaction() as session:
        await _insert(session, 0)

    async def increment() -> None:
        async with database.transaction() as session:
            await session.execute(text("UPDATE note SET number = number + 1"))

    await asyncio.gather(*(increment() for _ in range(30)))
    assert await _numbers(database) == [30]


async def test_a_read_session_keeps_its_view_on_sqlite(sqlite_database: Database) -> None:
    await _make_table(sqlite_database)
    count = text("SELECT count(*) FROM note")
    async with sqlite_database.read() as reader:
        assert await reader.scalar(count) == 0
        async with sqlite_database.transaction() as session:  # a reader does not keep a writer waiting
            await _insert(session, 1)
        assert await reader.scalar(count) == 0
    assert await _numbers(sqlite_database) == [1]


async def test_slow_queries_are_logged_without_their_values(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await _make_table(sqlite_database)
    strict = Database(DatabaseSettings(slow_query_ms=-1), tmp_path)
    with caplog.at_level(logging.WARNING, "ementa.db.database"):
        async with strict.transaction() as session:
            await _insert(session, 1, "529.982.247-25")
        await _numbers(sqlite_database)  # with the usual limit: not slow
    await strict.close()
    told = [record.__dict__ for record in caplog.records]
    assert any("INSERT INTO note" in record["sql"] and record["time_ms"] >= 0 for record in told)
    assert not any("SELECT number" in record["sql"] for record in told)
    assert "529.982.247-25" not in str(told)


async def test_forgotten_bytes_are_in_no_file(sqlite_database: Database, tmp_path: Path) -> None:
    await _make_table(sqlite_database)
    secret = "a secret that must leave the disk"
    async with sqlite_database.transaction() as session:
        await _insert(session, 1, secret)
    assert secret.encode() in b"".join(path.read_bytes() for path in tmp_path.glob("ementa.db*"))
    async with sqlite_database.transaction() as session:
        await session.execute(text("DELETE FROM note"))
    await sqlite_database.forget()
    assert (tmp_path / "ementa.db-wal").stat().st_size == 0
    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("ementa.db*"))


@pytest.mark.postgres
async def test_connections_that_died_while_idle_are_replaced(postgres_url: str, tmp_path: Path) -> None:
    database = Database(DatabaseSettings(url=SecretStr(postgres_url)), tmp_path)
    other = Database(DatabaseSettings(url=SecretStr(postgres_url)), tmp_path)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"

    async def ask() -> int | None:
        async with database.read() as session:
            return await session.scalar(text("SELECT 1 FROM pg_sleep(0.05)"))

    assert await asyncio.gather(*(ask() for _ in range(3))) == [1, 1, 1]
    await asyncio.sleep(1.2)
    async with other.read() as session:
        await session.execute(text(f"{others} AND pid <> pg_backend_pid()"))
    assert await asyncio.gather(*(ask() for _ in range(3))) == [1, 1, 1]
    await database.close()
    await other.close()
