"""Work that many tasks ask for one item at a time and that costs less when it is done for many at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Batch(Generic[Item, Outcome]):
    """Does the first item at once; those that come while it is busy are done together next.

    So nothing waits for company, and the busier it gets the larger its batches.
    """

    def __init__(self, do: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]]) -> None:
        """`do` gets at least one item and returns the outcome of each, in order; what it raises, all of them get."""
        self._do = do
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Outcome:
        """Have it done and return its outcome. Cancelled while it waits, it is not done; later, it may be."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def settle(self) -> None:
        """Wait until nothing is being done."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while batch := [entry for entry in self._take() if not entry[1].done()]:
                await self._do_together(batch)
        finally:
            self._worker = None

    def _take(self) -> list[tuple[Item, asyncio.Future[Outcome]]]:
        taken, self._waiting = self._waiting, []
        return taken

    async def _do_together(self, batch: Sequence[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._do([item for item, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
