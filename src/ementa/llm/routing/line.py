"""The line in front of one model of one server: bounded, and fair between tenants, then between users of a tenant, in
whom it lets in and in whom it has room for."""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from ementa.llm.errors import ModelQueueFull

_WEIGHT = 0.2
"""Of the newest service time in the moving average."""
_MOST_SECONDS = 3600


class Waiter:
    """One request that waits."""

    __slots__ = ("at", "future", "queued", "tenant", "user")

    def __init__(self, future: asyncio.Future[None], at: float, tenant: str, user: str) -> None:
        self.future = future
        self.at = at
        self.tenant = tenant
        self.user = user
        self.queued = True


class Line:
    """Who runs and who waits. Whom to let in and when is the `Floor`'s affair."""

    __slots__ = ("_clock", "_mean", "_since", "_tenants", "model", "places", "running", "waiting")

    def __init__(self, model: str, places: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`places` run at once."""
        self.model = model
        self.places = places
        self.running = 0
        self.waiting = 0
        self._clock = clock
        self._mean = 0.0
        self._since = 0.0
        self._tenants: OrderedDict[str, OrderedDict[str, deque[Waiter]]] = OrderedDict()

    @property
    def is_free(self) -> bool:
        """Whether there is a place and nobody waits for it."""
        return self.running < self.places and not self.waiting

    def push(self, waiter: Waiter) -> None:
        """Stand at the end of one's own line."""
        users = self._tenants.setdefault(waiter.tenant, OrderedDict())
        users.setdefault(waiter.user, deque()).append(waiter)
        self.waiting += 1

    def pop(self) -> Waiter | None:
        """The next to be let in: tenants in turn, the users of a tenant in turn, the requests of a user in their
        order. Those that gave up are passed over."""
        while self._tenants:
            tenant, users = next(iter(self._tenants.items()))
            user, queue = next(iter(users.items()))
            waiter = queue.popleft()
            if queue:
                users.move_to_end(user)
            else:
                del users[user]
            if users:
                self._tenants.move_to_end(tenant)
            else:
                del self._tenants[tenant]
            self.waiting -= 1
            waiter.queued = False
            if not waiter.future.done():
                return waiter
        return None

    def discard(self, waiter: Waiter) -> None:
        """Somebody gives up. Safe to call for one who has left already."""
        if not waiter.queued:
            return
        waiter.queued = False
        self.waiting -= 1
        users = self._tenants[waiter.tenant]
        queue = users[waiter.user]
        queue.remove(waiter)
        if not queue:
            del users[waiter.user]
            if not users:
                del self._tenants[waiter.tenant]

    def give_way(self, tenant: str, user: str) -> Waiter | None:
        """Whose place in a full line a newcomer takes: the newest request of the tenant with the most, or of the user
        with the most in their own tenant, where the newcomer has fewer still with this one. None: nobody's.

        So a crowd fills the line for itself alone.
        """
        sizes = {name: sum(map(len, users.values())) for name, users in self._tenants.items()}
        largest = max(sizes, key=lambda name: sizes[name], default=tenant)
        if sizes.get(tenant, 0) + 1 < sizes.get(largest, 0):
            users = self._tenants[largest]
            return max(users.values(), key=len)[-1]
        own = self._tenants.get(tenant)
        if own is None:
            return None
        most = max(own.values(), key=len)
        return most[-1] if (len(own[user]) if user in own else 0) + 1 < len(most) else None

    def oldest(self) -> float:
        """When the one came who has waited longest; infinity when nobody waits."""
        heads = (queue[0].at for users in self._tenants.values() for queue in users.values())
        return min(heads, default=math.inf)

    def start(self) -> None:
        """One more runs."""
        if not self.running:
            self._since = self._clock()
        self.running += 1

    def end(self, seconds: float) -> None:
        """One less runs; it took `seconds`, 0 when it says nothing of how long others take."""
        self.running -= 1
        if seconds > 0:
            self._mean = seconds if not self._mean else self._mean + _WEIGHT * (seconds - self._mean)

    def seconds_to_wait(self) -> int:
        """In how long those who wait now will have been served, as the last ones were: whole seconds, at least 1."""
        # Until one has ended nobody knows how long they take: at least as long as the one that runs.
        mean = self._mean or max(self._clock() - self._since if self.running else 0.0, 1.0)
        return max(1, min(math.ceil(mean * self.waiting / self.places), _MOST_SECONDS))

    def refuse(self) -> ModelQueueFull:
        """What somebody is told for whom there is no room in the line."""
        seconds = self.seconds_to_wait()
        return ModelQueueFull(
            details={"waiting": self.waiting, "retry_after": seconds},
            model=self.model,
            waiting=self.waiting,
            retry_after=seconds,
        )
