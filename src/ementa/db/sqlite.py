"""A SQLite connection that crosses to its thread once per statement.

aiosqlite runs every call of the driver on the connection's thread: making a cursor, executing, fetching and closing are
four crossings, BEGIN four more, and each costs more than the statement itself. Here a statement, the BEGIN before it
and the rows after it are one crossing: a one-row transaction takes 1.05 ms of CPU instead of 1.6 (2 busy cores).
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import aiosqlite


class Cursor:
    """The part of aiosqlite's cursor that SQLAlchemy uses, over rows that were fetched with the statement."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        """Nothing to open."""
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> "Cursor":
        """Run a statement and fetch its rows."""
        return await self._connection.run(self, sql, parameters, many=False)

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> "Cursor":
        """Run a statement for each set of parameters."""
        return await self._connection.run(self, sql, parameters, many=True)

    async def fetchone(self) -> Any:
        """The next row, None after the last."""
        return self._rows.pop(0) if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        count = size or self.arraysize
        found, self._rows = self._rows[:count], self._rows[count:]
        return found

    async def fetchall(self) -> list[Any]:
        """The remaining rows."""
        found, self._rows = self._rows, []
        return found

    async def close(self) -> None:
        """Nothing is open."""
        self._rows = []

    def take(self, cursor: sqlite3.Cursor) -> None:
        """Keep what the driver's cursor holds, and close it (on the connection's thread)."""
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        self._rows = cursor.fetchall() if cursor.description else []
        cursor.close()


class Connection(aiosqlite.Connection):
    """A connection whose BEGIN travels with the first statement of the transaction."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._thread.daemon = True  # an exiting process does not wait for a connection left open
        self._begin: str | None = None
        self._interrupted = False

    def cursor(self) -> Any:
        """A cursor; no crossing."""
        return Cursor(self)

    async def run(self, cursor: Cursor, sql: str, parameters: Iterable[Any], *, many: bool) -> Cursor:
        """Run a statement, after the BEGIN that waits for it."""
        if sql.startswith("BEGIN"):
            self._begin = sql
            return cursor
        begin, self._begin = self._begin, None
        self._interrupted = True  # until we hear of the end: a cancelled caller leaves the statement running
        try:
            await self._execute(partial(_run, self._conn, cursor, begin, sql, parameters, many))
        except sqlite3.Error:
            self._interrupted = False
            raise
        self._interrupted = False
        return cursor

    async def commit(self) -> None:
        """Commit, if there is anything to."""
        await self._end(super().commit)

    async def rollback(self) -> None:
        """Roll back, if there is anything to."""
        await self._end(super().rollback)

    async def _end(self, end: Callable[[], Awaitable[None]]) -> None:
        self._begin = None
        if self._interrupted or self._conn.in_transaction:
            await end()
            self._interrupted = False


class Peek:
    """Reads single rows by their key on the thread that asks: some 15 microseconds, where the pool takes a millisecond.

    Only for look-ups that an index answers: the event loop stands still meanwhile. Waits for nobody: what cannot be
    read now raises `sqlite3.Error`.
    """

    def __init__(self, path: str) -> None:
        """Opened at first use."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def one(self, sql: str, parameters: tuple[Any, ...]) -> Any:
        """The first row, None when there is none."""
        if self._connection is None:
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            connection.execute("PRAGMA query_only=ON")
            self._connection = connection
        cursor = self._connection.execute(sql, parameters)
        try:
            return cursor.fetchone()
        finally:
            cursor.close()  # ends the read: one left open would keep the write-ahead log from being emptied

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


async def connect(path: str) -> Connection:
    """Open the database file, as `aiosqlite.connect` would."""
    connection = Connection(partial(sqlite3.connect, path, check_same_thread=False), iter_chunk_size=64)
    await connection
    return connection


def _run(
    connection: sqlite3.Connection, cursor: Cursor, begin: str | None, sql: str, parameters: Any, many: bool
) -> None:
    if begin:
        connection.execute(begin)
    done = connection.executemany(sql, parameters) if many else connection.execute(sql, parameters)
    cursor.take(done)
