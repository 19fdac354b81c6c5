"""Counts of the last minute in Redis, shared by all servers, by the scripts of the `limits` library.

One round at a time: what was added is sent, then what calls want to know is asked, many calls in one. So one server
counts exactly, and servers together let through at most what begins within the same round, a few milliseconds.

A round may take `PATIENCE`. When Redis does not answer, each server counts for itself until it does: limits hold per
server then, and no request waits or fails for it.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, cast

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool

from ementa.llm.limits.windows import WINDOW, Window

log = logging.getLogger(__name__)

PATIENCE = 0.1
"""Seconds to wait for Redis."""
_REST = 5.0
"""Seconds during which a Redis that failed is not asked again."""
_ANY = 2**53
"""The largest number that Redis' scripts count exactly: what really was used is counted even beyond a limit."""
_CONNECTIONS = 16
_SECONDS = int(WINDOW)


class SharedWindows:
    """Windows in Redis."""

    def __init__(self, url: str) -> None:
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=PATIENCE,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="ementa:limits",
            connection_pool=cast("Any", self._pool),
        )
        self._resting_until = 0.0
        self._told = False
        self._owed: dict[str, int] = {}
        self._wanted: dict[str, asyncio.Future[Window | None]] = {}
        self._round: asyncio.Task[None] | None = None

    @property
    def answers(self) -> bool:
        """Whether Redis answered when it was last asked, or may be asked again."""
        return time.monotonic() >= self._resting_until

    async def look(self, names: Sequence[str]) -> list[Window] | None:
        """What each name has used, without what was added here since; None while Redis does not answer."""
        if not self.answers:
            return None
        loop = asyncio.get_running_loop()
        futures = [self._wanted.setdefault(name, loop.create_future()) for name in names]
        self._begin()
        await asyncio.wait(futures)  # a caller that leaves must not take the others' answer with it
        found = [future.result() for future in futures]
        windows = [window for window in found if window is not None]
        return windows if len(windows) == len(found) else None

    def owed(self, name: str) -> int:
        """What was added here and Redis does not know yet."""
        return self._owed.get(name, 0)

    def add(self, name: str, amount: int) -> None:
        """Count `amount` more: here now, in Redis with the next round."""
        self._owed[name] = self._owed.get(name, 0) + amount
        self._begin()

    async def close(self) -> None:
        """Count what is still owed, if Redis answers, and let go of the connections."""
        if self._round is not None:
            await asyncio.wait([self._round], timeout=2 * PATIENCE)
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)
        await self._pool.disconnect()

    def _begin(self) -> None:
        if self._round is None or self._round.done():
            self._round = asyncio.get_running_loop().create_task(self._run(), name="limits in Redis")

    async def _run(self) -> None:
        while self._owed or self._wanted:
            wanted: dict[str, asyncio.Future[Window | None]] = {}
            try:
                if not self.answers:
                    return
                async with asyncio.timeout(PATIENCE):
                    owed, self._owed = self._owed, {}
                    await asyncio.gather(*(self._send(name, amount) for name, amount in owed.items()))
                    wanted, self._wanted = self._wanted, {}
                    windows = await asyncio.gather(*(self._ask(name) for name in wanted))
            except (TimeoutError, OSError, *self._failures()) as error:
                self._rest(error)
                return
            else:
                self._answered()
                for future, window in zip(wanted.values(), windows, strict=True):
                    _tell(future, window)
            finally:
                # Whoever still waits hears that nothing is known: the round failed, or was cancelled.
                for future in wanted.values():
                    _tell(future, None)
                if not self.answers:
                    self._give_up()

    async def _send(self, name: str, amount: int) -> None:
        await self._storage.acquire_sliding_window_entry(name, _ANY, _SECONDS, amount)

    async def _ask(self, name: str) -> Window:
        previous, previous_left, current, current_left = await self._storage.get_sliding_window(name, _SECONDS)
        # The key of the current window lives twice as long, to become the previous one.
        return Window(previous, current, previous_left or (current_left - WINDOW if current else WINDOW))

    def _give_up(self) -> None:
        """Nobody waits for a Redis that is away, and it does not hear of old requests when it is back."""
        self._owed.clear()
        wanted, self._wanted = self._wanted, {}
        for future in wanted.values():
            _tell(future, None)

    def _failures(self) -> tuple[type[Exception], ...]:
        kinds = self._storage.base_exceptions
        return kinds if isinstance(kinds, tuple) else (kinds,)

    def _rest(self, error: BaseException) -> None:
        self._resting_until = time.monotonic() + _REST
        if not self._told:
            log.warning("Redis does not answer: each server limits for itself", extra={"cause": type(error).__name__})
            self._told = True

    def _answered(self) -> None:
        if self._told:
            log.info("Redis answers again: limits are shared")
            self._told = False


def _tell(future: asyncio.Future[Window | None], window: Window | None) -> None:
    if not future.done():
        future.set_result(window)
