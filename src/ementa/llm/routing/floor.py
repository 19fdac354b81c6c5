"""All lines of one server, and who is let in next.

Where a server holds few models in memory at once, requests for those it holds go first: loading a model takes as long
as many answers. But nobody is passed over longer than `patience`: then one of the loaded models gets no new requests
until it is idle and can make room.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection

from ementa.llm.routing.line import Line, Waiter

_MOST_LINES = 1000


class Floor:
    """One server's lines. `max_loaded` 0: it holds as many models as it is asked for."""

    def __init__(
        self, max_waiting: int, max_loaded: int, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`max_waiting` in one line; `patience` in seconds."""
        self.lines: dict[str, Line] = {}
        self._max_waiting = max_waiting
        self._max_loaded = max_loaded
        self._patience = patience
        self._clock = clock
        self._resident: dict[str, None] = {}

    @property
    def resident(self) -> Collection[str]:
        """The models taken to be loaded, the one used last at the end."""
        return self._resident.keys()

    def line(self, model: str, places: int) -> Line:
        """The line of a model."""
        line = self.lines.get(model)
        if line is None:
            if len(self.lines) >= _MOST_LINES:
                self.lines = {name: line for name, line in self.lines.items() if line.running or line.waiting}
            line = self.lines[model] = Line(model, places, self._clock)
        return line

    def enter_now(self, line: Line) -> bool:
        """Take a place if one is free and nobody is passed over by it."""
        if line.running >= line.places or line.waiting or (self._max_loaded and not self._may_run(line)):
            return False
        self._start(line)
        return True

    async def enter(self, line: Line, tenant: str, user: str) -> None:
        """Wait for a place; raises `ModelQueueFull` when too many do: at once, or when one who has fewer in the line
        comes and needs the room. Who is cancelled holds none."""
        if self.enter_now(line):
            return
        if line.waiting >= self._max_waiting:
            last = line.give_way(tenant, user)
            if last is None:
                raise line.refuse()
            line.discard(last)
            if not last.future.done():
                last.future.set_exception(line.refuse())
        waiter = Waiter(asyncio.get_running_loop().create_future(), self._clock(), tenant, user)
        line.push(waiter)
        try:
            await waiter.future
        except BaseException:
            if waiter.queued:
                line.discard(waiter)
                self._admit(line)  # it may have been what others had to wait for
            elif not waiter.future.cancelled() and waiter.future.exception() is None:
                self.leave(line)  # let in and cancelled at the same moment
            raise

    def leave(self, line: Line, seconds: float = 0.0) -> None:
        """Give a place back after `seconds` of work."""
        line.end(seconds)
        self._admit(line)

    def observe(self, loaded: Collection[str]) -> None:
        """The server says which models it holds."""
        if not self._max_loaded:
            return
        running = [line.model for line in self.lines.values() if line.running]
        kept = [name for name in self._resident if name in loaded and name not in running]
        others = [name for name in loaded if name not in self._resident and name not in running]
        self._resident = dict.fromkeys([*others, *kept, *running][-max(self._max_loaded, len(running)) :])
        self._admit_any()

    def _start(self, line: Line) -> None:
        line.start()
        if self._max_loaded:
            self._resident.pop(line.model, None)
            self._resident[line.model] = None
            idle = [name for name in self._resident if not self._runs(name)]
            for name in idle[: max(len(self._resident) - self._max_loaded, 0)]:
                del self._resident[name]

    def _admit(self, line: Line) -> None:
        if self._max_loaded:
            self._admit_any()
            return
        while line.running < line.places:
            waiter = line.pop()
            if waiter is None:
                return
            line.start()
            waiter.future.set_result(None)

    def _admit_any(self) -> None:
        while (line := self._next()) is not None:
            waiter = line.pop()
            if waiter is not None:
                self._start(line)
                waiter.future.set_result(None)

    def _next(self) -> Line | None:
        """The line whose next request is let in now."""
        waiting = [line for line in self.lines.values() if line.waiting and line.running < line.places]
        if not waiting:
            return None
        overdue = self._overdue()
        if overdue is not None and overdue in waiting and self._may_load(overdue):
            return overdue
        held = self._victim() if overdue is not None else ""
        open_now = [line for line in waiting if self._is_resident(line) and line.model != held]
        if not open_now and overdue is None:
            open_now = [line for line in waiting if self._may_load(line)]
        return min(open_now, key=Line.oldest, default=None)

    def _may_run(self, line: Line) -> bool:
        if not self._is_resident(line):
            return self._may_load(line) and self._overdue() is None
        return line.model != self._victim() if self._overdue() is not None else True

    def _may_load(self, line: Line) -> bool:
        """Whether its model is loaded or can be, without waiting for another's answers to end."""
        if self._runs(line.model):
            return True
        return sum(1 for other in self.lines.values() if other.running) < self._max_loaded

    def _overdue(self) -> Line | None:
        """The line of a model that is not loaded whose first request has been passed over too long."""
        latest = self._clock() - self._patience
        waiting = [line for line in self.lines.values() if line.waiting and not self._is_resident(line)]
        line = min(waiting, key=Line.oldest, default=None)
        return line if line is not None and line.oldest() <= latest else None

    def _victim(self) -> str:
        """The loaded model that makes room: the one with the least to do, of those the one not used longest."""
        return min(self._resident, key=lambda name: self.lines[name].running if name in self.lines else -math.inf)

    def _is_resident(self, line: Line) -> bool:
        return line.model in self._resident

    def _runs(self, model: str) -> bool:
        line = self.lines.get(model)
        return line is not None and line.running > 0
