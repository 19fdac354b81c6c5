"""Counts of the last minute, by the sliding window counter: the count of this window, and that of the one before by
the part of it that still lies within a minute. Two numbers a name, whatever the rate, and no burst at a window's edge.

The storage in memory of the `limits` library starts a thread at each hit that comes more than 10 ms after the last
(360 µs of CPU a request at ordinary rates); these are the same numbers without it (under 1 µs).
"""

import math
import time
from collections.abc import Callable

import msgspec

WINDOW = 60.0
"""Seconds."""
_SWEEP_FROM = 1_000


class Window(msgspec.Struct, frozen=True):
    """What one name has used."""

    previous: int
    """In the window before."""
    current: int
    left: float
    """Seconds until the current window ends."""

    @property
    def used(self) -> float:
        """How much of the last minute's allowance is used."""
        return self.previous * self.left / WINDOW + self.current

    def wait(self, limit: int, amount: int) -> float:
        """Seconds until `amount` more fit, if nobody else asks; one larger than `limit` waits for all of it."""
        amount = min(amount, limit)
        over = self.used + amount - limit
        if over <= 0:
            return 0.0
        if self.current + amount <= limit:
            return over * WINDOW / self.previous
        return self.left + WINDOW * (1 - (limit - amount) / self.current)

    def until_empty(self) -> float:
        """Seconds until nothing of it counts any more."""
        if self.current:
            return self.left + WINDOW
        return self.left if self.previous else 0.0


class MemoryWindows:
    """Windows of this process. Memory is bounded by the names used within two minutes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._counts: dict[str, list[int]] = {}
        """Name -> number of the window, its count, the count before."""
        self._sweep_at = _SWEEP_FROM

    def look(self, name: str) -> Window:
        """What `name` has used."""
        number, left = self._now()
        counts = self._counts.get(name)
        if counts is None or counts[0] < number - 1:
            return Window(0, 0, left)
        return Window(counts[2], counts[1], left) if counts[0] == number else Window(counts[1], 0, left)

    def add(self, name: str, amount: int) -> None:
        """Count `amount` more."""
        number, _ = self._now()
        counts = self._counts.get(name)
        if counts is None:
            if len(self._counts) >= self._sweep_at:
                self._sweep(number)
            self._counts[name] = [number, amount, 0]
        elif counts[0] == number:
            counts[1] += amount
        else:
            counts[:] = [number, amount, counts[1] if counts[0] == number - 1 else 0]

    def __len__(self) -> int:
        return len(self._counts)

    def _now(self) -> tuple[int, float]:
        number, passed = divmod(self._monotonic(), WINDOW)
        return int(number), WINDOW - passed

    def _sweep(self, number: int) -> None:
        self._counts = {name: counts for name, counts in self._counts.items() if counts[0] >= number - 1}
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._counts))


def whole_seconds(seconds: float) -> int:
    """At least one second, rounded up: what `Retry-After` can say."""
    return max(1, math.ceil(seconds))
