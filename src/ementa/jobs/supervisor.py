"""Keeps one engine at work for as long as its process lives, and knows when it is not."""

import asyncio
import logging
import time
from collections.abc import Callable

from ementa.jobs.base import Engine
from ementa.jobs.runner import wait

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the engine that `make` builds. One that fails is built again and started after a wait that doubles: jobs
    are never left lying in silence. `start` it once, `stop` it once."""

    def __init__(
        self, make: Callable[[], Engine], *, first_wait_seconds: float = 1.0, longest_wait_seconds: float = 60.0
    ) -> None:
        """Builds the first engine at once: enqueuing goes through it, also where no job runs."""
        self._make = make
        self._first_wait = first_wait_seconds
        self._longest_wait = longest_wait_seconds
        self.engine = make()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._started = False
        self._at_work = False
        self._failure: Exception | None = None

    @property
    def failure(self) -> Exception | None:
        """What ended the last engine, until another is at work; None while all is well or nothing was started."""
        return None if self._at_work and self.engine.ready.is_set() else self._failure

    async def start(self) -> None:
        """Return once jobs are being run; raises what keeps them from it, `EngineBusy` among others."""
        self._task = asyncio.create_task(self._keep(), name="job engine")
        ready = asyncio.create_task(self.engine.ready.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._task.done():
            self._task.result()
        self._started = True

    async def stop(self, grace_seconds: float) -> None:
        """Let running jobs end for `grace_seconds`, then hand them back. Does nothing where none run."""
        self._stopping.set()
        if self._task is None or self._task.done():
            return
        # An engine that never got to work does not notice being stopped, but then its task ends by itself.
        stopping = asyncio.create_task(self.engine.stop(grace_seconds))
        await asyncio.wait({self._task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await self._task
        stopping.cancel()

    async def _keep(self) -> None:
        seconds = self._first_wait
        while True:
            began = time.monotonic()
            await self._run_once()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > self._longest_wait:
                seconds = self._first_wait
            log.error(
                "the job engine ended and is started again", extra={"in_seconds": seconds}, exc_info=self._failure
            )
            await wait(self._stopping, seconds)
            if self._stopping.is_set():
                return
            seconds = min(seconds * 2, self._longest_wait)
            self.engine = self._make()

    async def _run_once(self) -> None:
        self._at_work = True
        try:
            await self.engine.run()
        except Exception as error:
            self._failure = error
            if not self._started:
                raise
        else:
            self._failure = RuntimeError("the job engine ended without being asked to")
        finally:
            self._at_work = False
