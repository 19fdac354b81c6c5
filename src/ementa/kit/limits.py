"""Limits of time for what is done thousands of times a second: `with Limit(seconds): …`.

As `asyncio.timeout`, for a tenth of its cost: all limits of a loop share one timer, set for the first that is due. One
that is passed is noticed at most `_ROUND` later.
"""

import asyncio
from types import TracebackType
from typing import cast

_ROUND = 0.02
"""Seconds between two looks at all limits."""


class Limit:
    """A block that is cancelled when it takes too long, and then raises `TimeoutError`."""

    __slots__ = ("_cancelling", "_seconds", "_task", "_watch", "at", "over")

    def __init__(self, seconds: float) -> None:
        """Counts from the beginning of the block."""
        self._seconds = seconds
        self.at = 0.0
        """When it is due, by the clock of the loop."""
        self.over = False
        """Whether it was passed."""

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        self._cancelling = self._task.cancelling()
        self.at = loop.time() + self._seconds
        self._watch = _watch_of(loop)
        self._watch.join(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.leave(self)
        if self.over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """It is due."""
        self.over = True
        self._task.cancel()


class _Watch:
    """The limits of one loop."""

    __slots__ = ("_limits", "_timer", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._limits: set[Limit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, limit: Limit) -> None:
        """It has begun."""
        self._limits.add(limit)
        if self._timer is None or limit.at < self._timer.when():
            self._look_at(limit.at)

    def leave(self, limit: Limit) -> None:
        """It has ended."""
        self._limits.discard(limit)

    def _look_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self.loop.time()
        for limit in [limit for limit in self._limits if limit.at <= now]:
            self._limits.discard(limit)
            limit.end()
        if self._limits:
            self._look_at(max(min(limit.at for limit in self._limits), now + _ROUND))


_watch: _Watch | None = None


def _watch_of(loop: asyncio.AbstractEventLoop) -> _Watch:
    global _watch  # one a process, for the loop that runs
    found = _watch
    if found is None or found.loop is not loop:
        found = _watch = _Watch(loop)
    return found
