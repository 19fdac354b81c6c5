"""Keeps what is known of every server up to date, so that no request has to ask: is it there, what has it, what is
loaded. Each server is watched by a task of its own: one that hangs delays no other."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from ementa.llm.routing.directory import Directory
from ementa.llm.routing.server import Server

log = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""How long a server may take to say how it is."""
HOSTED_PERIODS = 6
"""Servers of a vendor are asked this much less often: they say no more than their list of models, which changes
seldom, and the calls themselves tell whether they answer."""


class HealthWatch:
    """The watching of all servers."""

    def __init__(self, directory: Directory, seconds: float) -> None:
        """Every `seconds`; 0: never."""
        self._directory = directory
        self._seconds = seconds
        self._tasks: dict[Server, asyncio.Task[None]] = {}

    def watch(self, servers: Sequence[Server]) -> None:
        """Watch these and no others, from now on."""
        if self._seconds <= 0:
            return
        for server in [server for server in self._tasks if server not in servers]:
            self._forget(server)
        for server in servers:
            if server not in self._tasks:
                server.watched = True
                self._tasks[server] = asyncio.create_task(self._run(server), name=f"health of {server.name}")

    async def stop(self) -> None:
        """Watch no more. Safe to call twice."""
        tasks = list(self._tasks.values())
        for server in list(self._tasks):
            self._forget(server)
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _forget(self, server: Server) -> None:
        server.watched = False
        self._tasks.pop(server).cancel()

    async def _run(self, server: Server) -> None:
        while True:
            try:
                await self._check(server)
            except Exception:  # a provider that raises what it should not must not end the watching
                log.exception("cannot check a model server", extra={"server": server.name})
            hosted = server.config.secret and server.is_remote and not server.breaker.is_down
            await asyncio.sleep(self._seconds * (HOSTED_PERIODS if hosted else 1))

    async def _check(self, server: Server) -> None:
        before = server.health
        if not server.is_local:
            health = await self._directory.check(server, CHECK_SECONDS)
            if before is None or before.reachable != health.reachable:
                said = {"server": server.name, "version": health.version, "cause": health.error}
                if health.reachable:
                    log.info("model server answers", extra=said)
                else:
                    log.warning("model server does not answer", extra=said)
            if not health.reachable:
                return
        await self._directory.refresh(server, CHECK_SECONDS)
