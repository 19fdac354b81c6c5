"""Answers in this process's memory: those used least lately leave first."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

_ENTRY_BYTES = 400
"""What an entry takes besides its content."""
_TIDY_SECONDS = 30.0


class _Entry(NamedTuple):
    content: bytes
    tenant: str
    until: float


class MemoryAnswers:
    """At most so many bytes, shared with nobody, gone with the process."""

    def __init__(self, most_bytes: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most_bytes
        self._monotonic = monotonic
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._tidied_at = monotonic()

    async def get(self, key: str) -> bytes | None:
        """See `AnswerStore`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.content

    async def put(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        """See `AnswerStore`."""
        now = self._monotonic()
        self._tidy(now)
        self._drop(key)
        if seconds <= 0 or len(content) + _ENTRY_BYTES > self._most:
            return
        self._entries[key] = _Entry(content, tenant, now + seconds)
        self._bytes += len(content) + _ENTRY_BYTES
        while self._bytes > self._most:
            self._drop(next(iter(self._entries)))

    async def forget(self, tenant: str) -> None:
        """See `AnswerStore`."""
        for key in [key for key, entry in self._entries.items() if entry.tenant == tenant]:
            self._drop(key)

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _tidy(self, now: float) -> None:
        """What nobody asks for any more must not stay until room is needed."""
        if now - self._tidied_at < _TIDY_SECONDS:
            return
        self._tidied_at = now
        for key in [key for key, entry in self._entries.items() if entry.until <= now]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.content) + _ENTRY_BYTES
