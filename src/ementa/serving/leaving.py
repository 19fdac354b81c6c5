"""Notices that a client went away while its answer is being made, so that the model does not work for nobody."""

import asyncio
from types import TracebackType
from typing import Self, cast

from starlette.types import Receive

WATCH_AFTER_SECONDS = 0.25
"""Most answers are there sooner; until then nothing is watched, and being about to be watched costs nothing."""


class Presence:
    """A block that is cancelled when the client leaves: `with Presence(receive) as presence`, after which
    `presence.left` tells. Only for a request whose body has been read."""

    __slots__ = ("_cancelling", "_receive", "_task", "_watcher", "left")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self.left = False

    def __enter__(self) -> Self:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()
        _rounds.join(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        _rounds.leave(self)
        watcher, self._watcher = self._watcher, None  # not kept: its traceback leads back here
        if watcher is not None:
            watcher.cancel()
        if not self.left:
            return False
        # As `asyncio.timeout` does: a cancellation of ours ends here, somebody else's goes on.
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError

    def watch(self) -> None:
        """Begin to watch."""
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self._task.cancel()


class _Rounds:
    """One timer for all requests of a loop: at each round those that were there at the one before begin to be watched.

    A timer of its own for every request would cost as much as reading its body.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking = False
        self._new: set[Presence] = set()
        self._waiting: set[Presence] = set()

    def join(self, presence: Presence) -> None:
        """It has come."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._ticking = loop, False
            self._new, self._waiting = set(), set()
        if not self._ticking:
            self._ticking = True
            loop.call_later(WATCH_AFTER_SECONDS / 2, self._round, loop)
        self._new.add(presence)

    def leave(self, presence: Presence) -> None:
        """It has gone."""
        self._new.discard(presence)
        self._waiting.discard(presence)

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        for presence in self._waiting:
            presence.watch()
        self._waiting, self._new = self._new, set()
        self._ticking = bool(self._waiting)
        if self._ticking:
            loop.call_later(WATCH_AFTER_SECONDS / 2, self._round, loop)


_rounds = _Rounds()
