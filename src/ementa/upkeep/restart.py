"""Starts a model server of this machine again when it stays silent, or its GPUs stay full; never again and again."""

import asyncio
import contextlib
import logging
import os
import shlex
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ementa.kit import clock as calendar
from ementa.llm.routing.server import Server
from ementa.llm.types import ServerHealth
from ementa.observability.logging import LOG_DIRECTORY
from ementa.upkeep.commands import Command, StillRunning
from ementa.upkeep.settings import UpkeepSettings

log = logging.getLogger(__name__)

LOG_FILE = "model-server-restart.log"
"""Where the command's own words go, in the directory of logs."""
BUSY_PATIENCE = 4
"""So many times the patience with a server on which calls still run: it may be slow, and they would be lost."""
MOST_DOUBLINGS = 4
"""The time between two restarts is at most this many times doubled."""
GPUS = "gpu"

Note = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Writes down for the audit trail that a server was started again, and how that went."""


class Restart(msgspec.Struct, frozen=True):
    """A restart: `outcome` is `running`, `done`, `failed` or `timeout`."""

    at: datetime
    server: str
    cause: str
    outcome: str
    status: int | None = None
    """Exit status of the command."""


class ServerKeeper:
    """Watches the servers of this machine by what the gateway knows of them."""

    def __init__(
        self,
        settings: UpkeepSettings,
        data: Path,
        servers: Callable[[], Sequence[Server]],
        gpus_are_full: Callable[[], bool],
        note: Note,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`servers` are those of this machine. Does nothing when the settings name no command, or none that can be
        read."""
        self._settings = settings
        self._log = data / LOG_DIRECTORY / LOG_FILE
        self._servers = servers
        self._gpus_are_full = gpus_are_full
        self._note = note
        self._clock = clock
        self._arguments = shlex.split(settings.model_server_restart)
        self._command = Command()
        self._task: asyncio.Task[None] | None = None
        self._silent: dict[str, tuple[ServerHealth, int]] = {}
        self._full = 0
        self._last_at = 0.0
        self._in_a_row = 0
        self._well_since: float | None = None
        self.last: Restart | None = None
        self.counts: dict[str, int] = {"done": 0, "failed": 0, "timeout": 0}
        """Restarts by their outcome."""

    @property
    def is_on(self) -> bool:
        """Whether there is a command to run."""
        return bool(self._arguments)

    async def check(self) -> None:
        """One round: count who is silent, and begin a restart when it is time. Does not wait for its end."""
        if not self._arguments or self._is_restarting:
            return
        self._count()
        now = self._clock()
        trouble = self._trouble()
        if trouble is None:
            self._is_well(now)
            return
        self._well_since = None
        if now >= self._not_before:
            server, cause = trouble
            self._last_at = now
            self._in_a_row += 1
            self.last = Restart(calendar.now(), server, cause, "running")
            self._task = asyncio.create_task(self._restart(self.last), name="restart of a model server")

    async def settle(self) -> None:
        """Wait for the end of a restart in progress."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Wait for no restart any more; a command that runs goes on without us. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def tell(self) -> dict[str, Any]:
        """For `/health`: the last restart and when the next may be. Nothing of what the command said."""
        last = None if self.last is None else msgspec.to_builtins(self.last)
        wait = max(0.0, self._not_before - self._clock())
        return {"last": last, "counts": self.counts, "next_in_seconds": round(wait, 1)}

    @property
    def _is_restarting(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def _not_before(self) -> float:
        if not self._in_a_row:
            return 0.0
        return self._last_at + self._settings.restart_seconds * 2 ** min(self._in_a_row - 1, MOST_DOUBLINGS)

    def _count(self) -> None:
        known, self._silent = self._silent, {}
        for server in self._servers():
            health = server.health
            if health is None:
                continue
            before, times = known.get(server.name, (None, 0))
            if not health.reachable:
                times += health is not before  # the same answer is not counted twice
            self._silent[server.name] = (health, times if not health.reachable else 0)
        self._full = self._full + 1 if self._gpus_are_full() else 0

    def _trouble(self) -> tuple[str, str] | None:
        """Who has been silent for too long, and why."""
        patience = self._settings.restart_after_checks
        for server in self._servers():
            health, times = self._silent.get(server.name, (None, 0))
            if health is not None and times >= patience * (BUSY_PATIENCE if server.requests else 1):
                return server.name, health.error or "no answer"
        if self._full >= patience * (BUSY_PATIENCE if any(server.requests for server in self._servers()) else 1):
            return GPUS, "the memory of the GPUs stays above its limit"
        return None

    def _is_well(self, now: float) -> None:
        """Nobody has been silent for too long; when that lasts, what was tried before is forgotten."""
        if self._full or any(times for _, times in self._silent.values()):
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        elif now - self._well_since >= self._settings.restart_seconds:
            self._in_a_row = 0

    async def _restart(self, begun: Restart) -> None:
        said = {"server": begun.server, "cause": begun.cause}
        log.warning("a model server is started again", extra=said)
        started = self._clock()
        status, problem = await self._run()
        outcome = "done" if status == 0 else "timeout" if problem == "timeout" else "failed"
        self.last = msgspec.structs.replace(begun, outcome=outcome, status=status)
        self.counts[outcome] += 1
        self._silent.clear()
        self._full = 0
        said |= {"outcome": outcome, "status": status, "seconds": round(self._clock() - started, 1)}
        if outcome == "done":
            log.warning("a model server was started again", extra=said)
        else:
            log.error("a model server could not be started again", extra={**said, "problem": problem})
        try:
            await self._note(begun.server, said)
        except Exception:  # the trail has its own troubles; the next restart must not wait for them
            log.exception("cannot note the restart of a model server")

    async def _run(self) -> tuple[int | None, str]:
        """The exit status, or why there is none."""
        try:
            output = await asyncio.to_thread(_open, self._log)
            try:
                status = await self._command.run(self._arguments, self._settings.restart_timeout_seconds, output)
            finally:
                os.close(output)
        except StillRunning:
            return None, "the command of the last restart hangs and cannot be killed"
        except OSError as error:
            return None, f"{self._arguments[0]}: {error.strerror}"
        return status, "timeout" if status is None else f"exit status {status}, see {self._log.name}"


def _open(path: Path) -> int:
    """A descriptor to add to a file that only its owner reads."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
