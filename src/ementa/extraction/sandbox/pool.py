"""The parent's side of the sandbox: starts children, gives them tasks by priority, ends those that misbehave."""

import asyncio
import heapq
import itertools
import logging
import os
from typing import Any

from ementa.extraction.errors import SandboxUnavailable
from ementa.extraction.sandbox.process import Child, memory_of
from ementa.extraction.sandbox.wire import TARGET, Hello, Request, pack
from ementa.extraction.settings import ExtractionSettings
from ementa.kit.errors import EmentaError

log = logging.getLogger(__name__)


class SandboxPool:
    """At most `children` processes (one a core by default), started when needed and ended when idle.

    One pool serves a whole process; its methods belong to one event loop.
    """

    def __init__(self, settings: ExtractionSettings) -> None:
        self._settings = settings
        self.size = settings.children or len(os.sched_getaffinity(0))
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._free = self.size
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._closed = False

    async def call(self, target: str, *args: Any, timeout_seconds: float | None = None, priority: int = 0) -> Any:
        """Run `ementa.package.module:function(*args)` in a child and return its result.

        Arguments and result are bytes, strings, numbers, None, lists and dicts. Higher `priority` runs first.
        `timeout_seconds` counts from when a child takes the task. An `EmentaError` of the function is raised here; a
        child that dies, hangs or grows too far is killed and becomes `ExtractionCrashed`, `ExtractionTimeout` or
        `ExtractionOutOfMemory`. Cancelling kills the child.
        """
        if not TARGET.fullmatch(target):
            raise ValueError(f"{target!r} may not be called in the sandbox")
        timeout = timeout_seconds or self._settings.timeout_seconds
        request = pack(Request(target=target, args=list(args)))
        await self._acquire(priority)
        try:
            child = await self._take()
            return await self._run(child, request, timeout)
        finally:
            self._release()

    async def isolation(self) -> Hello:
        """Which protections the kernel grants to children here."""
        await self._acquire(0)
        try:
            child = await self._take()
            self._busy.discard(child)
            self._keep(child)
            return child.hello
        finally:
            self._release()

    def resident_bytes(self) -> int:
        """Memory that the children hold in RAM now."""
        return sum(memory_of(child.process.pid)[1] for child in (*self._idle, *self._busy))

    async def close(self) -> None:
        """End every child; tasks in progress fail with `SandboxUnavailable`."""
        self._closed = True
        children = [*self._idle, *self._busy]
        self._idle.clear()
        for _, _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(SandboxUnavailable(cause="closed"))
        self._waiting.clear()
        await asyncio.gather(*(child.kill() for child in children))

    # -- slots -------------------------------------------------------------------------------------------------------

    async def _acquire(self, priority: int) -> None:
        if self._closed:
            raise SandboxUnavailable(cause="closed")
        if self._free > 0:
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._order), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release()  # the slot came in the same instant
            raise

    def _release(self) -> None:
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    # -- children ----------------------------------------------------------------------------------------------------

    async def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            child.stop_idling()
            if child.alive:
                self._busy.add(child)
                return child
            await child.kill()
        child = await Child.start(self._settings)
        self._busy.add(child)
        return child

    async def _run(self, child: Child, request: bytes, timeout: float) -> Any:
        try:
            reply = await child.ask(request, timeout)
        except BaseException:
            self._busy.discard(child)
            await child.kill()
            if self._closed and not _cancelling():
                raise SandboxUnavailable(cause="closed") from None
            raise
        self._busy.discard(child)
        worn = child.tasks >= self._settings.tasks_per_child or reply.rss_bytes > self._settings.recycle_bytes
        if worn or self._closed:
            await child.kill()
        else:
            self._keep(child)
        for note in reply.notes:
            log.error("a child of the sandbox says: %s", note)
        if reply.error is not None:
            raise EmentaError.from_record(reply.error)
        return reply.result

    def _keep(self, child: Child) -> None:
        self._idle.append(child)
        child.idle(self._settings.idle_seconds, self._idle)


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
