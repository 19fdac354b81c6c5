"""Connections and transactions.

One unit of work is one transaction: `async with database.transaction() as session`. Nobody calls `commit`. No model
or network call happens inside a transaction: read, close, call, write.

SQLite: WAL, `synchronous=FULL` (a committed row survives power loss), one writing connection opened with
`BEGIN IMMEDIATE` so that writers queue here instead of failing in the middle, several reading ones.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from ementa.db import sqlite
from ementa.db.settings import DatabaseSettings

log = logging.getLogger(__name__)

_TRUSTED_SECONDS = 1.0
"""A connection that worked this short a time ago is not asked whether it lives."""


class ReadSession(AsyncSession):
    """A session that only reads. A type of its own, so that a function's signature says whether it writes."""


class Session(ReadSession):
    """A session inside a write transaction."""


class Database:
    """The engines of one process. `close` it when done."""

    def __init__(self, settings: DatabaseSettings, data: Path) -> None:
        """`data` is the data directory; it holds `ementa.db` when no URL is configured."""
        self._settings = settings
        raw = settings.url.get_secret_value() if settings.url else ""
        if raw:
            url = make_url(raw).set(drivername="postgresql+psycopg")
            self.is_sqlite = False
            self._writer = create_async_engine(url, pool_size=settings.pool_size)
            _ping_idle(self._writer)
            self._reader = self._writer
        else:
            self.is_sqlite = True
            path = data / "ementa.db"
            url = make_url(f"sqlite+aiosqlite:///{path}")
            opens = partial(sqlite.connect, str(path))
            readers = min(settings.pool_size, 4)
            self._writer = create_async_engine(url, async_creator=opens, pool_size=1, max_overflow=0, pool_timeout=60)
            self._reader = create_async_engine(url, async_creator=opens, pool_size=readers, max_overflow=4)
            self._prepare_sqlite(self._writer, "BEGIN IMMEDIATE")
            self._prepare_sqlite(self._reader, "BEGIN")
        self.url = url
        for engine in {self._writer, self._reader}:
            self._watch_slow_queries(engine)

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations and for job engines that need their own connection."""
        return self._writer

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Session]:
        """One write transaction: committed when the block ends, rolled back when it raises."""
        session = Session(self._writer, expire_on_commit=False)
        unit = session.sync_session.begin()  # touches no connection yet
        try:
            yield session
            await greenlet_spawn(unit.commit)  # leaves nothing open, so there is nothing to close
        except BaseException:
            await asyncio.shield(asyncio.create_task(session.close()))
            raise

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[ReadSession]:
        """One read transaction: a consistent view, never written."""
        async with ReadSession(self._reader, expire_on_commit=False) as session:
            yield session

    async def forget(self) -> None:
        """After an erasure: let the erased bytes leave the write-ahead log too (SQLite; `secure_delete` has already
        overwritten them in the file). Waits for nobody: while a reader holds the log, the next call does it."""
        if self.is_sqlite:
            async with self._writer.connect() as connection:
                raw = await connection.get_raw_connection()
                driver = raw.driver_connection
                if driver is not None:
                    await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        await self._reader.dispose()

    def _prepare_sqlite(self, engine: AsyncEngine, begin: str) -> None:
        timeout = int(self._settings.busy_timeout_seconds * 1000)

        def on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver must not begin by itself; `on_begin` does
            cursor = connection.cursor()
            for pragma in (
                f"busy_timeout={timeout}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",  # erased answers must not linger in free pages
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        def on_begin(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine.sync_engine, "connect", on_connect)
        event.listen(engine.sync_engine, "begin", on_begin)

    def _watch_slow_queries(self, engine: AsyncEngine) -> None:
        limit = self._settings.slow_query_ms / 1000

        def before(_c: Any, _cur: Any, _stmt: str, _params: Any, context: Any, _many: bool) -> None:
            context.ementa_started = time.perf_counter()

        def after(_c: Any, _cur: Any, statement: str, _params: Any, context: Any, _many: bool) -> None:
            took = time.perf_counter() - context.ementa_started
            if took > limit:
                log.warning("slow query", extra={"sql": statement, "time_ms": round(took * 1000)})

        event.listen(engine.sync_engine, "before_cursor_execute", before)
        event.listen(engine.sync_engine, "after_cursor_execute", after)


def _ping_idle(engine: AsyncEngine) -> None:
    """Ask a connection that lay idle whether it lives, and replace it if not: what `pool_pre_ping` does, without its
    round trip before every transaction of a busy process."""
    pool, dialect = engine.sync_engine.pool, engine.dialect

    def on_checkin(_connection: Any, record: Any) -> None:
        record.info["worked_at"] = time.monotonic()

    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        worked_at = record.info.get("worked_at")
        if worked_at is None or time.monotonic() - worked_at < _TRUSTED_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("a connection of the pool died while idle") from error

    event.listen(pool, "checkin", on_checkin)
    event.listen(pool, "checkout", on_checkout)
