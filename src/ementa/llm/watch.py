"""Notices within seconds, in every process, that an administrator changed the configuration.

One row is read once a second; nothing else happens while nothing changes. A change made in this process is applied
before its request is answered: whoever made it calls `check`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from ementa.db.database import Database
from ementa.db.secrets import SecretBox
from ementa.kit.errors import EmentaError
from ementa.llm import queries
from ementa.llm.config import GatewayConfig
from ementa.llm.loading import Stored, load_config

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
RETRY_SECONDS = 30.0
"""How often what could not be used is tried again though nothing was changed: a key file may have been put back."""

Apply = Callable[[GatewayConfig], Awaitable[None] | None]


class ConfigWatch:
    """Keeps the parts of one process up to date with what is stored."""

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        kinds: Collection[str],
        apply: Sequence[Apply],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Each of `apply` is given the configuration at the start and whenever it has changed, in this order."""
        self._database = database
        self._box = box
        self._kinds = kinds
        self._apply = apply
        self._look_seconds = look_seconds
        self._stored = Stored()
        self._loaded_at = 0.0
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def config(self) -> GatewayConfig:
        """What is in force."""
        return self._stored.config

    @property
    def problems(self) -> Mapping[str, EmentaError]:
        """Why a row is not in force, by its id."""
        return self._stored.problems

    async def start(self) -> None:
        """Apply what is stored, then go on watching."""
        await self.check()
        self._task = asyncio.create_task(self._watch(), name="configuration watch")

    async def stop(self) -> None:
        """Watch no more. Safe to call twice, and without a start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def check(self) -> None:
        """Look now, and apply what has changed."""
        async with self._lock:
            async with self._database.read() as session:
                if await queries.revision(session) == self._stored.revision and not self._is_worth_another_try():
                    return
                stored = await load_config(session, self._box, self._kinds)
            await self._take(stored)

    async def _take(self, stored: Stored) -> None:
        self._loaded_at = time.monotonic()
        if stored.config != self._stored.config or self._stored.revision < 0:
            for apply in self._apply:
                applied = apply(stored.config)
                if applied is not None:
                    await applied
        for name, error in stored.problems.items():
            if name not in self._stored.problems or stored.revision != self._stored.revision:
                log.warning("configuration left out", extra={"row": name, "code": error.code, "cause": str(error)})
        if stored.revision > 0 and stored.revision != self._stored.revision:
            log.info("configuration applied", extra={"revision": stored.revision})
        self._stored = stored

    def _is_worth_another_try(self) -> bool:
        return bool(self._stored.problems) and time.monotonic() - self._loaded_at >= RETRY_SECONDS

    async def _watch(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.check()
                failing = False
            except Exception:  # whatever it was, the configuration in force stays, and we look again
                if not failing:
                    log.exception("cannot read the configuration")
                failing = True
