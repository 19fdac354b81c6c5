"""Notices that a client went away while its answer is being made, so that the model does not work for nobody."""

import asyncio
from types import TracebackType
from typing import Self, cast

from starlette.types import Receive

WATCH_AFTER_SECONDS = 0.25
"""Most answers are there sooner; until then nothing is watched, which costs nothing."""


class Presence:
    """A block that is cancelled when the client leaves: `with Presence(receive) as presence`, after which
    `presence.left` tells. Only for a request whose body has been read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._cancelling = 0
        self.left = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()
        self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._begin, loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if not self.left:
            return False
        # As `asyncio.timeout` does: a cancellation of ours ends here, somebody else's goes on.
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watcher = loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self._task.cancel()
