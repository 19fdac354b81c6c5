"""Answers in the database, SQLite or PostgreSQL: they outlive the process, and servers of one database share them."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ementa.db.database import Database, Session
from ementa.db.sqlite import Peek
from ementa.kit import clock
from ementa.llm.answer_stores.writing import Entry, Writer
from ementa.llm.models import CachedAnswer

log = logging.getLogger(__name__)

LARGEST_SHARE = 8
"""An answer larger than this part of the whole store is not kept: it would push out too many others."""
_ROOM = 0.9
"""How full the store is left when the oldest had to leave."""
_ERASED = 500
"""Rows erased in one transaction: other writers need not wait longer than for that."""
_READ_SECONDS = 0.5


class DatabaseAnswers:
    """At most so many bytes; the oldest leave first."""

    def __init__(self, database: Database, most_bytes: int, now: Callable[[], datetime] = clock.now) -> None:
        self._database = database
        self._most = most_bytes
        self._now = now
        self._writer = Writer(self._write, lambda: now().timestamp())
        self._peek = Peek(str(database.url.database)) if database.is_sqlite else None
        self._grown = most_bytes  # so that the first batch looks how much there is
        self._failing = False

    async def get(self, key: str) -> bytes | None:
        """See `AnswerStore`."""
        waiting = self._writer.find(key)
        if waiting is not None:
            return waiting
        try:
            found = self._look(key) if self._peek else await self._select(key)
        except (SQLAlchemyError, sqlite3.Error, TimeoutError, OSError) as error:
            if not self._failing:
                log.warning("remembered answers cannot be read", extra={"cause": type(error).__name__})
            self._failing = True
            return None
        self._failing = False
        return found

    async def put(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        """See `AnswerStore`. Written within a second, found at once."""
        if len(content) <= self._most // LARGEST_SHARE:
            self._writer.add(key, tenant, content, seconds)

    async def forget(self, tenant: str) -> None:
        """See `AnswerStore`. The erased bytes leave the write-ahead log too."""
        await self._writer.forget(tenant)
        async with self._database.transaction() as session:
            await session.execute(delete(CachedAnswer).where(CachedAnswer.tenant_id == tenant))
        await self._database.forget()

    async def flush(self) -> None:
        """Write what waits now."""
        await self._writer.flush()

    async def close(self) -> None:
        """Write what waits, and let go."""
        await self._writer.close()
        if self._peek:
            self._peek.close()

    def _look(self, key: str) -> bytes | None:
        """SQLite: on this thread, in microseconds; through the pool it would cost more than all else of a request."""
        assert self._peek is not None  # noqa: S101 - see `get`
        row = self._peek.one("SELECT content, expires_at FROM cached_answer WHERE key = ?", (key,))
        if row is None or datetime.fromisoformat(row[1]).replace(tzinfo=UTC) <= self._now():
            return None
        return bytes(row[0])

    async def _select(self, key: str) -> bytes | None:
        statement = select(CachedAnswer.content).where(CachedAnswer.key == key, CachedAnswer.expires_at > self._now())
        async with asyncio.timeout(_READ_SECONDS), self._database.read() as session:
            return await session.scalar(statement)

    async def _write(self, batch: Sequence[Entry]) -> None:
        now = self._now()
        rows: list[dict[str, Any]] = [
            {
                "key": entry.key,
                "tenant_id": entry.tenant,
                "content": entry.content,
                "size": len(entry.content),
                "created_at": now,
                "expires_at": datetime.fromtimestamp(entry.until, UTC),
            }
            for entry in sorted(batch)  # by key, as every writer does: two of them cannot lock each other out
        ]
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        statement = insert(CachedAnswer)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "key"}
        statement = statement.on_conflict_do_update(index_elements=["key"], set_=changed)
        async with self._database.transaction() as session:
            await session.execute(statement, rows)
            self._grown += sum(row["size"] for row in rows)
            if self._grown > self._most * (1 - _ROOM) / 2:
                await self._make_room(session)
                self._grown = 0

    async def _make_room(self, session: Session) -> None:
        if (await session.scalar(select(func.sum(CachedAnswer.size))) or 0) <= self._most:
            return
        newest = (CachedAnswer.created_at.desc(), CachedAnswer.key)
        sums = select(CachedAnswer.key, func.sum(CachedAnswer.size).over(order_by=newest).label("up_to")).subquery()
        oldest = select(sums.c.key).where(sums.c.up_to > self._most * _ROOM)
        await session.execute(delete(CachedAnswer).where(CachedAnswer.key.in_(oldest)))


async def erase_expired(database: Database, now: datetime) -> int:
    """Erase answers past their time, whichever store is in use now; how many went."""
    expired = select(CachedAnswer.key).where(CachedAnswer.expires_at <= now).limit(_ERASED)
    erased = 0
    while True:
        async with database.transaction() as session:
            done = await session.execute(delete(CachedAnswer).where(CachedAnswer.key.in_(expired)))
            count = done.rowcount if isinstance(done, CursorResult) else 0
        erased += count
        if count < _ERASED:
            break
    if erased:
        await database.forget()
    return erased
