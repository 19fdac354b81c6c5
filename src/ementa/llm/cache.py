"""Remembers what a server said, for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_ENTRIES = 1000


class TimedCache(Generic[K, V]):
    """Values that age. Many who ask for one absent value at once cause one load; a load that fails is not kept."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Values are believed for `seconds`."""
        self._seconds = seconds
        self._clock = clock
        self._values: dict[K, tuple[float, V]] = {}
        self._locks: dict[K, asyncio.Lock] = {}

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value of `key`, loaded when absent or too old."""
        fresh = self._find(key)
        if fresh is not None:
            return fresh[1]
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                fresh = self._find(key)
                if fresh is not None:
                    return fresh[1]
                value = await load()
                if len(self._values) >= _MAX_ENTRIES:
                    self._values.clear()
                self._values[key] = (self._clock(), value)
                return value
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def forget(self, key: K) -> None:
        """Load `key` anew next time."""
        self._values.pop(key, None)

    def _find(self, key: K) -> tuple[float, V] | None:
        found = self._values.get(key)
        if found is None or self._clock() - found[0] > self._seconds:
            return None
        return found
