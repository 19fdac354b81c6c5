"""The SQLite connection that crosses to its thread once per statement behaves like the driver's own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ementa.db import sqlite
from ementa.db.sqlite import Connection

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    opened = await sqlite.connect(str(tmp_path / "test.db"))
    opened.isolation_level = None
    await opened.cursor().execute("PRAGMA journal_mode=WAL")
    await opened.cursor().execute("CREATE TABLE note (number INTEGER PRIMARY KEY)")
    yield opened
    await opened.close()


async def _numbers(path: Path) -> list[int]:
    """As another connection sees them."""
    other = await sqlite.connect(str(path))
    cursor = await other.cursor().execute("SELECT number FROM note ORDER BY number")
    rows = await cursor.fetchall()
    await other.close()
    return [row[0] for row in rows]


async def test_begin_travels_with_the_first_statement(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("BEGIN IMMEDIATE")
    assert not connection.in_transaction
    await cursor.execute("INSERT INTO note VALUES (1)")
    assert connection.in_transaction


async def test_committed_rows_are_seen_by_others_and_not_before(connection: Connection, tmp_path: Path) -> None:
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.cursor().execute("INSERT INTO note VALUES (1)")
    assert await _numbers(tmp_path / "test.db") == []
    await connection.commit()
    assert await _numbers(tmp_path / "test.db") == [1]


async def test_rollback_undoes(connection: Connection, tmp_path: Path) -> None:
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.cursor().execute("INSERT INTO note VALUES (1)")
    await connection.rollback()
    assert not connection.in_transaction
    assert await _numbers(tmp_path / "test.db") == []


async def test_a_begin_without_a_statement_leaves_nothing_behind(connection: Connection) -> None:
    for end in (connection.commit, connection.rollback):
        await connection.cursor().execute("BEGIN IMMEDIATE")
        await end()
        await connection.cursor().execute("SELECT 1")
        assert not connection.in_transaction


async def test_a_statement_that_fails_keeps_the_transaction(connection: Connection, tmp_path: Path) -> None:
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.cursor().execute("INSERT INTO note VALUES (1)")
    with pytest.raises(sqlite3.IntegrityError):
        await connection.cursor().execute("INSERT INTO note VALUES (1)")
    await connection.cursor().execute("INSERT INTO note VALUES (2)")
    await connection.commit()
    assert await _numbers(tmp_path / "test.db") == [1, 2]


async def test_errors_are_the_drivers(connection: Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        await connection.cursor().execute("SELEKT 1")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await connection.cursor().execute("SELECT * FROM absent")
    with pytest.raises(sqlite3.ProgrammingError):
        await connection.cursor().execute("SELECT ?", ())


async def test_a_writer_that_is_locked_out_says_so_and_can_try_again(connection: Connection, tmp_path: Path) -> None:
    other = await sqlite.connect(str(tmp_path / "test.db"))
    other.isolation_level = None
    await other.cursor().execute("PRAGMA busy_timeout=10")
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.cursor().execute("INSERT INTO note VALUES (1)")
    await other.cursor().execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await other.cursor().execute("INSERT INTO note VALUES (2)")
    await other.rollback()
    await connection.commit()
    await other.cursor().execute("BEGIN IMMEDIATE")
    await other.cursor().execute("INSERT INTO note VALUES (2)")
    await other.commit()
    await other.close()
    assert await _numbers(tmp_path / "test.db") == [1, 2]


async def test_a_cancelled_caller_can_interrupt_and_roll_back(connection: Connection, tmp_path: Path) -> None:
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.cursor().execute("INSERT INTO note VALUES (1)")
    running = asyncio.create_task(connection.cursor().execute(_ENDLESS))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await connection.interrupt()
    await connection.rollback()
    assert not connection.in_transaction
    assert await _numbers(tmp_path / "test.db") == []
    assert await (await connection.cursor().execute("SELECT 7")).fetchone() == (7,)


async def test_a_transaction_whose_first_statement_was_cancelled_is_rolled_back(connection: Connection) -> None:
    """Its BEGIN may have run although the caller never heard of it."""
    await connection.cursor().execute("BEGIN IMMEDIATE")
    running = asyncio.create_task(connection.cursor().execute("INSERT INTO note VALUES (1)"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await connection.rollback()
    assert not connection.in_transaction
    assert await (await connection.cursor().execute("SELECT count(*) FROM note")).fetchone() == (0,)


async def test_a_cursor_hands_out_its_rows_once(connection: Connection) -> None:
    cursor = await connection.cursor().executemany("INSERT INTO note VALUES (?)", [(n,) for n in range(5)])
    assert (cursor.rowcount, cursor.description) == (5, None)
    cursor = await connection.cursor().execute("SELECT number FROM note ORDER BY number")
    assert cursor.description[0][0] == "number"
    assert await cursor.fetchone() == (0,)
    assert await cursor.fetchmany() == [(1,)]
    assert await cursor.fetchmany(2) == [(2,), (3,)]
    assert await cursor.fetchall() == [(4,)]
    assert (await cursor.fetchone(), await cursor.fetchmany(3), await cursor.fetchall()) == (None, [], [])
    inserted = await connection.cursor().execute("INSERT INTO note VALUES (9)")
    assert inserted.lastrowid == 9


async def test_a_closed_cursor_holds_nothing(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("SELECT 1")
    await cursor.close()
    assert await cursor.fetchall() == []
