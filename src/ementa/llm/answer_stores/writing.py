"""Writes answers away in batches, behind the back of the requests that made them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

log = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds until an answer is written."""
MOST_WAITING_BYTES = 8_000_000
"""What may wait to be written; beyond it new answers are not remembered."""
BATCH = 200
_CLOSE_SECONDS = 5.0


class Entry(NamedTuple):
    """An answer to be written."""

    key: str
    tenant: str
    content: bytes
    until: float
    """Seconds since 1970."""


class Writer:
    """What waits to be written. A batch that cannot be written is lost, which is said once."""

    def __init__(self, write: Callable[[Sequence[Entry]], Awaitable[None]], now: Callable[[], float] = time.time):
        self._write = write
        self._now = now
        self._waiting: dict[str, Entry] = {}
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._failing = False

    def find(self, key: str) -> bytes | None:
        """What is on its way under `key`, if it is not too old."""
        entry = self._waiting.get(key)
        return entry.content if entry is not None and entry.until > self._now() else None

    def add(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        """Write it soon, unless too much waits already."""
        self._drop(key)
        if seconds <= 0 or self._bytes + len(content) > MOST_WAITING_BYTES:
            return
        self._waiting[key] = Entry(key, tenant, content, self._now() + seconds)
        self._bytes += len(content)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="remembered answers")

    async def forget(self, tenant: str) -> None:
        """Write nothing of a tenant that still waits; what is just being written has been when this returns."""
        for entry in [entry for entry in self._waiting.values() if entry.tenant == tenant]:
            self._drop(entry.key)
        async with self._lock:
            return

    async def flush(self) -> None:
        """Write everything now."""
        while self._waiting:
            async with self._lock:
                batch = list(self._waiting.values())[:BATCH]
                if not batch:  # somebody else was quicker
                    return
                try:
                    await self._write(batch)
                    self._failing = False
                except Exception as error:  # answers are lost, never requests
                    if not self._failing:
                        log.warning("answers cannot be remembered", extra={"cause": type(error).__name__})
                    self._failing = True
                finally:
                    for entry in batch:
                        if self._waiting.get(entry.key) is entry:
                            self._drop(entry.key)

    async def close(self) -> None:
        """Write what waits, within seconds, and no more."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.flush()
                async with self._lock:  # the last batch is through
                    pass
        except TimeoutError:
            log.warning("answers not remembered at the end", extra={"count": len(self._waiting)})
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(INTERVAL)
            await self.flush()

    def _drop(self, key: str) -> None:
        entry = self._waiting.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.content)
