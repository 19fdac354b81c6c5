"""A circuit breaker: a server that fails is left alone for a while, then tried by one request at a time."""

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half_open"]

COOL_DOWN_SECONDS = 5.0
"""How long a server that did not answer is left alone while another answers; doubles each time that it fails again."""
MOST_COOL_DOWN_SECONDS = 80.0
FAILURES_TO_OPEN = 5
"""Errors of the server itself, one after the other, before it is left alone. Not being reachable is enough at once."""
TRIAL_SECONDS = 30.0
"""How long the one request that tries a server again keeps others away when nothing is heard of it."""


class Breaker:
    """Of one server."""

    __slots__ = ("_clock", "_cool_downs", "_failures", "_opened", "_trial_until", "_until", "unreachable")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opened = False
        self._until = 0.0
        self._cool_downs = 0
        self._failures = 0
        self._trial_until = 0.0
        self.unreachable = False
        """Whether it is open because the server could not be reached."""

    @property
    def state(self) -> State:
        """`half_open` once its time is over and nothing has succeeded yet."""
        if not self._opened:
            return "closed"
        return "open" if self._clock() < self._until else "half_open"

    @property
    def is_down(self) -> bool:
        """Whether the server should be left alone now: it is open, or another request is trying it."""
        if not self._opened:
            return False
        now = self._clock()
        return now < self._until or now < self._trial_until

    @property
    def retry_in(self) -> float:
        """Seconds until it may be tried."""
        return max(self._until - self._clock(), 0.0) if self._opened else 0.0

    def begin(self) -> None:
        """A request goes to the server. While half open, it keeps others away until it has ended."""
        if self._opened:
            self._trial_until = self._clock() + TRIAL_SECONDS

    def settle(self) -> None:
        """A request ended in a way that says nothing of the server."""
        self._trial_until = 0.0

    def succeed(self) -> None:
        """The server did what was asked."""
        if self._opened or self._failures:
            self._opened = self.unreachable = False
            self._cool_downs = self._failures = 0
            self._until = self._trial_until = 0.0

    def reach(self) -> None:
        """The server answers, though nothing is known of its work: enough when it could not be reached before."""
        if self.unreachable:
            self.succeed()

    def miss(self) -> None:
        """The server could not be reached."""
        self.unreachable = True
        self._open()

    def fail(self) -> None:
        """The server answered with a failure of its own."""
        self._failures += 1
        if self._opened or self._failures >= FAILURES_TO_OPEN:
            self._open()

    def _open(self) -> None:
        now = self._clock()
        self._trial_until = 0.0
        if self._opened and now < self._until:
            return  # many requests that were on their way fail together, and count once
        self._opened = True
        self._until = now + min(COOL_DOWN_SECONDS * 2**self._cool_downs, MOST_COOL_DOWN_SECONDS)
        self._cool_downs = min(self._cool_downs + 1, 10)
