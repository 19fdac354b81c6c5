"""What upkeep does every few seconds, beside everything else."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """Something to do again and again. With 0 seconds it is never done."""

    name: str
    seconds: float
    step: Callable[[], Awaitable[None]]


class Rounds:
    """Goes its rounds, each in a task of its own: one that takes long delays no other."""

    def __init__(self, *rounds: Round) -> None:
        self._rounds = rounds
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, with every round at once."""
        self._tasks = [
            asyncio.create_task(_go(round_), name=f"upkeep {round_.name}") for round_ in self._rounds if round_.seconds
        ]

    async def stop(self) -> None:
        """End. Safe to call twice, and without a start."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _go(round_: Round) -> None:
    while True:
        try:
            await round_.step()
        except Exception:  # what failed once is tried again; nothing else would
            log.exception("a round of upkeep failed", extra={"round": round_.name})
        await asyncio.sleep(round_.seconds)
